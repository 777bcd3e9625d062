"""Progress of a run that was started by a program: in the output of a notebook cell, or on stderr."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from artistjobs.terminal.live_block import can_redraw, live_block
from artistjobs.terminal.log import ConsoleHandler, log
from artistjobs.terminal.notebook import notebook_block


@contextmanager
def showing_progress(*, is_shown: bool) -> Iterator[ConsoleHandler]:
    """Show the progress of a run and its warnings within the context, or print nothing.

    Handlers that the program has added to the logger get all log lines in both cases.
    """
    console = _console() if is_shown else ConsoleHandler()
    # Without any handler, Python would print warnings.
    handler = console if is_shown else logging.NullHandler()
    log.addHandler(handler)
    try:
        yield console
    finally:
        log.removeHandler(handler)
        console.clear_status()


def _console() -> ConsoleHandler:
    console = ConsoleHandler(notebook_block() or (live_block(sys.stderr) if can_redraw(sys.stderr) else None))
    console.setLevel(logging.WARNING)
    return console
