"""Adaptive concurrency: the number of calls that may be in flight at once.

It is small until the first reply, then the maximum. A refusal halves it. Successes raise it again by about one call
per round trip (additive increase, multiplicative decrease, as in TCP), and by one call per reply once the last refusal
is ``FORGIVEN_SECONDS`` ago.
"""

from collections.abc import Callable
from enum import Enum, auto
from typing import Final, Protocol

from artistjobs.worker.limits.cohort import CallEnd

FIRST_CALLS: Final = 8
"""Calls in flight before the first reply, whose headers report the rate limit, if there is one."""


FORGIVEN_SECONDS: Final = 30.0
"""Time without a refusal after which the size that was too large is forgotten."""


class Growth(Enum):
    """Reason why the number of calls in flight does not grow, where it is found while they run."""

    NOTHING = auto()
    LATENCY = auto()
    REFUSAL = auto()
    LARGEST = auto()


class CallLimit(Protocol):
    """Counts the calls in flight, and decides how many may be; ``size`` is their maximum at this moment."""

    size: float
    in_flight: int

    @property
    def wanted(self) -> int:
        """Number of calls that are wanted in flight, which ``size`` may still have to grow to."""

    @property
    def is_full(self) -> bool:
        """True if the next call has to wait for the end of another one."""

    @property
    def slowed_to(self) -> int | None:
        """Maximum number of calls in flight after refusals; None if it is not reduced."""

    @property
    def growth(self) -> Growth | None:
        """Reason why the number does not grow; None if it is fixed."""

    def started(self, *, is_free: bool) -> None:
        """Record the start of a call; ``is_free`` is False if it had to wait for something else than other calls."""

    def ended(self, end: CallEnd | None, *, answered: bool) -> None:
        """Record the end of a call; ``answered`` is True if a server replied without refusing it."""

    def resize(self, largest: int) -> None:
        """Set another largest number."""

    def restart(self) -> None:
        """Begin with few calls after a time without any reply."""

    def refused(self, *, names_time: bool = False) -> None:
        """Record a refusal for too many calls; ``names_time`` is True if the service said when to call again."""


class ConcurrencyLimit:
    """Counts the calls in flight, and adapts their maximum to refusals and successes."""

    growth = None

    def __init__(self, largest: int, clock: Callable[[], float], first: int = FIRST_CALLS) -> None:
        self._clock = clock
        self._largest = largest
        self._first = first
        self._too_much = float(largest)
        self._refused_at: float | None = None
        self._is_answered = False
        self.size = float(min(first, largest))
        self.in_flight = 0

    @property
    def wanted(self) -> int:
        """Maximum number of calls in flight without refusals."""
        return self._largest

    @property
    def is_full(self) -> bool:
        """True if the next call has to wait for the end of another one."""
        return self.in_flight >= max(1, int(self.size))

    def started(self, *, is_free: bool) -> None:  # noqa: ARG002 - as the protocol has it
        """Record the start of a call."""
        self.in_flight += 1

    def ended(self, end: CallEnd | None, *, answered: bool) -> None:  # noqa: ARG002 - as the protocol has it
        """Record the end of a call; ``answered`` is True if a server replied without refusing it."""
        self.in_flight -= 1
        if answered:
            self.answered()

    @property
    def slowed_to(self) -> int | None:
        """Maximum number of calls in flight after refusals; None if it is not reduced."""
        return None if self._refused_at is None or self.size >= self._largest else max(1, int(self.size))

    def answered(self) -> None:
        """Record a reply that is not a refusal for too many calls; the limit may grow."""
        if not self._is_answered:
            self._is_answered = True
            self.size = float(self._largest) if self._refused_at is None else self.size
        elif self.size < self._largest:
            self.size = min(self._largest, self.size + (1.0 if self.size < self._limit() else 1 / self.size))

    def resize(self, largest: int) -> None:
        """Set another maximum; it applies at once if there was a reply and no refusal."""
        self._largest = largest
        if not self._is_answered:
            self.size = float(min(self._first, largest))
        elif self._refused_at is None:
            self.size = float(largest)
        else:
            self.size = min(self.size, float(largest))

    def restart(self) -> None:
        """Begin with one more call than are in flight, and grow with each reply, after a time without any reply."""
        self._is_answered = True
        self.size = min(float(self._largest), self.in_flight + 1.0)

    def refused(self, *, names_time: bool = False) -> None:  # noqa: ARG002 - as the protocol has it
        """Record a refusal for too many calls, and halve the limit."""
        self._is_answered = True
        self._refused_at = self._clock()
        self.size = self._too_much = max(1.0, min(self.size, float(self.in_flight + 1)) / 2)

    def _limit(self) -> float:
        is_forgiven = self._refused_at is None or self._clock() - self._refused_at > FORGIVEN_SECONDS
        return self._largest if is_forgiven else self._too_much
