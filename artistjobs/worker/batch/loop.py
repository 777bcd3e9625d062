"""Batch loop: prepares batches of pending jobs, drives them all at once, and ends when none is left."""

import asyncio
import logging
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from time import time
from typing import TYPE_CHECKING, Final

from artistjobs.core.batch import MAX_LINES, BatchState
from artistjobs.core.formatting import count_text
from artistjobs.core.job import Scope
from artistjobs.core.timestamps import from_timestamp
from artistjobs.store.interface import Store
from artistjobs.store.models import BatchRecord
from artistjobs.worker.batch.driver import BatchDriver
from artistjobs.worker.batch.lessons import Lessons
from artistjobs.worker.batch.pace import Pace
from artistjobs.worker.batch.room import SharedRoom
from artistjobs.worker.config import BatchOptions
from artistjobs.worker.stop import RunStoppingError, Stop, StopReason
from artistjobs.worker.store_client import StoreClient

if TYPE_CHECKING:
    from artistjobs.worker.batch.driven import DriverContext

log = logging.getLogger(__name__)


TICK_SECONDS: Final = 1.0
"""Interval at which the database is asked for batches to take over, cancellations, and jobs that are pending again."""


YOUNG_MAX: Final = 2
"""Batches that one process prepares, uploads or creates at the same time."""


SECONDS_AN_HOUR: Final = 3600.0


@dataclass(slots=True)
class _Driven:
    driver: BatchDriver
    task: "asyncio.Task[None]"

    @property
    def is_young(self) -> bool:
        return self.driver.record.state in _YOUNG


_YOUNG = frozenset({BatchState.PREPARED, BatchState.SEALED, BatchState.UPLOADED, BatchState.CREATING})


