"""Collection of a batch: its files of results are downloaded, read as streams and settled, some lines at a time."""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from io import FileIO
from time import time

from artistjobs.api.batch_objects import BatchLine
from artistjobs.api.remedies import failure_text
from artistjobs.core.attempt import Attempt, Outcome
from artistjobs.core.batch import job_of
from artistjobs.core.formatting import truncate
from artistjobs.core.timestamps import from_timestamp
from artistjobs.store.models import BatchRecord
from artistjobs.terminal.log import repeats
from artistjobs.worker.batch.service import NOT_FOUND, BatchService
from artistjobs.worker.batch.temporary_files import file_of_results, from_start
from artistjobs.worker.batch.verdicts import LineVerdicts
from artistjobs.worker.progress.counters import RunCounters
from artistjobs.worker.stop import RunStoppingError, Stop
from artistjobs.worker.store_client import StoreClient

log = logging.getLogger(__name__)


LINES_AT_ONCE, BYTES_AT_ONCE = 1000, 2**20
"""Lines that are settled in one transaction, and their bytes: few enough that their answers take little memory."""


@dataclass(frozen=True, slots=True)
class Collector:
    """Settles the results of batches. A second reading of the same results changes nothing."""

    service: BatchService
    store_client: StoreClient
    counters: RunCounters
    stop: Stop
    clock: Callable[[], float]

    async def collect(self, record: BatchRecord, verdicts: LineVerdicts) -> None:
        """Settle all lines of a batch; those that were answered are in the first file.

        Raises RunStoppingError, if the run stops before the end, and StoreError.
        """
        for file_id in (record.output_file_id, record.error_file_id):
            if file_id is not None:
                await self._collect_file(record, file_id, verdicts)

    async def _collect_file(self, record: BatchRecord, file_id: str, verdicts: LineVerdicts) -> None:
        waits = self.service.pace.retries()
        while True:
            with file_of_results() as file:
                reply = await self.stop.unless_requested(self.service.api.download(file_id, file))
                if self.service.is_told(reply):
                    if reply.status == NOT_FOUND:
                        log.warning(
                            "the service no longer has the file %s of a batch; its jobs are pending again", file_id
                        )
                        return
                    await self._settle_all(record, file, verdicts)
                    return
            await self.service.wait_after(reply, next(waits))

    async def _settle_all(self, record: BatchRecord, file: FileIO, verdicts: LineVerdicts) -> None:
        with from_start(file) as results:
            lines = self.service.api.results(results)
            while some := _some(lines):
                await self._settle(record, some, verdicts)
                if self.stop.is_requested():
                    raise RunStoppingError

    async def _settle(self, record: BatchRecord, lines: Sequence[BatchLine], verdicts: LineVerdicts) -> None:
        replies = [(*found, line.reply) for line in lines if line.reply and (found := job_of(line.custom_id))]
        numbers = [job for job, _, _ in replies]
        jobs = await self.store_client.call(lambda store: store.batches.jobs_by_id(record.id, numbers))
        started_at, ended_at = from_timestamp(record.submitted_at or record.created_at), time()

        def attempts() -> Iterator[Attempt]:
            for job, attempt, reply in replies:
                if job not in jobs:
                    continue
                claim, is_held = jobs[job]
                is_current = is_held and claim.attempt == attempt
                if is_current or reply.status == 200:  # noqa: PLR2004
                    claim = claim if claim.attempt == attempt else replace(claim, attempt=attempt)
                    yield verdicts.attempt_of(claim, reply, started_at, ended_at)

        judged = list(attempts())
        settled = await self.store_client.call(lambda store: store.batches.settle(record.id, judged))
        self._note(settled)

    def _note(self, settled: Sequence[Attempt]) -> None:
        now = self.clock()
        self.store_client.store_thread.job_counts.add(settled)
        for attempt in settled:
            self.counters.add(attempt, now)
            if attempt.failure is None:
                continue
            name, why = truncate(attempt.claim.artist_name), failure_text(attempt.failure)
            what = "failed" if attempt.outcome is Outcome.FAILED else "pending again"
            log.info("%s: %s: %s", name, what, why, extra=repeats(f"jobs {what}", attempt.failure.code))


def _some(lines: Iterator[BatchLine]) -> list[BatchLine]:
    """Return the next lines, as many as are settled at once; none at the end."""
    some: list[BatchLine] = []
    size = 0
    for line in lines:
        some.append(line)
        size += len(line.reply.body) if line.reply else 0
        if len(some) >= LINES_AT_ONCE or size >= BYTES_AT_ONCE:
            break
    return some
