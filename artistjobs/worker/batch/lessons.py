"""Consequences of ended batches for the next ones: when one may be prepared, and when the run stops."""

from collections.abc import Callable
from time import time
from typing import Final

from artistjobs.store.models import BatchRecord
from artistjobs.worker.batch.pace import QUEUE_FULL_SECONDS, REFUSED_SECONDS, Pace
from artistjobs.worker.batch.refusal import Consequence
from artistjobs.worker.stop import Stop, StopReason

STRIKES_MAX: Final = 3
"""Batches in a row that brought nothing, after which the run stops."""


class Lessons:
    """Learns from the ends of batches.

    ``waits_for_money`` is True while the cost cap has no room for another batch, and others hold money back.
    """

    def __init__(self, stop: Stop, pace: Pace, clock: Callable[[], float] = time) -> None:
        self.waits_for_money = False
        self._stop = stop
        self._pace = pace
        self._clock = clock
        self._strikes = 0
        self._not_before: dict[str, float] = {}

    def may_ask(self, model: str) -> bool:
        """Return True if jobs of a model may go into a batch now."""
        return self._not_before.get(model, 0.0) <= self._clock()

    def learn(self, record: BatchRecord, consequence: Consequence | None) -> None:
        """Learn from the end of a batch: money may be free, and too many that brought nothing stop the run."""
        self.waits_for_money = False
        if record.ending in _WITHOUT_RESULTS or record.cancel_asked_at:
            return
        is_alone = consequence is Consequence.WAIT_FOR_ROOM and record.lines == 1
        if consequence is Consequence.WAIT_FOR_ROOM and not is_alone:
            return
        if record.done or record.failed or record.retries:
            self._strikes = 0
            return
        self._strikes += 1
        wait = QUEUE_FULL_SECONDS if is_alone else REFUSED_SECONDS
        self._not_before[record.model] = self._clock() + self._pace.seconds(wait)
        if self._strikes >= STRIKES_MAX and not self._stop.is_requested():
            why = record.error or f"the last one is {record.ending} with no line answered"
            self._stop.request(
                StopReason.OUTAGE,
                f"{STRIKES_MAX} batches in a row brought nothing: {why}; run the same command again later.",
            )


_WITHOUT_RESULTS: Final = frozenset({"empty", "stopped", "cancelled"})
"""Endings of batches that were never at the service."""
