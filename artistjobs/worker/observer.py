"""Looking at a run: the parts of it that a glance is taken of."""

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

from artistjobs.worker.config import WorkConfig
from artistjobs.worker.limits.budget import Budget
from artistjobs.worker.limits.rate_limiter import Limiter
from artistjobs.worker.progress.counters import Tally
from artistjobs.worker.progress.job_counts import Standing, standing_at_first
from artistjobs.worker.progress.snapshot import Glance
from artistjobs.worker.stop import Stop
from artistjobs.worker.store_thread import Desk


@dataclass(frozen=True, slots=True)
class Looking:
    """Takes glances of the run of this process."""

    config: WorkConfig
    tally: Tally
    limiter: Limiter
    budget: Budget
    stop: Stop
    desk: Desk
    clock: Callable[[], float] = monotonic

    def __call__(self) -> Glance:
        """Return how the run stands now."""
        now, tally, desk, tuning = self.clock(), self.tally, self.desk, self.desk.hearing.tuning
        return Glance(
            at=now,
            started_at=tally.started_at,
            standing=desk.lookout.standing or self._before(),
            totals=tally.totals(),
            jobs_per_minute=tally.pace.per_minute(now, tally.started_at),
            in_flight=tally.in_flight,
            max_workers=tuning.max_workers,
            workers=desk.living,
            held_elsewhere=desk.held_elsewhere,
            limit=self.config.limit,
            cap_usd=tuning.max_cost_usd,
            spent_usd=max(self.budget.spent_usd, desk.till.spent_usd),
            slowed_to=self.limiter.slowed_to,
            latencies=tally.latencies.buckets(),
            wait=self.limiter.waiting,
            failures=tuple(reversed(tally.failures.values())),
            paused=tuning.is_paused,
            stopping=self.stop.is_requested(),
        )

    def _before(self) -> Standing:
        """Return how it stood before anybody had looked."""
        return standing_at_first(self.tally.before, self.tally.started_at)
