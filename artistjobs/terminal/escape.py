"""Text on its way to a terminal: nothing in it may command the terminal, and numbers are for people."""

import json
import unicodedata

_COMMANDS = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode categories that a terminal acts on rather than shows: controls, formats, line ends."""


_HARMLESS = frozenset("\u200d\u200c\ufe0f")
"""Format characters that emoji and some scripts are written with."""


def escape_controls(text: str, keep: str = "") -> str:
    """Return ``text`` with all that a terminal would act on as escapes; ``keep`` stays as it is."""
    if text.isprintable():
        return text
    return "".join(_visible(character) if character not in keep else character for character in text)


def visible_json(text: str) -> str:
    """Return JSON with the same as escapes of JSON's own, so that it means what it meant."""
    if text.isprintable():
        return text
    return "".join(c if c == "\n" or not _commands(c) else json.dumps(c)[1:-1] for c in text)


def _visible(character: str) -> str:
    return character.encode("unicode_escape").decode() if _commands(character) else character


def _commands(character: str) -> bool:
    return character not in _HARMLESS and unicodedata.category(character) in _COMMANDS
