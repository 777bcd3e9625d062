"""Sanitization of untrusted text for the report page: a maximum length, and no control or direction characters."""

import re

_COMMANDS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
"""Control characters, overrides of the writing direction, lone surrogates and noncharacters.

Combining marks and joiners are kept, because scripts and emoji need them.
"""


_LINE_ENDS = re.compile("\r\n?|[\u2028\u2029]")


_ESCAPED = {"&": 5, "<": 4, ">": 4, '"': 5, "'": 5}
"""Bytes of each escaped character in HTML."""


def cleaned(text: str) -> str:
    """Return a text with newlines as the only line ends and with control characters as visible escapes."""
    return _COMMANDS.sub(_escape, _LINE_ENDS.sub("\n", text))


def fitted(text: str | None, most: int) -> str:
    """Return a text truncated to ``most`` bytes of HTML, not counting the ellipsis that ends a truncated text."""
    # Each character takes at least one byte, and cleaning removes none but the second half of a line end.
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
