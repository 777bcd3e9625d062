"""Latency window: the number of calls in flight that is worth having, found by the latency of answers.

More calls are worth having as long as they bring more answers. If the number of calls grows and the latency grows by
more than half as much (on a logarithmic scale), the service is at its capacity, and most of the additional calls only
wait there. This is the point at which throughput divided by latency is greatest (Kleinrock's power).

Latencies vary by the answer, so the window judges cohorts: all calls that started within some time, by the median of
their latencies. It begins with doubling. Afterwards it compares each cohort with a reference, the median latency with
fewer calls: up to ``TOLERANCE`` times the reference it grows by steps, above it shrinks in proportion.

The reference is measured again and again, in a dip: for one cohort the window is a quarter smaller. If the latency does
not fall then, our calls are not its cause, and the window returns to its former size and takes the latency as it is.
All processes that share a service dip at the same moments of the clock, so that each of them sees the effect of all.
"""

import math
from dataclasses import dataclass
from typing import Final

from artistjobs.worker.limits.cohort import SHORTEST_SECONDS, CallEnd, Cohort

FIRST_WINDOW: Final = 8
"""Calls in flight with which the window begins."""


DOUBLING: Final = 2.0


DIP: Final = 0.75
"""Share of the window that a dip leaves."""


TOLERANCE: Final = DIP**-0.5
"""Latency that is accepted, as a multiple of the reference: what half of a dip's effect would be."""


STEPS: Final = (1.05, 1.1, 1.25, 1.5, 2.0)
"""Factors of growth after the beginning, the next one after each cohort whose latency is accepted."""


FREE_STEPS: Final = 3
"""Steps of growth in a row after which it is no longer the latency that keeps the window from growing."""


NEAR: Final = 1.03
"""Latency as a multiple of the reference below which steps grow twice as fast."""


MIN_COHORT: Final = 30
"""Smallest number of calls by which the window is judged."""


FAILED_SHARE: Final = 0.2
"""Share of a cohort's calls that failed at the service, above which the window shrinks."""


FAR: Final = 1.08
"""Latency as a multiple of the reference above which steps stay small."""


CLEAR: Final = 1.5
"""Latency as a multiple of the reference that needs no second look."""


LEAST_LEFT: Final = 0.5
"""Share of the window that is left after one cohort, or until the next dip if other processes share the service.

What one of several processes does may have no effect that it can measure: only a dip of all shows the cause.
"""


COHORTS_BETWEEN_DIPS: Final = 8


REFERENCE_CALLS: Final = 150
"""Number of calls on which a reference rests; below it a judgement is made only after one more dip."""


LEAST_DIP_SECONDS: Final = 4.0
"""Shortest time between two dips; longer times are this one doubled, so that processes agree on the moments."""


@dataclass(slots=True)
class Reference:
    """Latency with fewer calls in flight, as the mean over cohorts, and the number of calls that it rests on."""

    seconds: float
    calls: int

    def add(self, seconds: float, calls: int) -> None:
        """Add the median latency of a cohort; later ones weigh more than earlier ones."""
        self.seconds = _mean(self.seconds, seconds, calls / (calls + self.calls))
        self.calls = min(self.calls + calls, REFERENCE_CALLS)


