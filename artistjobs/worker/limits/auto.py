"""Automatic limit of the calls in flight: the latency window, and a ceiling below what the service refused.

Services also refuse calls for other reasons than their number. The pause that follows a refusal is enough then.
"""

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


HELD_ANSWERS: Final = 300
"""Answers without another refusal after which the ceiling is gone, at least: one call in 300 may be refused."""


HELD_ROUNDS: Final = 30.0
"""The same as a multiple of the calls in flight at the refusal: after each of them all calls pause for a moment.

A service that refuses some calls whatever their number is does not keep the number small for long, and one that
refuses all beyond its capacity refuses few.
"""


RISE_ROUNDS: Final = 10.0
"""Answers after which the ceiling is one call higher, as a multiple of it; ``HELD_ANSWERS`` at least."""


SELDOM: Final = 100
"""Least number of answers since the last refusal with which a refusal that names a time is about a rate.

The pause is its remedy then, and not a smaller number of calls in flight.
"""


SELDOM_ROUNDS: Final = 3.0
"""The same as a multiple of the calls in flight."""


SAME_LEVEL: Final = 0.7
"""Share of the calls in flight at the last refusal below which another one is not about their number.

It comes while the number rises again after the pause that follows a refusal.
"""


FEW_ANSWERS: Final = 0.5
"""Answers between two refusals, as a share of the calls in flight, below which the window is far too large.

It is halved then.
"""


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
        self._refused_level, self._since_refusal = 0.0, 0
        self._answers, self._held_answers = 0, 0.0
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
        if math.isfinite(self._ceiling):
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
        if end is not None:
            self._window.end(self._clock(), end)
        if answered:
            self.size += 1
            self._answers += 1
            self._since_refusal += 1
            self._ceiling += 1 / max(RISE_ROUNDS * self._ceiling, HELD_ANSWERS)
            if self._answers >= self._held_answers:
                self._ceiling = math.inf
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

    def refused(self, *, names_time: bool = False) -> None:
        """Record a refusal for too many calls; ``names_time`` is True if the service said when to call again."""
        level = max(1.0, min(self.size, self.in_flight - 1.0))
        is_about_rate = names_time and self._since_refusal >= max(SELDOM, SELDOM_ROUNDS * level)
        is_about_number = not is_about_rate and level >= SAME_LEVEL * self._refused_level
        self._refused_level, self._since_refusal = level, 0
        if is_about_number:
            self._lower(level)
        else:
            self.size = max(1.0, level * AFTER_REFUSAL)
        self._follow()

    def _lower(self, level: float) -> None:
        """Stay below a number of calls in flight for some time."""
        is_again = self._held_answers > 0 and self._answers < FEW_ANSWERS * level
        self._answers, self._held_answers = 0, max(HELD_ANSWERS, HELD_ROUNDS * level)
        self._ceiling = max(1.0, round(CEILING * level))
        self.size = max(1.0, level * (0.5 if is_again else AFTER_REFUSAL))
        if is_again:
            self._window.shrink(self.size)

    def _follow(self) -> None:
        """Shrink to the size that is wanted, and report a change of it."""
        wanted = self.wanted
        self.size = min(self.size, float(wanted))
        if wanted != self._reported:
            self._reported = wanted
            self._on_change(wanted)
