"""Recording of attempts in PostgreSQL: answers, attempts, the new state of jobs, and the counters of the worker."""

from collections.abc import Sequence
from dataclasses import dataclass

from artistjobs.core.attempt import Attempt, Outcome
from artistjobs.core.timestamps import from_timestamp, to_timestamp
from artistjobs.store.postgres.answers import answer_columns
from artistjobs.store.postgres.connection import Connection
from artistjobs.store.postgres.statements import Db, execute
from artistjobs.store.queries.rows import attempt_values, of_different_jobs, settled_values, work_row

_ATTEMPT_COLUMNS = (
    "job", "number", "worker", "started_at", "ended_at", "calls", "outcome",
    "http_status", "error_type", "error_code", "error_message", "request_id", "lost_usd",
)  # fmt: skip
_SETTLED_COLUMNS = ("job", "state", "next_attempt", "answer", "error_code", "available_at")
_FINAL = (Outcome.DONE, Outcome.FAILED)


@dataclass(frozen=True, slots=True)
class Recorder:
    """Records the attempts of one worker within transactions of others."""

    connection: Connection
    worker: int | None

    def record(
        self, db: Db, attempts: Sequence[Attempt], number: int, held: set[int] | None = None
    ) -> tuple[list[Attempt], bool]:
        """Record attempts as part of an exchange.

        Args:
            db: The connection, within a transaction.
            attempts: The attempts in their order.
            number: The number of the exchange.
            held: The jobs of the attempts whose claims the worker still holds, None if they are not known.

        Returns:
            The attempts whose claims were still held, and False if another process has taken the worker for dead.

        """
        settled = [attempt for group in of_different_jobs(attempts) for attempt in self._record(db, group, held)]
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

    def _record(self, db: Db, attempts: Sequence[Attempt], held: set[int] | None) -> list[Attempt]:
        """Store attempts at different jobs; return those whose claims were still held."""
        kept = self._keep_answers(db, attempts)
        rows = [attempt_values(attempt, self.worker) for attempt in attempts]
        execute(db, "record_attempts", self._on_server_clock(_columns(_ATTEMPT_COLUMNS, rows)))
        held = self.held_jobs(db, attempts) if held is None else held
        settled = [attempt for attempt in attempts if attempt.claim.job in held]
        rows = [settled_values(attempt, kept.get(attempt.claim.job)) for attempt in settled]
        if rows:
            execute(db, "settle", self._on_server_clock(_columns(_SETTLED_COLUMNS, rows)))
        if late := kept.keys() - held:
            execute(db, "mark_late", {"answers": [kept[job] for job in late]})
        return settled

    def _keep_answers(self, db: Db, attempts: Sequence[Attempt]) -> dict[int, int]:
        """Store the answers of attempts; return the answer's id for each job."""
        columns = answer_columns(attempts, self.worker)
        if not columns["job"]:
            return {}
        return {row["job"]: row["id"] for row in execute(db, "keep_answers", self._on_server_clock(columns))}

    def _on_server_clock(self, columns: dict[str, list[object]]) -> dict[str, object]:
        """Return columns with all times of this machine as times of the server."""
        shifted: dict[str, object] = dict(columns)
        for name in ("started_at", "ended_at", "received_at", "available_at"):
            if name in columns:
                shifted[name] = [
                    None if moment is None else to_timestamp(self.connection.to_server(from_timestamp(str(moment))))
                    for moment in columns[name]
                ]
        return shifted


def _claims(attempts: Sequence[Attempt]) -> dict[str, object]:
    return {
        "job": [attempt.claim.job for attempt in attempts],
        "attempt": [attempt.claim.attempt for attempt in attempts],
    }


def _columns(names: Sequence[str], rows: Sequence[Sequence[object]]) -> dict[str, list[object]]:
    """Return rows as one list for each column, for a statement with ``unnest``."""
    return {name: [row[place] for row in rows] for place, name in enumerate(names)}
