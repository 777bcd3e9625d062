"""Showing a run while it works: a live block on a terminal, a plain line now and then elsewhere.

Everything goes to stderr; stdout is never touched, and never taken over.
"""

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from artistjobs.core.formatting import cost_text, duration_text
from artistjobs.terminal.live_block import Block
from artistjobs.terminal.log import Voice
from artistjobs.worker.progress.snapshot import Glance, Look, Watch, jobs_per_minute, seconds_left, waiting_for

if TYPE_CHECKING:
    from rich.text import Text


PLAIN_SECONDS = 10.0
"""How often a plain line is said."""


LIVE_SECONDS = 0.25
"""How often the live block is drawn."""


def make_watch(voice: Voice, *, quiet: bool) -> Watch:
    """Return what suits the place that stderr leads to."""
    if quiet:
        return Blind()
    if voice.block is not None:
        return Live(voice, voice.block)
    return Plain(voice.print_line)


class Blind:
    """Shows nothing."""

    async def watch(self, _look: Look) -> None:
        """Wait to be cancelled."""
        await asyncio.Event().wait()


class Plain:
    """Says one line every ten seconds."""

    def __init__(self, print_line: Callable[[str], None]) -> None:
        self._print = print_line

    async def watch(self, look: Look) -> None:
        """Say how the run stands until cancelled."""
        while True:
            await asyncio.sleep(PLAIN_SECONDS)
            self._print(plain_line(look()))


class Live:
    """Draws a block on the terminal, with log lines printed above it."""

    def __init__(self, voice: Voice, block: Block) -> None:
        self._voice = voice
        self._block = block

    async def watch(self, look: Look) -> None:
        """Draw until cancelled, and leave the last picture standing."""
        from artistjobs.worker.progress.live_view import draw

        block, ansi = self._block, ansi_maker()
        with stepping_aside(block):
            try:
                while True:
                    self._voice.tell_grouped()
                    block.show([ansi(line) for line in draw(look(), block.columns)])
                    await asyncio.sleep(LIVE_SECONDS)
            finally:
                self._voice.tell_grouped(at_once=True)
                block.show([ansi(line) for line in draw(look(), block.columns)])
                block.leave()


def ansi_maker() -> "Callable[[Text], str]":
    """Return what makes a line of text into bytes for this terminal, in the colours that it has and wants."""
    from rich.console import Console

    console = Console(stderr=True, highlight=False, width=10_000)

    def ansi(line: "Text") -> str:
        with console.capture() as captured:
            console.print(line, end="", soft_wrap=True)
        return captured.get()

    return ansi


@contextmanager
def stepping_aside(block: Block) -> Iterator[None]:
    """Leave the terminal to the shell when Ctrl+Z is pressed, until the program is continued."""
    loop = asyncio.get_running_loop()

    def step_aside() -> None:
        block.clear()
        os.kill(os.getpid(), signal.SIGSTOP)

    if signal.getsignal(signal.SIGTSTP) is not signal.SIG_DFL:
        yield
        return
    loop.add_signal_handler(signal.SIGTSTP, step_aside)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGTSTP)


def plain_line(glance: Glance) -> str:
    """Return how a run stands, in one line."""
    counts, totals = glance.standing.counts, glance.totals
    parts = [
        f"done {counts.done:,}/{counts.total:,} {100 * counts.done // max(counts.total, 1)}%",
        f"failed {counts.failed:,}",
        f"in flight {glance.in_flight:,}",
        f"{jobs_per_minute(glance):,.0f}/min",
        cost_text(totals.cost_usd, totals.unpriced),
        *([f"left {duration_text(left)}"] if (left := seconds_left(glance)) is not None else []),
        *([f"waiting for {wait}"] if (wait := waiting_for(glance)) else []),
    ]
    return "  ".join(parts)
