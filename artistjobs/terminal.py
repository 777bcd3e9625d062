"""Text on its way to a terminal: nothing in it may command the terminal, and numbers are for people."""

import json
import unicodedata
from datetime import datetime
from time import localtime, strftime

_COMMANDS = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode categories that a terminal acts on rather than shows: controls, formats, line ends."""

_HARMLESS = frozenset("\u200d\u200c\ufe0f")
"""Format characters that emoji and some scripts are written with."""


def visible(text: str, keep: str = "") -> str:
    """Return ``text`` with all that a terminal would act on as escapes; ``keep`` stays as it is."""
    if text.isprintable():
        return text
    return "".join(_visible(character) if character not in keep else character for character in text)


def visible_json(text: str) -> str:
    """Return JSON with the same as escapes of JSON's own, so that it means what it meant."""
    if text.isprintable():
        return text
    return "".join(c if c == "\n" or not _commands(c) else json.dumps(c)[1:-1] for c in text)


def brief(text: str, length: int = 60) -> str:
    """Return the beginning of a text that may be of any length."""
    return text if len(text) <= length else text[: length - 1] + "…"


def _visible(character: str) -> str:
    return character.encode("unicode_escape").decode() if _commands(character) else character


def _commands(character: str) -> bool:
    return character not in _HARMLESS and unicodedata.category(character) in _COMMANDS


def duration_text(seconds: float) -> str:
    """Return a duration in its two largest units, such as ``1 h 05 min`` or ``12 s``."""
    whole = round(seconds)
    hours, minutes, rest = whole // 3600, whole % 3600 // 60, whole % 60
    if hours >= 48:  # noqa: PLR2004
        return f"{hours // 24} d {hours % 24:02} h"
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


def moment_local(text: str, form: str = "%m-%d %H:%M") -> str:
    """Return a stored moment, which is UTC text, as the clock on the wall shows it."""
    return datetime.fromisoformat(text).astimezone().strftime(form)


def clock_text(seconds: float | None = None) -> str:
    """Return a moment, or this one, as the clock on the wall shows it."""
    return strftime("%H:%M:%S", localtime(seconds))


def cost_text(usd: float, unpriced: int = 0) -> str:
    """Return an amount of dollars, and for how many answers no price is known."""
    amount = f"${usd:,.2f}" if usd >= 1 else f"${usd:.4f}"
    if not unpriced:
        return amount
    unknown = f"{counted(unpriced, 'answer')} of unknown price"
    return f"{amount} and {unknown}" if usd else unknown


def are(count: int, noun: str) -> str:
    """Return the same as the beginning of a sentence, such as ``1 job is`` or ``3,532 jobs are``."""
    return f"{counted(count, noun)} {'is' if count == 1 else 'are'}"


def counted(count: int, noun: str) -> str:
    """Return a number with its noun, such as ``1 job`` or ``3,532 jobs``."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")
