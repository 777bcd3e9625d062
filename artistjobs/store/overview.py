"""What a report tells of a database: values of one snapshot, bounded in number however many jobs there are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from artistjobs.store.models import FailedJob, Progress

SLOT_WIDTHS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 43_200, 86_400, 604_800)
"""Seconds that a slot or a cell made of slots may last: lengths that people count in."""


class LatencyBucket(NamedTuple):
    """Answers that took from ``low`` to ``low + width`` seconds."""

    low: float
    width: float
    answers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeBucket:
    """What ended in a short time: from ``start`` on, in seconds after the epoch, for as long as all slots last."""

    start: int
    done: int = 0
    failed: int = 0
    cost_usd: float = 0.0
    latencies: Sequence[LatencyBucket] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerPeriod:
    """A worker's time, in seconds after the epoch, and how it ended; None while it has not."""

    start: float
    end: float
    ending: str | None


_STATS = ("answers", "input_tokens", "cached_tokens", "output_tokens", "reasoning_tokens", "cost_usd", "unpriced")


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """What the answers of one model at one tier to one way of asking came to; ``unpriced`` have no known price."""

    prompt: int
    model: str | None
    service_tier: str | None
    answers: int
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    reasoning_tokens: int
    cost_usd: float
    unpriced: int

    def plus(self, other: "Spending") -> "Spending":
        """Return both together."""
        sums = {name: getattr(self, name) + getattr(other, name) for name in _STATS}
        return replace(self, **sums)


@dataclass(frozen=True, slots=True, kw_only=True)
class AnsweredJob:
    """A completed job with its answer."""

    job: int
    artist_name: str
    artist_data: str
    text: str | None
    model: str | None
    service_tier: str | None
    input_tokens: int | None
    output_tokens: int | None
    cost_usd: float | None
    seconds: float
    received_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How much of a database a report takes along."""

    answers: int = 300
    failed: int = 200
    slots: int = 640


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """A database at one moment. ``codes`` counts all failed jobs, ``failed`` are some of each code."""

    calls: int
    retries: int
    lost_usd: float
    asked: Sequence[Progress]
    spent: Sequence[Spending]
    workers: Sequence[WorkerPeriod]
    slots: Sequence[TimeBucket]
    slot_seconds: int
    codes: Mapping[str, int]
    failed: Sequence[FailedJob]
    answered: Sequence[AnsweredJob]

    def jobs(self, state: str | None = None) -> int:
        """Return how many jobs there are, in one state or in all."""
        return sum(getattr(row.counts, state or "total") for row in self.asked)

    def spent_usd(self, prompt: int | None = None) -> float:
        """Return what answers cost as far as it is known, to one way of asking or to all."""
        return sum(row.cost_usd for row in self.spent if prompt in (None, row.prompt))
