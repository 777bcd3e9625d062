"""The thread that writes to the store: it makes one transaction of all that was handed in, and claims in the same.

Whatever arrives while a commit is being synced shares the next one: no answer waits for a timer.
Never more jobs are claimed than calls may be made of at once: so many, and no more, are in doubt if the process dies.
"""

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from time import monotonic, time
from typing import TYPE_CHECKING, Final, TypeAlias

from artistjobs.core.attempt import Attempt, Outcome
from artistjobs.core.formatting import count_is, count_text
from artistjobs.core.job import EVERYTHING, Claim, Scope
from artistjobs.store.interface import Controls, Queue, Records, Store
from artistjobs.store.models import RescueResult
from artistjobs.worker.progress.job_counts import JobCountPoller
from artistjobs.worker.reservations import ReservationQueue, ReservationRequest
from artistjobs.worker.settings_poller import SettingsPoller

if TYPE_CHECKING:
    import asyncio


log = logging.getLogger("artistjobs")


RESCUE_SECONDS: Final = 1.0
"""How often the other workers are looked at: are they alive, and how many share the limits."""


RESERVATION_POLL_SECONDS: Final = 0.25
"""How often it is looked whether the calls of other workers have ended, where only that can make room under the cap."""


@dataclass(frozen=True, slots=True)
class StoreRequest:
    """An attempt to record, a wish for a claim, or both; the answer goes to ``future``."""

    attempt: Attempt | None
    wants_claim: bool
    future: "asyncio.Future[Claim | None] | None"


StoreReply: TypeAlias = "tuple[asyncio.Future[Claim | None] | None, Claim | None]"


Answered: TypeAlias = "asyncio.Future[Claim | None] | asyncio.Future[bool]"


