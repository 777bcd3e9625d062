"""A terminal that results are shown on: how wide it is, whether it takes colours, and drawing in place."""

import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import Enum

from artistjobs.terminal.streams import print_result


class Style(Enum):
    """What a line is, and the terminal's number for how it looks."""

    PLAIN = ""
    TITLE = "1"  # bold
    HEAD = "2"  # dim
    BAD = "31"  # red
    COMMAND = "36"  # cyan


def styled(text: str, style: Style, is_coloured: bool) -> str:  # noqa: FBT001
    """Return the text in its style, or as it is."""
    return f"\x1b[{style.value}m{text}\x1b[0m" if is_coloured and style.value and text else text


_DUMB = ("dumb", "unknown")


# The other screen, as editors use it, and no cursor; and back. DEC private modes 1049 and 25, as in xterm's control
# sequences.
_ENTER, _LEAVE = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"


_HOME, _END_OF_LINE, _REST = "\x1b[H", "\x1b[K", "\x1b[J"


class Screen:
    """Where stdout leads to."""

    def __init__(self) -> None:
        self.is_terminal = sys.stdout.isatty()
        self.can_redraw = self.is_terminal and os.environ.get("TERM") not in _DUMB
        self.is_coloured = self.can_redraw and not os.environ.get("NO_COLOR")

    @property
    def width(self) -> int | None:
        """Cells in a line, None where it matters to nobody."""
        return shutil.get_terminal_size().columns if self.is_terminal else None

    @contextmanager
    def alternate_screen(self) -> Iterator[None]:
        """Draw on the other screen; the first one comes back as it was, with its cursor, however this ends."""
        if not self.can_redraw:
            yield
            return
        _write(_ENTER)
        try:
            yield
        finally:
            _write(_LEAVE)

    def draw(self, lines: Sequence[str]) -> None:
        """Show lines in place of those before; without a screen to draw on, after them.

        Nothing is erased before something else is there, so that nothing flickers.
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