class BatchLoop:
    """Works on the jobs of a scope through batches, for one process.

    ``goes_live`` is True once a batch took longer than the options allow: what is left is then called live. ``context``
    is set before the work begins, see ``connect``; ``room`` and ``lessons`` are parts of it.
    """

    def __init__(
        self, scope: Scope, options: BatchOptions, store_client: StoreClient, stop: Stop, pace: Pace, limit: int | None
    ) -> None:
        self.goes_live = False
        self.context: DriverContext | None = None
        self._scope = scope
        self._options = options
        self._store_client = store_client
        self._stop = stop
        self._pace = pace
        self._limit = limit
        self._driven: dict[int, _Driven] = {}
        self._models: Sequence[str] = ()
        self.lessons = Lessons(stop, pace)
        self.room = SharedRoom(store_client, stop, self.lessons)
        self._is_all_prepared = False
        self._wake = asyncio.Event()

    async def work(self) -> None:
        """Return when no job of the scope is pending or in a batch, or the run stops. Raises StoreError."""
        try:
            while not self._stop.is_requested():
                await self._take()
                await self._prepare()
                if await self._is_over():
                    return
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), self._pace.seconds(TICK_SECONDS))
                self._wake.clear()
            await self._wait_for_drivers()
        finally:
            for driven in self._driven.values():
                driven.task.cancel()
            await asyncio.gather(*(driven.task for driven in self._driven.values()), return_exceptions=True)

    async def _take(self) -> None:
        """Drive the batches that no living worker drives, and see what others have asked of ours."""
        self._collect_ended()
        for record in self._ours(await self._store_client.call(lambda store: store.batches.take())):
            if (driven := self._driven.get(record.id)) is not None:
                driven.driver.note(record)
            else:
                self._drive(record)
            await self._cancel_if_late(record)

    def _ours(self, records: Sequence[BatchRecord]) -> Sequence[BatchRecord]:
        wanted = self._options.batch
        return records if wanted is None else [record for record in records if record.id == wanted]

    async def _cancel_if_late(self, record: BatchRecord) -> None:
        hours = self._options.live_after_hours
        if hours is None or record.state is not BatchState.SUBMITTED:
            return
        age = (time() - from_timestamp(record.submitted_at or record.created_at)) / SECONDS_AN_HOUR
        if age * self._pace.speed < hours:
            return
        self.goes_live = True
        if record.cancel_asked_at is None:
            log.info("batch %d took longer than --live-after %g; what is left of it is called live", record.id, hours)
            await self._store_client.call(lambda store: store.batches.ask_to_cancel(record.id))

    def _drive(self, record: BatchRecord) -> None:
        assert self.context is not None
        driver = BatchDriver(self.context, record)
        task = asyncio.create_task(driver.drive())
        task.add_done_callback(lambda _: self._wake.set())
        self._driven[record.id] = _Driven(driver, task)

    def _collect_ended(self) -> None:
        """Forget drivers that have ended. Raises StoreError."""
        for number, driven in list(self._driven.items()):
            if not driven.task.done():
                continue
            with suppress(RunStoppingError):
                driven.task.result()
                del self._driven[number]
                if self._limit is not None:
                    self._limit += driven.driver.freed

    async def _prepare(self) -> None:
        self._is_all_prepared = True
        if not self._driven:
            # Calls of other workers may have held the money, and have ended since.
            self.lessons.waits_for_money = False
        if not self._may_prepare() or not await self._is_any_pending():
            return
        for model in await self._models_to_ask():
            while self._may_prepare() and await self.room.is_there(model):
                limit = MAX_LINES if self._limit is None else min(MAX_LINES, self._limit)
                name = str(uuid.uuid4())
                prepare = partial(_prepare, name, model, self._scope, limit)
                record = await self._store_client.call(prepare)
                if record is None:
                    break
                self._is_all_prepared = False
                self._drive(record)
                await self._until_sealed(self._driven[record.id])

    async def _is_any_pending(self) -> bool:
        """Return True if a job can be claimed now; a look is cheaper than a transaction that finds none."""
        state = await self._store_client.call(lambda store: store.queue.queue_state(self._scope))
        return state.available_at is not None and state.available_at <= time()

    async def _until_sealed(self, driven: _Driven) -> None:
        """Wait until a batch has given back the jobs that it has no room for, so that the next one can take them."""
        while driven.driver.record.state is BatchState.PREPARED and not driven.task.done():
            await asyncio.wait([driven.task], timeout=0.01)
        if self._limit is not None:
            self._limit -= driven.driver.record.lines

    def _may_prepare(self) -> bool:
        young = sum(driven.is_young and not driven.task.done() for driven in self._driven.values())
        is_held_up = (
            self._stop.is_halted() or self.goes_live or self.lessons.waits_for_money or self._options.only_collects
        )
        return not is_held_up and young < YOUNG_MAX and self._limit != 0

    async def _models_to_ask(self) -> Sequence[str]:
        if not self._models or not self._driven:
            prompts = await self._store_client.call(lambda store: store.records.pending_prompts(self._scope))
            self._models = list(dict.fromkeys(prompt.model for prompt in prompts))
        return list(filter(self.lessons.may_ask, self._models))

    async def _is_over(self) -> bool:
        if self._stop.is_requested() or await self._is_submitted() or self._driven:
            return False
        if self._ours(await self._store_client.call(lambda store: store.batches.open_batches())):
            return False  # another process drives them
        return self._options.only_collects or self.goes_live or await self._is_nothing_pending()

    async def _is_nothing_pending(self) -> bool:
        state = await self._store_client.call(lambda store: store.queue.queue_state(self._scope))
        if self._limit == 0 and state.available_at is not None:
            self._store_client.store_thread.reached_limit = True
            return True
        return state.available_at is None and not state.claimed_by_others

    async def _is_submitted(self) -> bool:
        """Return True, with the run stopped, if it waits for no batch and all are at the service."""
        before = len(self._driven)
        self._collect_ended()
        is_quiet = self._is_all_prepared and before == len(self._driven)
        if not self._options.no_wait or not is_quiet:
            return False
        if not all(driven.driver.has_looked for driven in self._driven.values()):
            return False
        held = await self._store_client.call(lambda store: store.batches.held_jobs(self._scope))
        if not held:
            return False
        self._stop.request(
            StopReason.SUBMITTED,
            f"{count_text(held, 'job')} in batches at the service; run the same command later to collect the answers.",
        )
        return True

    async def _wait_for_drivers(self) -> None:
        """Wait until the drivers have finished their step, for example the creation of a batch."""
        await asyncio.gather(*(driven.task for driven in self._driven.values()), return_exceptions=True)


def _prepare(name: str, model: str, scope: Scope, limit: int, store: Store) -> BatchRecord | None:
    return store.batches.prepare(name, model, scope, limit)
