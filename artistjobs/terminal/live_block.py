"""Live block: a few lines at the end of a terminal that are redrawn in place, with log lines printed above them.

Between two drawings the cursor stays above the block, on an empty line. When a terminal is resized, it wraps or
truncates lines in its own way, but every terminal keeps the cursor at its place in the text. The whole block is
therefore always below the cursor, and everything below the cursor is erased before the next drawing.
"""

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from threading import RLock
from typing import Protocol, TextIO

# Synchronized output (DEC private mode 2026) shows a drawing at once where the terminal supports it; mode 25 hides
# the cursor meanwhile.
_BEGIN, _END = "\x1b[?2026h\x1b[?25l\r", "\x1b[?25h\x1b[?2026l"


# No line wrapping (DEC private mode 7): a line that is wider than computed is truncated at the right edge.
_CUT, _WRAP = "\x1b[?7l", "\x1b[?7h"


_ERASE_LINE, _ERASE_BELOW = "\x1b[K", "\x1b[J"


USUAL_SIZE = (80, 24)


def can_redraw(stream: TextIO) -> bool:
    """Return True if a stream is a terminal that can redraw lines."""
    # The stream itself decides: rich obeys FORCE_COLOR and would animate into a log file.
    return stream.isatty() and os.environ.get("TERM", "") not in ("", "dumb", "unknown")


class Block(Protocol):
    """Lines that are redrawn in place, with permanent lines above them; safe to use from several threads."""

    @property
    def is_always_coloured(self) -> bool:
        """True if it shows ANSI colours on any terminal and without one."""

    @property
    def columns(self) -> int:
        """The maximum width of a line, in cells."""

    def update(self, lines: Sequence[str]) -> None:
        """Replace the lines of the block; they may have ANSI colours."""

    def print(self, line: str) -> None:
        """Print a permanent line above the block."""

    def finish(self) -> None:
        """Leave the block where it is, and begin another one with the next update."""

    def clear(self) -> None:
        """Erase the block."""


class LiveBlock:
    """Lines at the end of a terminal that are redrawn in place; safe to use from several threads."""

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
    def is_always_coloured(self) -> bool:
        """False: the terminal decides."""
        return False

    @property
    def columns(self) -> int:
        """The maximum width of a line, in cells."""
        # The last column stays free: some terminals start a new line as soon as it is written to.
        return max(1, self._size()[0] - 1)

    def update(self, lines: Sequence[str]) -> None:
        """Replace the lines of the block; lines that do not fit on the screen are not shown."""
        with self._lock:
            size = self._size()
            fitting = list(lines[: max(1, size[1] - 2)])
            # A terminal that is resized during a drawing keeps half of it, so unchanged lines are not drawn again.
            if (fitting, size) != (self._lines, self._drawn_on):
                self._lines, self._drawn_on = fitting, size
                self._draw("", self._back())

    def print(self, line: str) -> None:
        """Print a permanent line above the block."""
        with self._lock:
            if self._lines and self._may_draw():
                self._draw(f"{_ERASE_BELOW}{line}\n", self._back())
            else:
                self._write(line + "\n")

    def finish(self) -> None:
        """Leave the block on the screen and move the cursor below it."""
        with self._lock:
            if self._lines:
                self._draw("", "\n")
            self._lines = []

    def clear(self) -> None:
        """Erase the block."""
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
    """Return an empty block on a terminal. Errors of writing are ignored: a closed terminal does not stop a run."""

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
    """Return True if this process may draw: while it runs in the background, the terminal belongs to the shell."""
    try:
        return os.tcgetpgrp(stream.fileno()) == os.getpgrp()
    except (OSError, ValueError):
        return True  # not the controlling terminal of this process
