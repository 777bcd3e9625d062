"""The group of all commands, and the options that stand before the command."""

from pathlib import Path

import click
from click.exceptions import Exit

from artistjobs import __version__
from artistjobs.errors import ArtistjobsError
from artistjobs.options import PATH, Settings

EXIT_INTERRUPTED, EXIT_NO_READER = 130, 141

HELP = {"help_option_names": ["-h", "--help"], "show_default": True, "max_content_width": 100}


class Commands(click.Group):
    """The group of commands; what a user can cause ends in one sentence and an exit code."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the command."""
        from artistjobs.stdio import forget_stdout, same_command, say
        from artistjobs.terminal import visible

        try:
            return super().invoke(ctx)
        except ArtistjobsError as error:
            say(f"artistjobs: {visible(str(error))}")
            raise Exit(error.exit_code) from error
        except BrokenPipeError:
            forget_stdout()
            raise Exit(EXIT_NO_READER) from None
        except KeyboardInterrupt:
            say("interrupted; go on with: " + same_command())
            raise Exit(EXIT_INTERRUPTED) from None


@click.group(cls=Commands, context_settings=HELP)
@click.version_option(__version__, prog_name="artistjobs", message="%(prog)s %(version)s")
@click.option(
    "--db", type=PATH, envvar="ARTISTJOBS_DB", show_envvar=True,
    help="The database.  [default: artistjobs.db, or rehearsal.db with --rehearse]",
)  # fmt: skip
@click.option("-v", "--verbose", is_flag=True, help="Tell each call.")
@click.option("-q", "--quiet", is_flag=True, help="Tell only errors.")
@click.option("--log-file", type=PATH, help="Keep all log lines in a file, as JSON.")
@click.pass_context
def cli(ctx: click.Context, db: Path | None, log_file: Path | None, *, verbose: bool, quiet: bool) -> None:
    """Ask one prompt about many artists, and keep every answer.

    Four steps, or all of them as `run`: `ingest` reads a file, `work` asks, `export` writes the
    answers, `status` looks. Whatever ends early goes on with the same command, and nothing that
    was answered is paid for twice.

    Try it without a key: artistjobs run example_artists.csv --rehearse
    """
    if verbose and quiet:
        raise click.UsageError("-v and -q contradict each other; give one of them.")
    ctx.obj = Settings(db, int(verbose) - int(quiet), log_file)
