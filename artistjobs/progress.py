"""Showing a run while it works: a live block on a terminal, a plain line now and then elsewhere.

Everything goes to stderr; stdout is never touched, and never taken over.
"""

import asyncio
import os
import sys
from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING, Protocol

from artistjobs.log import Voice
from artistjobs.terminal import cost_text, duration_text
from artistjobs.view import View, Watch, seconds_left, waiting_for

if TYPE_CHECKING:
    from rich.console import RenderableType

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

    async def watch(self, view: View) -> None:
        """Wait to be cancelled."""
        await view.stop.wait()


class Plain:
    """Says one line every ten seconds."""

    def __init__(self, print_line: Callable[[str], None]) -> None:
        self._print = print_line

    async def watch(self, view: View) -> None:
        """Say how the run stands until cancelled."""
        while True:
            await asyncio.sleep(PLAIN_SECONDS)
            self._print(plain_line(view, monotonic()))


class Live:
    """Draws a block on the terminal, with log lines printed above it."""

    def __init__(self, voice: Voice) -> None:
        self._voice = voice

    async def watch(self, view: View) -> None:
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
                    live.update(_drawn(draw, view), refresh=True)
                    await asyncio.sleep(LIVE_SECONDS)
            finally:
                live.update(_drawn(draw, view), refresh=True)
                self._voice.print_line = before


def _drawn(draw: "Callable[[View, float], RenderableType]", view: View) -> "RenderableType":
    return draw(view, monotonic())


def plain_line(view: View, now: float) -> str:
    """Return how a run stands, in one line."""
    tally = view.tally
    total = tally.before.total
    done = tally.before.done + tally.done
    parts = [
        f"done {done}/{total} {100 * done // max(total, 1)}%",
        f"failed {tally.before.failed + tally.failed}",
        f"in flight {tally.in_flight}",
        f"{tally.recent_jobs_per_minute(now):.0f}/min",
        cost_text(tally.cost_usd, tally.unpriced),
        *([f"left {duration_text(left)}"] if (left := seconds_left(view, now)) is not None else []),
        *([f"waiting for {wait}"] if (wait := waiting_for(view, now)) else []),
    ]
    return "  ".join(parts)
