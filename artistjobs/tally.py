"""What a run has come to so far: the numbers that display, summary and exit code are made of."""

from collections import Counter, deque
from dataclasses import dataclass, field

from artistjobs.outcome import Attempt, Outcome
from artistjobs.store import Counts


@dataclass(slots=True)
class Tally:
    """Counted as attempts are settled; ``before`` is how the jobs stood when the run began."""

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
    latencies: deque[float] = field(default_factory=lambda: deque(maxlen=1000))
    done_at: deque[float] = field(default_factory=lambda: deque(maxlen=4000))

    def add(self, attempt: Attempt, now: float) -> None:
        """Count an attempt that was made; ``now`` is on the clock of ``started_at``."""
        self.calls += attempt.calls
        self.retries += attempt.outcome is Outcome.RETRY
        self.failed += attempt.outcome is Outcome.FAILED
        if attempt.failure is not None and attempt.outcome is Outcome.FAILED:
            self.codes[attempt.failure.code] += 1
        if attempt.outcome is Outcome.DONE:
            self.done += 1
            self.done_at.append(now)
            self.latencies.append(attempt.ended_at - attempt.started_at)
        self._add_cost(attempt)

    def _add_cost(self, attempt: Attempt) -> None:
        if (answer := attempt.answer) is None:
            return
        self.input_tokens += answer.usage.input_tokens or 0
        self.output_tokens += answer.usage.output_tokens or 0
        self.cost_usd += answer.cost_usd or 0.0
        self.unpriced += answer.cost_usd is None

    @property
    def pending(self) -> int:
        """Jobs neither done nor failed, as far as this process knows."""
        return max(0, self.before.pending + self.before.running - self.done - self.failed)

    def jobs_per_minute(self, now: float) -> float:
        """Return the jobs done a minute since the run began."""
        return self.done * 60 / max(now - self.started_at, 0.001)

    def recent_jobs_per_minute(self, now: float, seconds: float = 60.0) -> float:
        """Return the jobs done a minute, lately."""
        since = max(now - seconds, self.started_at)
        if self.done_at and len(self.done_at) == self.done_at.maxlen:
            since = max(since, self.done_at[0])
        return sum(1 for moment in self.done_at if moment >= since) * 60 / max(now - since, 0.001)
