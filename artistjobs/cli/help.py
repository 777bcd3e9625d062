"""Help of commands: options in groups, and global options that are also accepted after the command."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import click

from artistjobs.cli.options import DATABASE, PATH, SECONDS, Settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from artistjobs.store.address import Address


MANY_OPTIONS = 10
"""A command with fewer options of its own lists them without groups."""


GROUPS: dict[str, frozenset[str]] = {
    "Input": frozenset({"input_file", "input_format", "columns", "encoding", "strict", "dry_run"}),
    "Request": frozenset(
        {
            "prompt_id", "prompt_file", "instructions_file", "prompt_version", "variables", "model", "params", "schema",
            "service_tier", "store", "metadata",
        }
    ),
    "Execution": frozenset(
        {
            "max_workers", "processes", "max_attempts", "corrections", "timeout", "patience", "retry_failed",
            "flex_fallback", "background", "window", "uses_batches", "no_wait", "live_after",
            "notify",
        }
    ),
    "Cost and limits": frozenset(
        {"max_cost", "soft_cap", "warn_cost", "price_input", "price_output", "limit", "sample", "rpm", "tpm", "spend"}
    ),
    "Rehearsal": frozenset({"rehearse", "scenario"}),
    "Output": frozenset(
        {"output", "format_name", "state", "ingest", "prompt", "full", "columns", "no_text", "as_json"}
    ),
}  # fmt: skip
"""Groups of options in the help of a command with many options, by the names of their parameters."""


OTHERS, PROGRAM = "Other options", "Global options"
"""The group of options that are in no other group, and the group of options that every command accepts."""


Records = dict[str, list[tuple[str, str]]]


_MAX_NAME_WIDTH = 30
"""Maximum width of the names of options, in characters; the default of click 8."""


class Command(click.Command):
    """Command whose help shows its options in groups, and which also accepts the global options."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]  # passed on unchanged
        self.params += program_options()

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options to the help, a section for each group."""
        params = [param for param in self.get_params(ctx) if not isinstance(param, click.Argument)]
        own = [param for param in params if _group_of(param) != PROGRAM]
        groups: Records = {name: [] for name in ("Options", *GROUPS, OTHERS, PROGRAM)}
        for param in params:
            if (record := param.get_help_record(ctx)) is not None:
                group = "Options" if len(own) < MANY_OPTIONS and param in own else _group_of(param)
                groups[group].append(record)
        _write(groups, formatter)


command: "Callable[..., Callable[[Callable[..., object]], Command]]" = partial(click.command, cls=Command)
"""Decorator that turns a function into a command; replaces ``click.command``."""


def program_options() -> list[click.Parameter]:
    """Return the global options in the form in which they are accepted after a command."""
    return [
        _option("--db", type=DATABASE, callback=_take_db, help="Database file, or postgresql:// URL."),
        _option(
            "--db-timeout", type=SECONDS, metavar="SECONDS", callback=_take_db_timeout,
            help="Longest wait for a PostgreSQL server.",
        ),
        _option("--spool", type=PATH, callback=_take_spool, help="Folder for files about PostgreSQL databases."),
        _option("-v", "--verbose", is_flag=True, callback=_take_verbose, help="Log every API call."),
        _option("-q", "--quiet", is_flag=True, callback=_take_quiet, help="Print only results and errors."),
        _option("--log-file", type=PATH, callback=_take_log_file, help="Write all log lines to a file, as JSON Lines."),
    ]  # fmt: skip


def verbosity_of(*, verbose: bool, quiet: bool) -> int:
    """Return the verbosity, from -1 (quiet) to 1 (verbose). Raises UsageError if both are set."""
    if verbose and quiet:
        raise click.UsageError("-v and -q exclude each other; use one of them.")
    return int(verbose) - int(quiet)


def _option(*names: str, **how: object) -> click.Option:
    # Not passed to the command as an argument: its callback changes the settings in the context.
    option = click.Option(list(names), expose_value=False, show_default=False, **how)  # type: ignore[arg-type]
    option.name = f"program_{option.name}"
    return option


def _settings(ctx: click.Context) -> Settings:
    return ctx.obj if isinstance(ctx.obj, Settings) else Settings(None, 0, None)


def _take_db(ctx: click.Context, _param: click.Parameter, value: "Address | None") -> None:
    if value is not None:
        ctx.obj = replace(_settings(ctx), db=value)


def _take_db_timeout(ctx: click.Context, _param: click.Parameter, value: float | None) -> None:
    if value is not None:
        ctx.obj = replace(_settings(ctx), db_timeout=value)


def _take_spool(ctx: click.Context, _param: click.Parameter, value: "Path | None") -> None:
    if value is not None:
        ctx.obj = replace(_settings(ctx), spool=value)


def _take_log_file(ctx: click.Context, _param: click.Parameter, value: "Path | None") -> None:
    if value is not None:
        ctx.obj = replace(_settings(ctx), log_file=value)


def _take_verbose(ctx: click.Context, _param: click.Parameter, value: bool) -> None:  # noqa: FBT001 - click's own form
    if value:
        verbosity = verbosity_of(verbose=True, quiet=_settings(ctx).quiet)
        ctx.obj = replace(_settings(ctx), verbosity=verbosity)


def _take_quiet(ctx: click.Context, _param: click.Parameter, value: bool) -> None:  # noqa: FBT001 - click's own form
    if value:
        verbosity = verbosity_of(verbose=_settings(ctx).verbosity > 0, quiet=True)
        ctx.obj = replace(_settings(ctx), verbosity=verbosity)


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
    """Return the records with names padded to one width, so that all groups are aligned."""
    return [(f"{name:<{width}}", text) for name, text in records]
