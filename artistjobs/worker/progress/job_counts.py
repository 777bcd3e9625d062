"""Job counts: the jobs of a scope in each state, counted in the database across all workers.

Counting is repeated at intervals and takes a small share of the time. The outcomes that this process has stored since
are added, so that its own progress shows at once.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from time import monotonic
from typing import Final

from artistjobs.core.attempt import Attempt, Outcome
from artistjobs.core.job import Scope
from artistjobs.store.models import Counts

JOB_COUNT_SECONDS: Final = 1.0
"""Interval between counts, if counting is quick."""


JOB_COUNT_SHARE: Final = 0.01
"""Maximum share of time spent on counting; a scope of a million scattered jobs is counted less often."""


PACE_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class JobProgress:
    """The jobs in each state, counted at ``counted_at``, plus the outcomes that this process has stored since.

    At ``window_start``, a minute ago or at the start of the run, ``done_at_window_start`` jobs were done, and at the
    first count ``done_before``. Times are in seconds on the monotonic clock, which all processes of a machine share.
    """

    counts: Counts
    counted_at: float
    window_start: float
    done_at_window_start: int
    done_before: int


def initial_job_progress(counts: Counts, at: float) -> JobProgress:
    """Return the job progress at the start of a run, before the first count."""
    return JobProgress(
        counts=counts, counted_at=at, window_start=at, done_at_window_start=counts.done, done_before=counts.done
    )


class JobCountPoller:
    """Counts the jobs at intervals; used by the store thread, while other threads may read the latest counts."""

    def __init__(self, scope: Scope, clock: Callable[[], float] = monotonic) -> None:
        self.job_progress: JobProgress | None = None
        self._scope = scope
        self._clock = clock
        self._not_before = 0.0
        self._counts_seen: deque[tuple[float, int]] = deque()
        self._done_before: int | None = None

    def poll(self, count: Callable[[Scope], Counts]) -> None:
        """Count the jobs, unless the last count was too recent, or took too long to be repeated yet."""
        if (began := self._clock()) < self._not_before:
            return
        counts = count(self._scope)
        now = self._clock()
        self._not_before = began + max(JOB_COUNT_SECONDS, (now - began) / JOB_COUNT_SHARE)
        self._counts_seen.append((now, counts.done))
        while len(self._counts_seen) > 1 and self._counts_seen[1][0] <= now - PACE_SECONDS:
            self._counts_seen.popleft()
        window_start, done_at_window_start = self._counts_seen[0]
        if self._done_before is None:
            self._done_before = counts.done
        self.job_progress = JobProgress(
            counts=counts,
            counted_at=now,
            window_start=window_start,
            done_at_window_start=done_at_window_start,
            done_before=self._done_before,
        )

    def add(self, attempts: Sequence[Attempt]) -> None:
        """Add the outcomes of attempts that were just stored."""
        done = sum(attempt.outcome is Outcome.DONE for attempt in attempts)
        failed = sum(attempt.outcome is Outcome.FAILED for attempt in attempts)
        if self.job_progress is not None and done + failed:
            self.job_progress = replace(self.job_progress, counts=_moved(self.job_progress.counts, done, failed))


def _moved(counts: Counts, done: int, failed: int) -> Counts:
    """Return the counts after more jobs became final: they were counted as running, or else as pending."""
    running = min(counts.running, done + failed)
    return replace(
        counts,
        pending=max(0, counts.pending - (done + failed - running)),
        running=counts.running - running,
        done=counts.done + done,
        failed=counts.failed + failed,
    )
