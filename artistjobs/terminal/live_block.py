"""A few lines at the end of a terminal that are drawn again and again, with other lines printed above them.

Between two drawings the cursor rests above the block, on an empty line. A terminal that is resized
wraps lines anew or cuts them, each in its own way, but all keep the cursor at its place in the text:
so whatever becomes of the block, all of it lies below the cursor, and that is what is erased.
"""

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from threading import RLock
from typing import TextIO

# Shown at once if the terminal can do that, and without a cursor that runs about.
_BEGIN, _END = "\x1b[?2026h\x1b[?25l\r", "\x1b[?25h\x1b[?2026l"


# A line that turns out wider than we thought must not take two: it is cut at the right edge.
_CUT, _WRAP = "\x1b[?7l", "\x1b[?7h"


_ERASE_LINE, _ERASE_BELOW = "\x1b[K", "\x1b[J"


USUAL_SIZE = (80, 24)


def can_redraw(stream: TextIO) -> bool:
    """Say whether a stream is a terminal that can redraw."""
    # Asked of the stream itself: rich believes FORCE_COLOR, and would animate into a log file.
    return stream.isatty() and os.environ.get("TERM", "") not in ("", "dumb", "unknown")


class LiveBlock:
    """The lines, on a terminal that can redraw; several threads may print."""

    def __init__(
        self,
        write: Callable[[str], None],
        size: Callable[[], tuple[int, int]],
        may_draw: Callable[[], bool] = lambda: True,
    ) -> None:
        self._write = write
        self._size = size
        self._may_draw = may_draw
        self._lines: list[str] = []
        self._drawn_on = (0, 0)
        self._lock = RLock()

    @property
    def columns(self) -> int:
        """The width that lines have to fit in."""
        # The last column stays free: some terminals begin a new line as soon as it is written to.
        return max(1, self._size()[0] - 1)

    def update(self, lines: Sequence[str]) -> None:
        """Draw these lines in place of those that were shown before, as many as fit."""
        with self._lock:
            size = self._size()
            fitting = list(lines[: max(1, size[1] - 2)])
            # A terminal that is resized in the middle of a drawing keeps half of it: none is made without need.
            if (fitting, size) != (self._lines, self._drawn_on):
                self._lines, self._drawn_on = fitting, size
                self._draw("", self._back())

    def print(self, line: str) -> None:
        """Print a line above the block, to stay."""
        with self._lock:
            if self._lines and self._may_draw():
                self._draw(f"{_ERASE_BELOW}{line}\n", self._back())
            else:
                self._write(line + "\n")

    def finish(self) -> None:
        """Let the block stand as it is, and go on below it."""
        with self._lock:
            if self._lines:
                self._draw("", "\n")
            self._lines = []

    def clear(self) -> None:
        """Take the block away."""
        with self._lock:
            if self._lines and self._may_draw():
                self._write("\r" + _ERASE_BELOW)
            self._lines = []

    def _draw(self, above: str, then: str) -> None:
        if self._may_draw():
            lines = "".join(f"\n\r{_ERASE_LINE}{line}" for line in self._lines)
            self._write(f"{_BEGIN}{above}{_CUT}{_ERASE_LINE}{lines}{_ERASE_BELOW}{then}{_WRAP}{_END}")

    def _back(self) -> str:
        return f"\x1b[{len(self._lines)}A\r"


def live_block(stream: TextIO) -> LiveBlock:
    """Return a block on a terminal, empty as yet. One that is gone is no reason to stop."""

    def write(text: str) -> None:
        with suppress(OSError, ValueError):
            stream.write(text)
            stream.flush()

    return LiveBlock(write, lambda: _size_of(stream), lambda: _is_in_front(stream))


def _size_of(stream: TextIO) -> tuple[int, int]:
    try:
        size = os.get_terminal_size(stream.fileno())
    except (OSError, ValueError):
        return USUAL_SIZE
    return size.columns or USUAL_SIZE[0], size.lines or USUAL_SIZE[1]


def _is_in_front(stream: TextIO) -> bool:
    """Say whether this process may draw: a shell that put it into the background has the terminal to itself."""
    try:
        return os.tcgetpgrp(stream.fileno()) == os.getpgrp()
    except (OSError, ValueError):
        return True  # not the terminal that we were started from
