"""Numbers and durations as text for people."""


def truncate(text: str, length: int = 60) -> str:
    """Return the beginning of a text that may be of any length."""
    return text if len(text) <= length else text[: length - 1] + "…"


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
    unknown = f"{count_text(unpriced, 'answer')} of unknown price"
    return f"{amount} and {unknown}" if usd else unknown


def count_is(count: int, noun: str) -> str:
    """Return the same as the beginning of a sentence, such as ``1 job is`` or ``3,532 jobs are``."""
    return f"{count_text(count, noun)} {'is' if count == 1 else 'are'}"


def count_text(count: int, noun: str) -> str:
    """Return a number with its noun, such as ``1 job`` or ``3,532 jobs``."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")
