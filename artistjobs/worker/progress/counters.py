"""Counters of a run: its jobs, calls, tokens and cost so far, for the display, the summary and the exit code."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from artistjobs.core.attempt import Attempt, Outcome
from artistjobs.core.bound import NO_USAGE, Usage
from artistjobs.core.formatting import truncate
from artistjobs.core.json_values import Json
from artistjobs.store.models import Counts
from artistjobs.worker.progress.throughput import LatencyHistogram, ThroughputMeter

FAILURES_SHOWN = 3


MAX_NAME_LENGTH = 200
"""Maximum characters of a displayed artist name: a name may be a whole table cell, wider than any terminal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunTotals:
    """Totals over the attempts of one or more processes; ``codes`` counts the failed jobs by error code.

    ``usage`` is known at the end of a run.
    """

    done: int = 0
    failed: int = 0
    calls: int = 0
    retries: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0
    unpriced: int = 0
    codes: Mapping[str, int] = field(default_factory=dict)
    usage: Usage = NO_USAGE


@dataclass(frozen=True, slots=True)
class LatestFailure:
    """The latest job that failed with an error code: its artist, and its time in seconds on the monotonic clock."""

    code: str
    artist_name: str
    at: float


def merge_totals(totals: Iterable[RunTotals]) -> RunTotals:
    """Return the sum of the totals of several processes."""
    merged: Counter[str] = Counter()
    codes: Counter[str] = Counter()
    cost_usd, usage = 0.0, NO_USAGE
    for each in totals:
        counts = asdict(each)
        del counts["usage"]
        usage = usage.plus(each.usage)
        codes.update(counts.pop("codes"))
        cost_usd += counts.pop("cost_usd")
        merged.update(counts)
    return RunTotals(**merged, cost_usd=cost_usd, codes=dict(codes), usage=usage)


def totals_json(totals: RunTotals) -> dict[str, Json]:
    """Return totals as JSON, to send to another process."""
    return asdict(totals)


def totals_from_json(value: Mapping[str, Any]) -> RunTotals:
    """Return the totals from the JSON of ``totals_json``."""
    return RunTotals(**{**value, "usage": Usage(**value["usage"])})


@dataclass(slots=True)
class RunCounters:
    """Counters of one process, updated with each attempt; ``before`` holds the job counts at the start of the run."""

    before: Counts
    started_at: float
    done: int = 0
    failed: int = 0
    calls: int = 0
    retries: int = 0
    in_flight: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0
    unpriced: int = 0
    codes: Counter[str] = field(default_factory=Counter)
    usage: Usage = NO_USAGE
    failures: dict[str, LatestFailure] = field(default_factory=dict)
    throughput: ThroughputMeter = field(default_factory=ThroughputMeter)
    latencies: LatencyHistogram = field(default_factory=LatencyHistogram)

    def add(self, attempt: Attempt, now: float) -> None:
        """Count an attempt; ``now`` is on the clock of ``started_at``."""
        self.calls += attempt.calls
        self.retries += attempt.outcome is Outcome.RETRY
        if attempt.outcome is Outcome.FAILED:
            self._add_failed(attempt, now)
        if attempt.outcome is Outcome.DONE:
            self.done += 1
            self.throughput.add(now)
            self.latencies.add(attempt.ended_at - attempt.started_at)
        self._add_cost(attempt)

    def _add_failed(self, attempt: Attempt, now: float) -> None:
        self.failed += 1
        if (failure := attempt.failure) is None:
            return
        self.codes[failure.code] += 1
        self.failures.pop(failure.code, None)
        self.failures[failure.code] = LatestFailure(
            failure.code, truncate(attempt.claim.artist_name, MAX_NAME_LENGTH), now
        )
        if len(self.failures) > FAILURES_SHOWN:
            del self.failures[next(iter(self.failures))]

    def give_back(self, attempt: Attempt) -> None:
        """Take back the failure of a job that is pending again."""
        self.failed -= 1
        if attempt.failure is not None:
            self.codes[attempt.failure.code] -= 1
            self.codes += Counter()  # drops codes without jobs
            self.failures.pop(attempt.failure.code, None)

    def _add_cost(self, attempt: Attempt) -> None:
        if (answer := attempt.answer) is None:
            return
        self.input_tokens += answer.usage.input_tokens or 0
        self.output_tokens += answer.usage.output_tokens or 0
        self.cost_usd += answer.cost_usd or 0.0
        self.unpriced += answer.cost_usd is None

    @property
    def pending(self) -> int:
        """Number of jobs that are neither done nor failed, as far as this process knows."""
        return max(0, self.before.pending + self.before.running - self.done - self.failed)

    def totals(self) -> RunTotals:
        """Return the current totals as a value."""
        return RunTotals(
            done=self.done,
            failed=self.failed,
            calls=self.calls,
            retries=self.retries,
            input_tokens=self.input_tokens,
            output_tokens=self.output_tokens,
            cost_usd=self.cost_usd,
            unpriced=self.unpriced,
            codes=dict(self.codes),
            usage=self.usage,
        )
