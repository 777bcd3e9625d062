"""Twins of a batch: other batches of the same file, which an earlier creation that was given up has made all the same.

They are cancelled; what they have answered is paid for, and is kept.
"""

import logging
from dataclasses import replace
from functools import partial

from artistjobs.api.batch_objects import RemoteBatch
from artistjobs.core.timestamps import from_timestamp
from artistjobs.store.models import BatchRecord
from artistjobs.worker.batch.driven import DrivenBatch
from artistjobs.worker.batch.pace import LAG_BEFORE_SECONDS

log = logging.getLogger(__name__)


async def cancel_twins(batch: DrivenBatch) -> list[RemoteBatch]:
    """Cancel the twins that have not ended; return all of them."""
    twins = await _twins(batch)
    for twin in twins:
        if not twin.is_final and twin.status != "cancelling":
            log.warning("the service has batch %d twice; %s is cancelled", batch.record.id, twin.id)
            await batch.service.until_certain(partial(batch.service.api.cancel, twin.id))
    return twins


async def ended_twins(batch: DrivenBatch) -> list[RemoteBatch]:
    """Cancel the twins, and return all of them once they have ended."""
    for wait in batch.service.pace.polls():
        twins = await cancel_twins(batch)
        if all(twin.is_final for twin in twins):
            return twins
        await batch.sleep(wait)
    raise AssertionError("the waits never end")


def results_of(twin: RemoteBatch, record: BatchRecord) -> BatchRecord:
    """Return the record of a batch with the answers of a twin in place of its own results."""
    return replace(record, output_file_id=twin.output_file_id, error_file_id=None)


async def _twins(batch: DrivenBatch) -> list[RemoteBatch]:
    record = batch.record
    if record.creates <= 1:
        return []
    since = from_timestamp(record.created_at) - LAG_BEFORE_SECONDS
    found = await batch.service.find_batches(record.uuid, record.file_id, since)
    return [remote for remote in found if remote.id != record.batch_id]
