"""How the jobs of a scope stand in the database, whoever works on them.

Looked at now and then, and never for long; what this process has stored since is added, so that
its own progress shows at once.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from time import monotonic
from typing import Final

from artistjobs.core.attempt import Attempt, Outcome
from artistjobs.core.job import Scope
from artistjobs.store.models import Counts

LOOK_SECONDS: Final = 1.0
"""How often the jobs are counted, if that is quick."""


LOOK_SHARE: Final = 0.01
"""Of the time that may go into counting: a scope of a million scattered jobs is counted that much less often."""


PACE_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The jobs in each state, counted at ``counted_at``, with what this process has stored since.

    A minute before, or when the run began, ``done_then`` were done: at ``then``; ``done_before`` when
    it was first looked at. Moments are on the monotonic clock, which all processes of a machine share.
    """

    counts: Counts
    counted_at: float
    then: float
    done_then: int
    done_before: int


def standing_at_first(counts: Counts, at: float) -> Standing:
    """Return how the jobs stand when a run begins, before anybody has looked again."""
    return Standing(counts=counts, counted_at=at, then=at, done_then=counts.done, done_before=counts.done)


class Lookout:
    """Keeps the standing; it is used by the thread that writes, and its ``standing`` may be read by any."""

    def __init__(self, scope: Scope, clock: Callable[[], float] = monotonic) -> None:
        self.standing: Standing | None = None
        self._scope = scope
        self._clock = clock
        self._not_before = 0.0
        self._looks: deque[tuple[float, int]] = deque()
        self._done_before: int | None = None

    def look(self, count: Callable[[Scope], Counts]) -> None:
        """Count the jobs, unless they were counted just now or that takes too long to be done again so soon."""
        if (began := self._clock()) < self._not_before:
            return
        counts = count(self._scope)
        now = self._clock()
        self._not_before = began + max(LOOK_SECONDS, (now - began) / LOOK_SHARE)
        self._looks.append((now, counts.done))
        while len(self._looks) > 1 and self._looks[1][0] <= now - PACE_SECONDS:
            self._looks.popleft()
        then, done_then = self._looks[0]
        if self._done_before is None:
            self._done_before = counts.done
        self.standing = Standing(
            counts=counts, counted_at=now, then=then, done_then=done_then, done_before=self._done_before
        )

    def add(self, attempts: Sequence[Attempt]) -> None:
        """Add what was stored just now."""
        done = sum(attempt.outcome is Outcome.DONE for attempt in attempts)
        failed = sum(attempt.outcome is Outcome.FAILED for attempt in attempts)
        if self.standing is not None and done + failed:
            self.standing = replace(self.standing, counts=_moved(self.standing.counts, done, failed))


def _moved(counts: Counts, done: int, failed: int) -> Counts:
    """Return the counts after some more jobs are final: they were running, or else pending when it was counted."""
    running = min(counts.running, done + failed)
    return Counts(
        pending=max(0, counts.pending - (done + failed - running)),
        running=counts.running - running,
        done=counts.done + done,
        failed=counts.failed + failed,
    )
