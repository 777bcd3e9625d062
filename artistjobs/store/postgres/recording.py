"""Recording of attempts in PostgreSQL: answers, attempts, the new state of jobs, and the counters of the worker."""

from collections.abc import Sequence
from dataclasses import dataclass

from artistjobs.core.attempt import Attempt, Outcome
from artistjobs.store.postgres.attempt_columns import attempt_columns
from artistjobs.store.postgres.connection import Connection
from artistjobs.store.postgres.statements import Db, execute
from artistjobs.store.queries.rows import of_different_jobs, work_row

_FINAL = (Outcome.DONE, Outcome.FAILED)


@dataclass(frozen=True, slots=True)
class Recorder:
    """Records the attempts of one worker within transactions of others."""

    connection: Connection
    worker: int | None

    def record(self, db: Db, attempts: Sequence[Attempt], number: int) -> tuple[list[Attempt], bool]:
        """Record attempts as part of an exchange.

        Args:
            db: The connection, within a transaction.
            attempts: The attempts in their order.
            number: The number of the exchange.

        Returns:
            The attempts whose claims were still held, and False if another process has taken the worker for dead.

        """
        settled = [attempt for group in of_different_jobs(attempts) for attempt in self._record(db, group)]
        counted = {**work_row(attempts, settled), "worker": self.worker, "exchanges": number}
        row = execute(db, "count_work", counted).fetchone()
        return settled, row is not None and bool(row["is_registered"])

    def adopt(self, db: Db, attempts: Sequence[Attempt], former: int) -> None:
        """Take over the jobs of final attempts that the worker ``former`` made, if they are still to do."""
        for group in of_different_jobs([attempt for attempt in attempts if attempt.outcome in _FINAL]):
            execute(db, "adopt", {**_claims(group), "worker": self.worker, "former": former})

    def held_jobs(self, db: Db, attempts: Sequence[Attempt]) -> set[int]:
        """Return the jobs of attempts whose claims the worker still holds."""
        return {found["job"] for found in execute(db, "held_claims", {**_claims(attempts), "worker": self.worker})}

    def known_responses(self, db: Db, attempts: Sequence[Attempt]) -> set[str | None]:
        """Return the ids of the responses of attempts that are stored already."""
        answered = [(one.claim.job, one.answer.response_id) for one in attempts if one.answer is not None]
        columns = {"job": [job for job, _ in answered], "response_id": [response for _, response in answered]}
        return {row["response_id"] for row in execute(db, "known_responses", columns)}

    def _record(self, db: Db, attempts: Sequence[Attempt]) -> list[Attempt]:
        """Store attempts at different jobs; return those whose claims were still held."""
        columns = attempt_columns(attempts, self.connection.to_server(0.0))
        unsettled = execute(db, "settle", {**columns, "worker": self.worker}).fetchall()
        if late := [row["answer"] for row in unsettled if row["answer"] is not None]:
            execute(db, "mark_late", {"answers": late})
        lost = {row["job"] for row in unsettled}
        return [attempt for attempt in attempts if attempt.claim.job not in lost]


def _claims(attempts: Sequence[Attempt]) -> dict[str, object]:
    return {
        "job": [attempt.claim.job for attempt in attempts],
        "attempt": [attempt.claim.attempt for attempt in attempts],
    }
