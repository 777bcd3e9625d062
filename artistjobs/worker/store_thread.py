"""Store thread: the only thread of a process that writes to the store.

It commits all waiting requests in one transaction, and claims jobs in the same transaction. Requests that arrive while
a commit is being synced share the next one, so no reply waits for a timer. It never claims more jobs than calls may be
in flight, so that no more jobs are in doubt if the process dies.
"""

import logging
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from time import monotonic, time
from typing import TYPE_CHECKING, Final, TypeAlias

from artistjobs.core.attempt import Attempt, Outcome
from artistjobs.core.formatting import count_is, count_text
from artistjobs.core.job import EVERYTHING, Claim, Scope
from artistjobs.errors import StoreAwayError
from artistjobs.store.interface import Controls, Queue, Records, Store
from artistjobs.store.models import BatchRecord, CallPermit, QueueState, RescueResult
from artistjobs.worker.limits.budget import Hold
from artistjobs.worker.progress.job_counts import JobCountPoller
from artistjobs.worker.reservations import ReservationQueue, ReservationRequest
from artistjobs.worker.settings_poller import SettingsPoller

if TYPE_CHECKING:
    import asyncio

    from artistjobs.core.bound import Bound


log = logging.getLogger(__name__)


RESCUE_SECONDS: Final = 1.0
"""Interval at which the jobs of dead workers are rescued, and the workers that share the limits are counted."""


LOOKS_A_SECOND: Final = 10
"""Looks at other workers that all workers of a database make in a second, however many they are: the first look of any
of them finds a death."""


LOOKS_FOR_JOBS_A_SECOND: Final = 50
"""Looks for jobs that many idle workers make together in a second: the first look of any of them finds a new job."""


RESERVATION_POLL_SECONDS: Final = 0.25
"""Interval at which waiting reservations are checked again, because calls of other workers may have ended."""


AWAY_POLL_SECONDS: Final = 0.2
"""Interval at which a server that is away is tried again."""


@dataclass(frozen=True, slots=True)
class StoreRequest:
    """An attempt to record, a request for a claim, or both; the reply is set on ``future``.

    ``unused`` is money to free that was held back for a call that was not made.
    """

    attempt: Attempt | None
    wants_claim: bool
    future: "asyncio.Future[Claim | None] | None"
    unused: Hold | None = None
    sent_at: float = field(default_factory=monotonic)


@dataclass(frozen=True, slots=True)
class StoreTask:
    """Function to call in the store thread, with the store; its result is set on ``future``."""

    function: "Callable[[Store], object]"
    future: "asyncio.Future[object]"


StoreReply: TypeAlias = "tuple[asyncio.Future[Claim | None] | None, Claim | None]"


Answered: TypeAlias = "asyncio.Future[Claim | None] | asyncio.Future[Hold | None] | asyncio.Future[object]"


