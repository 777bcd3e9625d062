"""Text on its way to a terminal: nothing in it may command the terminal, and numbers are for people."""

import unicodedata

_COMMANDS = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode categories that a terminal acts on rather than shows: controls, formats, line ends."""

_HARMLESS = frozenset("\u200d\u200c\ufe0f")
"""Format characters that emoji and some scripts are written with."""


def visible(text: str, keep: str = "") -> str:
    """Return ``text`` with all that a terminal would act on as escapes; ``keep`` stays as it is."""
    if text.isprintable():
        return text
    return "".join(_visible(character) if character not in keep else character for character in text)


def _visible(character: str) -> str:
    if character in _HARMLESS or unicodedata.category(character) not in _COMMANDS:
        return character
    return character.encode("unicode_escape").decode()


def duration_text(seconds: float) -> str:
    """Return a duration in its two largest units, such as ``1 h 05 min`` or ``12 s``."""
    whole = round(seconds)
    hours, minutes, rest = whole // 3600, whole % 3600 // 60, whole % 60
    if hours >= 48:  # noqa: PLR2004
        return f"{hours // 24} d {hours % 24:02} h"
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


def cost_text(usd: float, unpriced: int = 0) -> str:
    """Return an amount of dollars, and for how many answers no price is known."""
    amount = f"${usd:,.2f}" if usd >= 1 else f"${usd:.4f}"
    if not unpriced:
        return amount
    unknown = f"{unpriced:,} answers of unknown price"
    return f"{amount} and {unknown}" if usd else unknown


def counted(count: int, noun: str) -> str:
    """Return a number with its noun, such as ``1 job`` or ``3,532 jobs``."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")
