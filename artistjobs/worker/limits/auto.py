"""Automatic limit of the calls in flight: the latency window, and a ceiling below what the service refused."""

import math
from collections.abc import Callable
from typing import Final

from artistjobs.core.controls import MOST_AUTO_CALLS
from artistjobs.worker.limits.cohort import CallEnd
from artistjobs.worker.limits.concurrency import Growth
from artistjobs.worker.limits.latency_window import FIRST_WINDOW, LatencyWindow

AFTER_REFUSAL: Final = 0.85
"""Share of the calls in flight that remains after a refusal; the service is relieved, and most slots stay busy."""


CEILING: Final = 0.95
"""Share of the calls in flight at a refusal up to which the window may grow again."""


AGAIN_SECONDS: Final = 10.0
"""Time after a refusal in which another one shows that the window is far too large; it is halved then."""


FIRST_CEILING_SECONDS: Final = 60.0


MAX_CEILING_SECONDS: Final = 600.0
"""Longest time for which a ceiling holds. Each refusal doubles the time, so that refusals stay rare."""


class AutoLimit:
    """Counts the calls in flight, and finds their maximum; it replaces ``ConcurrencyLimit``.

    The window grows by one call for each answer, never at once, so that a service which refuses calls beyond its
    capacity refuses few. ``on_change`` is called with the number of calls that are wanted in flight, if it changes.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        largest: int = MOST_AUTO_CALLS,
        *,
        first: int = FIRST_WINDOW,
        wall_ahead: float = 0.0,
        sharers: Callable[[], int] = lambda: 1,
        on_change: Callable[[int], None] = lambda _size: None,
    ) -> None:
        self._clock = clock
        self._largest = largest
        self._window = LatencyWindow(largest, first, wall_ahead)
        self._sharers = sharers
        self._on_change = on_change
        self._ceiling = math.inf
        self._ceiling_until = 0.0
        self._ceiling_seconds = FIRST_CEILING_SECONDS
        self._refused_at = -math.inf
        self.size = self._window.size
        self.in_flight = 0
        self._reported = self.wanted

    @property
    def wanted(self) -> int:
        """Number of calls that the window admits, as soon as it has grown to it."""
        return max(1, int(min(self._window.size, self._ceiling)))

    @property
    def is_full(self) -> bool:
        """True if the next call has to wait for the end of another one."""
        return self.in_flight >= max(1, int(self.size))

    @property
    def slowed_to(self) -> int | None:
        """Maximum number of calls in flight after refusals; None if it is not reduced."""
        return self.wanted if self._ceiling < self._window.size else None

    @property
    def growth(self) -> Growth:
        """Reason why the number does not grow."""
        if self._ceiling < self._window.size or self._clock() < self._ceiling_until:
            return Growth.REFUSAL
        if self._window.is_held_by_latency:
            return Growth.LATENCY
        return Growth.LARGEST if self._window.size >= self._largest else Growth.NOTHING

    def started(self, *, is_free: bool) -> None:
        """Record the start of a call; ``is_free`` is False if it had to wait for something else than other calls."""
        self.in_flight += 1
        # Before the window has grown to the size that is wanted, calls say nothing about that size.
        if self.size >= self.wanted:
            self._window.is_shared = self._sharers() > 1
            self._window.start(self._clock(), self.in_flight, is_free=is_free)
            self._follow()

    def ended(self, end: CallEnd | None, *, answered: bool) -> None:
        """Record the end of a call; ``answered`` is True if a server replied without refusing it."""
        self.in_flight -= 1
        now = self._clock()
        if now >= self._ceiling_until:
            self._ceiling = math.inf
        if end is not None:
            self._window.end(now, end)
        if answered:
            self.size += 1
        self._follow()

    def begin(self, first: int) -> None:
        """Set the number of calls to begin with."""
        self._window.begin(first)
        self.size = self._window.size
        self._follow()

    def resize(self, largest: int) -> None:
        """Set another largest number."""
        self._largest = largest
        self._window.resize(largest)
        self._follow()

    def restart(self) -> None:
        """Begin with one more call than are in flight, and grow with each reply, after a time without any reply."""
        self.size = min(float(self.wanted), self.in_flight + 1.0)

    def refused(self) -> None:
        """Record a refusal for too many calls."""
        now, at_once = self._clock(), max(1.0, min(self.size, self.in_flight - 1.0))
        is_again = now - self._refused_at < AGAIN_SECONDS
        if math.isfinite(self._refused_at) and not is_again:
            self._ceiling_seconds = min(MAX_CEILING_SECONDS, 2 * self._ceiling_seconds)
        self._refused_at, self._ceiling_until = now, now + self._ceiling_seconds
        self._ceiling = max(1.0, round(CEILING * at_once))
        self.size = max(1.0, at_once * (0.5 if is_again else AFTER_REFUSAL))
        self._window.shrink(self.size if is_again else self._ceiling)
        self._follow()

    def _follow(self) -> None:
        """Shrink to the size that is wanted, and report a change of it."""
        wanted = self.wanted
        self.size = min(self.size, float(wanted))
        if wanted != self._reported:
            self._reported = wanted
            self._on_change(wanted)
