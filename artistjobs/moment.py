"""Moments as they are stored: UTC text of fixed width, so that text order is time order."""

from datetime import UTC, datetime


def moment_text(seconds: float) -> str:
    """Return the moment ``seconds`` after the epoch as ``2026-11-22T20:51:07.123Z``."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def moment_seconds(text: str) -> float:
    """Return the seconds after the epoch of a moment written by ``moment_text``."""
    return datetime.fromisoformat(text).timestamp()
