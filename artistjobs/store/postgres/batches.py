"""Batches at the service on PostgreSQL: they hold jobs as workers do, and one worker drives each of them."""

from collections.abc import Mapping, Sequence

from artistjobs.core.attempt import Attempt
from artistjobs.core.batch import BatchState
from artistjobs.core.job import MAX_DELAY_SECONDS, Claim, Scope
from artistjobs.core.timestamps import to_timestamp
from artistjobs.store.models import BatchChange, BatchJob, BatchRecord, TokenQueue
from artistjobs.store.postgres.connection import Connection
from artistjobs.store.postgres.money import afford
from artistjobs.store.postgres.queue import PostgresQueue
from artistjobs.store.postgres.recording import Recorder
from artistjobs.store.postgres.statements import Db, execute
from artistjobs.store.queries.batches import (
    QUEUE_LIMIT_SECONDS,
    SqlBatchQueries,
    change_row,
    has_other_id,
    token_queue_of,
)
from artistjobs.store.queries.rows import of_different_jobs, span


class PostgresBatches(SqlBatchQueries):
    """Batches of a database, for one worker. Its methods wait for a server that is away."""

    def __init__(self, connection: Connection, queue: PostgresQueue) -> None:
        super().__init__(connection)
        self._db = connection
        self._queue = queue

    def take(self) -> Sequence[BatchRecord]:
        """Become the driver of the open batches that have none; return all batches that this worker drives."""
        worker = self._queue.worker
        with self._db.waiting():
            found = self.open_batches()
            if any(batch.driver is None for batch in found):
                self._db.in_transaction(lambda db: execute(db, "take_batches", {"worker": worker}))
                found = self.open_batches()
        return [batch for batch in found if batch.driver == worker]

    def prepare(self, uuid: str, model: str, scope: Scope, limit: int) -> BatchRecord | None:
        """Bind up to ``limit`` pending jobs of a model to a new batch; None if there are none."""
        now = self._db.now()
        moments = {"now": to_timestamp(now), "latest": to_timestamp(now + MAX_DELAY_SECONDS)}

        def bind(db: Db) -> int | None:
            # The holder comes first, since jobs refer to it; without jobs it is taken back.
            found = execute(db, "register_batch", moments).fetchone()
            assert found is not None
            row = {"batch": found["id"], "uuid": uuid, "model": model, "worker": self._queue.worker, **moments}
            execute(db, "add_batch", row)
            if execute(db, "bind_jobs", {**span(scope), **row, "limit": limit}).rowcount:
                return int(found["id"])
            for statement in ("drop_batch", "drop_batch_holder"):
                execute(db, statement, row)
            return None

        with self._db.waiting():
            batch = self._db.in_transaction(bind)
            return None if batch is None else self._found(batch)

    def jobs(self, batch: int, after: int, limit: int) -> Sequence[Claim]:
        """Return jobs that a batch holds, with greater numbers than ``after``, in the order of their numbers."""
        with self._db.waiting():
            rows = self._db.rows("jobs_of_batch", {"batch": batch, "after": after, "limit": limit})
        return [self._claim_of(row) for row in rows]

    def jobs_by_id(self, batch: int, jobs: Sequence[int]) -> Mapping[int, BatchJob]:
        """Return jobs by their numbers, and whether a batch still holds each of them."""
        with self._db.waiting():
            return self._batch_jobs_of(self._db.rows("jobs_by_id", {"batch": batch, "jobs": list(jobs)}))

    def seal(self, batch: int, last_job: int, change: BatchChange, cap_usd: float | None) -> bool:
        """Make the lines of a batch final; return False, with nothing changed, if the cap has no room."""

        def seal(db: Db) -> bool:
            if cap_usd is not None:
                granted = afford(db, [(change.reserved_usd or 0.0, 0.0)], cap_usd)
                if not granted.reservation.granted:
                    return False
                execute(db, "reserve", {"worker": batch, **granted.amount._asdict(), "number": 1})
            execute(db, "unbind_jobs", {"batch": batch, "after": last_job, "available_at": None})
            execute(db, "update_batch", change_row(batch, BatchState.SEALED, change))
            return True

        def sealed(db: Db) -> bool | None:
            """Return True if an earlier try took effect although its connection broke, or else None."""
            row = execute(db, "last_change", {"worker": batch}).fetchone()
            return True if row is not None and row["changes"] else None

        with self._db.waiting():
            return self._db.in_transaction(seal, sealed)

    def move(self, batch: int, state: BatchState, change: BatchChange) -> BatchRecord:
        """Move a batch to a state, which may be its own, and change values."""
        with self._db.waiting():
            self._db.in_transaction(lambda db: execute(db, "update_batch", change_row(batch, state, change)))
            return self._found(batch)

    def settle(self, batch: int, attempts: Sequence[Attempt]) -> Sequence[Attempt]:
        """Record attempts at jobs of a batch that were not recorded before; return those that changed their jobs."""
        recorder = Recorder(self._db, batch)

        def settle_all(db: Db) -> Sequence[Attempt]:
            return [attempt for group in of_different_jobs(attempts) for attempt in settle(db, group)]

        def settle(db: Db, attempts: Sequence[Attempt]) -> Sequence[Attempt]:
            held = recorder.held_jobs(db, attempts)
            late = [attempt for attempt in attempts if attempt.claim.job not in held and attempt.answer is not None]
            known = recorder.known_responses(db, late)
            new = [attempt for attempt in attempts if attempt.claim.job in held]
            new += [attempt for attempt in late if has_other_id(attempt, known)]
            return recorder.record(db, new, 0)[0] if new else []

        with self._db.waiting():
            return self._db.in_transaction(settle_all)

    def finish(self, batch: int, change: BatchChange, *, is_lost: bool = False, delay_seconds: float = 0.0) -> int:
        """Make the jobs that a batch still holds pending again, and let it be collected."""
        later = to_timestamp(self._db.now() + delay_seconds) if delay_seconds else None

        def finish(db: Db) -> int:
            if is_lost:
                execute(db, "record_lost_lines", {"worker": batch})
            freed = execute(db, "unbind_jobs", {"batch": batch, "after": 0, "available_at": later}).rowcount
            if not is_lost:
                execute(db, "free_batch", {"batch": batch})
            execute(db, "end_worker", {"worker": batch, "ending": change.ending})
            execute(db, "update_batch", change_row(batch, BatchState.COLLECTED, change))
            return freed

        with self._db.waiting():
            return self._db.in_transaction(finish)

    def ask_to_cancel(self, batch: int | None) -> int:
        """Ask the drivers of open batches to cancel one, or all; return how many were asked."""
        row = {"batch": batch, "now": to_timestamp(self._db.now())}
        with self._db.waiting():
            return self._db.in_transaction(lambda db: execute(db, "ask_to_cancel", row).rowcount)

    def token_queue(self, model: str) -> TokenQueue:
        """Return the state of the token queue of a model, as far as it is known."""
        since = to_timestamp(self._db.now() - QUEUE_LIMIT_SECONDS)
        with self._db.waiting():
            return token_queue_of(self._db.row("token_queue", {"model": model, "since": since}))
