"""What a command says of itself: its options in groups, and those of the program accepted after it too."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import click

from artistjobs.cli.options import PATH, Settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


MANY_OPTIONS = 10
"""With fewer of its own a command needs no groups."""


GROUPS: dict[str, frozenset[str]] = {
    "Input": frozenset({"input_file", "strict", "dry_run"}),
    "PromptOptions": frozenset(
        {
            "prompt_id", "prompt_file", "instructions_file", "prompt_version", "model", "params", "service_tier",
            "store", "metadata",
        }
    ),
    "WorkOptions": frozenset({"max_workers", "processes", "max_attempts", "timeout", "retry_failed", "flex_fallback"}),
    "Money and limits": frozenset({"max_cost", "price_input", "price_output", "limit", "rpm", "tpm", "spend"}),
    "Rehearsal": frozenset({"rehearse", "scenario"}),
    "Output": frozenset({"output", "format_name", "state", "ingest", "full", "no_text", "as_json"}),
}  # fmt: skip
"""Which options stand together in the help of a command that has many, by the names of their parameters."""


OTHERS, PROGRAM = "More", "Anywhere"
"""The group of what is in none, and that of the options that every command takes."""


Records = dict[str, list[tuple[str, str]]]


_MAX_NAME_WIDTH = 30
"""Cells for the names of options; click's own number."""


class Command(click.Command):
    """A command whose help has its options in groups; what stands before a command may stand after it too."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]  # handed on as they are
        self.params += program_options()

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, a section for each group."""
        params = [param for param in self.get_params(ctx) if not isinstance(param, click.Argument)]
        own = [param for param in params if _group_of(param) != PROGRAM]
        groups: Records = {name: [] for name in ("Options", *GROUPS, OTHERS, PROGRAM)}
        for param in params:
            if (record := param.get_help_record(ctx)) is not None:
                group = "Options" if len(own) < MANY_OPTIONS and param in own else _group_of(param)
                groups[group].append(record)
        _write(groups, formatter)


command: "Callable[..., Callable[[Callable[..., object]], Command]]" = partial(click.command, cls=Command)
"""Makes a function a command, in place of ``click.command``."""


def program_options() -> list[click.Parameter]:
    """Return the options that stand before a command, as they are accepted after it."""
    return [
        _option("--db", type=PATH, callback=_take_db, help="The database."),
        _option("-v", "--verbose", is_flag=True, callback=_take_verbose, help="Tell each call."),
        _option("-q", "--quiet", is_flag=True, callback=_take_quiet, help="Tell only errors."),
        _option("--log-file", type=PATH, callback=_take_log_file, help="Keep all log lines in a file, as JSON."),
    ]


def verbosity_of(*, verbose: bool, quiet: bool) -> int:
    """Return how much is to be told, from -1 to 1. Raises UsageError for both at once."""
    if verbose and quiet:
        raise click.UsageError("-v and -q contradict each other; give one of them.")
    return int(verbose) - int(quiet)


def _option(*names: str, **how: object) -> click.Option:
    # Not a parameter of the command: it changes what the program was told.
    option = click.Option(list(names), expose_value=False, show_default=False, **how)  # type: ignore[arg-type]
    option.name = f"program_{option.name}"
    return option


def _settings(ctx: click.Context) -> Settings:
    return ctx.obj if isinstance(ctx.obj, Settings) else Settings(None, 0, None)


def _take_db(ctx: click.Context, _param: click.Parameter, value: "Path | None") -> None:
    if value is not None:
        ctx.obj = replace(_settings(ctx), db=value)


def _take_log_file(ctx: click.Context, _param: click.Parameter, value: "Path | None") -> None:
    if value is not None:
        ctx.obj = replace(_settings(ctx), log_file=value)


def _take_verbose(ctx: click.Context, _param: click.Parameter, value: bool) -> None:  # noqa: FBT001 - click's own form
    if value:
        told = verbosity_of(verbose=True, quiet=_settings(ctx).quiet)
        ctx.obj = replace(_settings(ctx), verbosity=told)


def _take_quiet(ctx: click.Context, _param: click.Parameter, value: bool) -> None:  # noqa: FBT001 - click's own form
    if value:
        told = verbosity_of(verbose=_settings(ctx).verbosity > 0, quiet=True)
        ctx.obj = replace(_settings(ctx), verbosity=told)


def _group_of(param: click.Parameter) -> str:
    name = param.name or ""
    if name.startswith("program_") or "--help" in param.opts:
        return PROGRAM
    return next((group for group, names in GROUPS.items() if name in names), OTHERS)


def _write(groups: Records, formatter: click.HelpFormatter) -> None:
    names = [name for records in groups.values() for name, _ in records]
    width = min(_MAX_NAME_WIDTH, max(map(len, names), default=0))
    for group, records in groups.items():
        if records:
            with formatter.section(group):
                formatter.write_dl(_aligned(records, width), col_max=_MAX_NAME_WIDTH)


def _aligned(records: Sequence[tuple[str, str]], width: int) -> list[tuple[str, str]]:
    """Return the records with names of one width, so that all groups line up."""
    return [(f"{name:<{width}}", text) for name, text in records]
