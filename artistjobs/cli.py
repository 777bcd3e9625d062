"""The command line: it parses, calls one function, says what came of it and sets the exit code.

What is heavy is imported by the commands that need it, so that ``--help`` and completion are quick.
"""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click
from click.exceptions import Exit

from artistjobs import __version__
from artistjobs.errors import ArtistjobsError, StoreError, WrongUseError
from artistjobs.options import (
    PATH,
    Settings,
    ask_options,
    check_options,
    format_option,
    json_option,
    rehearse_options,
    source_options,
    work_options,
)

if TYPE_CHECKING:
    from artistjobs.config import IngestConfig
    from artistjobs.given import Given
    from artistjobs.job import Scope
    from artistjobs.log import Voice
    from artistjobs.runner import RunReport
    from artistjobs.store import Ingested, Store

EXIT_INTERRUPTED, EXIT_NO_READER, EXIT_TERMINATED = 130, 141, 143

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


@cli.command()
@check_options
@ask_options
@rehearse_options
@json_option
@click.pass_obj
def check(settings: Settings, /, **options: object) -> None:
    """Say whether a run will work and what it will cost, for the rows of FILE if one is named.

    Looks at key, model, prompt, limits, price and rows; free of charge, and nothing is written.

    Example: artistjobs check artists.csv --prompt-file prompt.txt --max-workers 32
    """
    from artistjobs.check import checkup_json, checkup_lines
    from artistjobs.given import Given
    from artistjobs.session import check_up
    from artistjobs.stdio import tell, tell_json

    given = Given(settings, options)
    with _talking(settings, given.scenario):
        found = check_up(given.database(), given.checking())
    tell_json(checkup_json(found)) if given.as_json else tell("\n".join(checkup_lines(found)))
    raise Exit(found.exit_code)


@cli.command()
@source_options
@ask_options
@rehearse_options
@json_option
@click.pass_obj
def ingest(settings: Settings, /, *, dry_run: bool, **options: object) -> None:
    """Read FILE (- is stdin) and add a pending job for each new row.

    Example: artistjobs ingest artists.csv --prompt-file prompt.txt
    """
    from artistjobs.given import Given
    from artistjobs.ingest import ingest_file, refuse_unreadable
    from artistjobs.stdio import say, tell_json
    from artistjobs.summary import ingest_json, ingest_sentence

    given = Given(settings, options)
    with _talking(settings, given.scenario, given.warning()):
        config = given.ingest_config()
        if dry_run:
            _dry_run(given, config)
            return
        refuse_unreadable(config.source)
        with given.database().open(create=True) as store:
            ingested = ingest_file(store.intake, config)
        tell_json(ingest_json(ingested)) if given.as_json else say(ingest_sentence(ingested))


@cli.command()
@work_options
@rehearse_options
@json_option
@click.pass_obj
def work(settings: Settings, /, **options: object) -> None:
    """Ask about all pending jobs, and store what comes back.

    Example: artistjobs work --max-workers 32
    """
    from artistjobs.given import Given
    from artistjobs.job import EVERYTHING
    from artistjobs.session import work_on

    given = Given(settings, options)
    with _talking(settings, given.scenario) as voice:
        report = work_on(given.database(), EVERYTHING, given.working(), voice)
    _finish(settings, given, report)


@cli.command()
@source_options
@ask_options
@work_options
@rehearse_options
@json_option
@click.option("--output", type=PATH, help="Where the answers go.  [default: out.jsonl]")
@format_option
@click.pass_obj
def run(
    settings: Settings, /, output: Path | None, format_name: str | None, *, dry_run: bool, **options: object
) -> None:
    """Ingest FILE, work on its rows, export their answers: all in one go.

    What was answered before is not asked again. Interrupted, it goes on when called again.

    Example: artistjobs run artists.csv --prompt-file prompt.txt --max-workers 32
    """
    from artistjobs.export import format_of
    from artistjobs.given import Given
    from artistjobs.session import Destination, run_file
    from artistjobs.stdio import Texts

    output = output or Path(f"out.{format_name or 'jsonl'}")
    given = Given(settings, options)
    with _talking(settings, given.scenario, given.warning()) as voice:
        config, texts = given.ingest_config(), None if given.as_json else Texts()
        if dry_run:
            _dry_run(given, config)
            return
        written_as = format_of(output, format_name)
        going = Destination(output=output, texts=texts, needed=given.prompt_files(), format=written_as)
        report, ingested = run_file(given.database(), config, given.working(), voice, going)
    _finish(settings, given, report, ingested)


