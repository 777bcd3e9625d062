"""Data of a report: values from one snapshot of a database, bounded in number however many jobs there are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from artistjobs.core.json_values import Json
from artistjobs.store.models import NOTHING_AWAITED, BackgroundAnswers, BatchRecord, FailedJob, Progress

SLOT_WIDTHS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 43_200, 86_400, 604_800)
"""Allowed lengths in seconds of a time bucket or of a group of them: lengths that people are used to."""


class LatencyBucket(NamedTuple):
    """Number of answers with a latency from ``low`` to ``low + width`` seconds."""

    low: float
    width: float
    answers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeBucket:
    """Attempts ended and money spent from ``start`` on, in seconds after the epoch; all buckets last equally long."""

    start: int
    done: int = 0
    failed: int = 0
    cost_usd: float = 0.0
    latencies: Sequence[LatencyBucket] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerPeriod:
    """Time in which a worker ran, in seconds after the epoch, and the reason of its end; None if it has not ended."""

    start: float
    end: float
    ending: str | None


_STATS = ("answers", "input_tokens", "cached_tokens", "output_tokens", "reasoning_tokens", "cost_usd", "unpriced")


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """Tokens and cost of the answers for one prompt configuration, model and tier; ``unpriced`` have no known cost."""

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
        """Return the sum of both."""
        sums = {name: getattr(self, name) + getattr(other, name) for name in _STATS}
        return replace(self, **sums)


@dataclass(frozen=True, slots=True, kw_only=True)
class AnsweredJob:
    """Completed job with its answer; ``citations`` are its citations and tool calls."""

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
    citations: Sequence[Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Maximum number of rows of each kind and of time buckets in a report; ``prompt`` is the only one, or None."""

    answers: int = 300
    failed: int = 200
    batches: int = 20
    slots: int = 640
    prompt: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """Snapshot of a database. ``codes`` counts all failed jobs by code, ``failed`` holds some of each code."""

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
    batches: Sequence[BatchRecord] = ()
    background: BackgroundAnswers = NOTHING_AWAITED

    def jobs(self, state: str | None = None) -> int:
        """Return the number of jobs in one state, or in all states."""
        return sum(getattr(row.counts, state or "total") for row in self.asked)

    def spent_usd(self, prompt: int | None = None) -> float:
        """Return the known cost of answers in dollars, for one prompt configuration or for all."""
        return sum(row.cost_usd for row in self.spent if prompt in (None, row.prompt))
