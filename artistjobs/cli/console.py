"""What is said around a command: log lines while it works, a sentence where something is special."""

import os
import shlex
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

import click
from click.exceptions import Exit

from artistjobs.cli.options import Settings
from artistjobs.errors import ArtistjobsError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from artistjobs.cli.arguments import CommandArguments
    from artistjobs.store.models import IngestResult
    from artistjobs.terminal.log import ConsoleHandler
    from artistjobs.worker.run import RunReport


BLOCK = "artistjobs.terminal.live_block"
"""Where click keeps the block that a command begins with."""


def show_starting(settings: Settings) -> None:
    """Say on a terminal that something happens: what is needed for that takes a while to be imported."""
    from artistjobs.terminal.live_block import can_redraw, live_block

    if not settings.quiet and can_redraw(sys.stderr):
        ctx = click.get_current_context()
        ctx.meta[BLOCK] = block = live_block(sys.stderr)
        ctx.call_on_close(block.clear)
        block.update(["starting"])


@contextmanager
def logging_output(
    settings: Settings, scenario: str | None = None, warning: str | None = None
) -> "Iterator[ConsoleHandler]":
    """Say log lines to people, and first of all what is special about this run."""
    from artistjobs.terminal.log import FILE_ONLY, log, logging_to

    with logging_to(settings.verbosity, settings.log_file, click.get_current_context().meta.get(BLOCK)) as console:
        if scenario is not None and not settings.quiet:
            console.print_line(f"rehearsal ({scenario}): a simulated API on this machine, no key and no cost")
        if warning:
            log.warning(warning)
        try:
            yield console
        except ArtistjobsError as error:
            log.error("%s", error, extra=FILE_ONLY)
            raise


def _finish(
    settings: Settings, arguments: "CommandArguments", run: "RunReport", ingested: "IngestResult | None" = None
) -> NoReturn:
    from artistjobs.commands.summary import exit_code, run_json, run_sentences
    from artistjobs.terminal.escape import escape_controls
    from artistjobs.terminal.log import FILE_ONLY, log
    from artistjobs.terminal.streams import print_json, print_message
    from artistjobs.worker.stop import StopReason

    if arguments.as_json:
        print_json(run_json(run, ingested))
    sentences = run_sentences(run, ingested, arguments.database().path)
    if arguments.scenario is not None:
        sentences.append(f"rehearsal ({arguments.scenario}): nothing was sent to OpenAI, and nothing cost anything")
    if run.after.pending + run.after.running:
        # The same cap would end it at once.
        first = "with a higher --max-cost " if run.reason is StopReason.MAX_COST else ""
        sentences.append(f"{first}go on with: {same_command()}")
    for sentence in sentences:
        log.info("%s", sentence, extra=FILE_ONLY)
    if not settings.quiet or exit_code(run):
        print_message("\n".join(map(escape_controls, sentences)))
    raise Exit(exit_code(run))


def same_command() -> str:
    """Return the command that this process was started with, fit to be pasted into a shell."""
    return " ".join(["artistjobs", *map(_quoted, sys.argv[1:])])


def _quoted(argument: str) -> str:
    if argument.isprintable():
        return shlex.quote(argument)
    # bash and zsh read such escapes; what a file is called must not command the terminal.
    return "$'" + "".join(map(_escaped, os.fsencode(argument))) + "'"


def _escaped(byte: int) -> str:
    character = chr(byte)
    return character if character.isascii() and character.isprintable() and character not in "'\\" else f"\\x{byte:02x}"
