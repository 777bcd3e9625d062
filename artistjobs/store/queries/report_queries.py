"""Queries for a report: sums and a bounded sample of jobs, all from one snapshot."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from artistjobs.core.citations import citations_in
from artistjobs.store.models import NOTHING_AWAITED, FailedJob
from artistjobs.store.overview import (
    SLOT_WIDTHS,
    AnsweredJob,
    Bounds,
    LatencyBucket,
    Overview,
    Spending,
    TimeBucket,
    WorkerPeriod,
)
from artistjobs.store.queries.batches import SqlBatchQueries
from artistjobs.store.queries.connection import Parameters, ReadConnection, RowMapping
from artistjobs.store.queries.rows import progress_of

CITATIONS_KEPT = 10
"""Citations of one answer that a report gets; their number bounds its memory."""


class SqlReportQueries:
    """Queries for a report on a whole database."""

    def __init__(self, connection: ReadConnection) -> None:
        self._connection = connection
        self._batches = SqlBatchQueries(connection)

    def overview(self, bounds: Bounds) -> Overview:
        """Return the data of a report from one consistent snapshot, in memory that does not grow with the jobs."""
        with self._connection.snapshot():
            return self._read(bounds)

    def _read(self, bounds: Bounds) -> Overview:
        workers = [WorkerPeriod(**row) for row in self._rows("overview_workers")]
        slot_seconds = _slot_seconds(workers, bounds.slots)
        prompt = bounds.prompt
        codes = {str(row["code"]): int(row["jobs"]) for row in self._rows("failures_by_code", {"prompt": prompt})}
        spent, dollars = self._spent(slot_seconds, prompt)
        (money,) = self._rows("sum_money")
        (work,) = self._rows("sum_work") if prompt is None else self._rows("work_of_prompt", {"prompt": prompt})
        return Overview(
            calls=work["calls"],
            retries=work["retries"],
            # Lost calls are counted for all prompts together.
            lost_usd=money["lost_usd"] if prompt is None else 0.0,
            asked=[progress_of(row) for row in self._connection.rows("overview_asked", {"prompt": prompt})],
            spent=spent,
            workers=workers,
            slots=list(self._slots(slot_seconds, dollars, prompt)),
            slot_seconds=slot_seconds,
            codes=codes,
            failed=sorted(self._failed(codes, bounds.failed, prompt), key=lambda row: row.job),
            answered=list(self._answered(bounds.answers, prompt)),
            # Batches and answers in the background are those of all prompts together.
            batches=self._batches.latest_batches(bounds.batches) if prompt is None else (),
            background=self._batches.background() if prompt is None else NOTHING_AWAITED,
        )

    def _spent(self, seconds: int, prompt: int | None) -> tuple[list[Spending], Counter[int]]:
        """Return the spending by prompt, model and tier, and the dollars spent in each time bucket."""
        spent: dict[tuple[object, ...], Spending] = {}
        dollars: Counter[int] = Counter()
        for row in self._rows("overview_spent", {"slot_seconds": seconds, "prompt": prompt}):
            start = row.pop("start")
            dollars[start] += row["cost_usd"]
            found = Spending(**row)
            key = (found.prompt, found.model, found.service_tier)
            spent[key] = spent[key].plus(found) if key in spent else found
        return list(spent.values()), dollars

    def _slots(self, seconds: int, dollars: Counter[int], prompt: int | None) -> Iterator[TimeBucket]:
        rows = self._connection.rows("overview_pace", {"slot_seconds": seconds, "prompt": prompt})
        slots = {start: list(found) for start, found in groupby(rows, lambda row: row["start"])}
        for start in sorted({*slots, *dollars}):
            yield _slot(start, slots.get(start, ()), dollars[start])

    def _failed(self, codes: Mapping[str, int], most: int, prompt: int | None) -> Iterator[FailedJob]:
        """Yield failed jobs, those with a rare code first, so that a frequent code leaves room for the others."""
        ahead = min(len(codes), most)
        for code, jobs in sorted(codes.items(), key=lambda item: item[1])[:ahead]:
            limit = min(jobs, most // ahead)
            rows = self._connection.rows("overview_failed", {"code": code, "limit": limit, "prompt": prompt})
            yield from (FailedJob(**row) for row in rows)
            most, ahead = most - limit, ahead - 1

    def _answered(self, most: int, prompt: int | None) -> Iterator[AnsweredJob]:
        """Yield completed jobs that are spread evenly over all answers, in the order of their arrival."""
        ((last,),) = (row.values() for row in self._rows("overview_answers"))
        stride = max(1.0, last / most)
        for number in range(min(most, last)):
            span = {"first": int(number * stride) + 1, "last": int((number + 1) * stride), "prompt": prompt}
            for row in self._rows("overview_answered", span):
                yield AnsweredJob(citations=citations_in(str(row.pop("body")))[:CITATIONS_KEPT], **row)

    def _rows(self, statement: str, parameters: Parameters | None = None) -> list[dict[str, Any]]:
        return [dict(row) for row in self._connection.rows(statement, parameters)]


def _slot_seconds(workers: Sequence[WorkerPeriod], slots: int) -> int:
    """Return the length of a time bucket in seconds, so that the total worked time fits into ``slots`` of them."""
    worked = sum(max(0.0, worker.end - worker.start) for worker in workers)
    return next((width for width in SLOT_WIDTHS if worked <= width * slots), SLOT_WIDTHS[-1])


def _slot(start: int, rows: Sequence[RowMapping], dollars: float) -> TimeBucket:
    return TimeBucket(
        start=start,
        done=sum(row["done"] for row in rows),
        failed=sum(row["failed"] for row in rows),
        cost_usd=dollars,
        latencies=[LatencyBucket(row["low"], row["width"], row["done"]) for row in rows if row["done"]],
    )
