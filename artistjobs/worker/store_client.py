"""Store client: the interface of the event loop to the store thread.

Job loops pass in attempts and receive claims; the event loop never waits for a disk.
"""

import asyncio
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from time import time
from typing import Final, TypeVar, cast

from artistjobs.core.attempt import Attempt, Outcome
from artistjobs.core.controls import SINGLE_PROCESS, ProcessShare, WorkerSettings
from artistjobs.core.job import Claim, Scope
from artistjobs.core.shortage import shortage_of
from artistjobs.errors import ResourceError, StoreError
from artistjobs.store.interface import OpenStore, Store
from artistjobs.worker.limits.budget import Hold
from artistjobs.worker.reservations import ReservationQueue, ReservationReply, ReservationRequest, answer
from artistjobs.worker.settings_poller import OnSettingsChange, SettingsPoller
from artistjobs.worker.store_thread import Answered, StoreReply, StoreRequest, StoreTask, StoreThread

WATCH_SECONDS: Final = 1.0
"""Interval at which the event loop looks whether the store thread waits for another process."""


Result = TypeVar("Result")


_UNBOUNDED = WorkerSettings(max_workers=sys.maxsize)


class StoreClient:
    """Exchanges attempts for claims.

    The event loop may read the values of the store thread, which change with each transaction.
    """

    def __init__(
        self,
        open_store: OpenStore,
        scope: Scope,
        limit: int | None = None,
        settings: WorkerSettings = _UNBOUNDED,
        part: Callable[[], ProcessShare] = lambda: SINGLE_PROCESS,
        on_change: OnSettingsChange = lambda _settings: None,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._ready: asyncio.Future[None] = self._loop.create_future()
        self._ended: asyncio.Future[None] = self._loop.create_future()
        self._trouble: Exception | None = None
        self._is_abandoned = False
        self._watch: asyncio.Task[None] | None = None
        settings_poller = SettingsPoller(settings, part, partial(self._tell, on_change))
        self.store_thread = StoreThread(
            scope,
            limit,
            ReservationQueue(settings.max_cost_usd, self._answer_reservations),
            settings_poller,
            self._reply,
            self._answer_task,
        )
        self.store_thread.others = part().count - 1
        self._thread = threading.Thread(target=self._run, args=[open_store], name="writer", daemon=True)

    async def start(self) -> None:
        """Start the thread, register as a worker and rescue the jobs of dead workers. Raises StoreError."""
        self._thread.start()
        self._watch = asyncio.create_task(self._watch_thread())
        await self._ready

    @property
    def trouble(self) -> Exception | None:
        """The exception that ended the thread, or for which it was left behind."""
        return self._trouble

    def abandon(self) -> None:
        """Leave the thread behind if it waits for another process; otherwise it still stores what it has received."""
        self._is_abandoned = True

    async def exchange(self, attempt: Attempt | None) -> Claim | None:
        """Store an attempt and return the next claim, or None once there is nothing left to claim.

        Returns after the commit. Raises StoreError if the disk or the database fails.
        """
        return await self._send(attempt, wants_claim=True)

    async def record(self, attempt: Attempt) -> None:
        """Store an attempt; return after the commit. Raises StoreError."""
        await self._send(attempt, wants_claim=False)

    async def call(self, function: Callable[[Store], Result]) -> Result:
        """Call a function with the store in the store thread, and return its result. Raises StoreError.

        A call that is cancelled may still be made.
        """
        if self._trouble is not None:
            raise self._trouble
        future: asyncio.Future[object] = self._loop.create_future()
        self.store_thread.inbox.put(StoreTask(function, future))
        return cast("Result", await future)

    @property
    def has_cost_cap(self) -> bool:
        """True if money has to be reserved for each call."""
        return self.store_thread.settings_poller.settings.max_cost_usd is not None

    async def reserve(self, hold: Callable[[], Hold | None]) -> Hold | None:
        """Hold money back for a call, on disk before the call is made; return None if the cap has no room for it.

        ``hold`` returns the amounts, and is called in the store thread. While calls of any worker are in flight, wait:
        their end may make room. Storing the attempt of the call releases the reservation. Raises StoreError.
        """
        if self._trouble is not None:
            raise self._trouble
        future: asyncio.Future[Hold | None] = self._loop.create_future()
        self.store_thread.inbox.put(ReservationRequest(hold, future))
        try:
            return await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled() and (granted := future.result()) is not None:
                self._give_back(granted)
            raise

    def _give_back(self, hold: Hold) -> None:
        """Free money held back for a call that is not made."""
        self.store_thread.inbox.put(StoreRequest(None, wants_claim=False, future=None, unused=hold))

    def release(self, attempt: Attempt) -> None:
        """Release a claim, without waiting for the commit."""
        self.store_thread.inbox.put(StoreRequest(attempt, wants_claim=False, future=None))

    def drain(self, ending: str | None = None) -> None:
        """Claim no more jobs; requests that wait for a claim receive None.

        ``ending`` is the reason why the run stops before its end. It is recorded at once: whoever told this process to
        stop may kill it soon.
        """
        self.store_thread.drain(ending)
        self.store_thread.inbox.put(StoreRequest(None, wants_claim=False, future=None))

    async def close(self, ending: str, retry: Sequence[int]) -> None:
        """Store all attempts received, make the jobs of ``retry`` pending again, and end the thread."""
        self.store_thread.close(ending, retry)
        self.drain()
        await self._ended
        if self._watch is not None:
            await self._watch

    async def _watch_thread(self) -> None:
        """Look once a second whether another process keeps the thread from writing, until the thread ends."""
        while not self._ended.done():
            await asyncio.wait([self._ended], timeout=WATCH_SECONDS)
            try:
                self.store_thread.watch_lock(is_abandoned=self._is_abandoned)
            except StoreError as trouble:
                self._leave(trouble)

    def _leave(self, trouble: StoreError) -> None:
        """Go on without the thread, which ends with the process."""
        self.store_thread.is_draining = True
        self._trouble = self._trouble or trouble
        self._fail(trouble)
        _settle(self._ended)

    async def _send(self, attempt: Attempt | None, *, wants_claim: bool) -> Claim | None:
        if self._trouble is not None:
            raise self._trouble
        future: asyncio.Future[Claim | None] = self._loop.create_future()
        self.store_thread.inbox.put(StoreRequest(attempt, wants_claim, future))
        try:
            return await future
        except asyncio.CancelledError:
            self._take_back(future)
            raise

    def _take_back(self, given: "asyncio.Future[Claim | None]") -> None:
        """Release a claim that arrived at the moment when its request was cancelled."""
        if given.done() and not given.cancelled() and given.exception() is None and (claim := given.result()):
            self.release(released(claim, calls=0))

    def _run(self, open_store: OpenStore) -> None:
        """Run the thread; pass any exception to the callers that wait in the event loop."""
        try:
            with open_store() as store:
                self.store_thread.open(store)
                self._tell(_settle, self._ready)
                self.store_thread.serve(store.queue)
        except Exception as error:  # noqa: BLE001
            shortage = shortage_of(error)
            self._trouble = trouble = error if shortage is None else ResourceError(shortage)
            self._tell(self._fail, trouble)
        finally:
            self._tell(_settle, self._ended)

    def _reply(self, served: Sequence[StoreReply]) -> None:
        self._tell(self._deliver, served)

    def _answer_reservations(self, replies: Sequence[ReservationReply]) -> None:
        self._tell(answer, replies, self._give_back)

    def _answer_task(self, task: StoreTask, result: object) -> None:
        self._tell(_set_result, task.future, result)

    def _deliver(self, served: Sequence[StoreReply]) -> None:
        for future, claim in served:
            if future is not None and not future.done():
                future.set_result(claim)
            elif claim is not None:
                # The request for this claim was cancelled meanwhile.
                self.release(released(claim, calls=0))

    def _fail(self, trouble: Exception) -> None:
        futures: list[Answered | asyncio.Future[None]] = [self._ready, *self.store_thread.waiting()]
        for future in futures:
            if not future.done():
                future.set_exception(trouble)

    def _tell(self, function: Callable[..., None], *arguments: object) -> None:
        with suppress(RuntimeError):  # the loop is closed, so nothing waits for a reply
            self._loop.call_soon_threadsafe(function, *arguments)


def released(claim: Claim, *, calls: int) -> Attempt:
    """Return the attempt that releases a claim; ``calls`` is the number of calls in flight for it."""
    now = time()
    return Attempt(claim=claim, outcome=Outcome.RELEASED, started_at=now, ended_at=now, calls=calls)


def _set_result(future: "asyncio.Future[object]", result: object) -> None:
    if not future.done():
        future.set_result(result)


def _settle(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)
