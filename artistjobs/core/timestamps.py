"""Timestamps as stored: UTC text of fixed width, so that text order is time order; and local time for display."""

from datetime import UTC, datetime
from time import localtime, strftime


def to_timestamp(seconds: float) -> str:
    """Return the time ``seconds`` after the epoch as UTC text, such as ``2026-11-22T20:51:07.123Z``."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def from_timestamp(text: str) -> float:
    """Return the seconds after the epoch of a timestamp written by ``to_timestamp``."""
    return datetime.fromisoformat(text).timestamp()


def local_time(text: str, form: str = "%m-%d %H:%M") -> str:
    """Return a stored timestamp in local time, in the given ``strftime`` format."""
    return datetime.fromisoformat(text).astimezone().strftime(form)


def clock_text(seconds: float | None = None) -> str:
    """Return the local time of day of ``seconds`` after the epoch; the current time for None."""
    return strftime("%H:%M:%S", localtime(seconds))