class LatencyWindow:
    """Finds the number of calls in flight; times are in seconds on the caller's clock.

    ``wall_ahead`` is the difference of the wall clock to that clock, by which processes on several machines agree.
    """

    def __init__(self, largest: int, first: int = FIRST_WINDOW, wall_ahead: float = 0.0) -> None:
        self._largest = largest
        self._wall_ahead = wall_ahead
        self.size = float(min(first, largest))
        self.is_held_by_latency = False
        self.is_shared = False
        self._is_doubling = True
        self._accepted = self.size
        self._steps = 0
        self._reference: Reference | None = None
        self._latest, self._was_full = (self.size, SHORTEST_SECONDS), False
        self._high: tuple[float, float] | None = None
        self._peak: tuple[float, float] | None = None
        self._next_dip_at = math.inf
        self._cohort: Cohort | None = None

    def begin(self, first: int) -> None:
        """Set the size to begin with."""
        self._set(float(first))
        self._accepted = self.size

    def resize(self, largest: int) -> None:
        """Set the largest size."""
        self._largest = largest
        self._set(self.size)

    def start(self, now: float, in_flight: int, *, is_free: bool) -> None:
        """Record the start of a call, which is the last of ``in_flight``.

        ``is_free`` is True unless the call had to wait for something else than the number of calls in flight.
        """
        if self._next_dip_at <= now and self._reference is not None and self._may_dip:
            self._plan_dip(now, self._reference.seconds)
            self._dip(self.size, 0.0, self.size * DIP)
        if self._cohort is None or self._cohort.is_lost:
            if in_flight > math.ceil(self.size):
                return  # calls of a larger window are still in flight
            self._cohort = Cohort(int(self.size), max(MIN_COHORT, int(self.size)), began_at=now)
        self._cohort.start(now, in_flight, is_free=is_free)

    def end(self, now: float, end: CallEnd) -> None:
        """Record the end of a call."""
        cohort = self._cohort
        if cohort is None:
            return
        cohort.end(end)
        if cohort.is_over:
            self._cohort = None
            self._judge(now, cohort)

    def shrink(self, size: float) -> None:
        """Go on with a smaller size, because the service refuses calls or fails."""
        self._set(size)
        self._is_doubling, self._steps, self._cohort, self._high, self._peak = False, 0, None, None, None

    def _judge(self, now: float, cohort: Cohort) -> None:
        if cohort.failed > FAILED_SHARE * cohort.calls:
            self.shrink(self.size * DIP)
            return
        if len(cohort.latencies) < cohort.calls / 2:
            return  # most calls say nothing about the service
        latency = cohort.median
        if self._reference is None:
            self._reference = Reference(latency, cohort.calls)
            self._plan_dip(now, latency)
        if self._high is not None:
            self._end_dip(latency, cohort.calls, self._reference)
            return
        self._latest, self._was_full = (self.size, latency), cohort.is_full
        if not cohort.is_full:
            self._steps = 0
            return
        is_accepted = latency <= TOLERANCE * self._reference.seconds
        if is_accepted and self._is_doubling and self._accepted < self.size:
            self._reference.add(latency, cohort.calls)
        is_clear = latency > CLEAR * self._reference.seconds
        if is_accepted or is_clear or self.is_shared or self._reference.calls >= REFERENCE_CALLS:
            self._decide(latency, self._reference)
        else:
            # Few calls prove little: measure the reference once more.
            self._dip(self.size, latency, self._accepted if self._is_doubling else self.size * DIP)

    def _end_dip(self, latency: float, calls: int, reference: Reference) -> None:
        assert self._high is not None
        low = self.size
        (self.size, before), self._high = self._high, None
        is_near = reference.calls < REFERENCE_CALLS and latency <= TOLERANCE * reference.seconds
        # As long as the number of calls has an effect on the latency, there is a lower latency than this one.
        is_least = not _has_effect(self._latest, (low, latency))
        if is_least and self._peak is not None:
            self._reference = self._return_to_peak(latency)
        elif is_least or is_near or latency < reference.seconds:
            reference.add(latency, calls)
        if before:
            self._decide(before, reference)

    def _decide(self, latency: float, reference: Reference) -> None:
        """Grow if the latency is accepted, and shrink otherwise."""
        if latency > TOLERANCE * reference.seconds:
            self._hold(latency, reference)
            return
        self._peak, self._accepted = None, self.size
        # Near the best size steps up and down alternate.
        self.is_held_by_latency &= self._steps < FREE_STEPS
        if latency > FAR * reference.seconds:
            self._steps = min(self._steps, 1)
        factor = DOUBLING if self._is_doubling else STEPS[min(self._steps, len(STEPS) - 1)]
        self._steps += 1 if latency > NEAR * reference.seconds else 2
        # One more call at least: the smaller of several processes that share a service then catch up.
        self._set(max(self.size * factor, self.size + self.is_shared))

    def _hold(self, latency: float, reference: Reference) -> None:
        self._is_doubling, self._steps, self.is_held_by_latency = False, 0, True
        if self._peak is None:
            self._peak = self.size, latency
        elif self._shows_no_effect(latency):
            self._reference = self._return_to_peak(latency)
            return
        least = LEAST_LEFT * self._peak[0]
        if not self.is_shared:
            least = (LEAST_LEFT if latency > CLEAR * reference.seconds else DIP) * self.size
        self._set(max(least, self.size * TOLERANCE * reference.seconds / latency))

    def _shows_no_effect(self, latency: float) -> bool:
        """Return True if the window has shrunk much since its peak, and the latency has not fallen with it."""
        if self.is_shared or self._peak is None or self.size > DIP * self._peak[0]:
            return False
        return not _has_effect(self._peak, (self.size, latency))

    def _return_to_peak(self, latency: float) -> Reference:
        """Return a latency that does not depend on the size as the reference, and shrink no more."""
        if self._peak is not None:
            self.size = self._peak[0]
        self._peak, self.is_held_by_latency = None, False
        return Reference(latency, MIN_COHORT)

    @property
    def _may_dip(self) -> bool:
        """True unless the window is in a dip, still doubles, or is not what limits the calls."""
        return self._was_full and not self._is_doubling and self._high is None

    def _dip(self, size: float, latency: float, low: float) -> None:
        """Measure the reference with ``low`` calls in flight, then go on with a size and its latency, if it has one."""
        self._high, self._cohort = (size, latency), None
        self._set(round(low))

    def _plan_dip(self, now: float, latency: float) -> None:
        """Set the next moment of a dip: a multiple of a period on the wall clock."""
        cohort_seconds = latency * (1 + max(1.0, MIN_COHORT / self.size))
        wanted = max(LEAST_DIP_SECONDS, COHORTS_BETWEEN_DIPS * cohort_seconds)
        period = LEAST_DIP_SECONDS * 2.0 ** round(math.log2(wanted / LEAST_DIP_SECONDS))
        wall = now + self._wall_ahead
        self._next_dip_at = (math.floor(wall / period) + 1) * period - self._wall_ahead

    def _set(self, size: float) -> None:
        self.size = max(1.0, min(size, float(self._largest)))


def _has_effect(high: tuple[float, float], low: tuple[float, float]) -> bool:
    """Return True if the latency fell with the size by more than half as much."""
    return math.log(high[1] / low[1]) > math.log(high[0] / low[0]) / 2


def _mean(old: float, new: float, weight: float) -> float:
    """Return the weighted geometric mean of two latencies."""
    return math.exp((1 - weight) * math.log(old) + weight * math.log(new))
