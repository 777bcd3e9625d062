"""Console output around a command: log lines while it runs, and the summary at its end."""

import math
import os
import shlex
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NoReturn

import click
from click.exceptions import Exit

from artistjobs.cli.notify import RESULT
from artistjobs.cli.options import Settings
from artistjobs.errors import ArtistjobsError, NoDatabaseError, StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from artistjobs.export.protection import FilesInUse
    from artistjobs.library.arguments import CommandArguments
    from artistjobs.store.models import IngestResult
    from artistjobs.terminal.log import ConsoleHandler
    from artistjobs.terminal.streams import TextOutput
    from artistjobs.worker.run import RunReport


BLOCK = "artistjobs.terminal.live_block"
"""Key under which the click context holds the live block of a command."""


def show_starting(settings: Settings) -> None:
    """Show "starting" on a terminal, because importing the modules of a command takes a noticeable time."""
    from artistjobs.terminal.live_block import can_redraw, live_block

    if not settings.quiet and can_redraw(sys.stderr):
        ctx = click.get_current_context()
        ctx.meta[BLOCK] = block = live_block(sys.stderr)
        ctx.call_on_close(block.clear)
        block.update(["starting"])


@contextmanager
def logging_output(
    settings: Settings, files: "FilesInUse", scenario: str | None = None, warnings: "Sequence[str]" = ()
) -> "Iterator[ConsoleHandler]":
    """Print log lines within the context, after a line about the rehearsal and the warnings, if any.

    ``files`` are the files that the log file must not be. Raises WrongUseError if it is one of them or cannot be
    opened, and StoreError if lines are missing in it at the end.
    """
    from artistjobs.terminal.log import FILE_ONLY, log, logging_to
    from artistjobs.terminal.log_file import log_file_failure

    mode = _log_file_mode(settings.log_file, files) if settings.log_file is not None else 0
    block = click.get_current_context().meta.get(BLOCK)
    with logging_to(settings.verbosity, settings.log_file, block, mode) as console:
        if scenario is not None and not settings.quiet:
            console.print_line(f"rehearsal ({scenario}): a simulated API on this machine, no key and no cost")
        for warning in [*_password_warnings(), *warnings]:
            log.warning("%s", warning)
        try:
            yield console
        except ArtistjobsError as error:
            log.error("%s", error, extra=FILE_ONLY)
            raise
        if failure := log_file_failure():
            raise StoreError(f"{failure}.")


def _password_warnings() -> list[str]:
    from artistjobs.store.address import without_passwords

    if all(without_passwords(argument) == argument for argument in sys.argv[1:]):
        return []
    remedy = "set ARTISTJOBS_DB or PGPASSWORD, or use ~/.pgpass"
    return [f"other users of this machine can read the password on the command line; {remedy}"]


def _log_file_mode(log_file: "Path", files: "FilesInUse") -> int:
    """Return the mode of a new log file. Raises WrongUseError if the log file is one of the files in use."""
    from artistjobs.export.atomic_file import mode_of_new_file
    from artistjobs.export.protection import ensure_not_ingested, may_be_ingested
    from artistjobs.store.address import file_at

    files.ensure_log_file_free()
    if may_be_ingested(log_file):
        with suppress(NoDatabaseError), files.database.reader() as reader:
            ensure_not_ingested(log_file, reader.records.known_files())
    return mode_of_new_file(file_at(files.database.path))


def _finish(
    settings: Settings,
    arguments: "CommandArguments",
    run: "RunReport",
    ingested: "IngestResult | None" = None,
    texts: "TextOutput | None" = None,
) -> NoReturn:
    """Print the summary of a run and raise Exit with its exit code, or the error of stdout."""
    from artistjobs.commands.summary import exit_code, run_json
    from artistjobs.terminal.escape import escape_controls
    from artistjobs.terminal.log import FILE_ONLY, log
    from artistjobs.terminal.log_file import log_file_failure
    from artistjobs.terminal.streams import print_json, print_message

    sentences, code, result = _sentences(arguments, run, ingested), exit_code(run), run_json(run, ingested)
    for sentence in sentences:
        log.info("%s", sentence, extra=FILE_ONLY)
    if failure := log_file_failure():
        sentences.append(failure)
        code = code or StoreError.exit_code
        result |= {"exit_code": code, "message": result["message"] or failure}
    click.get_current_context().meta[RESULT] = result
    try:
        if arguments.as_json:
            print_json(result)
        if texts is not None:
            texts.raise_failure()
    finally:
        if not settings.quiet or code:
            print_message("\n".join(map(escape_controls, sentences)))
    raise Exit(code)


def _sentences(arguments: "CommandArguments", run: "RunReport", ingested: "IngestResult | None") -> list[str]:
    from artistjobs.commands.summary import run_sentences
    from artistjobs.worker.stop import StopReason

    sentences = run_sentences(run, ingested, arguments.database().path)
    if arguments.scenario is not None:
        sentences += _rehearsal_sentences(arguments.scenario, run, arguments.database().path)
    if run.after.pending + run.after.running:
        if run.reason is StopReason.MAX_COST:
            # A run with the same cap would stop at once.
            cap = higher_cap(run.least_cap_usd, arguments.max_cost_usd())
            sentences.append(f"raise --max-cost and continue with: {same_command(cap)}")
        else:
            sentences.append(f"continue with: {same_command()}")
    return sentences


def _rehearsal_sentences(scenario: str, run: "RunReport", database: object) -> list[str]:
    sentences = [f"rehearsal ({scenario}): nothing was sent to OpenAI, and nothing was billed"]
    if run.after.total and run.after.total == run.after.done and not run.counters.calls:
        again = f"all jobs were rehearsed before in {database}; to rehearse them again, name a new database with --db"
        sentences.insert(0, again)
    return sentences


def higher_cap(least_usd: float | None, cap_usd: float | None) -> str:
    """Return a cap with room for further calls, in dollars: twice the larger amount, rounded up to two digits.

    Args:
        least_usd: The cap that the next call would have needed, None if it is unknown.
        cap_usd: The cap of this command, None if it had none of its own.

    """
    amounts = [amount for amount in (least_usd, cap_usd) if amount is not None and math.isfinite(amount)]
    cap = 2 * max(amounts, default=0.5)
    unit = 10.0 ** (math.floor(math.log10(cap)) - 1)
    return f"{math.ceil(round(cap / unit, 6)) * unit:.10f}".rstrip("0").rstrip(".")


def same_command(max_cost: str | None = None) -> str:
    """Return the command line of this process, quoted for a shell; with another cap if ``max_cost`` is given."""
    from artistjobs.store.address import without_passwords

    given = list(map(without_passwords, sys.argv[1:]))
    return " ".join(["artistjobs", *map(_quoted, given if max_cost is None else _with_cap(given, max_cost))])


def _with_cap(arguments: "Sequence[str]", max_cost: str) -> list[str]:
    """Return arguments with another value of ``--max-cost``."""
    kept: list[str] = []
    is_value = False
    for argument in arguments:
        if not is_value and argument != "--max-cost" and not argument.startswith("--max-cost="):
            kept.append(argument)
        is_value = not is_value and argument == "--max-cost"
    return [*kept, "--max-cost", max_cost]


def _quoted(argument: str) -> str:
    if argument.isprintable():
        return shlex.quote(argument)
    # A file name must not control the terminal; bash and zsh read these escapes.
    return "$'" + "".join(map(_escaped, os.fsencode(argument))) + "'"


def _escaped(byte: int) -> str:
    character = chr(byte)
    return character if character.isascii() and character.isprintable() and character not in "'\\" else f"\\x{byte:02x}"
