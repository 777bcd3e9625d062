"""Escape control characters in text that is printed, so that untrusted text cannot control the terminal."""

import json
import unicodedata

_COMMANDS = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode categories that a terminal interprets instead of showing: control and format characters, line ends."""


_HARMLESS = frozenset("\u200d\u200c\ufe0f")
"""Format characters that emoji and some scripts need; they are not escaped."""


def escape_controls(text: str, keep: str = "") -> str:
    """Return ``text`` with control characters as backslash escapes; characters in ``keep`` are unchanged."""
    if text.isprintable():
        return text
    return "".join(_visible(character) if character not in keep else character for character in text)


def visible_json(text: str) -> str:
    """Return JSON text with control characters as JSON escapes, so that its value is unchanged."""
    if text.isprintable():
        return text
    return "".join(c if c == "\n" or not _commands(c) else json.dumps(c)[1:-1] for c in text)


def _visible(character: str) -> str:
    return character.encode("unicode_escape").decode() if _commands(character) else character


def _commands(character: str) -> bool:
    return character not in _HARMLESS and unicodedata.category(character) in _COMMANDS
