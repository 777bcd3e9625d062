"""Click group of all commands: global options, sections of the help, and error messages with exit codes."""

from collections.abc import Iterator, MutableMapping
from importlib import import_module
from typing import TYPE_CHECKING

import click
from click.exceptions import Exit

from artistjobs.cli.exit_codes import EXIT_INTERRUPTED, EXIT_NO_READER
from artistjobs.cli.help import verbosity_of
from artistjobs.cli.options import DATABASE, PATH, SECONDS, Settings
from artistjobs.core.shortage import expected_error
from artistjobs.core.version import __version__
from artistjobs.errors import ArtistjobsError, OutputError
from artistjobs.library.env_file import NO_ENV_FILE, EnvFile

if TYPE_CHECKING:
    from pathlib import Path

    from artistjobs.store.address import Address


COMMANDS = {
    "init": "init.init",
    "inspect": "inspect.inspect",
    "check": "check.check",
    "doctor": "doctor.doctor",
    "ingest": "ingest.ingest",
    "work": "work.work",
    "run": "run.run",
    "export": "export.export",
    "compare": "compare.compare",
    "status": "status.status",
    "failures": "failures.failures",
    "show": "show.show_job",
    "retry": "retry.retry",
    "drop": "drop.drop",
    "lost": "lost.lost",
    "ingests": "ingests.ingests",
    "report": "report.report",
    "browse": "browse.browse",
    "pause": "control.pause",
    "resume": "control.resume",
    "set": "control.tune",
    "batches": "batches.batches",
    "cancel": "batches.cancel",
    "backup": "backup.backup",
    "restore": "backup.restore",
    "copy": "copy.copy",
}
"""Module and function of each command, by its name."""


HELP = {"help_option_names": ["-h", "--help"], "show_default": True, "max_content_width": 100}


SECTIONS = {
    "Step by step": ("init", "ingest", "work", "status", "export"),
    "All steps at once": ("run",),
    "Checks and failures": ("doctor", "inspect", "check", "failures", "show", "retry", "drop", "lost"),
    "Running workers": ("pause", "resume", "set"),
    "Batches": ("batches", "cancel"),
    "Backups and copies": ("backup", "restore", "copy"),
    "Reports": ("ingests", "compare", "report", "browse"),
}
"""Sections of the help with their commands; all other commands follow in a section of their own."""


STEPS = """\
artistjobs asks one prompt about every row of a file and stores every answer.

  artistjobs ingest artists.csv --prompt-file prompt.txt   add a job for each row
  artistjobs work                                          call the API for each job
  artistjobs status                                        show the progress
  artistjobs export                                        write the answers to out.jsonl

One command for all of these steps:

  artistjobs run artists.csv --prompt-file prompt.txt

Try it without a key: artistjobs run artists.csv --rehearse
Help: artistjobs --help and artistjobs COMMAND --help"""


REHEARSES = "--rehearse takes no value; select the faults with --scenario, for example: --scenario busy"


class LazyCommands(MutableMapping[str, click.Command]):
    """The commands by name; a command's module is imported when the command is looked up for the first time."""

    def __init__(self, places: dict[str, str]) -> None:
        self._places = places
        self._loaded: dict[str, click.Command] = {}

    def __getitem__(self, name: str) -> click.Command:
        if name not in self._loaded:
            module, function = self._places[name].split(".")
            self._loaded[name] = getattr(import_module(f"artistjobs.cli.{module}"), function)
        return self._loaded[name]

    def __setitem__(self, name: str, command: click.Command) -> None:
        self._loaded[name] = command

    def __delitem__(self, name: str) -> None:
        del self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter({**self._places, **self._loaded})

    def __len__(self) -> int:
        return len({**self._places, **self._loaded})


class Commands(click.Group):
    """Group of commands that prints expected errors as one sentence and exits with the code of the error."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the command. Raises Exit with the exit code of an expected error."""
        try:
            return super().invoke(ctx)
        except click.BadOptionUsage as error:
            if error.option_name == "--rehearse":
                raise click.UsageError(REHEARSES, error.ctx) from None
            raise
        except ArtistjobsError as error:
            print_error(error)
            raise Exit(error.exit_code) from error
        except BrokenPipeError:
            from artistjobs.terminal.streams import forget_stdout

            forget_stdout()
            raise Exit(EXIT_NO_READER) from None
        except Exit:
            raise
        except (MemoryError, ImportError, RuntimeError, OSError) as error:
            expected = expected_error(error)
            print_error(expected)
            raise Exit(expected.exit_code) from error
        except KeyboardInterrupt:
            from artistjobs.cli.console import same_command
            from artistjobs.terminal.streams import print_message

            print_message("interrupted; continue with: " + same_command())
            raise Exit(EXIT_INTERRUPTED) from None

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments before the command. Raises UsageError for an option that belongs after a command."""
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
        """Write the commands to the help, grouped in sections in the order of use."""
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


def print_error(error: ArtistjobsError) -> None:
    """Print an expected error to stderr. After a failed write, stdout is given up."""
    from artistjobs.terminal.escape import escape_controls
    from artistjobs.terminal.streams import forget_stdout, print_message

    if isinstance(error, OutputError):
        forget_stdout()
    print_message(f"artistjobs: {escape_controls(str(error))}")


@click.group(cls=Commands, commands=LazyCommands(COMMANDS), context_settings=HELP, invoke_without_command=True)
@click.version_option(__version__, prog_name="artistjobs", message="%(prog)s %(version)s")
@click.option(
    "--db", type=DATABASE, envvar="ARTISTJOBS_DB", show_envvar=True,
    help="Database file, or postgresql:// URL.  [default: artistjobs.db, or rehearsal.db with --rehearse]",
)  # fmt: skip
@click.option("-v", "--verbose", is_flag=True, help="Log every API call.")
@click.option("-q", "--quiet", is_flag=True, help="Print only results and errors.")
@click.option("--log-file", type=PATH, help="Write all log lines to a file, as JSON Lines.")
@click.option(
    "--db-timeout", type=SECONDS, metavar="SECONDS", envvar="ARTISTJOBS_DB_TIMEOUT", show_envvar=True,
    help="Longest wait in seconds for a PostgreSQL server that is away.  [default: 300]",
)  # fmt: skip
@click.option(
    "--spool", type=PATH, envvar="ARTISTJOBS_SPOOL", show_envvar=True,
    help="Folder for files about PostgreSQL databases.  [default: ~/.local/state/artistjobs]",
)  # fmt: skip
@click.pass_context
def cli(  # noqa: PLR0913 - an argument for each option
    ctx: click.Context,
    db: "Address | None",
    log_file: "Path | None",
    db_timeout: float | None,
    spool: "Path | None",
    *,
    verbose: bool,
    quiet: bool,
) -> None:
    """Ask one prompt about many artists and store every answer.

    Use four steps, or `run` for all of them: `ingest` reads a file, `work` calls the API, `status` shows
    the progress, `export` writes the answers. To continue after an interruption, repeat the command; no
    answer is paid for twice.

    Try it without a key: artistjobs run example_artists.csv --rehearse
    """
    env_file = ctx.obj if isinstance(ctx.obj, EnvFile) else NO_ENV_FILE
    ctx.obj = Settings(db, verbosity_of(verbose=verbose, quiet=quiet), log_file, env_file, db_timeout, spool)
    if ctx.invoked_subcommand is None:
        click.echo(STEPS)
