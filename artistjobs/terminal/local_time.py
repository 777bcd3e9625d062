"""Local time for display: of stored timestamps, and of the current moment."""

from datetime import datetime
from time import localtime, strftime


def local_time(text: str, form: str = "%m-%d %H:%M") -> str:
    """Return a stored timestamp in local time, in the given ``strftime`` format."""
    return datetime.fromisoformat(text).astimezone().strftime(form)


def clock_text(seconds: float | None = None) -> str:
    """Return the local time of day of ``seconds`` after the epoch; the current time for None."""
    return strftime("%H:%M:%S", localtime(seconds))
