"""Batches at the service on SQLite: they hold jobs as workers do, and one worker drives each of them."""

import json
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from time import time

from artistjobs.core.attempt import Attempt
from artistjobs.core.batch import BatchState
from artistjobs.core.job import MAX_DELAY_SECONDS, Claim, Scope
from artistjobs.core.timestamps import to_timestamp
from artistjobs.store.models import BatchChange, BatchJob, BatchRecord, TokenQueue
from artistjobs.store.queries.batches import (
    QUEUE_LIMIT_SECONDS,
    SqlBatchQueries,
    change_row,
    has_other_id,
    token_queue_of,
)
from artistjobs.store.queries.rows import of_different_jobs, span, work_row
from artistjobs.store.sqlite.connection import Connection, sql
from artistjobs.store.sqlite.queue import SqliteQueue


class SqliteBatches(SqlBatchQueries):
    """Batches of a database, for one worker."""

    def __init__(self, connection: Connection, queue: SqliteQueue, clock: Callable[[], float] = time) -> None:
        super().__init__(connection)
        self._db = connection
        self._queue = queue
        self._clock = clock

    def take(self) -> Sequence[BatchRecord]:
        """Become the driver of the open batches that have none; return all batches that this worker drives."""
        worker = self._queue.worker
        found = self.open_batches()
        if any(batch.driver is None for batch in found):
            with self._db.transaction() as db:
                db.execute(sql("take_batches"), {"worker": worker})
            found = self.open_batches()
        return [batch for batch in found if batch.driver == worker]

    def prepare(self, uuid: str, model: str, scope: Scope, limit: int) -> BatchRecord | None:
        """Bind up to ``limit`` pending jobs of a model to a new batch; None if there are none."""
        now = self._clock()
        moments = {"now": to_timestamp(now), "latest": to_timestamp(now + MAX_DELAY_SECONDS)}
        with self._db.transaction() as db:
            # The holder comes first, since jobs refer to it; without jobs it is taken back.
            db.execute("SAVEPOINT binding")
            ((batch,),) = db.execute(sql("register_batch"), moments).fetchall()
            row = {"batch": batch, "uuid": uuid, "model": model, "worker": self._queue.worker, **moments}
            db.execute(sql("add_batch"), row)
            bound = db.execute(sql("bind_jobs"), {**span(scope), **row, "limit": limit}).rowcount
            db.execute("RELEASE binding" if bound else "ROLLBACK TO binding")
        return self._found(batch) if bound else None

    def jobs(self, batch: int, after: int, limit: int) -> Sequence[Claim]:
        """Return jobs that a batch holds, with greater numbers than ``after``, in the order of their numbers."""
        rows = self._db.rows("jobs_of_batch", {"batch": batch, "after": after, "limit": limit})
        return [self._claim_of(row) for row in rows]

    def jobs_by_id(self, batch: int, jobs: Sequence[int]) -> Mapping[int, BatchJob]:
        """Return jobs by their numbers, and whether a batch still holds each of them."""
        return self._batch_jobs_of(self._db.rows("jobs_by_id", {"batch": batch, "jobs": json.dumps(list(jobs))}))

    def seal(self, batch: int, last_job: int, change: BatchChange, cap_usd: float | None) -> bool:
        """Make the lines of a batch final; return False, with nothing changed, if the cap has no room."""
        with self._db.transaction() as db:
            if cap_usd is not None:
                money = {"worker": batch, "usd": change.reserved_usd or 0.0, "margin": 0.0, "cap": cap_usd}
                if not db.execute(sql("reserve"), money).rowcount:
                    return False
            db.execute(sql("unbind_jobs"), {"batch": batch, "after": last_job, "available_at": None})
            db.execute(sql("update_batch"), change_row(batch, BatchState.SEALED, change))
        return True

    def move(self, batch: int, state: BatchState, change: BatchChange) -> BatchRecord:
        """Move a batch to a state, which may be its own, and change values."""
        with self._db.transaction() as db:
            db.execute(sql("update_batch"), change_row(batch, state, change))
        return self._found(batch)

    def settle(self, batch: int, attempts: Sequence[Attempt]) -> Sequence[Attempt]:
        """Record attempts at jobs of a batch that were not recorded before; return those that changed their jobs."""
        settled: list[Attempt] = []
        with self._db.transaction() as db:
            for group in of_different_jobs(attempts):
                settled += self._settle(db, batch, group)
        return settled

    def _settle(self, db: sqlite3.Connection, batch: int, attempts: Sequence[Attempt]) -> Sequence[Attempt]:
        held = self._queue.held_jobs(db, attempts, batch)
        late = [attempt for attempt in attempts if attempt.claim.job not in held and attempt.answer is not None]
        known = self._known_answers(late)
        new = [attempt for attempt in attempts if attempt.claim.job in held]
        new += [attempt for attempt in late if has_other_id(attempt, known)]
        settled = self._queue.record(db, new, batch, held)
        if new:
            now = to_timestamp(self._clock())
            db.execute(sql("count_work"), {**work_row(new, settled), "worker": batch, "now": now})
        return settled

    def finish(self, batch: int, change: BatchChange, *, is_lost: bool = False, delay_seconds: float = 0.0) -> int:
        """Make the jobs that a batch still holds pending again, and let it be collected."""
        now = self._clock()
        later = to_timestamp(now + delay_seconds) if delay_seconds else None
        ending = {"worker": batch, "now": to_timestamp(now), "ending": change.ending}
        with self._db.transaction() as db:
            if is_lost:
                db.execute(sql("record_lost_lines"), ending)
            freed = db.execute(sql("unbind_jobs"), {"batch": batch, "after": 0, "available_at": later}).rowcount
            if not is_lost:
                db.execute(sql("free_batch"), {"batch": batch})
            db.execute(sql("end_worker"), ending)
            db.execute(sql("update_batch"), change_row(batch, BatchState.COLLECTED, change))
        return freed

    def ask_to_cancel(self, batch: int | None) -> int:
        """Ask the drivers of open batches to cancel one, or all; return how many were asked."""
        with self._db.transaction() as db:
            return db.execute(sql("ask_to_cancel"), {"batch": batch, "now": to_timestamp(self._clock())}).rowcount

    def token_queue(self, model: str) -> TokenQueue:
        """Return the state of the token queue of a model, as far as it is known."""
        since = to_timestamp(self._clock() - QUEUE_LIMIT_SECONDS)
        return token_queue_of(self._db.row("token_queue", {"model": model, "since": since}))

    def _known_answers(self, attempts: Sequence[Attempt]) -> set[str]:
        """Return the response ids of answers that are stored already."""
        if not attempts:
            return set()
        pairs = [[attempt.claim.job, attempt.answer.response_id] for attempt in attempts if attempt.answer]
        row = self._db.row("answers_known", {"answers": json.dumps(pairs)})
        return set(json.loads(row[0])) if row else set()
