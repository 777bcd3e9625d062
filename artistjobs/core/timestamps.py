"""Timestamps as stored: UTC text of fixed width, so that text order is time order."""

from datetime import UTC, datetime
from functools import lru_cache


@lru_cache(maxsize=64)
def to_timestamp(seconds: float) -> str:
    """Return the time ``seconds`` after the epoch as UTC text, such as ``2026-11-22T20:51:07.123Z``."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def from_timestamp(text: str) -> float:
    """Return the seconds after the epoch of a timestamp written by ``to_timestamp``."""
    return datetime.fromisoformat(text).timestamp()
