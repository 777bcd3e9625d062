"""Driver of one batch: takes it from state to state, each of which is on disk before the step that follows it.

A driver begins at whatever state it finds, so a batch goes on after any crash. A file or a batch that may have been
created is looked for at the service and adopted; no batch is created while an earlier creation is unknown.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from time import time
from typing import IO

from artistjobs.api.batch_objects import RemoteBatch, batch_in, file_id_in
from artistjobs.api.remedies import failure_text, fatal_message
from artistjobs.api.reply import Reply
from artistjobs.core.attempt import FailureKind
from artistjobs.core.batch import METADATA_KEY, BatchState, file_name, learned_limit
from artistjobs.core.formatting import count_text
from artistjobs.core.timestamps import from_timestamp, to_timestamp
from artistjobs.store.models import BatchChange, BatchRecord
from artistjobs.worker.batch.build import BatchBuilder, Content, Room, temporary_file
from artistjobs.worker.batch.collect import Collector
from artistjobs.worker.batch.pace import BATCH_LOOKS, FILE_LOOKS, GONE_LOOKS, LAG_BEFORE_SECONDS, STUCK_SECONDS
from artistjobs.worker.batch.refusal import Consequence, refusal_of
from artistjobs.worker.batch.service import NOT_FOUND, BatchService, failure_of, is_refused
from artistjobs.worker.batch.verdicts import LineVerdicts
from artistjobs.worker.stop import RunStoppingError, Stop, StopReason
from artistjobs.worker.store_client import StoreClient

log = logging.getLogger(__name__)


FILE_TRIES, DELETE_TRIES = 5, 3


@dataclass(frozen=True, slots=True, kw_only=True)
class DriverContext:
    """Objects that the drivers of a process share.

    ``transfers`` lets one of them at a time build, upload or download a file. ``room_for`` returns what a batch may
    hold now, and ``no_money`` is called if not even its first line fits under the cost cap. ``learn`` is called when a
    batch ends.
    """

    service: BatchService
    store_client: StoreClient
    builder: BatchBuilder
    collector: Collector
    stop: Stop
    room_for: Callable[[BatchRecord], Awaitable[Room]]
    cap_usd: Callable[[], float | None]
    no_money: Callable[[Content], Awaitable[None]]
    learn: Callable[[BatchRecord, Consequence | None], None]
    verdicts_of: Callable[[BatchRecord], LineVerdicts]
    transfers: asyncio.Lock = field(default_factory=asyncio.Lock)


class BatchDriver:
    """Takes one batch through its states.

    ``has_looked`` is True once the service has told this driver that it still works on the batch. ``freed`` is the
    number of jobs that the end of the batch made pending again.
    """

    def __init__(self, shared: DriverContext, record: BatchRecord, *, is_new: bool = False) -> None:
        self.record = record
        self.has_looked = False
        self.freed = 0
        self.consequence: Consequence | None = None
        self._shared = shared
        self._is_new = is_new
        self._wake = asyncio.Event()
        self._cancelled_at: float | None = None
        self._steps: Mapping[BatchState, Callable[[], Awaitable[None]]] = {
            BatchState.PREPARED: self._seal,
            BatchState.SEALED: self._resume_upload,
            BatchState.UPLOADED: self._create,
            BatchState.CREATING: self._look_for_batch,
            BatchState.SUBMITTED: self._poll,
            BatchState.ENDED: self._collect,
            BatchState.COLLECTED: self._clean_up,
        }

    async def drive(self) -> None:
        """Return when the batch is closed.

        Raises:
            RunStoppingError: if the run stops first. A batch that the service has goes on there.
            StoreError: if the disk or the database fails.

        """
        try:
            while self.record.state is not BatchState.CLOSED:
                if self.record.cancel_asked_at and self.record.state in _NOT_CREATED:
                    await self._finish(BatchChange(ending="cancelled"))
                else:
                    await self._steps[self.record.state]()
        except RunStoppingError:
            if self.record.state in _NOT_CREATED:
                # Nothing is paid for: the jobs are pending again, for whatever way comes next.
                await self._finish(BatchChange(ending="stopped"))
            raise

    def note(self, record: BatchRecord) -> None:
        """Receive the record as others have changed it: the batch may be asked to be cancelled."""
        if record.cancel_asked_at and not self.record.cancel_asked_at:
            self.record = replace(self.record, cancel_asked_at=record.cancel_asked_at)
            self._wake.set()

    # Prepared: the lines are chosen.

    async def _seal(self) -> None:
        async with self._shared.transfers:
            self._ensure_running()
            room = await self._shared.room_for(self.record)
            with temporary_file() as file:
                content = await self._shared.builder.build(self.record.id, file, room)
                if not content.lines:
                    await self._finish(BatchChange(ending="empty"))
                    if content.least_usd is not None:
                        await self._shared.no_money(content)
                elif await self._is_sealed(content):
                    await self._upload(file)

    async def _is_sealed(self, content: Content) -> bool:
        change = BatchChange(
            lines=content.lines, bytes=content.size, tokens=content.tokens, reserved_usd=content.usd
        )  # fmt: skip
        cap_usd = self._shared.cap_usd()
        batch, last_job = self.record.id, content.last_job
        if not await self._shared.store_client.call(
            lambda store: store.batches.seal(batch, last_job, change, cap_usd)
        ):  # fmt: skip
            return False  # another worker has reserved the money meanwhile
        self.record = replace(
            self.record, state=BatchState.SEALED, lines=content.lines, bytes=content.size, tokens=content.tokens,
            reserved_usd=content.usd,
        )  # fmt: skip
        return True

    # Sealed: the file is uploaded, or found.

    async def _resume_upload(self) -> None:
        if await self._adopt_file():
            return
        async with self._shared.transfers:
            self._ensure_running()
            with temporary_file() as file:
                await self._shared.builder.build(self.record.id, file, None)
                await self._upload(file)

    async def _upload(self, file: IO[bytes]) -> None:
        waits = self._shared.service.pace.retries()
        while True:
            file.seek(0)
            name = file_name(self.record.uuid)
            reply = await self._shared.stop.unless_requested(self._shared.service.api.upload(name, file))
            if (file_id := file_id_in(reply)) is not None and self._shared.service.is_told(reply):
                await self._move(BatchState.UPLOADED, BatchChange(file_id=file_id))
                return
            if self._is_final(reply, "the file of a batch"):
                await self._finish(BatchChange(ending="refused", error=failure_text(failure_of(reply))))
                return
            if not is_refused(reply) and await self._adopt_file():
                return
            await self._shared.service.wait_after(reply, next(waits))

    async def _adopt_file(self) -> bool:
        """Look for the file, which may have been uploaded; adopt the newest one and delete others."""
        name, since = file_name(self.record.uuid), from_timestamp(self.record.created_at) - LAG_BEFORE_SECONDS
        for wait in FILE_LOOKS:
            await self._sleep(self._shared.service.pace.seconds(wait))
            found = await self._shared.service.find_files(name, since)
            whole = [file for file in found if file.size in (None, self.record.bytes)]
            for file in found:
                if not whole or file is not whole[0]:
                    await self._delete(file.id)
            if whole:
                log.info("found the file of batch %d at the service", self.record.id)
                await self._move(BatchState.UPLOADED, BatchChange(file_id=whole[0].id))
                return True
        return False

    # Uploaded: the batch is created, or found.

    async def _create(self) -> None:
        self._ensure_running()
        await self._while_paused()
        waits, misses = self._shared.service.pace.retries(), 0
        while self.record.state is BatchState.UPLOADED:
            await self._move(BatchState.CREATING, BatchChange(creating_at=to_timestamp(time()), creates=1))
            assert self.record.file_id is not None
            reply = await self._shared.service.api.create(self.record.file_id, {METADATA_KEY: self.record.uuid})
            if (remote := batch_in(reply)) is not None:
                await self._submitted(remote)
            elif not is_refused(reply):
                await self._look_for_batch()
            else:
                await self._move(BatchState.UPLOADED, BatchChange(creates=-1))
                misses += reply.status == NOT_FOUND
                if misses >= FILE_TRIES or (reply.status != NOT_FOUND and self._is_final(reply, "a batch")):
                    await self._finish(BatchChange(ending="refused", error=failure_text(failure_of(reply))))
                    return
                await self._wait_after_refusal(reply, next(waits))

    async def _wait_after_refusal(self, reply: Reply, seconds: float) -> None:
        if reply.status == NOT_FOUND:
            await self._sleep(seconds)  # a new file is not found at once
        else:
            await self._shared.service.wait_after(reply, seconds)

    async def _look_for_batch(self) -> None:
        """Look for the batch, which may have been created; only after several looks it certainly was not."""
        since = from_timestamp(self.record.creating_at or self.record.created_at) - LAG_BEFORE_SECONDS
        for wait in BATCH_LOOKS:
            await self._sleep(self._shared.service.pace.seconds(wait))
            if found := await self._shared.service.find_batches(self.record.uuid, self.record.file_id, since):
                log.info("found batch %d at the service", self.record.id)
                await self._submitted(found[0], others=len(found) - 1)
                return
        await self._move(BatchState.UPLOADED, BatchChange())

    async def _submitted(self, remote: RemoteBatch, others: int = 0) -> None:
        change = replace(
            _described(remote), batch_id=remote.id, submitted_at=to_timestamp(time()), creates=others
        )  # fmt: skip
        await self._move(BatchState.SUBMITTED, change)
        log.info("batch %d: %s submitted", self.record.id, count_text(self.record.lines, "request"))

    # Submitted: the service works on it.

    async def _poll(self) -> None:
        misses = 0
        for wait in self._shared.service.pace.polls():
            await self._cancel_if_asked()
            reply = await self._told()
            remote = batch_in(reply)
            misses = misses + 1 if remote is None else 0
            if misses >= GONE_LOOKS:
                await self._lost("vanished", "the service no longer knows the batch")
                return
            if remote is not None:
                await self._cancel_twins()
                if await self._is_over(remote):
                    return
                self.has_looked = True
            await self._sleep(wait)

    async def _told(self) -> Reply:
        batch_id = self.record.batch_id
        assert batch_id is not None
        return await self._shared.service.until_certain(lambda: self._shared.service.api.retrieve(batch_id))

    async def _is_over(self, remote: RemoteBatch) -> bool:
        change = _described(remote)
        if remote.is_final:
            change = replace(change, ending=remote.status, ended_at=to_timestamp(time()))
            if remote.status == "failed" and not remote.output_file_id and not remote.error_file_id:
                await self._refused(remote, change)
            else:
                await self._move(BatchState.ENDED, change)
            return True
        if _differs(self.record, change):
            await self._move(BatchState.SUBMITTED, change)
        now, began = time(), self._cancelled_at
        if began is not None and now - began > STUCK_SECONDS:
            await self._lost("stuck", "the service does not end the batch")
            return True
        if _is_stuck(remote, now) and began is None:
            log.warning("batch %d is stuck at the service (%s); it is cancelled", self.record.id, remote.status)
            await self._cancel()
        return False

    async def _cancel_if_asked(self) -> None:
        if self.record.cancel_asked_at and self._cancelled_at is None:
            await self._cancel()

    async def _cancel(self) -> None:
        batch_id = self.record.batch_id
        assert batch_id is not None
        self._cancelled_at = time()
        # A batch that is not found or has ended meanwhile is described by the next look.
        await self._shared.service.until_certain(lambda: self._shared.service.api.cancel(batch_id))

    async def _twins(self) -> list[RemoteBatch]:
        """Return other batches of the same file: an earlier creation that was given up may have had its effect."""
        if self.record.creates <= 1:
            return []
        since = from_timestamp(self.record.created_at) - LAG_BEFORE_SECONDS
        found = await self._shared.service.find_batches(self.record.uuid, self.record.file_id, since)
        return [remote for remote in found if remote.id != self.record.batch_id]

    async def _ended_twins(self) -> list[RemoteBatch]:
        for wait in self._shared.service.pace.polls():
            twins = await self._cancel_twins()
            if all(twin.is_final for twin in twins):
                return twins
            await self._sleep(wait)
        raise AssertionError("the waits never end")

    async def _cancel_twins(self) -> list[RemoteBatch]:
        twins = await self._twins()
        for twin in twins:
            if not twin.is_final and twin.status != "cancelling":
                log.warning("the service has batch %d twice; %s is cancelled", self.record.id, twin.id)
                await self._shared.service.until_certain(lambda twin=twin: self._shared.service.api.cancel(twin.id))  # type: ignore[misc]
        return twins

    # Ended: the results are read.

    async def _collect(self) -> None:
        verdicts, twins = self._shared.verdicts_of(self.record), await self._ended_twins()
        async with self._shared.transfers:
            self._ensure_running()
            await self._shared.collector.collect(self.record, verdicts)
            for twin in twins:
                results = replace(self.record, output_file_id=twin.output_file_id, error_file_id=None)
                await self._shared.collector.collect(results, verdicts)
        await self._finish(BatchChange())
        self._stop_for(verdicts)

    def _stop_for(self, verdicts: LineVerdicts) -> None:
        if verdicts.fatal is not None:
            self._shared.stop.request(StopReason.ACCOUNT, fatal_message(verdicts.fatal))
        elif verdicts.refused is not None:
            self._shared.stop.request(
                StopReason.REFUSED,
                f"all lines of a batch were refused with {failure_text(verdicts.refused)}; fix the prompt or the "
                "parameters and ingest again, then run the same command again.",
            )  # fmt: skip

    async def _refused(self, remote: RemoteBatch, change: BatchChange) -> None:
        refusal = refusal_of(remote)
        self.consequence = refusal.consequence
        if refusal.consequence is Consequence.WAIT_FOR_ROOM:
            model = self.record.model
            queue = await self._shared.store_client.call(lambda store: store.batches.token_queue(model))
            queued = max(0, queue.queued - self.record.tokens)
            limit = learned_limit(refused=self.record.tokens, queued=queued, told=refusal.limit)
            change = replace(change, queue_limit=limit)
            log.info(
                "the token queue of %s is full; batches of %s estimated tokens are tried next", model, f"{limit:,}"
            )
        elif refusal.consequence is Consequence.TRY_AGAIN:
            log.warning(
                "batch %d failed at the service: %s; its jobs are pending again", self.record.id, refusal.message
            )
        else:
            self._shared.stop.request(
                StopReason.ACCOUNT,
                f"the service refused the batch: {refusal.message}; fix the cause, then run the same command again.",
            )
        await self._finish(replace(change, ending=refusal.code, error=refusal.message))

    async def _lost(self, ending: str, error: str) -> None:
        log.warning("batch %d: %s; its jobs are pending again, and it may be billed", self.record.id, error)
        await self._finish(BatchChange(ending=ending, error=error, ended_at=to_timestamp(time())), is_lost=True)

    # Collected: the files are deleted.

    async def _clean_up(self) -> None:
        for file_id in await self._files():
            if not await self._delete(file_id):
                log.warning("the file %s could not be deleted at the service; it expires after 30 days", file_id)
        await self._move(BatchState.CLOSED, BatchChange(closed_at=to_timestamp(time())))

    async def _files(self) -> list[str]:
        """Return the ids of the files of the batch, also that of a file whose upload was given up."""
        record = self.record
        known = [file_id for file_id in (record.file_id, record.output_file_id, record.error_file_id) if file_id]
        if record.file_id or not record.bytes:
            return known
        since = from_timestamp(record.created_at) - LAG_BEFORE_SECONDS
        return known + [file.id for file in await self._shared.service.find_files(file_name(record.uuid), since)]

    async def _delete(self, file_id: str) -> bool:
        waits = self._shared.service.pace.retries()
        for _ in range(DELETE_TRIES):
            reply = await self._shared.service.api.delete_file(file_id)
            if self._shared.service.is_told(reply):
                return True
            await self._sleep(next(waits))
        return False

    # Common parts

    async def _finish(self, change: BatchChange, *, is_lost: bool = False) -> None:
        batch = self.record.id
        await self._reread()
        # Before its jobs are pending again, so that they do not go into another batch at once.
        self._shared.learn(replace(self.record, ending=change.ending or self.record.ending), self.consequence)
        self.freed = await self._shared.store_client.call(
            lambda store: store.batches.finish(batch, change, is_lost=is_lost)
        )
        await self._reread()
        if self.record.submitted_at:
            log.info("%s", _summary(self.record, self.freed))

    async def _reread(self) -> None:
        batch = self.record.id
        record = await self._shared.store_client.call(lambda store: store.batches.batch(batch))
        assert record is not None
        self.record = replace(record, cancel_asked_at=record.cancel_asked_at or self.record.cancel_asked_at)

    async def _move(self, state: BatchState, change: BatchChange) -> None:
        batch = self.record.id
        asked = self.record.cancel_asked_at
        record = await self._shared.store_client.call(lambda store: store.batches.move(batch, state, change))
        self.record = replace(record, cancel_asked_at=record.cancel_asked_at or asked)

    def _is_final(self, reply: Reply, what: str) -> bool:
        """Return True, with the run stopped, if the service refuses something for a reason that does not pass."""
        if not is_refused(reply) or reply.fault is not None:
            return False
        failure = failure_of(reply)
        if failure.kind is not FailureKind.PERMANENT:
            return False
        sentence = (
            f"the service refused {what}: {failure_text(failure)}; fix the cause, then run the same command again."
        )
        self._shared.stop.request(StopReason.REFUSED, sentence)
        return True

    def _ensure_running(self) -> None:
        if self._shared.stop.is_requested():
            raise RunStoppingError

    async def _while_paused(self) -> None:
        while self._shared.stop.is_paused:
            await self._sleep(1.0)

    async def _sleep(self, seconds: float) -> None:
        """Sleep until the batch is to be cancelled; raises RunStoppingError as soon as the run stops."""
        await self._shared.stop.unless_requested(_until(self._wake, seconds))
        self._wake.clear()


_NOT_CREATED = frozenset({BatchState.PREPARED, BatchState.SEALED, BatchState.UPLOADED})


async def _until(event: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return


def _described(remote: RemoteBatch) -> BatchChange:
    return BatchChange(
        service_status=remote.status, service_total=remote.total, service_completed=remote.completed,
        service_failed=remote.failed, output_file_id=remote.output_file_id, error_file_id=remote.error_file_id,
    )  # fmt: skip


def _differs(record: BatchRecord, change: BatchChange) -> bool:
    names = ("service_status", "service_total", "service_completed", "service_failed")
    return any(getattr(change, name) not in (None, getattr(record, name)) for name in names)


def _is_stuck(remote: RemoteBatch, now: float) -> bool:
    since = remote.finalizing_at if remote.status == "finalizing" else remote.expires_at
    return since is not None and now > since + STUCK_SECONDS


def _summary(record: BatchRecord, freed: int) -> str:
    again = f", {count_text(freed, 'job')} pending again" if freed else ""
    return f"batch {record.id} {record.ending}: {record.done:,} done, {record.failed:,} failed{again}"
