"""The command line: it parses, opens, calls one function, says what came of it and sets the exit code."""

import os
import shlex
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from artistjobs import __version__
from artistjobs.errors import ArtistjobsError, WrongUseError
from artistjobs.options import (
    PATH,
    ask_options,
    json_option,
    rehearse_options,
    source_options,
    work_options,
)

if TYPE_CHECKING:
    from artistjobs.asking import Asking
    from artistjobs.config import ApiConfig, IngestConfig
    from artistjobs.export import ExportConfig, Say
    from artistjobs.log import Voice
    from artistjobs.runner import RunReport
    from artistjobs.session import Database, Working
    from artistjobs.store import Ingested, Store

SIGPIPE_EXIT, SIGINT_EXIT, SIGTERM_EXIT, DISK_EXIT = 141, 130, 143, 74


@dataclass(frozen=True, slots=True)
class Settings:
    """What was said before the command."""

    db: Path | None
    verbosity: int
    log_file: Path | None

    @property
    def quiet(self) -> bool:
        """Whether only errors and results are wanted."""
        return self.verbosity < 0


class Commands(click.Group):
    """The group of commands; what a user can cause ends in one sentence and an exit code."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except ArtistjobsError as error:
            raise Sorry(error) from error
        except BrokenPipeError:
            _reader_is_gone()
        except KeyboardInterrupt:
            _say("interrupted; go on with: " + _same_command())
            raise click.exceptions.Exit(SIGINT_EXIT) from None


class Sorry(click.ClickException):
    """An error as click shows it."""

    def __init__(self, error: ArtistjobsError) -> None:
        super().__init__(str(error))
        self.exit_code = error.exit_code

    def show(self, file: "Any | None" = None) -> None:  # noqa: ARG002, ANN401 - click's signature
        """Say the sentence on stderr."""
        from artistjobs.terminal import visible

        _say(f"artistjobs: {visible(self.message)}")


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "show_default": True, "max_content_width": 100},
)
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
        raise click.UsageError("-v and -q contradict each other.")
    ctx.obj = Settings(db, 1 if verbose else -1 if quiet else 0, log_file)


@cli.command()
@source_options
@ask_options
@rehearse_options
@json_option
@click.pass_obj
def ingest(settings: Settings, *, as_json: bool, dry_run: bool, **options: Any) -> None:  # noqa: ANN401
    """Read FILE (- is stdin) and add a pending job for each new row.

    Example: artistjobs ingest artists.csv --prompt-file prompt.txt
    """
    asked = _Options(**options)
    with _talking(settings, asked.scenario_name):
        config = asked.ingest_config()
        if dry_run:
            return _dry_run(config)
        asked.warn()
        with asked.database(settings).open(create=True) as store:
            _tell_ingest(_ingest(store, config), as_json=as_json)


@cli.command()
@work_options
@rehearse_options
@json_option
@click.pass_obj
def work(settings: Settings, *, as_json: bool, **options: Any) -> None:  # noqa: ANN401
    """Ask about all pending jobs, and store what comes back.

    Example: artistjobs work --max-workers 32
    """
    from artistjobs.job import EVERYTHING
    from artistjobs.session import work_on

    asked = _Options(**options)
    with _talking(settings, asked.scenario_name) as voice:
        report = work_on(asked.database(settings), EVERYTHING, asked.working(settings), voice)
        _finish(report, None, asked, as_json=as_json)


@cli.command()
@source_options
@ask_options
@work_options
@rehearse_options
@json_option
@click.option("--output", type=PATH, default=Path("out.jsonl"), help="Where the answers go.")
@click.pass_obj
def run(settings: Settings, output: Path, *, as_json: bool, dry_run: bool, **options: Any) -> None:  # noqa: ANN401
    """Ingest FILE, work on its rows, export their answers: all in one go.

    What was answered before is not asked again. Interrupted, it goes on when called again.

    Example: artistjobs run artists.csv --prompt-file prompt.txt --max-workers 32
    """
    asked = _Options(**options)
    with _talking(settings, asked.scenario_name) as voice:
        config = asked.ingest_config()
        if dry_run:
            return _dry_run(config)
        asked.warn()
        _run(asked, settings, voice, config, output, as_json=as_json)


@cli.command()
@click.argument("output", type=PATH, default=Path("out.jsonl"))
@click.option("--state", type=click.Choice(["done", "failed", "all"]), default="done", help="Which jobs.")
@click.option("--ingest", "ingest_number", metavar="N|latest", help="Only the lines of one ingest, in their order.")
@click.option("--full", is_flag=True, help="Add usage, cost and the whole response to each record.")
@click.option("--no-text", is_flag=True, help="Write no texts to stdout.")
@click.pass_obj
def export(settings: Settings, output: Path, state: str, ingest_number: str | None, *, full: bool, no_text: bool) -> None:
    """Write completed jobs to OUTPUT (- is stdout) as JSON Lines, and their texts to stdout.

    Example: artistjobs export answers.jsonl --ingest latest
    """
    from artistjobs.export import STATES, ExportConfig, export_to_stream

    with _talking(settings, None), _database(settings).open() as store:
        scope = _scope(store, ingest_number)
        config = ExportConfig(scope=scope, states=STATES[state], full=full)
        if str(output) == "-":
            export_to_stream(store.records, config, sys.stdout.buffer)
            return
        _export(store, config, output, None if no_text else _texts())


@cli.command()
@click.option("--json", "as_json", is_flag=True, help="As one JSON object, for scripts.")
@click.option("--watch", is_flag=True, help="Keep looking, every 2 s.")
@click.pass_obj
def status(settings: Settings, *, as_json: bool, watch: bool) -> None:
    """Show counts, speed, tokens, cost, and what failed and why.

    Example: artistjobs status --watch
    """
    from artistjobs.status import read_status, status_json, status_lines

    with _database(settings).open() as store:
        for _ in _looks(watch=watch):
            found = read_status(store)
            _tell_json(status_json(found)) if as_json else click.echo("\n".join(status_lines(found)))


@cli.command()
@click.argument("job", type=click.IntRange(min=1), required=False)
@click.option("--code", help="Only jobs that failed with this code.")
@click.pass_obj
def retry(settings: Settings, job: int | None, code: str | None) -> None:
    """Make failed jobs pending again: all of them, those with one code, or one JOB by its id.

    Example: artistjobs retry --code incomplete
    """
    from artistjobs.job import EVERYTHING

    with _database(settings).open() as store:
        count = store.queue.retry(scope=EVERYTHING, code=code, job=job)
    _say(f"{count:,} jobs are pending again" + ("; go on with: artistjobs work" if count else ""))


class _Options:
    """The options of ingest, work and run, as they were given, and the values made of them."""

    def __init__(self, **given: Any) -> None:  # noqa: ANN401 - what click hands over
        self._given = given
        scenario = given.get("scenario")
        self.scenario_name: str | None = scenario or ("calm" if given.get("rehearse") else None)

    @property
    def is_rehearsal(self) -> bool:
        return self.scenario_name is not None

    def database(self, settings: Settings) -> "Database":
        from artistjobs.session import Database
        from artistjobs.store import Kind

        kind = Kind.REHEARSAL if self.is_rehearsal else Kind.REAL
        return Database(settings.db or Path("rehearsal.db" if self.is_rehearsal else "artistjobs.db"), kind)

    def ingest_config(self) -> "IngestConfig":
        from artistjobs.asking import make_prompt
        from artistjobs.config import IngestConfig

        prompt = make_prompt(self._asking(), is_rehearsal=self.is_rehearsal)
        return IngestConfig(source=self._source(), prompt=prompt, strict=self._given["strict"])

    def warn(self) -> None:
        """Say in one line that stored prompts end, if one is used."""
        from artistjobs.asking import STORED_PROMPTS_END
        from artistjobs.session import log

        if self._given["prompt_id"] and self._given["prompt_file"] is None:
            log.warning(STORED_PROMPTS_END)

    def working(self, settings: Settings) -> "Working":
        from artistjobs.config import WorkConfig
        from artistjobs.session import Working

        given = self._given
        names = ("max_workers", "max_attempts", "rpm", "tpm", "limit")
        config = WorkConfig(**{name: given[name] for name in names}, max_cost_usd=given["max_cost"])
        return Working(
            work=config,
            timeout_seconds=given["timeout"],
            api=_api_config(given["timeout"]),
            scenario=self.scenario_name,
            retry_failed=given["retry_failed"],
            quiet=settings.quiet,
        )

    def _asking(self) -> "Asking":
        from artistjobs.asking import Asking

        names = ("prompt_id", "prompt_file", "instructions_file", "prompt_version", "model", "params")
        given = {name: self._given[name] for name in names}
        if _comes_from_flag("prompt_id") and _comes_from_flag("prompt_file"):
            raise WrongUseError("--prompt-id and --prompt-file are two ways to ask; give one of them.")
        # One that is typed wins over one that the environment says.
        if _comes_from_flag("prompt_id"):
            given["prompt_file"] = None
        return Asking(**given)

    def _source(self) -> Path:
        file, also = self._given["file"], self._given["input_file"]
        if (file is None) == (also is None):
            raise WrongUseError("name one input file, such as: artistjobs run artists.csv")
        return Path(file or also)


def _run(
    asked: _Options, settings: Settings, voice: "Voice", config: "IngestConfig", output: Path, *, as_json: bool
) -> None:
    from artistjobs.export import ExportConfig, refuse_unwritable
    from artistjobs.session import work_on

    refuse_unwritable(output)
    working, database = asked.working(settings), asked.database(settings)
    if not asked.is_rehearsal and working.api is None:
        raise WrongUseError("OPENAI_API_KEY is not set; set it in the environment or in .env, or try --rehearse.")
    with database.open(create=True) as store:
        ingested = _ingest(store, config)
        scope = store.records.scope(ingested.ingest)
        _tell_ingest(ingested, as_json=False)
    report = work_on(database, scope, working, voice)
    if report.error is None:
        with database.open() as store:
            _export(store, ExportConfig(scope=scope), output, None if as_json else _texts())
    _finish(report, ingested, asked, as_json=as_json)


def _ingest(store: "Store", config: "IngestConfig") -> "Ingested":
    from artistjobs.ingest import ingest_file

    return ingest_file(store.intake, config)


def _tell_ingest(ingested: "Ingested", *, as_json: bool) -> None:
    from artistjobs.session import log
    from artistjobs.summary import ingest_json, ingest_sentence

    if as_json:
        _tell_json(ingest_json(ingested))
    else:
        log.info(ingest_sentence(ingested))


def _dry_run(config: "IngestConfig") -> None:
    import json

    from artistjobs.ingest import show_requests

    good, bad = show_requests(
        config, lambda _, body: click.echo(json.dumps(body, ensure_ascii=False, indent=2))
    )
    _say(f"dry run: {good:,} rows would be asked about, {bad:,} are bad; nothing was sent or written")


def _export(store: "Store", config: "ExportConfig", output: Path, texts: "_Texts | None") -> None:
    from artistjobs.export import export_to_file
    from artistjobs.session import log

    count = export_to_file(store.records, config, output, texts)
    if texts is not None:
        texts.end()
    log.info("exported %s records to %s", f"{count:,}", output)


class _Texts:
    """Writes texts to stdout, and goes on without it when its reader has gone: the file comes first."""

    def __init__(self) -> None:
        self._is_terminal = sys.stdout.isatty()
        self._is_gone = False

    def __call__(self, text: str) -> None:
        if self._is_gone:
            return
        if self._is_terminal:
            from artistjobs.terminal import visible

            text = visible(text, keep="\n\t")
        with self._while_read():
            sys.stdout.buffer.write(text.encode("utf-8", "replace") + b"\n")

    def end(self) -> None:
        """Write what is left. Raises BrokenPipeError if the reader has gone."""
        with self._while_read():
            sys.stdout.buffer.flush()
        if self._is_gone:
            raise BrokenPipeError

    @contextmanager
    def _while_read(self) -> Iterator[None]:
        try:
            yield
        except BrokenPipeError:
            self._is_gone = True


def _texts() -> _Texts:
    return _Texts()


def _finish(report: "RunReport", ingested: "Ingested | None", asked: _Options, *, as_json: bool) -> NoReturn:
    from artistjobs.summary import exit_code, run_json, run_sentences

    if as_json:
        _tell_json(run_json(report, ingested))
    lines = run_sentences(report, ingested)
    if report.sentence:
        lines.append(f"stopped: {report.sentence}")
    if asked.is_rehearsal:
        lines.append("this was a rehearsal: nothing was sent to OpenAI, and nothing cost anything")
    if report.after.pending + report.after.running:
        lines.append("go on with: " + _same_command())
    for line in lines:
        _say(line)
    raise click.exceptions.Exit(exit_code(report))


@contextmanager
def _talking(settings: Settings, scenario: str | None) -> "Iterator[Voice]":
    from artistjobs.log import logging_to

    with logging_to(settings.verbosity, settings.log_file) as voice:
        if scenario is not None and not settings.quiet:
            _say(f"rehearsal ({scenario}): a simulated API on this machine, no key and no cost")
        yield voice


def _database(settings: Settings) -> "Database":
    from artistjobs.session import Database

    path = settings.db or Path("artistjobs.db")
    if settings.db is None and not path.exists() and Path("rehearsal.db").exists():
        raise WrongUseError("there is no database artistjobs.db yet, but a rehearsed one: add --db rehearsal.db")
    return Database(path, None)


def _scope(store: "Store", ingest_number: str | None) -> "Any":  # noqa: ANN401
    from artistjobs.job import EVERYTHING

    if ingest_number is None:
        return EVERYTHING
    if ingest_number != "latest" and not ingest_number.isdecimal():
        raise WrongUseError(f"--ingest {ingest_number!r} is neither a number nor latest; see the table ingests.")
    return store.records.scope(None if ingest_number == "latest" else int(ingest_number))


def _api_config(timeout_seconds: float) -> "ApiConfig | None":
    from artistjobs.config import DEFAULT_BASE_URL, ApiConfig

    key = os.environ.get("OPENAI_API_KEY", "").strip()
    if not key:
        return None
    return ApiConfig(
        api_key=key,
        base_url=os.environ.get("OPENAI_BASE_URL") or DEFAULT_BASE_URL,
        organization=os.environ.get("OPENAI_ORG_ID") or None,
        project=os.environ.get("OPENAI_PROJECT_ID") or None,
        timeout_seconds=timeout_seconds,
    )


def _looks(*, watch: bool) -> Iterator[None]:
    import time

    yield
    while watch:
        time.sleep(2)
        if sys.stdout.isatty():
            click.clear()
        yield


def _comes_from_flag(name: str) -> bool:
    source = click.get_current_context().get_parameter_source(name)
    return source is click.core.ParameterSource.COMMANDLINE


def _tell_json(value: object) -> None:
    import json

    click.echo(json.dumps(value, ensure_ascii=False))


def _say(line: str) -> None:
    click.echo(line, err=True)


def _same_command() -> str:
    return shlex.join(["artistjobs", *sys.argv[1:]])


def _reader_is_gone() -> NoReturn:
    # What is still buffered would be written at exit, and fail again.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    raise click.exceptions.Exit(SIGPIPE_EXIT)


def _load_env_file() -> None:
    if not Path(".env").is_file():
        return
    from dotenv import load_dotenv

    try:
        load_dotenv(".env")
    except (OSError, UnicodeDecodeError) as error:
        _say(f"artistjobs: .env cannot be read ({error}); mend or remove it.")
        sys.exit(WrongUseError.exit_code)


def _terminate(_signal: int, _frame: object) -> NoReturn:
    _say("terminated; go on with: " + _same_command())
    sys.exit(SIGTERM_EXIT)


def main() -> None:
    """Run the program; never returns."""
    signal.signal(signal.SIGTERM, _terminate)
    _load_env_file()
    try:
        cli(prog_name="artistjobs")
    except OSError as error:
        _say(f"artistjobs: {error.strerror or error}; mend that and run the same command again.")
        sys.exit(DISK_EXIT)
