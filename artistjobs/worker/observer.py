"""Observer of a run: takes snapshots of its running parts for the display."""

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic, time

from artistjobs.store.batch_text import batch_line
from artistjobs.worker.config import WorkConfig
from artistjobs.worker.limits.circuit_breaker import Breaker
from artistjobs.worker.limits.rate_limiter import Limiter, Wait
from artistjobs.worker.progress.counters import RunCounters
from artistjobs.worker.progress.job_counts import JobProgress, initial_job_progress
from artistjobs.worker.progress.snapshot import RunSnapshot
from artistjobs.worker.stop import Stop
from artistjobs.worker.store_thread import StoreThread


@dataclass(frozen=True, slots=True)
class RunObserver:
    """Takes snapshots of the run in this process."""

    config: WorkConfig
    counters: RunCounters
    limiter: Limiter
    stop: Stop
    store_thread: StoreThread
    breaker: Breaker
    most_calls: Callable[[], int]
    clock: Callable[[], float] = monotonic

    def __call__(self) -> RunSnapshot:
        """Return a snapshot of the run at this moment."""
        now, counters, store_thread, settings = (
            self.clock(),
            self.counters,
            self.store_thread,
            self.store_thread.settings_poller.settings,
        )
        return RunSnapshot(
            at=now,
            started_at=counters.started_at,
            job_progress=store_thread.job_counts.job_progress or self._before(),
            totals=counters.totals(),
            jobs_per_minute=counters.throughput.per_minute(now, counters.started_at),
            last_done_at=counters.throughput.last_at,
            in_flight=counters.in_flight,
            max_workers=min(self.limiter.wanted, self.most_calls()),
            workers=store_thread.live_workers,
            claimed_by_others=store_thread.claimed_by_others,
            limit=self.config.limit,
            cap_usd=settings.max_cost_usd,
            spent_usd=store_thread.reservations.money.spent_usd,
            slowed_to=self.limiter.slowed_to,
            latencies=counters.latencies.buckets(),
            wait=self._wait(now),
            failures=tuple(reversed(counters.failures.values())),
            paused=settings.is_paused,
            stopping=self.stop.is_requested(),
            batches=tuple(batch_line(record, time()) for record in store_thread.batches),
        )

    def _wait(self, now: float) -> Wait | None:
        rest = self.breaker.rest
        if rest is None:
            return self.limiter.waiting or self._wait_between_calls(now)
        is_probing = rest.next_probe_at is None and self.counters.in_flight
        until = now if is_probing else max(rest.next_probe_at or now, self.limiter.paused_until)
        return Wait(rest.cause, until, rest.gives_up_at)

    def _wait_between_calls(self, now: float) -> Wait | None:
        """Return why no call is in flight while none waits for its turn, as if all jobs wait to be called again."""
        if self.counters.in_flight:
            return None
        next_job_at = self.store_thread.next_job_at
        if next_job_at is None:
            return self.limiter.pause_in_progress
        return Wait("the next call of a job", now + next_job_at - time())

    def _before(self) -> JobProgress:
        """Return the job progress at the start of the run, for use until the jobs are counted again."""
        return initial_job_progress(self.counters.before, self.counters.started_at)
