"""Moments as they are stored: UTC text of fixed width, so that text order is time order."""

from datetime import UTC, datetime
from time import localtime, strftime


def to_timestamp(seconds: float) -> str:
    """Return the moment ``seconds`` after the epoch as ``2026-11-22T20:51:07.123Z``."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def from_timestamp(text: str) -> float:
    """Return the seconds after the epoch of a moment written by ``to_timestamp``."""
    return datetime.fromisoformat(text).timestamp()


def local_time(text: str, form: str = "%m-%d %H:%M") -> str:
    """Return a stored moment, which is UTC text, as the clock on the wall shows it."""
    return datetime.fromisoformat(text).astimezone().strftime(form)


def clock_text(seconds: float | None = None) -> str:
    """Return a moment, or this one, as the clock on the wall shows it."""
    return strftime("%H:%M:%S", localtime(seconds))
