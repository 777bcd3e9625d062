"""Terminal screen of stdout: its width, its colours, and full-screen drawing."""

import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import Enum

from artistjobs.terminal.streams import print_result


class Style(Enum):
    """Style of a line; the value is its SGR code (ECMA-48)."""

    PLAIN = ""
    TITLE = "1"  # bold
    HEAD = "2"  # dim
    BAD = "31"  # red
    COMMAND = "36"  # cyan


def styled(text: str, style: Style, is_coloured: bool) -> str:  # noqa: FBT001
    """Return the text with the codes of its style, or unchanged if ``is_coloured`` is False."""
    return f"\x1b[{style.value}m{text}\x1b[0m" if is_coloured and style.value and text else text


_DUMB = ("dumb", "unknown")


# Switch to the alternate screen and hide the cursor, and back: DEC private modes 1049 and 25, as documented in
# "XTerm Control Sequences".
_ENTER, _LEAVE = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"


_HOME, _END_OF_LINE, _REST = "\x1b[H", "\x1b[K", "\x1b[J"


class Screen:
    """Properties of stdout, and drawing on it."""

    def __init__(self) -> None:
        self.is_terminal = sys.stdout.isatty()
        self.can_redraw = self.is_terminal and os.environ.get("TERM") not in _DUMB
        self.is_coloured = self.can_redraw and not os.environ.get("NO_COLOR")

    @property
    def width(self) -> int | None:
        """Width in cells; None if stdout is not a terminal."""
        return shutil.get_terminal_size().columns if self.is_terminal else None

    @contextmanager
    def alternate_screen(self) -> Iterator[None]:
        """Use the alternate screen within the context; the normal screen and its cursor are always restored."""
        if not self.can_redraw:
            yield
            return
        _write(_ENTER)
        try:
            yield
        finally:
            _write(_LEAVE)

    def draw(self, lines: Sequence[str]) -> None:
        """Replace the lines on the screen; if stdout cannot redraw, print the lines after those before.

        Each line is overwritten before the rest of it is erased, so that nothing flickers.
        """
        if not self.can_redraw:
            print_result("\n".join([*lines, ""]))
            return
        size = shutil.get_terminal_size()
        shown = [f"{line}{_END_OF_LINE}" for line in lines[: size.lines]]
        _write(_HOME + "\r\n".join(shown) + _REST)


def _write(text: str) -> None:
    sys.stdout.buffer.write(text.encode("utf-8", "replace"))
    sys.stdout.buffer.flush()
