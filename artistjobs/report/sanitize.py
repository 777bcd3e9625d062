"""Texts of strangers on a page: bounded, and with nothing in them that turns the text around it."""

import re

_COMMANDS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
"""Controls, overrides of the direction of writing, halves of characters, and what is no character at all.

The marks and joiners that scripts and emoji are written with stay.
"""


_LINE_ENDS = re.compile("\r\n?|[\u2028\u2029]")


_ESCAPED = {"&": 5, "<": 4, ">": 4, '"': 5, "'": 5}
"""How many bytes these come to in HTML."""


def cleaned(text: str) -> str:
    """Return a text with one kind of line end, and with commands as visible escapes."""
    return _COMMANDS.sub(_escape, _LINE_ENDS.sub("\n", text))


def fitted(text: str | None, most: int) -> str:
    """Return the beginning of a text that comes to so many bytes of HTML at most, an ellipsis apart."""
    # No character is shorter than a byte, and none is longer cleaned away.
    begun = cleaned((text or "")[: most + 1])
    size = 0
    for number, character in enumerate(begun):
        size += _ESCAPED.get(character) or len(character.encode())
        if size > most:
            return begun[:number].rstrip() + "…"
    return begun


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"  # noqa: PLR2004
