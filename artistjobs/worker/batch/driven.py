"""A batch that is driven: its record, and what all steps do with it, each on disk before the step that follows."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from time import time

from artistjobs.api.remedies import failure_text
from artistjobs.api.reply import Reply
from artistjobs.core.attempt import FailureKind
from artistjobs.core.batch import BatchState
from artistjobs.core.formatting import count_text
from artistjobs.core.timestamps import to_timestamp
from artistjobs.store.models import BatchChange, BatchRecord
from artistjobs.worker.batch.build import BatchBuilder
from artistjobs.worker.batch.collect import Collector
from artistjobs.worker.batch.refusal import Consequence
from artistjobs.worker.batch.room import SharedRoom
from artistjobs.worker.batch.service import BatchService, failure_of, is_refused
from artistjobs.worker.batch.verdicts import LineVerdicts
from artistjobs.worker.stop import RunStoppingError, Stop, StopReason
from artistjobs.worker.store_client import StoreClient

log = logging.getLogger(__name__)


DELETE_TRIES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class DriverContext:
    """Objects that the drivers of a process share.

    ``transfers`` lets one of them at a time build, upload or download a file. ``learn`` is called when a batch ends.
    """

    service: BatchService
    store_client: StoreClient
    builder: BatchBuilder
    collector: Collector
    stop: Stop
    room: SharedRoom
    learn: Callable[[BatchRecord, Consequence | None], None]
    verdicts_of: Callable[[BatchRecord], LineVerdicts]
    transfers: asyncio.Lock = field(default_factory=asyncio.Lock)


class DrivenBatch:
    """A batch with its latest record.

    ``has_looked`` is True once the service has told this driver that it still works on the batch. ``freed`` is the
    number of jobs that the end of the batch made pending again. ``consequence`` is set if the service refused the
    batch as a whole, and ``cancelled_at`` once its cancellation was asked for, in seconds after the epoch.
    """

    def __init__(self, shared: DriverContext, record: BatchRecord) -> None:
        self.shared = shared
        self.service = shared.service
        self.record = record
        self.has_looked = False
        self.freed = 0
        self.consequence: Consequence | None = None
        self.cancelled_at: float | None = None
        self._wake = asyncio.Event()

    def note(self, record: BatchRecord) -> None:
        """Receive the record as others have changed it: the batch may be asked to be cancelled."""
        if record.cancel_asked_at and not self.record.cancel_asked_at:
            self.record = replace(self.record, cancel_asked_at=record.cancel_asked_at)
            self._wake.set()

    async def move(self, state: BatchState, change: BatchChange) -> None:
        """Move the batch to a state, which may be its own, on disk on return. Raises StoreError."""
        batch = self.record.id
        self._keep(await self.shared.store_client.call(lambda store: store.batches.move(batch, state, change)))

    async def finish(self, change: BatchChange, *, is_lost: bool = False) -> None:
        """Make the jobs that the batch holds pending again; ``is_lost`` if it may be billed. Raises StoreError."""
        batch = self.record.id
        await self._reread()
        # Before its jobs are pending again, so that they do not go into another batch at once.
        self.shared.learn(replace(self.record, ending=change.ending or self.record.ending), self.consequence)
        self.freed = await self.shared.store_client.call(
            lambda store: store.batches.finish(batch, change, is_lost=is_lost)
        )
        await self._reread()
        if self.record.submitted_at:
            log.info("%s", _summary(self.record, self.freed))

    async def lose(self, ending: str, error: str) -> None:
        """Give up a batch at the service. Raises StoreError."""
        log.warning("batch %d: %s; its jobs are pending again, and it may be billed", self.record.id, error)
        await self.finish(BatchChange(ending=ending, error=error, ended_at=to_timestamp(time())), is_lost=True)

    async def delete(self, file_id: str) -> None:
        """Delete a file at the service; if that fails, name it. Raises RunStoppingError if the run stops."""
        waits = self.service.pace.retries()
        for _ in range(DELETE_TRIES):
            reply = await self.service.api.delete_file(file_id)
            if self.service.is_told(reply):
                return
            await self.sleep(next(waits))
        log.warning("the file %s could not be deleted at the service; it expires after 30 days", file_id)

    def is_final(self, reply: Reply, what: str) -> bool:
        """Return True, with the run stopped, if the service refuses something for a reason that does not pass."""
        if not is_refused(reply) or reply.fault is not None:
            return False
        failure = failure_of(reply)
        if failure.kind is not FailureKind.PERMANENT:
            return False
        sentence = (
            f"the service refused {what}: {failure_text(failure)}; fix the cause, then run the same command again."
        )
        self.shared.stop.request(StopReason.REFUSED, sentence)
        return True

    def ensure_running(self) -> None:
        """Raise RunStoppingError if the run stops."""
        if self.shared.stop.is_requested():
            raise RunStoppingError

    async def sleep(self, seconds: float) -> None:
        """Sleep until the batch is to be cancelled; raises RunStoppingError as soon as the run stops."""
        await self.shared.stop.unless_requested(_until(self._wake, seconds))
        self._wake.clear()

    async def _reread(self) -> None:
        batch = self.record.id
        record = await self.shared.store_client.call(lambda store: store.batches.batch(batch))
        assert record is not None
        self._keep(record)

    def _keep(self, record: BatchRecord) -> None:
        # A cancellation that was asked for meanwhile may be noted before it is read.
        self.record = replace(record, cancel_asked_at=record.cancel_asked_at or self.record.cancel_asked_at)


async def _until(event: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return


def _summary(record: BatchRecord, freed: int) -> str:
    again = f", {count_text(freed, 'job')} pending again" if freed else ""
    return f"batch {record.id} {record.ending}: {record.done:,} done, {record.failed:,} failed{again}"
