"""Shortages of this machine during a run: fewer calls are made, and the run stops if that does not help."""

from collections.abc import Callable
from typing import Final

from artistjobs.core.bound import Bound
from artistjobs.core.shortage import Shortage
from artistjobs.worker.limits.rate_limiter import Limiter
from artistjobs.worker.stop import Stop, StopReason

PAUSE_SECONDS: Final = 1.0
"""Time for which no call starts after one that got no file handle. Calls in flight free theirs meanwhile."""


MAX_ALONE: Final = 10
"""Number of pauses in a row with no call in flight, whose end could free a handle, before the run stops."""


class Shortages:
    """Reacts to the shortages that calls meet; no job is charged for them."""

    def __init__(self, limiter: Limiter, stop: Stop, in_flight: Callable[[], int]) -> None:
        self._limiter = limiter
        self._stop = stop
        self._in_flight = in_flight
        self._alone = 0

    def note(self, shortage: Shortage) -> None:
        """Slow down for a call that got no file handle; stop the run if memory or threads are short."""
        self._limiter.refused(PAUSE_SECONDS, "file handles", bound=Bound.FILES)
        self._alone = 0 if self._in_flight() else self._alone + 1
        if shortage is not Shortage.FILES or self._alone > MAX_ALONE:
            self._stop.request(StopReason.RESOURCES, shortage)

    def over(self) -> None:
        """Record a call that met no shortage."""
        self._alone = 0
