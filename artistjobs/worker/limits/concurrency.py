"""How many calls may be in flight: few until the first reply, then all, and fewer after a refusal.

A refusal halves it, successes let it grow again: quickly up to where it was too much, one call a
round trip beyond (additive increase, multiplicative decrease, as in TCP).
"""

from collections.abc import Callable
from typing import Final

FIRST_CALLS: Final = 8
"""In flight until somebody has replied: the first reply's headers tell the limit, if there is one."""


FORGIVEN_SECONDS: Final = 30.0
"""After so long without a refusal, nothing is known any more of where it was too much."""


class ConcurrencyLimit:
    """The calls in flight, and how many there may be."""

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
    def is_full(self) -> bool:
        """Whether the next call has to wait for the end of another."""
        return self.in_flight >= max(1, int(self.size))

    @property
    def slowed_to(self) -> int | None:
        """How many calls may be in flight after refusals, None if as many as wanted."""
        return None if self._refused_at is None or self.size >= self._largest else max(1, int(self.size))

    def answered(self) -> None:
        """Take in that a server replied, whatever it said save that there were too many calls."""
        if not self._is_answered:
            self._is_answered = True
            self.size = float(self._largest) if self._refused_at is None else self.size
        elif self.size < self._largest:
            self.size = min(self._largest, self.size + (1.0 if self.size < self._limit() else 1 / self.size))

    def resize(self, largest: int) -> None:
        """Take another number for the largest; where nothing speaks against it, it is had at once."""
        self._largest = largest
        if not self._is_answered:
            self.size = float(min(self._first, largest))
        elif self._refused_at is None:
            self.size = float(largest)
        else:
            self.size = min(self.size, float(largest))

    def refused(self) -> None:
        """Take in that there were too many calls."""
        self._is_answered = True
        self._refused_at = self._clock()
        self.size = self._too_much = max(1.0, min(self.size, float(self.in_flight + 1)) / 2)

    def _limit(self) -> float:
        is_forgiven = self._refused_at is None or self._clock() - self._refused_at > FORGIVEN_SECONDS
        return self._largest if is_forgiven else self._too_much
