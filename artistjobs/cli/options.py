"""Command line options that several commands share, and their parameter types.

Expensive modules must not be imported here, because ``--help`` loads this module.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import click

from artistjobs.core.command_text import DEFAULT_DATABASE, REHEARSAL_DATABASE
from artistjobs.errors import WrongUseError
from artistjobs.library.env_file import NO_ENV_FILE, EnvFile
from artistjobs.library.options import AUTO

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping
    from pathlib import Path

    from artistjobs.library.arguments import CommandArguments
    from artistjobs.store.address import Address
    from artistjobs.store.database import Database


Command = TypeVar("Command", bound=Callable[..., object])


SERVICE_TIERS = ("auto", "default", "flex", "priority")


WINDOWS = ("2h", "8h")


SCENARIO_NAMES = (
    "calm", "busy", "storm", "outage", "no-credit", "background-storm",
    "batch-calm", "batch-storm", "batch-expires", "batch-queue-full",
)  # fmt: skip


FORMATS = ("jsonl", "csv", "tsv", "parquet")


INPUT_FORMATS = ("csv", "tsv", "semicolon", "jsonl", "xlsx", "parquet")


MAX_COUNT = 2**53
"""Maximum of a count. A larger number is a mistake, and floats do not represent it exactly."""


class _Count(click.IntRange):
    """Parameter type of a count."""

    def convert(self, value: int, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number."""
        number = int(super().convert(value, param, ctx))
        if number > MAX_COUNT:
            self.fail(f"{number} is too large; use a smaller number.", param, ctx)
        return number

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        """Return the placeholder in the help."""
        del param, ctx
        return "N"


POSITIVE = _Count(min=1)


COUNT = _Count(min=0)


class OrWord(click.ParamType[str | float]):
    """Parameter type that accepts the values of another type, and a word for what no number says."""

    def __init__(self, kind: click.ParamType[float], word: str, *, zero_is_word: bool = False) -> None:
        self.name = f"{kind.name}|{word}"
        self._kind = kind
        self._word = word
        self._words = {word, "0"} if zero_is_word else {word}

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str | float:
        """Return the number or the word; click uses None for an option that is not given."""
        return self._word if str(value).lower() in self._words else float(self._kind.convert(value, param, ctx))


WORKERS = OrWord(POSITIVE, AUTO)


class _Path(click.Path):
    """Parameter type of a path; imports pathlib only if a path is given, because that takes 10 % of a ``--help``."""

    def convert(
        self, value: "str | os.PathLike[str]", param: click.Parameter | None, ctx: click.Context | None
    ) -> "Path":
        """Return the path."""
        from pathlib import Path

        return Path(str(super().convert(value, param, ctx)))


PATH = _Path()


class _Database(_Path):
    """Parameter type of a database: the path of a file, or the URL of a PostgreSQL database."""

    def convert(  # type: ignore[override]  # an address is not only a path
        self, value: "str | os.PathLike[str]", param: click.Parameter | None, ctx: click.Context | None
    ) -> "Address":
        """Return the address."""
        from artistjobs.store.address import address_of

        text = str(value) if "://" in str(value) else str(super().convert(value, param, ctx))
        try:
            return address_of(text)
        except WrongUseError as error:
            self.fail(str(error), param, ctx)


DATABASE = _Database()


