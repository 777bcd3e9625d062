"""Last steps of a batch: its results are read and settled, and its files are deleted."""

from time import time

from artistjobs.api.batch_objects import RemoteBatch
from artistjobs.api.remedies import failure_text, fatal_message
from artistjobs.core.batch import BatchState, file_name
from artistjobs.core.timestamps import from_timestamp, to_timestamp
from artistjobs.store.models import BatchChange
from artistjobs.worker.batch.driven import DrivenBatch
from artistjobs.worker.batch.pace import LAG_BEFORE_SECONDS
from artistjobs.worker.batch.twins import ended_twins, results_of
from artistjobs.worker.batch.verdicts import LineVerdicts
from artistjobs.worker.stop import Stop, StopReason


async def collect(batch: DrivenBatch) -> None:
    """Settle the results of a batch that has ended, and those of its twins; what is left is pending again."""
    verdicts, twins = batch.shared.verdicts_of(batch.record), await ended_twins(batch)
    async with batch.shared.transfers:
        batch.ensure_running()
        await batch.shared.collector.collect(batch.record, verdicts)
        for twin in twins:
            await batch.shared.collector.collect(results_of(twin, batch.record), verdicts)
    await batch.finish(BatchChange())
    _stop_for(verdicts, batch.shared.stop)


def _stop_for(verdicts: LineVerdicts, stop: Stop) -> None:
    if verdicts.fatal is not None:
        stop.request(StopReason.ACCOUNT, fatal_message(verdicts.fatal))
    elif verdicts.refused is not None:
        stop.request(
            StopReason.REFUSED,
            f"all lines of a batch were refused with {failure_text(verdicts.refused)}; fix the prompt or the "
            "parameters and ingest again, then run the same command again.",
        )


async def clean_up(batch: DrivenBatch) -> None:
    """Delete the files of a collected batch, and name those that stay."""
    for file_id in await _files(batch):
        await batch.delete(file_id)
    await batch.move(BatchState.CLOSED, BatchChange(closed_at=to_timestamp(time())))


async def _files(batch: DrivenBatch) -> list[str]:
    """Return the ids of the files of a batch: also those of twins, and of uploads that were given up."""
    record = batch.record
    known = [record.file_id, record.output_file_id, record.error_file_id]
    for twin in await ended_twins(batch):
        known += _results(twin)
    if record.bytes:
        since = from_timestamp(record.created_at) - LAG_BEFORE_SECONDS
        known += [file.id for file in await batch.service.find_files(file_name(record.uuid), since)]
    return list(dict.fromkeys(file_id for file_id in known if file_id))


def _results(twin: RemoteBatch) -> list[str | None]:
    return [twin.output_file_id, twin.error_file_id]
