"""What is said around a command: log lines while it works, a sentence where something is special."""

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from artistjobs.errors import ArtistjobsError
from artistjobs.options import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from artistjobs.log import Voice

BLOCK = "artistjobs.block"
"""Where click keeps the block that a command begins with."""


def begin(settings: Settings) -> None:
    """Say on a terminal that something happens: what is needed for that takes a while to be imported."""
    from artistjobs.block import block_on, is_live

    if not settings.quiet and is_live(sys.stderr):
        ctx = click.get_current_context()
        ctx.meta[BLOCK] = block = block_on(sys.stderr)
        ctx.call_on_close(block.clear)
        block.show(["starting"])


@contextmanager
def talking(settings: Settings, scenario: str | None = None, warning: str | None = None) -> "Iterator[Voice]":
    """Say log lines to people, and first of all what is special about this run."""
    from artistjobs.log import FILE_ONLY, log, logging_to

    with logging_to(settings.verbosity, settings.log_file, click.get_current_context().meta.get(BLOCK)) as voice:
        if scenario is not None and not settings.quiet:
            voice.print_line(f"rehearsal ({scenario}): a simulated API on this machine, no key and no cost")
        if warning:
            log.warning(warning)
        try:
            yield voice
        except ArtistjobsError as error:
            log.error("%s", error, extra=FILE_ONLY)
            raise
