"""Steps of a batch up to its submission: its lines are chosen, its file is uploaded, and the batch is created.

A file or a batch that may have been created is looked for at the service and adopted; no batch is created while an
earlier creation is unknown.
"""

import logging
from dataclasses import replace
from time import time
from typing import IO

from artistjobs.api.batch_objects import RemoteBatch, batch_in, file_id_in
from artistjobs.api.remedies import failure_text
from artistjobs.api.reply import Reply
from artistjobs.core.batch import METADATA_KEY, BatchState, file_name
from artistjobs.core.formatting import count_text
from artistjobs.core.timestamps import from_timestamp, to_timestamp
from artistjobs.store.models import BatchChange
from artistjobs.worker.batch.build import Content
from artistjobs.worker.batch.driven import DrivenBatch
from artistjobs.worker.batch.follow import described
from artistjobs.worker.batch.pace import BATCH_LOOKS, FILE_LOOKS, LAG_BEFORE_SECONDS
from artistjobs.worker.batch.service import NOT_FOUND, failure_of, is_refused
from artistjobs.worker.batch.temporary_files import file_of_requests

log = logging.getLogger(__name__)


FILE_TRIES = 5
"""Refusals to find a new file, after which the batch is given up."""


async def seal(batch: DrivenBatch) -> None:
    """Choose the lines of a prepared batch, as many as there is room for, and upload them."""
    shared = batch.shared
    async with shared.transfers:
        batch.ensure_running()
        room = await shared.room.room_for(batch.record)
        with file_of_requests() as file:
            content = await shared.builder.build(batch.record.id, file, room)
            if not content.lines:
                await batch.finish(BatchChange(ending="empty"))
                if content.least_usd is not None:
                    await shared.room.no_money(content)
            elif await _is_sealed(batch, content):
                await _upload(batch, file)


async def _is_sealed(batch: DrivenBatch, content: Content) -> bool:
    change = BatchChange(
        lines=content.lines, bytes=content.size, tokens=content.tokens, reserved_usd=content.usd
    )  # fmt: skip
    number, last_job, cap_usd = batch.record.id, content.last_job, batch.shared.room.cap_usd
    if not await batch.shared.store_client.call(lambda store: store.batches.seal(number, last_job, change, cap_usd)):
        return False  # another worker has reserved the money meanwhile
    batch.record = replace(
        batch.record, state=BatchState.SEALED, lines=content.lines, bytes=content.size, tokens=content.tokens,
        reserved_usd=content.usd,
    )  # fmt: skip
    return True


async def resume_upload(batch: DrivenBatch) -> None:
    """Find the file of a sealed batch, or write and upload it again."""
    if await _adopt_file(batch):
        return
    async with batch.shared.transfers:
        batch.ensure_running()
        with file_of_requests() as file:
            await batch.shared.builder.build(batch.record.id, file, None)
            await _upload(batch, file)


async def _upload(batch: DrivenBatch, file: IO[bytes]) -> None:
    service = batch.service
    waits = service.pace.retries()
    while True:
        file.seek(0)
        reply = await batch.shared.stop.unless_requested(service.api.upload(file_name(batch.record.uuid), file))
        if (file_id := file_id_in(reply)) is not None and service.is_told(reply):
            await batch.move(BatchState.UPLOADED, BatchChange(file_id=file_id))
            return
        if batch.is_final(reply, "the file of a batch"):
            await batch.finish(BatchChange(ending="refused", error=failure_text(failure_of(reply))))
            return
        if not is_refused(reply) and await _adopt_file(batch):
            return
        await service.wait_after(reply, next(waits))


async def _adopt_file(batch: DrivenBatch) -> bool:
    """Look for the file, which may have been uploaded; adopt the newest one and delete others."""
    record = batch.record
    name, since = file_name(record.uuid), from_timestamp(record.created_at) - LAG_BEFORE_SECONDS
    for wait in FILE_LOOKS:
        await batch.sleep(batch.service.pace.seconds(wait))
        found = await batch.service.find_files(name, since)
        whole = [file for file in found if file.size in (None, record.bytes)]
        for file in found:
            if not whole or file is not whole[0]:
                await batch.delete(file.id)
        if whole:
            log.info("found the file of batch %d at the service", record.id)
            await batch.move(BatchState.UPLOADED, BatchChange(file_id=whole[0].id))
            return True
    return False


async def create(batch: DrivenBatch) -> None:
    """Create the batch of an uploaded file, once."""
    batch.ensure_running()
    while batch.shared.stop.is_paused:
        await batch.sleep(1.0)
    waits, misses = batch.service.pace.retries(), 0
    while batch.record.state is BatchState.UPLOADED:
        await batch.move(BatchState.CREATING, BatchChange(creating_at=to_timestamp(time()), creates=1))
        assert batch.record.file_id is not None
        reply = await batch.service.api.create(batch.record.file_id, {METADATA_KEY: batch.record.uuid})
        if (remote := batch_in(reply)) is not None:
            await _submitted(batch, remote)
        elif not is_refused(reply):
            await look_for_batch(batch)
        else:
            await batch.move(BatchState.UPLOADED, BatchChange(creates=-1))
            misses += reply.status == NOT_FOUND
            if misses >= FILE_TRIES or (reply.status != NOT_FOUND and batch.is_final(reply, "a batch")):
                await batch.finish(BatchChange(ending="refused", error=failure_text(failure_of(reply))))
                return
            await _wait_after_refusal(batch, reply, next(waits))


async def _wait_after_refusal(batch: DrivenBatch, reply: Reply, seconds: float) -> None:
    if reply.status == NOT_FOUND:
        await batch.sleep(seconds)  # a new file is not found at once
    else:
        await batch.service.wait_after(reply, seconds)


async def look_for_batch(batch: DrivenBatch) -> None:
    """Look for the batch, which may have been created; only after several looks it certainly was not."""
    record = batch.record
    since = from_timestamp(record.creating_at or record.created_at) - LAG_BEFORE_SECONDS
    for wait in BATCH_LOOKS:
        await batch.sleep(batch.service.pace.seconds(wait))
        if found := await batch.service.find_batches(record.uuid, record.file_id, since):
            log.info("found batch %d at the service", record.id)
            await _submitted(batch, found[0], others=len(found) - 1)
            return
    await batch.move(BatchState.UPLOADED, BatchChange())


async def _submitted(batch: DrivenBatch, remote: RemoteBatch, others: int = 0) -> None:
    change = replace(
        described(remote), batch_id=remote.id, submitted_at=to_timestamp(time()), creates=others
    )  # fmt: skip
    await batch.move(BatchState.SUBMITTED, change)
    log.info("batch %d: %s submitted", batch.record.id, count_text(batch.record.lines, "request"))
