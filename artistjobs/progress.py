"""Showing a run while it works: a live block on a terminal, a plain line now and then elsewhere.

Everything goes to stderr; stdout is never touched, and never taken over.
"""

import asyncio
import os
import sys
from collections.abc import Callable
from typing import Protocol

from artistjobs.log import Voice
from artistjobs.terminal import cost_text, duration_text
from artistjobs.view import Glance, Look, Watch, jobs_per_minute, seconds_left, waiting_for

PLAIN_SECONDS = 10.0
"""How often a plain line is said."""

LIVE_SECONDS = 0.25
"""How often the live block is drawn."""


class Terminal(Protocol):
    """What can say whether somebody looks at it."""

    def isatty(self) -> bool:
        """Say whether this is a terminal."""


def make_watch(voice: Voice, *, quiet: bool) -> Watch:
    """Return what suits the place that stderr leads to."""
    if quiet:
        return Blind()
    if is_live(sys.stderr):
        return Live(voice)
    return Plain(voice.print_line)


def is_live(stream: Terminal) -> bool:
    """Say whether a stream is a terminal that can redraw."""
    # Asked of the stream itself: rich believes FORCE_COLOR, and would animate into a log file.
    return stream.isatty() and os.environ.get("TERM") not in ("dumb", "unknown")


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

    def __init__(self, voice: Voice) -> None:
        self._voice = voice

    async def watch(self, look: Look) -> None:
        """Draw until cancelled, and leave the last picture standing."""
        from rich.console import Console
        from rich.live import Live as RichLive

        from artistjobs.picture import draw

        console = Console(stderr=True, highlight=False)
        # rich would otherwise put itself in the place of sys.stdout, and results would go to the screen.
        live = RichLive(console=console, auto_refresh=False, redirect_stdout=False, redirect_stderr=False)
        before = self._voice.print_line
        with live:
            self._voice.print_line = lambda line: console.print(line, markup=False, soft_wrap=True)
            try:
                while True:
                    live.update(draw(look()), refresh=True)
                    await asyncio.sleep(LIVE_SECONDS)
            finally:
                live.update(draw(look()), refresh=True)
                self._voice.print_line = before


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
