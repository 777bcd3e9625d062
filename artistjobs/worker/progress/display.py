"""Display of a run while it works: a live block on a terminal, plain lines elsewhere, nothing if quiet.

All output goes to stderr; stdout is never used.
"""

import asyncio
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from artistjobs.core.formatting import cost_text, duration_text
from artistjobs.terminal.live_block import Block
from artistjobs.terminal.log import ConsoleHandler
from artistjobs.worker.progress.snapshot import (
    Display,
    RunSnapshot,
    TakeSnapshot,
    jobs_per_minute,
    seconds_left,
    waiting_for,
)

if TYPE_CHECKING:
    from rich.text import Text


PLAIN_SECONDS = 10.0
"""Interval between plain lines."""


LIVE_SECONDS = 0.25
"""Interval between redraws of the live block."""


def make_display(console: ConsoleHandler, *, quiet: bool) -> Display:
    """Return the display that suits stderr, or one that shows nothing if ``quiet``."""
    if quiet:
        return NoDisplay()
    if console.block is not None:
        return LiveDisplay(console, console.block)
    return LineDisplay(console.print_line)


class NoDisplay:
    """Display that shows nothing."""

    async def watch(self, _take_snapshot: TakeSnapshot) -> None:
        """Wait until cancelled."""
        await asyncio.Event().wait()


class LineDisplay:
    """Display that prints a line every ten seconds."""

    def __init__(self, print_line: Callable[[str], None]) -> None:
        self._print = print_line

    async def watch(self, take_snapshot: TakeSnapshot) -> None:
        """Print the state of the run at intervals until cancelled."""
        while True:
            await asyncio.sleep(PLAIN_SECONDS)
            self._print(plain_line(take_snapshot()))


class LiveDisplay:
    """Display that draws a block on the terminal, with log lines printed above it."""

    def __init__(self, console: ConsoleHandler, block: Block) -> None:
        self._console = console
        self._block = block

    async def watch(self, take_snapshot: TakeSnapshot) -> None:
        """Draw until cancelled, and leave the last state on the screen."""
        from artistjobs.worker.progress.live_view import draw

        block, ansi = self._block, ansi_maker(is_always_coloured=self._block.is_always_coloured)
        with stepping_aside(block):
            try:
                while True:
                    self._console.flush_repeats()
                    block.update([ansi(line) for line in draw(take_snapshot(), block.columns)])
                    await asyncio.sleep(LIVE_SECONDS)
            finally:
                self._console.flush_repeats(at_once=True)
                block.update([ansi(line) for line in draw(take_snapshot(), block.columns)])
                block.finish()


def ansi_maker(*, is_always_coloured: bool = False) -> "Callable[[Text], str]":
    """Return a function that renders a line of text in the colours of this terminal, or always in colours."""
    from rich.console import Console

    # In a notebook, rich would show a cell of its own for each line.
    console = Console(stderr=True, highlight=False, width=10_000, force_jupyter=False)
    if is_always_coloured:
        console = Console(
            force_terminal=True, color_system="standard", highlight=False, width=10_000, force_jupyter=False
        )

    def ansi(line: "Text") -> str:
        with console.capture() as captured:
            console.print(line, end="", soft_wrap=True)
        return captured.get()

    return ansi


@contextmanager
def stepping_aside(block: Block) -> Iterator[None]:
    """Clear the block when Ctrl+Z suspends the program, so that the shell can use the terminal until it continues."""
    loop = asyncio.get_running_loop()

    def step_aside() -> None:
        block.clear()
        os.kill(os.getpid(), signal.SIGSTOP)

    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGTSTP) is not signal.SIG_DFL:
        yield
        return
    loop.add_signal_handler(signal.SIGTSTP, step_aside)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGTSTP)


def plain_line(snapshot: RunSnapshot) -> str:
    """Return the state of a run in one line."""
    counts, totals = snapshot.job_progress.counts, snapshot.totals
    parts = [
        f"done {counts.done:,}/{counts.total:,} {100 * counts.done // max(counts.total, 1)}%",
        f"failed {counts.failed:,}",
        f"in flight {snapshot.in_flight:,}",
        f"{jobs_per_minute(snapshot):,.0f}/min",
        cost_text(totals.cost_usd, totals.unpriced),
        *([f"left {duration_text(left)}"] if (left := seconds_left(snapshot)) is not None else []),
        *snapshot.batches[:1],
        *([f"and {len(snapshot.batches) - 1:,} more batches"] if len(snapshot.batches) > 1 else []),
        *([f"waiting for {wait}"] if (wait := waiting_for(snapshot)) else []),
    ]
    return "  ".join(parts)
