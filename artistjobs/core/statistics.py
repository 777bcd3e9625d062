"""Sums, means and intervals of what was measured."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

STANDARD_ERRORS: Final = 2.0
"""On either side of a measured mean."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A number that is not known: where it is expected, and between what."""

    low: float
    middle: float
    high: float

    def times(self, factor: float) -> "Interval":
        """Return so many times as much."""
        return Interval(self.low * factor, self.middle * factor, self.high * factor)

    def plus(self, other: "Interval") -> "Interval":
        """Return both together, as if they erred alike."""
        return Interval(self.low + other.low, self.middle + other.middle, self.high + other.high)


@dataclass(frozen=True, slots=True)
class RunningStats:
    """How often something was measured, its sum and the sum of its squares."""

    count: int = 0
    total: float = 0.0
    squares: float = 0.0

    @property
    def mean(self) -> float:
        """Its mean; 0 if it was never measured."""
        return self.total / self.count if self.count else 0.0

    def forecast(self, number: int) -> Interval:
        """Return what ``number`` more of them sum up to, within two standard errors.

        What is ahead varies by itself, and the mean is known only as well as it was measured. One
        measurement alone tells nothing of either: then it is half to twice of it.
        """
        middle = self.mean * number
        if self.count < 2:  # noqa: PLR2004
            return Interval(middle / 2, middle, middle * 2)
        variance = max(0.0, (self.squares - self.total * self.mean) / (self.count - 1))
        half = STANDARD_ERRORS * math.sqrt(variance * number * (1 + number / self.count))
        return Interval(max(0.0, middle - half), middle, middle + half)


def stats_of(values: Iterable[float | None]) -> RunningStats:
    """Return the sums of what was measured, as far as it was."""
    known = [value for value in values if value is not None]
    return RunningStats(len(known), math.fsum(known), math.fsum(value * value for value in known))


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerStats:
    """What answers came to that were given to the same prompt by the same model."""

    answers: int
    input_tokens: RunningStats
    output_tokens: RunningStats
    cost_usd: RunningStats
    seconds: RunningStats
