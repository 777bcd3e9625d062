"""The one thread of a process that writes to the store.

Workers hand in an attempt and get the next claim for it. Whatever arrives while a commit is being
synced shares the next one: no answer waits for a timer, and the event loop never waits for a disk.
"""

import asyncio
import logging
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from queue import Empty, SimpleQueue
from time import monotonic, time
from typing import TypeAlias

from artistjobs.control import WHOLE, Part, Tuning
from artistjobs.hearing import Hear, Hearing
from artistjobs.job import EVERYTHING, Claim, Scope
from artistjobs.outcome import Attempt, Outcome
from artistjobs.standing import Lookout, Standing
from artistjobs.store import Controls, OpenStore, Queue, Records, Rescue, Store
from artistjobs.terminal import are, counted
from artistjobs.till import Till, Wish, answer

log = logging.getLogger("artistjobs")

RESCUE_SECONDS = 1.0
"""How often the other workers are looked at: are they alive, and how many share the limits."""

TILL_SECONDS = 0.25
"""How often it is looked whether the calls of other workers have ended, where only that can make room under the cap."""


@dataclass(frozen=True, slots=True)
class _Message:
    """An attempt to record, a wish for a claim, or both; the answer goes to ``future``."""

    attempt: Attempt | None
    wants_claim: bool
    future: "asyncio.Future[Claim | None] | None"


_UNBOUNDED = Tuning(max_workers=sys.maxsize)

_Served: TypeAlias = "tuple[asyncio.Future[Claim | None] | None, Claim | None]"
_Answered: TypeAlias = "asyncio.Future[Claim | None] | asyncio.Future[bool]"


