"""The group of all commands, and the options that stand before the command."""

from typing import TYPE_CHECKING

import click
from click.exceptions import Exit

from artistjobs import __version__
from artistjobs.cli.help import verbosity_of
from artistjobs.cli.options import PATH, Settings
from artistjobs.errors import ArtistjobsError

if TYPE_CHECKING:
    from pathlib import Path


EXIT_INTERRUPTED, EXIT_NO_READER, EXIT_TERMINATED = 130, 141, 143


HELP = {"help_option_names": ["-h", "--help"], "show_default": True, "max_content_width": 100}


SECTIONS = {
    "In steps": ("ingest", "work", "status", "export"),
    "In one go": ("run",),
    "Before and after": ("check", "failures", "show", "retry"),
    "While it works": ("pause", "resume", "set"),
    "Looking into it": ("report", "browse"),
}
"""Which commands stand together in the help; the others follow."""


STEPS = """\
artistjobs asks one prompt about every row of a file, and keeps every answer.

  artistjobs ingest artists.csv --prompt-file prompt.txt   a job for each row
  artistjobs work                                          ask about them
  artistjobs status                                        look how far it is
  artistjobs export                                        write the answers to out.jsonl

Or all of it in one go:

  artistjobs run artists.csv --prompt-file prompt.txt

Without a key, to try it: artistjobs run artists.csv --rehearse
More: artistjobs --help, and artistjobs COMMAND --help"""


REHEARSES = "--rehearse takes no value; what is to be played is named with --scenario, such as: --scenario busy"


class Commands(click.Group):
    """The group of commands; what a user can cause ends in one sentence and an exit code."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except click.BadOptionUsage as error:
            if error.option_name == "--rehearse":
                raise click.UsageError(REHEARSES, error.ctx) from None
            raise
        except ArtistjobsError as error:
            from artistjobs.terminal.escape import escape_controls
            from artistjobs.terminal.streams import print_message

            print_message(f"artistjobs: {escape_controls(str(error))}")
            raise Exit(error.exit_code) from error
        except BrokenPipeError:
            from artistjobs.terminal.streams import forget_stdout

            forget_stdout()
            raise Exit(EXIT_NO_READER) from None
        except KeyboardInterrupt:
            from artistjobs.cli.console import same_command
            from artistjobs.terminal.streams import print_message

            print_message("interrupted; go on with: " + same_command())
            raise Exit(EXIT_INTERRUPTED) from None

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take in what stands before the command; an option that belongs after it is told where it belongs."""
        arguments = list(args)
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            name = error.option_name
            if not (owners := self._owners(name)):
                raise
            command = next((word for word in arguments if word in owners), "run" if "run" in owners else owners[0])
            raise click.UsageError(f"{name} goes after the command: artistjobs {command} {name}", ctx) from None

    def _owners(self, option: str) -> list[str]:
        return [
            name for name, command in self.commands.items() if any(option in param.opts for param in command.params)
        ]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands, a section for each kind, in the order in which they are used."""
        placed = {name for names in SECTIONS.values() for name in names}
        rest = tuple(name for name in self.commands if name not in placed)
        longest = max(map(len, self.commands))
        for title, names in {**SECTIONS, "More": rest}.items():
            found = [name for name in names if (command := self.get_command(ctx, name)) and not command.hidden]
            if found:
                with formatter.section(title):
                    limit = formatter.width - 6 - longest
                    formatter.write_dl(
                        [(f"{name:<{longest}}", self.commands[name].get_short_help_str(limit)) for name in found]
                    )


@click.group(cls=Commands, context_settings=HELP, invoke_without_command=True)
@click.version_option(__version__, prog_name="artistjobs", message="%(prog)s %(version)s")
@click.option(
    "--db", type=PATH, envvar="ARTISTJOBS_DB", show_envvar=True,
    help="The database.  [default: artistjobs.db, or rehearsal.db with --rehearse]",
)  # fmt: skip
@click.option("-v", "--verbose", is_flag=True, help="Tell each call.")
@click.option("-q", "--quiet", is_flag=True, help="Tell only errors.")
@click.option("--log-file", type=PATH, help="Keep all log lines in a file, as JSON.")
@click.pass_context
def cli(ctx: click.Context, db: "Path | None", log_file: "Path | None", *, verbose: bool, quiet: bool) -> None:
    """Ask one prompt about many artists, and keep every answer.

    Four steps, or all of them as `run`: `ingest` reads a file, `work` asks, `export` writes the
    answers, `status` looks. Whatever ends early goes on with the same command, and nothing that
    was answered is paid for twice.

    Try it without a key: artistjobs run example_artists.csv --rehearse
    """
    ctx.obj = Settings(db, verbosity_of(verbose=verbose, quiet=quiet), log_file)
    if ctx.invoked_subcommand is None:
        click.echo(STEPS)