class StoreThread:
    """Receives requests, handles all that are waiting in one transaction, and replies to them.

    Other threads may read its values. ``reached_limit`` is True once claiming ended because as many jobs as allowed
    were claimed. ``claimed_by_others`` counts the jobs that other workers held when there was last nothing to claim.
    ``next_job_at`` is the time, in seconds after the epoch, at which the next job may be claimed if none may be now.
    ``batches`` are the open ones, if they are watched. The event loop sets ``most_claims`` if the number of calls in
    flight is found while they run. ``commit_seconds`` is the time that attempts have waited for commits, as a sum over
    them. ``bound`` returns what bounds the run, which is noted in the database when it changes.
    """

    def __init__(
        self,
        scope: Scope,
        limit: int | None,
        reservations: ReservationQueue,
        settings_poller: SettingsPoller,
        reply: Callable[[Sequence[StoreReply]], None],
        answer_task: "Callable[[StoreTask, object], None]" = lambda _task, _result: None,
    ) -> None:
        self.inbox: SimpleQueue[StoreRequest | ReservationRequest | StoreTask] = SimpleQueue()
        self.reservations = reservations
        self.settings_poller = settings_poller
        self.is_draining = False
        self.claims_randomly = False
        self.reached_limit = False
        self.watches_batches = False
        self.most_claims = sys.maxsize
        self.batches: Sequence[BatchRecord] = ()
        self.claimed_by_others = 0
        self.next_job_at: float | None = None
        self.others = 0
        self.commit_seconds = 0.0
        self.bound: Callable[[], Bound | None] = lambda: None
        self._noted_bound: Bound | None = None
        self.job_counts = JobCountPoller(scope)
        self._queue: Queue | None = None
        self._records: Records | None = None
        self._looked_at = 0.0
        self._state: QueueState | None = None
        self._state_at = 0.0
        self._tells_revision = False
        self._controls: Controls | None = None
        self._scope = scope
        self._jobs_left = limit
        self._reply = reply
        self._answer_task = answer_task
        self._store: Store | None = None
        self._tasks: list[StoreTask] = []
        self._messages: list[StoreRequest] = []
        self._wanting: list[StoreRequest] = []
        self._in_hand = 0
        self._ending: str | None = None
        self._to_retry: Sequence[int] = ()
        self._stop_to_note: str | None = None

    @property
    def live_workers(self) -> int:
        """Number of workers that share the limits of the account, including this one."""
        return 1 + self.others

    def open(self, store: Store) -> None:
        """Register as a worker and rescue the jobs of dead workers. Raises StoreError."""
        self._store = store
        self._queue, self._records, self._controls = store.queue, store.records, store.controls
        # Before the worker is visible to others, so that all settings sent to it have a later revision.
        self.settings_poller.start(store.controls)
        store.queue.register()
        if self.claims_randomly:
            store.queue.claim_randomly()
        self.reservations.money = store.records.money()
        expected = self.others
        self._look_at_others(store.queue)
        # Processes that are about to register share the limits from the first call on.
        self.others = max(expected, self.others)

    def watch_lock(self, *, is_abandoned: bool) -> None:
        """Look whether another process keeps this thread from writing; to be called by another thread.

        Raises StoreError if that is without hope, and with ``is_abandoned`` if the thread waits at all.
        """
        if self._queue is not None:
            self._queue.watch_lock(is_abandoned=is_abandoned)

    def close(self, ending: str, retry: Sequence[int]) -> None:
        """End the thread once all received requests are stored, and make the jobs of ``retry`` pending again."""
        self._to_retry, self._ending = retry, ending

    def drain(self, ending: str | None = None) -> None:
        """Claim no more jobs; ``ending`` is the reason why the run stops, if it does before its end."""
        self.is_draining, self._stop_to_note = True, ending

    def note_call(self, job: int) -> None:
        """Note the job whose call begins or ends; to be called in the event loop."""
        if self._queue is not None:
            self._queue.note_call(job)

    def may_call(self, job: int) -> CallPermit:
        """Return the permission to make a call for a claimed job; to be called in the event loop."""
        return CallPermit.GRANTED if self._queue is None else self._queue.may_call(job)

    def serve(self, queue: Queue) -> None:
        """Handle requests until the thread is to end. Raises StoreError."""
        try:
            while self._ending is None or self._tasks or not self.inbox.empty():
                self._messages = self._receive(queue)
                if self._messages or self._wanting or self.reservations.requests:
                    self._exchange(queue)
                self._run_tasks()
        except BaseException:
            with suppress(Exception):
                queue.end("failed")
            raise
        for job in self._to_retry:
            queue.retry(scope=EVERYTHING, job=job)
        queue.end(self._ending)

    def _run_tasks(self) -> None:
        """Call the functions that have arrived; each has transactions of its own. Raises StoreError."""
        # If the server is away, attempts that arrive meanwhile must not wait for these.
        with suppress(StoreAwayError):
            while self._tasks and self._store is not None:
                self._answer_task(self._tasks[0], self._tasks[0].function(self._store))
                del self._tasks[0]

    def waiting(self) -> "list[Answered]":
        """Return the futures of all requests that have no reply. The requests stay where they are."""
        messages: list[StoreRequest | ReservationRequest | StoreTask] = [
            *self._wanting,
            *self._messages,
            *self.reservations.requests,
            *self._tasks,
        ]
        arrived: list[StoreRequest | ReservationRequest | StoreTask] = []
        while not self.inbox.empty():
            arrived.append(self.inbox.get_nowait())
        for message in arrived:
            # A thread that was left behind while it waited may still get the right to write, and store these.
            self.inbox.put(message)
        messages += arrived
        return [message.future for message in messages if message.future is not None]

    def _receive(self, queue: Queue) -> list[StoreRequest]:
        """Return the requests that have arrived; none if it is time to claim again without one."""
        messages: list[StoreRequest] = []
        with suppress(Empty):
            message = self.inbox.get(timeout=self._seconds_to_wait(queue))
            while True:
                if isinstance(message, ReservationRequest):
                    self.reservations.requests.append(message)
                elif isinstance(message, StoreTask):
                    self._tasks.append(message)
                else:
                    messages.append(message)
                message = self.inbox.get_nowait()
        if messages:
            self._state = None
        with suppress(StoreAwayError):
            if not self.settings_poller.seconds_until_poll and not self._is_about_to_look():
                self._poll_settings()
            if monotonic() - self._looked_at >= RESCUE_SECONDS * max(1.0, self.others / LOOKS_A_SECOND):
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
        self.settings_poller.share(self.live_workers)
        if self._records is not None:
            self.job_counts.poll(self._records.counts)
        if (bound := self.bound()) != self._noted_bound:
            queue.note_bound(bound and bound.value)
            self._noted_bound = bound
        if self.watches_batches and self._store is not None:
            self.batches = self._store.batches.open_batches()

    def _seconds_to_wait(self, queue: Queue) -> float:
        """Return the seconds to wait for a request before other work is due."""
        seconds = self.settings_poller.seconds_until_poll
        known, self._state = self._state if self._is_empty() else None, None
        if self.reservations.requests:
            return min(seconds, RESERVATION_POLL_SECONDS)
        self.next_job_at = None
        if not self._room():
            return seconds
        try:
            queue_state = self._queue_state(queue, known)
        except StoreAwayError:
            return AWAY_POLL_SECONDS
        seconds = self.settings_poller.seconds_until_poll
        self._state, self.next_job_at = queue_state, queue_state.available_at
        if queue_state.available_at is None:
            return seconds
        return min(seconds, max(0.0, queue_state.available_at - time()))

    def _queue_state(self, queue: Queue, known: QueueState | None) -> QueueState:
        """Return the state of the queue, or the ``known`` one that was empty, if many workers look for a job."""
        if known is None or self._is_look_due():
            known, self._state_at = queue.queue_state(self._scope), monotonic()
            self._tells_revision = known.revision is not None
            if known.revision is not None and not self.settings_poller.confirm(known.revision):
                self._poll_settings()
        return known

    def _is_look_due(self) -> bool:
        return monotonic() - self._state_at >= self.others / LOOKS_FOR_JOBS_A_SECOND

    def _is_about_to_look(self) -> bool:
        """Return True if the next step is a look for jobs that also tells whether a setting has changed."""
        looks = self._tells_revision and self._wanting and not self.reservations.requests
        return bool(looks) and self._is_look_due() and self._room() > 0

    def _exchange(self, queue: Queue) -> None:
        messages = self._messages
        attempts = [message.attempt for message in messages if message.attempt is not None]
        self._wanting += [message for message in messages if message.wants_claim]
        self._take_back(attempts)
        if self._stop_to_note is not None:
            queue.note_stop(self._stop_to_note)
            self._stop_to_note = None
        # Without attempts and claims there is nothing to commit but reservations, which have their own transaction.
        room = 0 if self._is_empty() and not attempts else self._room()
        claims = queue.exchange(attempts, room, self._scope) if attempts or room else ()
        committed_at = monotonic()
        self.commit_seconds += sum(
            committed_at - message.sent_at for message in messages if message.attempt is not None
        )
        self.job_counts.add(attempts)
        self.reservations.count(attempts)
        self._in_hand += len(claims)
        if self._jobs_left is not None:
            self._jobs_left -= len(claims)
        answered: list[StoreReply] = [(message.future, None) for message in messages if not message.wants_claim]
        self._reply(answered + self._serve_wanting(queue, claims))
        # After the attempts, so that the next calls can use the money that these release.
        for message in messages:
            if message.unused is not None:
                queue.free(message.unused.usd, message.unused.margin_usd)
        with suppress(StoreAwayError):
            self.reservations.serve(queue, is_draining=self.is_draining)

    def _is_empty(self) -> bool:
        """Return True if there was nothing to claim when this thread began to wait, and nothing has arrived since."""
        state = self._state
        return state is not None and (state.available_at is None or state.available_at > time())

    def _take_back(self, attempts: Sequence[Attempt]) -> None:
        self._in_hand -= sum(attempt.outcome is not Outcome.RETRY for attempt in attempts)
        if self._jobs_left is not None:
            self._jobs_left += sum(_is_still_to_do(attempt) for attempt in attempts)

    def _room(self) -> int:
        """Return the number of jobs to claim: at most the calls that may be in flight, none if paused or draining."""
        settings = self.settings_poller.settings
        if self.is_draining or settings.is_paused:
            return 0
        wanted = min(len(self._wanting), max(0, min(settings.max_workers, self.most_claims) - self._in_hand))
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
            # Jobs of this process may still be released, and go to the waiting requests then.
            return False
        try:
            # Jobs that were final then are final now.
            queue_state = self._state or queue.queue_state(self._scope)
        except StoreAwayError:
            return False
        self.claimed_by_others = queue_state.claimed_by_others
        return queue_state.available_at is None and not queue_state.claimed_by_others


def _is_still_to_do(attempt: Attempt) -> bool:
    """Return True if a job was released without a call, or given back after a failure that its row did not cause."""
    return attempt.outcome is Outcome.RELEASED and (not attempt.calls or attempt.failure is not None)


def tell_rescue(rescue: RescueResult) -> None:
    """Log the jobs that were rescued from dead workers, and the calls that may be billed twice."""
    if rescue.pending or rescue.failed:
        log.warning(
            "took over %s of a worker that died; at most %s may be paid for twice",
            count_text(rescue.pending + rescue.failed, "job"),
            count_text(rescue.pending, "call"),
        )
    if rescue.failed:
        log.warning(
            "%s failed as worker_died: each was held by three workers that died", count_is(rescue.failed, "job")
        )
