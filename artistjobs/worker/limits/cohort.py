"""Cohort of calls: all that start within some time, judged together when enough of them have ended."""

import math
from dataclasses import dataclass, field
from enum import Enum, auto
from statistics import median
from typing import Final

ENDED_SHARE: Final = 0.75
"""Share of a cohort's calls whose end is awaited; the median does not need the slowest ones."""


FULL_SHARE: Final = 0.7
"""Share of a cohort's calls that must have waited for nothing else, and of the window that they must have filled.

Otherwise something else limits the calls, and a larger window would change nothing.
"""


LOST_COHORTS: Final = 10
"""Number of cohorts after which one that is not over is given up."""


SHORTEST_SECONDS: Final = 0.001
"""Latency below which differences say nothing."""


class Ending(Enum):
    """How a call ended, as far as it says something about the service."""

    ANSWERED = auto()
    FAILED = auto()  # an error of the service or the network
    OTHER = auto()  # refused, not made, or an error of the request


@dataclass(frozen=True, slots=True)
class CallEnd:
    """End of a call that was allowed to start at ``started_at``, and took ``seconds`` to be answered."""

    started_at: float
    ending: Ending = Ending.OTHER
    seconds: float = 0.0


@dataclass(slots=True)
class Cohort:
    """Calls that start from ``began_at`` until it is complete at ``complete_at``."""

    size: int
    calls: int
    began_at: float
    complete_at: float = math.inf
    started: int = 0
    later: int = 0
    free: int = 0
    most: int = 0
    ended: int = 0
    failed: int = 0
    latencies: list[float] = field(default_factory=list)

    def start(self, now: float, in_flight: int, *, is_free: bool) -> None:
        """Count a call that starts."""
        if self.started == self.calls:
            self.later += 1
            return
        self.started += 1
        self.free += is_free
        self.most = max(self.most, in_flight)
        if self.started == self.calls:
            self.complete_at = now

    def end(self, end: CallEnd) -> None:
        """Count the end of a call, if it belongs to the cohort."""
        if not self.began_at <= end.started_at <= self.complete_at:
            return
        self.ended += 1
        self.failed += end.ending is Ending.FAILED
        if end.ending is Ending.ANSWERED:
            self.latencies.append(end.seconds)

    @property
    def is_lost(self) -> bool:
        """True if so many calls started since that the ends of this cohort cannot have been recorded."""
        return self.later > LOST_COHORTS * self.calls

    @property
    def is_over(self) -> bool:
        """True if enough calls have ended for a judgement."""
        return self.started >= self.calls and self.ended >= self.calls * ENDED_SHARE

    @property
    def is_full(self) -> bool:
        """True if it was the window that limited the calls, and not something else or a lack of jobs."""
        return self.free >= FULL_SHARE * self.calls and self.most >= FULL_SHARE * self.size

    @property
    def median(self) -> float:
        """Median latency of the calls; those that have not ended take longer than all others."""
        unanswered = self.ended - len(self.latencies)
        ranked = sorted(self.latencies)
        missing = self.calls - unanswered - len(ranked)
        return max(SHORTEST_SECONDS, median([*ranked, *[math.inf] * missing]))