@cli.command()
@click.argument("output", type=PATH, required=False)
@format_option
@click.option("--state", type=click.Choice(["done", "failed", "all"]), default="done", help="Which jobs.")
@click.option("--ingest", metavar="N|latest", help="Only the lines of one ingest, in their order.")
@click.option("--full", is_flag=True, help="Add usage, cost and the whole response to each record.")
@click.option("--no-text", is_flag=True, help="Write no texts to stdout.")
@click.pass_obj
def export(settings: Settings, /, output: Path | None, format_name: str | None, **options: object) -> None:
    """Write completed jobs to OUTPUT (- is stdout), and their texts to stdout.

    OUTPUT is out.jsonl if not given. One that ends in .csv or .parquet is written as that, any other as JSON Lines.

    Example: artistjobs export answers.jsonl --ingest latest
    """
    from artistjobs.export import STATES, ExportConfig, export_to_stream, format_of, refuse_unwritable
    from artistjobs.given import existing_database
    from artistjobs.session import export_answers
    from artistjobs.stdio import Texts

    output = output or Path(f"out.{format_name or 'jsonl'}")
    with _talking(settings), existing_database(settings).open() as store:
        config = ExportConfig(
            scope=_scope(store, options["ingest"]),
            states=STATES[str(options["state"])],
            full=bool(options["full"]),
            format=format_of(output, format_name),
        )
        if str(output) == "-":
            export_to_stream(store.records, config, sys.stdout.buffer)
        else:
            refuse_unwritable(output, store.path)
            export_answers(store, config, output, None if options["no_text"] else Texts())


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="As one JSON object, for scripts.")
@click.option("--watch", is_flag=True, help="Keep looking, every 2 s.")
@click.pass_obj
def status(settings: Settings, /, *, as_json: bool, watch: bool) -> None:
    """Show counts, speed, tokens, cost, and what failed and why.

    Example: artistjobs status --watch
    """
    from artistjobs.given import existing_database
    from artistjobs.status import read_status, status_json, status_lines
    from artistjobs.stdio import tell, tell_json

    with existing_database(settings).open() as store:
        for _ in _looks(watch=watch):
            found = read_status(store)
            tell_json(status_json(found)) if as_json else tell("\n".join(status_lines(found)))


@cli.command()
@click.argument("job", type=click.IntRange(min=1), required=False)
@click.option("--code", help="Only jobs that failed with this code.")
@click.pass_obj
def retry(settings: Settings, job: int | None, code: str | None) -> None:
    """Make failed jobs pending again: all of them, those with one code, or one JOB by its id.

    Example: artistjobs retry --code incomplete
    """
    from artistjobs.given import existing_database
    from artistjobs.job import EVERYTHING
    from artistjobs.stdio import command, say
    from artistjobs.terminal import counted

    with existing_database(settings).open() as store:
        count = store.queue.retry(scope=EVERYTHING, code=code, job=job)
    say(f"{counted(count, 'job')} pending again" + (f"; go on with: {command(store.path, 'work')}" if count else ""))


def _dry_run(given: "Given", config: "IngestConfig") -> None:
    from artistjobs.estimate import Workload, estimate, estimate_lines
    from artistjobs.session import count_file
    from artistjobs.stdio import say, tell_json
    from artistjobs.terminal import counted, visible

    file, measured = count_file(given.database(), config, lambda _, body: tell_json(body, indent=2))
    rows, calls = file.rows, file.asked.ahead
    say(f"dry run: {counted(rows.good, 'row')} to ask about, {rows.bad:,} bad; nothing was sent or written")
    load = Workload(prompt=config.prompt, calls=calls, request_bytes=rows.mean_bytes * calls)
    say("\n".join(map(visible, estimate_lines(estimate(load, measured, given.cost())))))


def _finish(settings: Settings, given: "Given", run: "RunReport", ingested: "Ingested | None" = None) -> NoReturn:
    from artistjobs.stdio import same_command, say, tell_json
    from artistjobs.summary import exit_code, run_json, run_sentences
    from artistjobs.terminal import visible

    if given.as_json:
        tell_json(run_json(run, ingested))
    sentences = run_sentences(run, ingested, given.database().path)
    if given.scenario is not None:
        sentences.append(f"rehearsal ({given.scenario}): nothing was sent to OpenAI, and nothing cost anything")
    if run.after.pending + run.after.running:
        sentences.append("go on with: " + same_command())
    if not settings.quiet or exit_code(run):
        say("\n".join(map(visible, sentences)))
    raise Exit(exit_code(run))


@contextmanager
def _talking(settings: Settings, scenario: str | None = None, warning: str | None = None) -> "Iterator[Voice]":
    from artistjobs.log import logging_to
    from artistjobs.session import log
    from artistjobs.stdio import say

    with logging_to(settings.verbosity, settings.log_file) as voice:
        if scenario is not None and not settings.quiet:
            say(f"rehearsal ({scenario}): a simulated API on this machine, no key and no cost")
        if warning:
            log.warning(warning)
        yield voice


def _scope(store: "Store", ingest: object) -> "Scope":
    from artistjobs.job import EVERYTHING

    if not isinstance(ingest, str):
        return EVERYTHING
    if ingest != "latest" and not ingest.isdecimal():
        raise WrongUseError(f"--ingest {ingest!r} is neither a number nor latest; the table ingests has them all.")
    return store.records.scope(None if ingest == "latest" else int(ingest))


def _looks(*, watch: bool) -> Iterator[None]:
    import time

    yield
    while watch:
        time.sleep(2)
        if sys.stdout.isatty():
            click.clear()
        yield


def _load_env_file() -> None:
    """Take settings from .env, where the environment does not have them already."""
    if not Path(".env").is_file():
        return
    from dotenv import load_dotenv

    from artistjobs.stdio import say

    try:
        load_dotenv(".env")
    except (OSError, UnicodeDecodeError) as error:
        say(f"artistjobs: .env cannot be read ({error}); mend or remove it.")
        sys.exit(WrongUseError.exit_code)


def _terminate(_signal: int, _frame: object) -> NoReturn:
    from artistjobs.stdio import same_command, say

    say("terminated; go on with: " + same_command())
    sys.exit(EXIT_TERMINATED)


def main() -> None:
    """Run the program; never returns."""
    signal.signal(signal.SIGTERM, _terminate)
    # Without them Python has no streams at all, and nothing could be written anywhere.
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115, PTH123
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115, PTH123
    try:
        _load_env_file()
        cli(prog_name="artistjobs")
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)  # before any command had begun
    except OSError as error:
        from artistjobs.stdio import say

        say(f"artistjobs: {error.strerror or error}; mend that and run the same command again.")
        sys.exit(StoreError.exit_code)