class StoreThread:
    """Takes in messages, makes one transaction of all there are, and answers them.

    Other threads may read its values. ``reached_limit`` is True once claiming ended because as many jobs as allowed
    were claimed. ``claimed_by_others`` counts the jobs that other workers held when there was last nothing to claim.
    """

    def __init__(
        self,
        scope: Scope,
        limit: int | None,
        reservations: ReservationQueue,
        settings_poller: SettingsPoller,
        reply: Callable[[Sequence[StoreReply]], None],
    ) -> None:
        self.inbox: SimpleQueue[StoreRequest | ReservationRequest] = SimpleQueue()
        self.reservations = reservations
        self.settings_poller = settings_poller
        self.is_draining = False
        self.reached_limit = False
        self.claimed_by_others = 0
        self.others = 0
        self.job_counts = JobCountPoller(scope)
        self._records: Records | None = None
        self._looked_at = 0.0
        self._controls: Controls | None = None
        self._scope = scope
        self._jobs_left = limit
        self._reply = reply
        self._messages: list[StoreRequest] = []
        self._wanting: list[StoreRequest] = []
        self._in_hand = 0
        self._ending: str | None = None
        self._to_retry: Sequence[int] = ()

    @property
    def living(self) -> int:
        """Workers that share the limits of the account, this one included."""
        return 1 + self.others

    def open(self, store: Store) -> None:
        """Register as a worker, and take over from dead ones."""
        self._records, self._controls = store.records, store.controls
        # Before others see a worker: whatever they say to it from then on is later than this.
        self.settings_poller.start(store.controls)
        store.queue.register()
        expected = self.others
        self._look_at_others(store.queue)
        # Those that are about to begin share the limits from the first call on.
        self.others = max(expected, self.others)

    def close(self, ending: str, retry: Sequence[int]) -> None:
        """Have it end once all is stored that was taken in, with the jobs of ``retry`` pending again."""
        self._to_retry, self._ending = retry, ending

    def serve(self, queue: Queue) -> None:
        """Do all the work, until it is to end. Raises StoreError."""
        try:
            while self._ending is None or not self.inbox.empty():
                self._messages = self._receive(queue)
                if self._messages or self._wanting or self.reservations.requests:
                    self._exchange(queue)
        except BaseException:
            with suppress(Exception):
                queue.end("failed")
            raise
        for job in self._to_retry:
            queue.retry(scope=EVERYTHING, job=job)
        queue.end(self._ending)

    def waiting(self) -> "list[Answered]":
        """Return the futures of all messages that were not answered."""
        messages: list[StoreRequest | ReservationRequest] = [
            *self._wanting,
            *self._messages,
            *self.reservations.requests,
        ]
        while not self.inbox.empty():
            messages.append(self.inbox.get_nowait())
        return [message.future for message in messages if message.future is not None]

    def _receive(self, queue: Queue) -> list[StoreRequest]:
        """Return what has arrived; nothing if it is time to look for claims again without that."""
        messages: list[StoreRequest] = []
        with suppress(Empty):
            message = self.inbox.get(timeout=self._seconds_to_wait(queue))
            while True:
                if isinstance(message, ReservationRequest):
                    self.reservations.requests.append(message)
                else:
                    messages.append(message)
                message = self.inbox.get_nowait()
        if not self.settings_poller.seconds_until_poll:
            self._poll_settings()
        if monotonic() - self._looked_at >= RESCUE_SECONDS:
            self._look_at_others(queue)
        return messages

    def _poll_settings(self) -> None:
        if self._controls is not None:
            self.settings_poller.poll(self._controls)
            self.reservations.change_cap(self.settings_poller.settings.max_cost_usd)

    def _look_at_others(self, queue: Queue) -> None:
        rescue = queue.rescue()
        tell_rescue(rescue)
        self._looked_at, self.others = monotonic(), rescue.live_workers
        if self._records is not None:
            self.job_counts.poll(self._records.counts)

    def _seconds_to_wait(self, queue: Queue) -> float:
        """Say how long to wait for a message before looking at something without one."""
        patience = self.settings_poller.seconds_until_poll
        if self.reservations.requests:
            return min(patience, RESERVATION_POLL_SECONDS)
        if not self._room():
            return patience
        queue_state = queue.queue_state(self._scope)
        if queue_state.available_at is None:
            return patience
        return min(patience, max(0.0, queue_state.available_at - time()))

    def _exchange(self, queue: Queue) -> None:
        messages = self._messages
        attempts = [message.attempt for message in messages if message.attempt is not None]
        self._wanting += [message for message in messages if message.wants_claim]
        self._take_back(attempts)
        claims = queue.exchange(attempts, self._room(), self._scope)
        self.job_counts.add(attempts)
        self._in_hand += len(claims)
        if self._jobs_left is not None:
            self._jobs_left -= len(claims)
        answered: list[StoreReply] = [(message.future, None) for message in messages if not message.wants_claim]
        self._reply(answered + self._serve_wanting(queue, claims))
        # After the attempts: what they give back is there for the next calls.
        self.reservations.serve(queue, is_draining=self.is_draining)

    def _take_back(self, attempts: Sequence[Attempt]) -> None:
        self._in_hand -= sum(attempt.outcome is not Outcome.RETRY for attempt in attempts)
        if self._jobs_left is not None:
            # Where no call was made another one may be.
            self._jobs_left += sum(attempt.outcome is Outcome.RELEASED and not attempt.calls for attempt in attempts)

    def _room(self) -> int:
        """Say how many jobs may be claimed: never more than calls may be in flight, and none while resting."""
        settings = self.settings_poller.settings
        if self.is_draining or settings.is_paused:
            return 0
        wanted = min(len(self._wanting), max(0, settings.max_workers - self._in_hand))
        return wanted if self._jobs_left is None else min(wanted, self._jobs_left)

    def _serve_wanting(self, queue: Queue, claims: Sequence[Claim]) -> list[StoreReply]:
        first, rest = self._wanting[: len(claims)], self._wanting[len(claims) :]
        served: list[StoreReply] = [(message.future, claim) for message, claim in zip(first, claims, strict=True)]
        if rest and self._is_all_done(queue):
            served += [(message.future, None) for message in rest]
            rest = []
        self._wanting = rest
        return served

    def _is_all_done(self, queue: Queue) -> bool:
        if self.is_draining:
            return True
        if self._jobs_left == 0:
            self.reached_limit = True
            return True
        if self._in_hand:
            # Some of ours may yet be released; whoever waits is served then.
            return False
        queue_state = queue.queue_state(self._scope)
        self.claimed_by_others = queue_state.claimed_by_others
        return queue_state.available_at is None and not queue_state.claimed_by_others


def tell_rescue(rescue: RescueResult) -> None:
    """Warn of what was taken from workers that died, and of what that may cost."""
    if rescue.pending or rescue.failed:
        log.warning(
            "took over %s of a worker that died; at most %s may be paid for twice",
            count_text(rescue.pending + rescue.failed, "job"),
            count_text(rescue.pending, "call"),
        )
    if rescue.failed:
        log.warning("%s failed as worker_died: three workers died with each of them", count_is(rescue.failed, "job"))
