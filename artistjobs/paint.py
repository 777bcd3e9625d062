"""Colours, few and only on a terminal that wants them."""

from enum import Enum


class Style(Enum):
    """What a line is, and the terminal's number for how it looks."""

    PLAIN = ""
    TITLE = "1"  # bold
    HEAD = "2"  # dim
    BAD = "31"  # red
    COMMAND = "36"  # cyan


def paint(text: str, style: Style, is_coloured: bool) -> str:  # noqa: FBT001
    """Return the text in its style, or as it is."""
    return f"\x1b[{style.value}m{text}\x1b[0m" if is_coloured and style.value and text else text