class Writer:
    """Exchanges attempts for claims; this is its side in the event loop."""

    def __init__(
        self,
        open_store: OpenStore,
        scope: Scope,
        limit: int | None = None,
        tuning: Tuning = _UNBOUNDED,
        part: Callable[[], Part] = lambda: WHOLE,
        hear: Hear = lambda _tuning: None,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._ready: asyncio.Future[None] = self._loop.create_future()
        self._ended: asyncio.Future[None] = self._loop.create_future()
        self._trouble: Exception | None = None
        hearing = Hearing(tuning, part, partial(self._tell, hear))
        self._desk = _Desk(scope, limit, Till(tuning.max_cost_usd, self._tell_wishes), hearing, self._hand_over)
        self._desk.others = part().of - 1
        self._thread = threading.Thread(target=self._run, args=[open_store], name="writer", daemon=True)

    @property
    def reached_limit(self) -> bool:
        """Whether claiming ended because as many jobs as allowed were claimed."""
        return self._desk.reached_limit

    @property
    def held_elsewhere(self) -> int:
        """Jobs that other workers held when there was last nothing left to claim."""
        return self._desk.held_elsewhere

    @property
    def living(self) -> int:
        """Workers that share the limits of the account, this one included."""
        return 1 + self._desk.others

    @property
    def spent_usd(self) -> float:
        """What all workers have spent, as of the last time that money was held back."""
        return self._desk.till.spent_usd

    @property
    def tuning(self) -> Tuning:
        """How to work, as it was told last."""
        return self._desk.hearing.tuning

    @property
    def standing(self) -> Standing | None:
        """How the jobs of the scope stand in the database, None before it was looked at."""
        return self._desk.lookout.standing

    async def start(self) -> None:
        """Register as a worker, and take over from dead ones. Raises StoreError."""
        self._thread.start()
        await self._ready

    async def exchange(self, attempt: Attempt | None) -> Claim | None:
        """Have an attempt stored and get the next claim; None once there is nothing left to claim.

        Returns after the commit. Raises StoreError if disk or database fail.
        """
        return await self._send(attempt, wants_claim=True)

    async def record(self, attempt: Attempt) -> None:
        """Have an attempt stored; returns after the commit. Raises StoreError."""
        await self._send(attempt, wants_claim=False)

    async def hold_back(self, usd: float) -> bool:
        """Have money held back for a call, on disk before it is made; False if the cap has no room for it.

        As long as calls are in flight anywhere their end may make room, so that is waited for.
        Its attempt, once stored, gives it back. Raises StoreError.
        """
        if self._trouble is not None:
            raise self._trouble
        future: asyncio.Future[bool] = self._loop.create_future()
        self._desk.inbox.put(Wish(usd, future))
        return await future

    def release(self, attempt: Attempt) -> None:
        """Have a claim given back, without waiting for it."""
        self._desk.inbox.put(_Message(attempt, wants_claim=False, future=None))

    def drain(self) -> None:
        """Claim no more: whoever waits for a claim gets none."""
        self._desk.is_draining = True
        self._desk.inbox.put(_Message(None, wants_claim=False, future=None))

    async def close(self, ending: str, retry: Sequence[int]) -> None:
        """Store all that was handed in, make the jobs of ``retry`` pending again, and end the thread."""
        self._desk.close(ending, retry)
        self.drain()
        await self._ended

    async def _send(self, attempt: Attempt | None, *, wants_claim: bool) -> Claim | None:
        if self._trouble is not None:
            raise self._trouble
        future: asyncio.Future[Claim | None] = self._loop.create_future()
        self._desk.inbox.put(_Message(attempt, wants_claim, future))
        return await future

    def _run(self, open_store: OpenStore) -> None:
        """Do all the work of the thread; whatever goes wrong is handed over to who waits in the event loop."""
        try:
            with open_store() as store:
                self._desk.open(store)
                self._tell(_settle, self._ready)
                self._desk.serve(store.queue)
        except Exception as trouble:  # noqa: BLE001
            self._trouble = trouble
            self._tell(self._fail, trouble)
        finally:
            self._tell(_settle, self._ended)

    def _hand_over(self, served: Sequence[_Served]) -> None:
        self._tell(self._deliver, served)

    def _tell_wishes(self, wishes: Sequence[Wish], granted: bool) -> None:  # noqa: FBT001
        self._tell(answer, wishes, granted)

    def _deliver(self, served: Sequence[_Served]) -> None:
        for future, claim in served:
            if future is not None and not future.done():
                future.set_result(claim)
            elif claim is not None:
                # Whoever wanted it was cancelled meanwhile.
                self.release(released(claim, calls=0))

    def _fail(self, trouble: Exception) -> None:
        futures: list[_Answered | asyncio.Future[None]] = [self._ready, *self._desk.waiting()]
        for future in futures:
            if not future.done():
                future.set_exception(trouble)

    def _tell(self, function: Callable[..., None], *arguments: object) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(function, *arguments)


class _Desk:
    """The side in the thread: takes in messages, makes one transaction of all there are, answers them."""

    def __init__(
        self,
        scope: Scope,
        limit: int | None,
        till: Till,
        hearing: Hearing,
        hand_over: Callable[[Sequence[_Served]], None],
    ) -> None:
        self.inbox: SimpleQueue[_Message | Wish] = SimpleQueue()
        self.till = till
        self.hearing = hearing
        self.is_draining = False
        self.reached_limit = False
        self.held_elsewhere = 0
        self.others = 0
        self.lookout = Lookout(scope)
        self._records: Records | None = None
        self._looked_at = 0.0
        self._controls: Controls | None = None
        self._scope = scope
        self._jobs_left = limit
        self._hand_over = hand_over
        self._messages: list[_Message] = []
        self._wanting: list[_Message] = []
        self._in_hand = 0
        self._ending: str | None = None
        self._to_retry: Sequence[int] = ()

    def open(self, store: Store) -> None:
        self._records, self._controls = store.records, store.controls
        # Before others see a worker: whatever they say to it from then on is later than this.
        self.hearing.begin(store.controls)
        store.queue.register()
        expected = self.others
        self._look_at_others(store.queue)
        # Those that are about to begin share the limits from the first call on.
        self.others = max(expected, self.others)

    def close(self, ending: str, retry: Sequence[int]) -> None:
        self._to_retry, self._ending = retry, ending

    def serve(self, queue: Queue) -> None:
        try:
            while self._ending is None or not self.inbox.empty():
                self._messages = self._receive(queue)
                if self._messages or self._wanting or self.till.wishes:
                    self._exchange(queue)
        except BaseException:
            with suppress(Exception):
                queue.end("failed")
            raise
        for job in self._to_retry:
            queue.retry(scope=EVERYTHING, job=job)
        queue.end(self._ending)

    def waiting(self) -> "list[_Answered]":
        """Return the futures of all messages that were not answered."""
        messages: list[_Message | Wish] = [*self._wanting, *self._messages, *self.till.wishes]
        while not self.inbox.empty():
            messages.append(self.inbox.get_nowait())
        return [message.future for message in messages if message.future is not None]

    def _receive(self, queue: Queue) -> list[_Message]:
        """Return what has arrived; nothing if it is time to look for claims again without that."""
        messages: list[_Message] = []
        with suppress(Empty):
            message = self.inbox.get(timeout=self._patience(queue))
            while True:
                if isinstance(message, Wish):
                    self.till.wishes.append(message)
                else:
                    messages.append(message)
                message = self.inbox.get_nowait()
        if not self.hearing.patience:
            self._listen()
        if monotonic() - self._looked_at >= RESCUE_SECONDS:
            self._look_at_others(queue)
        return messages

    def _listen(self) -> None:
        if self._controls is not None:
            self.hearing.listen(self._controls)
            self.till.change_cap(self.hearing.tuning.max_cost_usd)

    def _look_at_others(self, queue: Queue) -> None:
        rescue = queue.rescue()
        tell_rescue(rescue)
        self._looked_at, self.others = monotonic(), rescue.living
        if self._records is not None:
            self.lookout.look(self._records.counts)

    def _patience(self, queue: Queue) -> float:
        """Say how long to wait for a message before looking at something without one."""
        patience = self.hearing.patience
        if self.till.wishes:
            return min(patience, TILL_SECONDS)
        if not self._room():
            return patience
        outlook = queue.outlook(self._scope)
        if outlook.available_at is None:
            return patience
        return min(patience, max(0.0, outlook.available_at - time()))

    def _exchange(self, queue: Queue) -> None:
        messages = self._messages
        attempts = [message.attempt for message in messages if message.attempt is not None]
        self._wanting += [message for message in messages if message.wants_claim]
        claims = queue.exchange(attempts, self._room(), self._scope)
        self.lookout.add(attempts)
        self._in_hand += len(claims) - sum(attempt.outcome is not Outcome.RETRY for attempt in attempts)
        if self._jobs_left is not None:
            self._jobs_left -= len(claims)
        answered: list[_Served] = [(message.future, None) for message in messages if not message.wants_claim]
        self._hand_over(answered + self._serve_wanting(queue, claims))
        # After the attempts: what they give back is there for the next calls.
        self.till.serve(queue, is_draining=self.is_draining)

    def _room(self) -> int:
        """Say how many jobs may be claimed: never more than calls may be in flight, and none while resting."""
        tuning = self.hearing.tuning
        if self.is_draining or tuning.is_paused:
            return 0
        wanted = min(len(self._wanting), max(0, tuning.max_workers - self._in_hand))
        return wanted if self._jobs_left is None else min(wanted, self._jobs_left)

    def _serve_wanting(self, queue: Queue, claims: Sequence[Claim]) -> list[_Served]:
        first, rest = self._wanting[: len(claims)], self._wanting[len(claims) :]
        served: list[_Served] = [(message.future, claim) for message, claim in zip(first, claims, strict=True)]
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
        outlook = queue.outlook(self._scope)
        self.held_elsewhere = outlook.held_elsewhere
        return outlook.available_at is None and not outlook.held_elsewhere


def tell_rescue(rescue: Rescue) -> None:
    """Warn of what was taken from workers that died, and of what that may cost."""
    if rescue.pending or rescue.failed:
        log.warning(
            "took over %s of a worker that died; at most %s may be paid for twice",
            counted(rescue.pending + rescue.failed, "job"),
            counted(rescue.pending, "call"),
        )
    if rescue.failed:
        log.warning("%s failed as worker_died: three workers died with each of them", are(rescue.failed, "job"))


def released(claim: Claim, *, calls: int) -> Attempt:
    """Return the attempt that gives a claim back."""
    now = time()
    return Attempt(claim=claim, outcome=Outcome.RELEASED, started_at=now, ended_at=now, calls=calls)


def _settle(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)
