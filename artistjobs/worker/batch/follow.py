"""Step of a submitted batch: the service works on it, and is asked how far it is until it has ended."""

import logging
from dataclasses import replace
from functools import partial
from time import time

from artistjobs.api.batch_objects import RemoteBatch, batch_in
from artistjobs.core.batch import BatchState, learned_limit
from artistjobs.core.timestamps import to_timestamp
from artistjobs.store.models import BatchChange, BatchRecord
from artistjobs.worker.batch.driven import DrivenBatch
from artistjobs.worker.batch.pace import GONE_LOOKS, STUCK_SECONDS
from artistjobs.worker.batch.refusal import Consequence, Refusal, refusal_of
from artistjobs.worker.batch.twins import cancel_twins
from artistjobs.worker.stop import StopReason

log = logging.getLogger(__name__)


async def poll(batch: DrivenBatch) -> None:
    """Look at a batch until it has ended, or the service no longer knows it."""
    misses = 0
    for wait in batch.service.pace.polls():
        if batch.record.cancel_asked_at and batch.cancelled_at is None:
            await _cancel(batch)
        batch_id = batch.record.batch_id
        assert batch_id is not None
        remote = batch_in(await batch.service.until_certain(partial(batch.service.api.retrieve, batch_id)))
        misses = misses + 1 if remote is None else 0
        if misses >= GONE_LOOKS:
            await batch.lose("vanished", "the service no longer knows the batch")
            return
        if remote is not None:
            await cancel_twins(batch)
            if await _is_over(batch, remote):
                return
            batch.has_looked = True
        await batch.sleep(wait)


async def _is_over(batch: DrivenBatch, remote: RemoteBatch) -> bool:
    change = described(remote)
    if remote.is_final:
        change = replace(change, ending=remote.status, ended_at=to_timestamp(time()))
        if remote.status == "failed" and not remote.output_file_id and not remote.error_file_id:
            await _refused(batch, remote, change)
        else:
            await batch.move(BatchState.ENDED, change)
        return True
    if _differs(batch.record, change):
        await batch.move(BatchState.SUBMITTED, change)
    now, began = time(), batch.cancelled_at
    if began is not None and now - began > STUCK_SECONDS:
        await batch.lose("stuck", "the service does not end the batch")
        return True
    if _is_stuck(remote, now) and began is None:
        log.warning("batch %d is stuck at the service (%s); it is cancelled", batch.record.id, remote.status)
        await _cancel(batch)
    return False


async def _cancel(batch: DrivenBatch) -> None:
    batch_id = batch.record.batch_id
    assert batch_id is not None
    batch.cancelled_at = time()
    # A batch that is not found or has ended meanwhile is described by the next look.
    await batch.service.until_certain(partial(batch.service.api.cancel, batch_id))


async def _refused(batch: DrivenBatch, remote: RemoteBatch, change: BatchChange) -> None:
    """Draw the consequence of a batch that the service refused as a whole."""
    refusal = refusal_of(remote)
    batch.consequence = refusal.consequence
    if refusal.consequence is Consequence.WAIT_FOR_ROOM:
        change = replace(change, queue_limit=await _learned_limit(batch, refusal))
    elif refusal.consequence is Consequence.TRY_AGAIN:
        log.warning(
            "batch %d failed at the service: %s; its jobs are pending again", batch.record.id, refusal.message
        )  # fmt: skip
    else:
        batch.shared.stop.request(
            StopReason.ACCOUNT,
            f"the service refused the batch: {refusal.message}; fix the cause, then run the same command again.",
        )
    await batch.finish(replace(change, ending=refusal.code, error=refusal.message))


async def _learned_limit(batch: DrivenBatch, refusal: Refusal) -> int:
    model, tokens = batch.record.model, batch.record.tokens
    queue = await batch.shared.store_client.call(lambda store: store.batches.token_queue(model))
    limit = learned_limit(refused=tokens, queued=max(0, queue.queued - tokens), told=refusal.limit)
    log.info("the token queue of %s is full; batches of %s estimated tokens are tried next", model, f"{limit:,}")
    return limit


def described(remote: RemoteBatch) -> BatchChange:
    """Return what the service says about a batch."""
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