class _Usd(click.FloatRange):
    """Parameter type of an amount in US dollars: a finite number, not nan or inf."""

    def convert(self, value: float, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the number."""
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is not an amount in dollars; use a finite number.", param, ctx)
        return number


USD = _Usd(min=0)


MAX_SECONDS = 10**9
"""Maximum of a time, about thirty years: timers of the event loop cannot represent much longer ones."""


class _Seconds(click.FloatRange):
    """Parameter type of a duration in seconds: a number that a timer can represent, not nan or inf."""

    def convert(self, value: float, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the number."""
        number = super().convert(value, param, ctx)
        if not number <= MAX_SECONDS:
            self.fail(f"{value} is not a number of seconds; use a finite number up to {MAX_SECONDS}.", param, ctx)
        return number


SECONDS = _Seconds(min=0)


SHARE = click.FloatRange(min=0, max=1, min_open=True)


HOURS = _Seconds(min=0, min_open=True)


TIME_LIMIT = _Seconds(min=0, min_open=True)


@dataclass(frozen=True, slots=True)
class Settings:
    """Values of the global options, and the settings of the file .env."""

    db: "Address | None"
    verbosity: int
    log_file: "Path | None"
    env_file: EnvFile = NO_ENV_FILE
    db_timeout: float | None = None
    spool: "Path | None" = None

    @property
    def address(self) -> "Address | None":
        """Address of the database if one was named; that of a server with its options."""
        if self.db is None:
            return None
        from artistjobs.store.address import with_options

        return with_options(self.db, self.db_timeout, self.spool)

    @property
    def quiet(self) -> bool:
        """True if only results and errors are printed."""
        return self.verbosity < 0


def _all_of(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


_INPUT = (
    click.option(
        "--input-format", type=click.Choice(INPUT_FORMATS), help="Format of FILE.  [default: by file ending, else csv]"
    ),
    click.option(
        "--column", "columns", multiple=True, metavar="NAME=COLUMN",
        help="Column of FILE with the artist_name or the artist_data; repeatable: artist_name=Artist.",
    ),
    click.option("--encoding", metavar="NAME", help="Text encoding of FILE, such as windows-1252.  [default: UTF-8]"),
)  # fmt: skip
"""Options of the way to read the input file."""


def input_options(command: Command) -> Command:
    """Add the options of the way to read the input file."""
    return _all_of(*_INPUT)(command)


def source_options(command: Command) -> Command:
    """Add the argument FILE and the options of the input file."""
    return _all_of(
        click.argument("file", required=False, type=PATH),
        click.option("--input-file", type=PATH, help="Same as FILE."),
        *_INPUT,
        click.option("--strict", is_flag=True, help="Ingest nothing if any line is bad."),
        click.option("--dry-run", is_flag=True, help="Show 5 requests and an estimate; send and write nothing."),
    )(command)


def ask_options(command: Command) -> Command:
    """Add the options of the prompt and the request."""
    return _all_of(
        click.option(
            "--prompt-id", metavar="ID", envvar="OPENAI_PROMPT_ID", show_envvar=True, help="Id of a stored prompt."
        ),
        click.option(
            "--prompt-file", type=PATH, envvar="ARTISTJOBS_PROMPT_FILE", show_envvar=True,
            help="Template with {{ artist_name }} and, optionally, {{ artist_data }} and other columns of FILE.",
        ),
        click.option("--instructions-file", type=PATH, help="Instructions to send with the template."),
        click.option("--version", "--prompt-version", "prompt_version", help="Version of the stored prompt."),
        click.option(
            "--variable", "variables", multiple=True, metavar="COLUMN",
            help="Another column of FILE that the stored prompt has as a variable; repeatable.",
        ),
        click.option(
            "--model", metavar="NAME", envvar="OPENAI_MODEL", show_envvar=True,
            help="Model to call.  [default: gpt-5, until 2026-12-11]",
        ),
        click.option(
            "--param", "params", multiple=True, metavar="KEY=VALUE",
            help="Any other field of the request; repeatable: reasoning.effort=low, text.format=@schema.json.",
        ),
        click.option(
            "--schema", type=PATH, metavar="FILE",
            help="JSON Schema that each answer must satisfy; sent as text.format.",
        ),
        click.option(
            "--service-tier",
            type=click.Choice(SERVICE_TIERS),
            help="Service tier; flex costs half, is slower, and is being retired."
        ),
        click.option("--store/--no-store", default=None, help="Let OpenAI store the answers.  [default: --store]"),
        click.option(
            "--metadata", multiple=True, metavar="KEY=VALUE",
            help="Metadata that OpenAI stores with each answer; repeatable.",
        ),
    )(command)  # fmt: skip


_WORKERS = click.option(
    "--max-workers", type=WORKERS, default=AUTO, metavar="N|auto", envvar="ARTISTJOBS_MAX_WORKERS", show_envvar=True,
    help="Maximum calls in flight; auto: as many as are worth having, at most 512.",
)  # fmt: skip


_PRICES = (
    click.option("--price-input", type=USD, metavar="USD", help="Price of a million input tokens."),
    click.option("--price-output", type=USD, metavar="USD", help="Price of a million output tokens."),
)


def check_options(command: Command) -> Command:
    """Add the argument and the options that only the command check has in this form."""
    return _all_of(
        click.argument("file", required=False, type=PATH),
        *_INPUT,
        _WORKERS,
        *_PRICES,
        click.option("--spend", is_flag=True, help="Make one real call; it is billed, and its answer is not stored."),
    )(command)


def work_options(command: Command) -> Command:
    """Add the options of calls, attempts, limits and cost."""
    return _all_of(
        _WORKERS,
        click.option(
            "--processes", type=POSITIVE, default=1,
            help="Processes that share the calls in flight; one is enough for 500 calls.",
        ),
        click.option("--max-attempts", type=POSITIVE, default=5, help="Maximum attempts per job."),
        click.option(
            "--corrections", type=COUNT, default=1,
            help="Times to ask again if an answer does not fit its schema, with what is wrong.",
        ),
        click.option(
            "--timeout", type=TIME_LIMIT, metavar="SECONDS",
            help="Time limit of one call.  [default: 600; 900 at the flex tier]",
        ),
        click.option("--rpm", type=POSITIVE, help="Maximum requests per minute.  [default: limit of the API]"),
        click.option("--tpm", type=POSITIVE, help="Maximum tokens per minute.  [default: limit of the API]"),
        click.option(
            "--max-cost", type=USD, metavar="USD",
            help="Stop before the total cost in this database could exceed this amount.",
        ),
        click.option(
            "--soft-cap", is_flag=True,
            help="Let --max-cost rest on the cost of answers so far; calls in flight may pass it.",
        ),
        *_PRICES,
        click.option(
            "--flex-fallback", type=POSITIVE,
            help="Use the standard tier for a job after the flex tier was full N times in a row.",
        ),
        click.option(
            "--warn-cost", type=SHARE, metavar="SHARE",
            help="Warn when this share of --max-cost is spent, such as 0.8.",
        ),
        click.option("--limit", type=POSITIVE, help="Work on at most N jobs."),
        click.option("--sample", is_flag=True, help="With --limit, work on random jobs, not on the oldest ones."),
        click.option(
            "--patience", type=SECONDS, metavar="SECONDS",
            help="Wait this long while the service is away, then stop.  [default: 1800; 5 in a rehearsal]",
        ),
        click.option("--retry-failed", is_flag=True, help="Make failed jobs pending again first."),
        click.option("--background", is_flag=True, help="Let OpenAI answer in the background, and fetch the answers."),
        click.option(
            "--window", type=click.Choice(WINDOWS),
            help="With --background, accept answers later, for 30 % or 40 % off the price.",
        ),
        click.option("--batch", "uses_batches", is_flag=True, help="Use the Batch API: half the price, within a day."),
        click.option("--no-wait", is_flag=True, help="With --batch, end when all batches are submitted."),
        click.option(
            "--notify", metavar="COMMAND",
            help="Run a shell command when the run ends or stops, with a JSON summary on its stdin.",
        ),
        click.option(
            "--live-after", type=HOURS, metavar="HOURS",
            help="With --batch, call live what batches have not answered after this time.",
        ),
    )(command)  # fmt: skip


def prompt_option(command: Command) -> Command:
    """Add the option that selects the jobs of one prompt configuration."""
    return click.option(
        "--prompt", type=POSITIVE, metavar="N", help="Only jobs of this prompt; `status` lists the numbers."
    )(command)


def format_option(command: Command) -> Command:
    """Add the option of the export format."""
    return click.option(
        "--format", "format_name", type=click.Choice(FORMATS),
        help="Format of the export.  [default: by file ending, else jsonl]",
    )(command)  # fmt: skip


def text_option(command: Command) -> Command:
    """Add the option that keeps answer texts from stdout."""
    return click.option("--no-text", is_flag=True, help="Do not write the answer texts to stdout.")(command)


def rehearse_options(command: Command) -> Command:
    """Add the options of the simulated API."""
    return _all_of(
        click.option("--rehearse", is_flag=True, help="Use a simulated API on this machine: no key, no cost."),
        click.option(
            "--scenario", type=click.Choice(SCENARIO_NAMES),
            help="Faults to simulate; implies --rehearse.  [default: calm]",
        ),
    )(command)  # fmt: skip


def json_option(command: Command) -> Command:
    """Add the option of a JSON summary."""
    return click.option("--json", "as_json", is_flag=True, help="Print the summary as one JSON object.")(command)


def arguments_of(settings: Settings, options: "Mapping[str, object]") -> "CommandArguments":
    """Return the arguments of the command that is executed."""
    from artistjobs.library.arguments import CommandArguments

    return CommandArguments(settings, options, _is_typed)


def _is_typed(name: str) -> bool:
    source = click.get_current_context().get_parameter_source(name)
    return source is click.core.ParameterSource.COMMANDLINE


def existing_database_option(settings: Settings) -> "Database":
    """Return the database to open, of either kind. Raises WrongUseError if only rehearsal.db exists."""
    from artistjobs.store.database import Database

    path = settings.address or DEFAULT_DATABASE
    if settings.db is None and not DEFAULT_DATABASE.exists() and REHEARSAL_DATABASE.exists():
        raise WrongUseError("there is no artistjobs.db, but there is a rehearsal.db; to use it, add --db rehearsal.db")
    return Database(path, None)


def chosen_database(settings: Settings) -> "Database":
    """Return the database that is named, else the one that exists in this folder, of either kind."""
    from artistjobs.store.database import Database

    only_rehearsal = not DEFAULT_DATABASE.exists() and REHEARSAL_DATABASE.exists()
    return Database(settings.address or (REHEARSAL_DATABASE if only_rehearsal else DEFAULT_DATABASE), None)
