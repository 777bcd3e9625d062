"""Statistics of measurements: running sums, means, and intervals for forecasts."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

STANDARD_ERRORS: Final = 2.0
"""Half the width of an interval, in standard errors of the mean."""


@dataclass(frozen=True, slots=True)
class Interval:
    """Forecast of a number: the expected value and the bounds around it."""

    low: float
    middle: float
    high: float

    def times(self, factor: float) -> "Interval":
        """Return the interval multiplied by ``factor``."""
        return Interval(self.low * factor, self.middle * factor, self.high * factor)

    def plus(self, other: "Interval") -> "Interval":
        """Return the sum of both intervals; their errors are taken as fully correlated."""
        return Interval(self.low + other.low, self.middle + other.middle, self.high + other.high)


@dataclass(frozen=True, slots=True)
class RunningStats:
    """Statistics of a measured quantity: number of measurements, their sum and the sum of their squares."""

    count: int = 0
    total: float = 0.0
    squares: float = 0.0

    @property
    def mean(self) -> float:
        """Arithmetic mean; 0 without measurements."""
        return self.total / self.count if self.count else 0.0

    def forecast(self, number: int) -> Interval:
        """Return a forecast of the sum of ``number`` more measurements, within two standard errors.

        The interval covers the variance of the future values and the error of the measured mean. A single
        measurement shows neither; the interval is then half to twice its value.
        """
        middle = self.mean * number
        if self.count < 2:  # noqa: PLR2004
            return Interval(middle / 2, middle, middle * 2)
        variance = max(0.0, (self.squares - self.total * self.mean) / (self.count - 1))
        half = STANDARD_ERRORS * math.sqrt(variance * number * (1 + number / self.count))
        return Interval(max(0.0, middle - half), middle, middle + half)


def stats_of(values: Iterable[float | None]) -> RunningStats:
    """Return the statistics of the values that are not None."""
    known = [value for value in values if value is not None]
    return RunningStats(len(known), math.fsum(known), math.fsum(value * value for value in known))


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerStats:
    """Statistics of the answers of one model to one prompt: tokens, cost in dollars, seconds per call."""

    answers: int
    input_tokens: RunningStats
    output_tokens: RunningStats
    cost_usd: RunningStats
    seconds: RunningStats
