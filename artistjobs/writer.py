"""The one thread of a process that writes to the store.

Workers hand in an attempt and get the next claim for it. Whatever arrives while a commit is being
synced shares the next one: no answer waits for a timer, and the event loop never waits for a disk.
"""

import asyncio
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from time import time
from typing import TypeAlias

from artistjobs.job import Claim, Scope
from artistjobs.outcome import Attempt, Outcome
from artistjobs.store import OpenStore, Queue, Rescue

RESCUE_SECONDS = 1.0
"""How often dead workers are looked for while there is room for their jobs."""


@dataclass(frozen=True, slots=True)
class _Message:
    """An attempt to record, a wish for a claim, or both; the answer goes to ``future``."""

    attempt: Attempt | None
    wants_claim: bool
    future: "asyncio.Future[Claim | None] | None"


_Served: TypeAlias = "tuple[asyncio.Future[Claim | None] | None, Claim | None]"


class Writer:
    """Exchanges attempts for claims, in a thread of its own with a connection of its own."""

    def __init__(self, open_store: OpenStore, scope: Scope, limit: int | None = None) -> None:
        self._open_store = open_store
        self._scope = scope
        self._jobs_left = limit
        self._inbox: SimpleQueue[_Message] = SimpleQueue()
        self._wanting: list[_Message] = []
        self._messages: list[_Message] = []
        self._in_hand = 0
        self._is_draining = False
        self._is_closing = False
        self._trouble: Exception | None = None
        self._loop = asyncio.get_running_loop()
        self._ready: asyncio.Future[Rescue] = self._loop.create_future()
        self._ended: asyncio.Future[None] = self._loop.create_future()
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self._ending = "finished"
        self._to_retry: list[int] = []
        self.reached_limit = False
        self.held_elsewhere = 0

    async def start(self) -> Rescue:
        """Register as a worker; return what was taken from dead ones. Raises StoreError."""
        self._thread.start()
        return await self._ready

    async def exchange(self, attempt: Attempt | None) -> Claim | None:
        """Have an attempt stored and get the next claim; None once there is nothing left to claim.

        Returns after the commit. Raises StoreError if disk or database fail.
        """
        return await self._send(attempt, wants_claim=True)

    async def record(self, attempt: Attempt) -> None:
        """Have an attempt stored; returns after the commit. Raises StoreError."""
        await self._send(attempt, wants_claim=False)

    def release(self, attempt: Attempt) -> None:
        """Have a claim given back, without waiting for it."""
        self._inbox.put(_Message(attempt, wants_claim=False, future=None))

    def drain(self) -> None:
        """Claim no more: whoever waits for a claim gets none."""
        self._is_draining = True
        self._inbox.put(_Message(None, wants_claim=False, future=None))

    async def close(self, ending: str, retry: list[int]) -> None:
        """Store all that was handed in, make the jobs of ``retry`` pending again, and end the thread."""
        self._ending, self._to_retry = ending, retry
        self._is_closing = True
        self.drain()
        await self._ended

    async def _send(self, attempt: Attempt | None, *, wants_claim: bool) -> Claim | None:
        if self._trouble is not None:
            raise self._trouble
        future: asyncio.Future[Claim | None] = self._loop.create_future()
        self._inbox.put(_Message(attempt, wants_claim, future))
        return await future

    # Below this line everything runs in the writer's thread, save ``_deliver``.

    def _run(self) -> None:
        try:
            with self._open_store() as store:
                self._serve(store.queue)
        except Exception as trouble:  # noqa: BLE001 - handed over to whoever waits in the event loop
            self._trouble = trouble
            self._tell(self._fail, trouble)
        finally:
            self._tell(_settle, self._ended, None)

    def _serve(self, queue: Queue) -> None:
        queue.register()
        rescued = queue.rescue()
        self._tell(_settle, self._ready, rescued)
        try:
            while not (self._is_closing and self._inbox.empty()):
                self._messages = self._receive(queue)
                self._exchange(queue, self._messages)
        except BaseException:
            with suppress(Exception):
                queue.end("failed")
            raise
        for job in self._to_retry:
            queue.retry(scope=Scope(), job=job)
        queue.end(self._ending)

    def _receive(self, queue: Queue) -> list[_Message]:
        """Return what has arrived; nothing if it is time to look for claims again."""
        messages: list[_Message] = []
        with suppress(Empty):
            messages.append(self._inbox.get(timeout=self._patience(queue)))
            while True:
                messages.append(self._inbox.get_nowait())
        if not messages:
            queue.rescue()
        return messages

    def _patience(self, queue: Queue) -> float | None:
        """Say how long to wait for a message before looking for claims without one."""
        if not self._wanting:
            return None
        outlook = queue.outlook(self._scope)
        if outlook.available_at is None:
            return RESCUE_SECONDS
        return min(RESCUE_SECONDS, max(0.0, outlook.available_at - time()))

    def _exchange(self, queue: Queue, messages: list[_Message]) -> None:
        attempts = [message.attempt for message in messages if message.attempt is not None]
        self._wanting += [message for message in messages if message.wants_claim]
        claims = queue.exchange(attempts, self._room(), self._scope)
        self._in_hand += len(claims) - sum(attempt.outcome is not Outcome.RETRY for attempt in attempts)
        if self._jobs_left is not None:
            self._jobs_left -= len(claims)
        answers: list[_Served] = [(message.future, None) for message in messages if not message.wants_claim]
        self._tell(self._deliver, answers + self._serve_wanting(queue, claims))

    def _room(self) -> int:
        if self._is_draining:
            return 0
        wanted = len(self._wanting)
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
        if self._is_draining:
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

    def _deliver(self, answers: list[_Served]) -> None:
        for future, claim in answers:
            if future is not None and not future.done():
                future.set_result(claim)
            elif claim is not None:
                # Whoever wanted it was cancelled meanwhile.
                self.release(released(claim, calls=0))

    def _fail(self, trouble: Exception) -> None:
        for future in self._futures():
            if not future.done():
                future.set_exception(trouble)

    def _futures(self) -> "list[asyncio.Future[Claim | None] | asyncio.Future[Rescue]]":
        waiting = [*self._wanting, *self._messages]
        while not self._inbox.empty():
            waiting.append(self._inbox.get_nowait())
        return [self._ready, *(message.future for message in waiting if message.future is not None)]

    def _tell(self, function: Callable[..., None], *arguments: object) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(function, *arguments)


def released(claim: Claim, *, calls: int) -> Attempt:
    """Return the attempt that gives a claim back."""
    now = time()
    return Attempt(claim=claim, outcome=Outcome.RELEASED, started_at=now, ended_at=now, calls=calls)


def _settle(future: "asyncio.Future[object]", result: object) -> None:
    if not future.done():
        future.set_result(result)
