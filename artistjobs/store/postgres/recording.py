"""Recording of attempts in PostgreSQL: answers, attempts, the new state of jobs, and the counters of the worker."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final

from artistjobs.core.attempt import Attempt, Outcome
from artistjobs.core.job import EVERYTHING
from artistjobs.store.postgres.attempt_columns import attempt_columns
from artistjobs.store.postgres.connection import Connection
from artistjobs.store.postgres.statements import Db, DbRow, execute
from artistjobs.store.queries.connection import Parameters
from artistjobs.store.queries.rows import of_different_jobs, span, work_row

_FINAL = (Outcome.DONE, Outcome.FAILED)


_NO_CLAIM: Final = {
    **span(EVERYTHING), "floor": 0, "now": None, "latest": None, "claimed_at": None, "limit": 0,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Exchanged:
    """Rows of claimed jobs, the jobs of attempts whose claims were no longer held, and whether the worker lives on."""

    claimed: Sequence[DbRow]
    lost: AbstractSet[int]
    is_registered: bool


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
        settled, is_registered = list[Attempt](), True
        for group in of_different_jobs(attempts) or [[]]:
            done = self.exchange(db, group, number, _NO_CLAIM)
            settled += [attempt for attempt in group if attempt.claim.job not in done.lost]
            is_registered = done.is_registered
        return settled, is_registered

    def exchange(self, db: Db, attempts: Sequence[Attempt], number: int, claim: Parameters) -> Exchanged:
        """Record attempts at different jobs and claim jobs, in one statement."""
        columns = {**attempt_columns(attempts, self.connection.to_server(0.0)), **added_work(attempts)}
        row = {**columns, **claim, "worker": self.worker, "exchanges": number}
        rows = execute(db, "exchange", row).fetchall()
        return Exchanged(
            [row for row in rows if row["kind"] == "claimed"],
            {row["job"] for row in rows if row["kind"] == "lost"},
            is_registered=all(row["kind"] != "ended" for row in rows),
        )

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


def added_work(attempts: Sequence[Attempt]) -> dict[str, object]:
    """Return what attempts add to the counters of a worker, but for their outcomes, which the statement counts."""
    return {f"more_{name}": value for name, value in work_row(attempts, ()).items()}


def _claims(attempts: Sequence[Attempt]) -> dict[str, object]:
    return {
        "job": [attempt.claim.job for attempt in attempts],
        "attempt": [attempt.claim.attempt for attempt in attempts],
    }
