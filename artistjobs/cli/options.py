"""The options that several commands share. Nothing heavy is imported here: ``--help`` has to be quick."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import click

from artistjobs.core.command_text import DEFAULT_DATABASE, REHEARSAL_DATABASE
from artistjobs.errors import WrongUseError

if TYPE_CHECKING:
    import os
    from pathlib import Path

    from artistjobs.store.database import Database


Command = TypeVar("Command", bound=Callable[..., object])


SERVICE_TIERS = ("auto", "default", "flex", "priority")


SCENARIO_NAMES = ("calm", "busy", "storm", "outage", "no-credit")


FORMATS = ("jsonl", "csv", "parquet")


MAX_COUNT = 2**53
"""What is more is a mistake, and more than floats and databases can count."""


class _Count(click.IntRange):
    """A number of things."""

    def convert(self, value: int, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number."""
        number = int(super().convert(value, param, ctx))
        if number > MAX_COUNT:
            self.fail(f"{number} is more than can be counted.", param, ctx)
        return number

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        """Return the one letter that stands for it in the help."""
        del param, ctx
        return "N"


POSITIVE = _Count(min=1)


class _Path(click.Path):
    """A path, made one only when it is given: pathlib takes a tenth of the time that a help takes."""

    def convert(
        self, value: "str | os.PathLike[str]", param: click.Parameter | None, ctx: click.Context | None
    ) -> "Path":
        """Return the path."""
        from pathlib import Path

        return Path(str(super().convert(value, param, ctx)))


PATH = _Path()


class _Usd(click.FloatRange):
    """Dollars: a number that can be counted with, which nan and inf are not."""

    def convert(self, value: float, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the number."""
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is no amount of dollars.", param, ctx)
        return number


USD = _Usd(min=0)


@dataclass(frozen=True, slots=True)
class Settings:
    """What was said before the command."""

    db: "Path | None"
    verbosity: int
    log_file: "Path | None"

    @property
    def quiet(self) -> bool:
        """Whether only errors and results are wanted."""
        return self.verbosity < 0


def _all_of(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def source_options(command: Command) -> Command:
    """FILE, also as --input-file."""
    return _all_of(
        click.argument("file", required=False, type=PATH),
        click.option("--input-file", type=PATH, help="The same as FILE."),
        click.option("--strict", is_flag=True, help="Ingest nothing if any line is bad."),
        click.option("--dry-run", is_flag=True, help="Show the first 5 requests; send and write nothing."),
    )(command)


def ask_options(command: Command) -> Command:
    """Say what to ask."""
    return _all_of(
        click.option(
            "--prompt-id", metavar="ID", envvar="OPENAI_PROMPT_ID", show_envvar=True, help="Ask with a stored prompt."
        ),
        click.option(
            "--prompt-file", type=PATH, envvar="ARTISTJOBS_PROMPT_FILE", show_envvar=True,
            help="A template that holds {{ artist_name }} and, if you like, {{ artist_data }}.",
        ),
        click.option("--instructions-file", type=PATH, help="Instructions to send along with the template."),
        click.option("--version", "--prompt-version", "prompt_version", help="Version of the stored prompt."),
        click.option(
            "--model", metavar="NAME", envvar="OPENAI_MODEL", show_envvar=True,
            help="Model to ask.  [default: gpt-5]",
        ),
        click.option(
            "--param", "params", multiple=True, metavar="KEY=VALUE",
            help="Any other field of the request, repeatable: reasoning.effort=low, text.format=@schema.json.",
        ),
        click.option(
            "--service-tier", type=click.Choice(SERVICE_TIERS), help="What is paid for speed; flex is half price."
        ),
        click.option("--store/--no-store", default=None, help="Whether OpenAI keeps the answers.  [default: it does]"),
        click.option(
            "--metadata", multiple=True, metavar="KEY=VALUE", help="What OpenAI keeps with each answer; repeatable."
        ),
    )(command)  # fmt: skip


_WORKERS = click.option(
    "--max-workers", type=POSITIVE, default=4, envvar="ARTISTJOBS_MAX_WORKERS", show_envvar=True,
    help="Calls in flight at most.",
)  # fmt: skip


_PRICES = (
    click.option("--price-input", type=USD, metavar="USD", help="Price of a million tokens of input."),
    click.option("--price-output", type=USD, metavar="USD", help="Price of a million tokens of output."),
)


def check_options(command: Command) -> Command:
    """Say what to check besides the prompt."""
    return _all_of(
        click.argument("file", required=False, type=PATH),
        _WORKERS,
        *_PRICES,
        click.option("--spend", is_flag=True, help="Make one real call; it is paid for, and its answer is not kept."),
    )(command)


def work_options(command: Command) -> Command:
    """Say how to work."""
    return _all_of(
        _WORKERS,
        click.option(
            "--processes", type=POSITIVE, default=1,
            help="Share the calls in flight among this many processes; more than 500 want more than one.",
        ),
        click.option("--max-attempts", type=POSITIVE, default=5, help="Calls per job before it is failed."),
        click.option(
            "--timeout", type=click.FloatRange(min=0, min_open=True), metavar="SECONDS",
            help="Time for one call.  [default: 600, at the flex tier 900]",
        ),
        click.option("--rpm", type=POSITIVE, help="Requests a minute at most.  [default: what the API says]"),
        click.option("--tpm", type=POSITIVE, help="Tokens a minute at most.  [default: what the API says]"),
        click.option(
            "--max-cost", type=USD, metavar="USD",
            help="Stop before the money spent could pass this.",
        ),
        *_PRICES,
        click.option(
            "--flex-fallback", type=POSITIVE,
            help="Call a job at the standard tier after N refusals in a row because flex is full.",
        ),
        click.option("--limit", type=POSITIVE, help="Work on this many jobs at most."),
        click.option("--retry-failed", is_flag=True, help="Make failed jobs pending first."),
    )(command)  # fmt: skip


def format_option(command: Command) -> Command:
    """Say what an export is written as."""
    return click.option(
        "--format", "format_name", type=click.Choice(FORMATS),
        help="What the export is written as.  [default: what the file's ending says, else jsonl]",
    )(command)  # fmt: skip


def rehearse_options(command: Command) -> Command:
    """Use the simulated API."""
    return _all_of(
        click.option("--rehearse", is_flag=True, help="Use a simulated API on this machine: no key, no cost."),
        click.option(
            "--scenario", type=click.Choice(SCENARIO_NAMES),
            help="What the simulated API plays; implies --rehearse.  [default: calm]",
        ),
    )(command)  # fmt: skip


def json_option(command: Command) -> Command:
    """Say the summary as JSON."""
    return click.option("--json", "as_json", is_flag=True, help="Summary as one JSON object on stdout.")(command)


def existing_database_option(settings: Settings) -> "Database":
    """Return the database to look into, of either kind. Raises WrongUseError if only a rehearsed one is there."""
    from artistjobs.store.database import Database

    path = settings.db or DEFAULT_DATABASE
    if settings.db is None and not path.exists() and REHEARSAL_DATABASE.exists():
        raise WrongUseError("there is no artistjobs.db yet, but a rehearsed database: add --db rehearsal.db")
    return Database(path, None)
