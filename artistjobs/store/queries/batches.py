"""Queries about batches at the service."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict

from artistjobs.core.attempt import Attempt
from artistjobs.core.batch import BatchState
from artistjobs.core.job import Claim, Scope
from artistjobs.store.models import NOTHING_AWAITED, BackgroundAnswers, BatchChange, BatchJob, BatchRecord, TokenQueue
from artistjobs.store.queries.connection import ReadConnection, RowMapping
from artistjobs.store.queries.headers import Headers
from artistjobs.store.queries.rows import Row, span

QUEUE_LIMIT_SECONDS = 86_400.0
"""Time for which a learned limit of the token queue counts; an account may get a higher one."""


class SqlBatchQueries:
    """Read access to batches."""

    def __init__(self, connection: ReadConnection) -> None:
        self._connection = connection
        self._headers = Headers(connection)

    def open_batches(self) -> Sequence[BatchRecord]:
        """Return the batches that are not closed, the oldest first."""
        return [batch_of(row) for row in self._connection.rows("open_batches")]

    def latest_batches(self, limit: int) -> Sequence[BatchRecord]:
        """Return the latest batches, the newest first."""
        return [batch_of(row) for row in self._connection.rows("latest_batches", {"limit": limit})]

    def batch(self, batch: int) -> BatchRecord | None:
        """Return a batch by its number, None if there is none."""
        row = self._connection.row("batch", {"batch": batch})
        return None if row is None else batch_of(row)

    def held_jobs(self, scope: Scope) -> int:
        """Return the number of jobs in batches that are not closed."""
        row = self._connection.row("held_by_batches", span(scope))
        return int(row["jobs"]) if row else 0

    def background(self) -> BackgroundAnswers:
        """Return how many responses the service makes in the background, and since when."""
        row = self._connection.row("background")
        return NOTHING_AWAITED if row is None else BackgroundAnswers(row["answers"], row["oldest_at"])

    def _found(self, batch: int) -> BatchRecord:
        found = self.batch(batch)
        assert found is not None
        return found

    def _claim_of(self, row: RowMapping) -> Claim:
        columns = self._headers.columns(row["header"], row["columns"])
        return Claim(row["job"], row["attempt"], row["prompt"], row["artist_name"], row["artist_data"], columns)

    def _batch_jobs_of(self, rows: Sequence[RowMapping]) -> Mapping[int, BatchJob]:
        return {row["job"]: BatchJob(self._claim_of(row), bool(row["is_held"])) for row in rows}


def has_other_id(attempt: Attempt, known: Collection[str | None]) -> bool:
    """Return True if the answer of an attempt has an id, and it is none of the known ones."""
    response_id = attempt.answer.response_id if attempt.answer else None
    return response_id is not None and response_id not in known


def batch_of(row: RowMapping) -> BatchRecord:
    """Return the batch of a row."""
    values = {name: row[name] for name in row.keys()}  # noqa: SIM118 - iterating over a row yields its values
    return BatchRecord(**{**values, "state": BatchState(row["state"])})


def change_row(batch: int, state: BatchState, change: BatchChange) -> Row:
    """Return a change as parameters of the statement ``update_batch``."""
    return {"batch": batch, "state": state.value, **asdict(change)}


def token_queue_of(row: RowMapping | None) -> TokenQueue:
    """Return the token queue of a row of the statement ``token_queue``."""
    return TokenQueue(0, None) if row is None else TokenQueue(row["queued"], row["queue_limit"])
