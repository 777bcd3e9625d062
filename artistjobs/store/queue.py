"""The queue on SQLite: exchanging attempts for claims, and freeing what dead workers held."""

import os
import socket
import sqlite3
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict
from time import time

from artistjobs.job import DEATHS_MAX, Claim, JobState, Scope
from artistjobs.moment import moment_seconds, moment_text
from artistjobs.outcome import Answer, Attempt, Failure, Outcome
from artistjobs.store import Outlook, Rescue
from artistjobs.store.connection import Connection, sql
from artistjobs.store.locks import SignOfLife, death_certificate

_STATE_AFTER = {
    Outcome.DONE: JobState.DONE,
    Outcome.RETRY: JobState.RUNNING,  # held on to: the same worker calls again
    Outcome.FAILED: JobState.FAILED,
    Outcome.RELEASED: JobState.PENDING,
}

_COUNTED = ("calls", "retries", "done", "failed", "input_tokens", "output_tokens", "cost_usd", "unpriced")


class SqliteQueue:
    """Hands jobs to one worker and records what came of them."""

    def __init__(self, connection: Connection, clock: Callable[[], float] = time) -> None:
        self._connection = connection
        self._clock = clock
        self._worker: int | None = None
        self._life: SignOfLife | None = None

    def register(self) -> int:
        """Make this process known as a worker and hold its sign of life."""
        row = {"host": socket.gethostname(), "pid": os.getpid(), "now": self._now()}
        with self._connection.transaction() as db:
            ((self._worker,),) = db.execute(sql("register_worker"), row).fetchall()
            # Before the commit: nobody may see a worker that does not seem to live.
            self._life = SignOfLife(self._connection.path, self._worker)
        return self._worker

    def exchange(self, attempts: Sequence[Attempt], limit: int, scope: Scope) -> list[Claim]:
        """Record attempts and claim up to ``limit`` jobs, in one synced transaction."""
        with self._connection.transaction() as db:
            for attempt in attempts:
                self._record(db, attempt)
            if attempts:
                self._count(db, attempts)
            return self._claim(db, limit, scope) if limit > 0 else []

    def rescue(self) -> Rescue:
        """Free the jobs of every worker whose lock is gone."""
        states: Counter[str] = Counter()
        for row in self._connection.rows("holders"):
            if row["worker"] != self._worker:
                states += self._rescue_from(row["worker"])
        return Rescue(pending=states["pending"], failed=states["failed"])

    def outlook(self, scope: Scope) -> Outlook:
        """Say what is left to be claimed, and what other workers hold."""
        held = self._connection.row("held_elsewhere", {**_span(scope), "worker": self._worker})
        return Outlook(
            available_at=_available_at(self._connection.row("next_available", _span(scope))),
            held_elsewhere=held["jobs"] if held else 0,
        )

    def retry(self, *, scope: Scope, code: str | None = None, job: int | None = None) -> int:
        """Make failed jobs pending again; return how many."""
        with self._connection.transaction() as db:
            return db.execute(sql("retry"), {**_span(scope), "code": code, "job": job}).rowcount

    def spent_usd(self) -> float:
        """Return the cost of all answers stored, as far as their price is known."""
        row = self._connection.row("sum_work")
        return float(row["cost_usd"]) if row else 0.0

    def end(self, ending: str) -> None:
        """Record that this worker ends, and give up its sign of life."""
        if self._life is None:
            return
        try:
            with self._connection.transaction() as db:
                db.execute(sql("end_worker"), {"worker": self._worker, "now": self._now(), "ending": ending})
        finally:
            self._life.end()
            self._life = None

    def _claim(self, db: sqlite3.Connection, limit: int, scope: Scope) -> list[Claim]:
        row = {**_span(scope), "worker": self._worker, "now": self._now(), "limit": limit}
        # RETURNING has no order of its own.
        return sorted(
            (Claim(*claimed) for claimed in db.execute(sql("claim"), row).fetchall()),
            key=lambda claim: claim.job,
        )

    def _record(self, db: sqlite3.Connection, attempt: Attempt) -> None:
        row = _attempt_row(attempt, self._worker)
        answer = None
        if attempt.answer is not None:
            answer = db.execute(sql("keep_answer"), row | _answer_row(attempt, attempt.answer)).lastrowid
        db.execute(sql("record_attempt"), row)
        settled = db.execute(sql("settle"), row | _settlement(attempt, answer)).rowcount
        if not settled and answer is not None:
            db.execute(sql("mark_late"), {"answer": answer})

    def _count(self, db: sqlite3.Connection, attempts: Sequence[Attempt]) -> None:
        sums: dict[str, float] = dict.fromkeys(_COUNTED, 0)
        for attempt in attempts:
            for name, number in _counters(attempt).items():
                sums[name] += number
        db.execute(sql("count_work"), {**sums, "worker": self._worker, "now": self._now()})

    def _rescue_from(self, worker: int) -> Counter[str]:
        path, row = self._connection.path, {"worker": worker, "now": self._now(), "ending": "died"}
        with self._connection.translated(), death_certificate(path, worker) as is_dead:
            if not is_dead:
                return Counter()
            with self._connection.transaction() as db:
                db.execute(sql("record_deaths"), row)
                freed = db.execute(sql("rescue"), {"worker": worker, "deaths_max": DEATHS_MAX}).fetchall()
                db.execute(sql("end_worker"), row)
            return Counter(state for (state,) in freed)

    def _now(self) -> str:
        return moment_text(self._clock())


def _span(scope: Scope) -> dict[str, object]:
    # The ids alone tell an ingest's jobs where no other job stands between them.
    ingest = None if scope.is_span else scope.ingest
    return {"ingest": ingest, "first_job": scope.first_job, "last_job": scope.last_job}


def _available_at(row: sqlite3.Row | None) -> float | None:
    if row is None or not row["jobs"]:
        return None
    return moment_seconds(row["available_at"]) if row["available_at"] else 0.0


def _attempt_row(attempt: Attempt, worker: int | None) -> dict[str, object]:
    failure = attempt.failure
    return {
        "job": attempt.claim.job,
        "attempt": attempt.claim.attempt,
        "worker": worker,
        "started_at": moment_text(attempt.started_at),
        "ended_at": moment_text(attempt.ended_at),
        "calls": attempt.calls,
        "outcome": attempt.outcome.value,
        "request_id": attempt.answer.request_id if attempt.answer else None,
        **_failure_row(failure),
        **({"request_id": failure.request_id} if failure else {}),
    }


def _failure_row(failure: Failure | None) -> dict[str, object]:
    return {
        "http_status": failure.status if failure else None,
        "error_type": failure.type if failure else None,
        "error_code": failure.code if failure else None,
        "error_message": failure.message if failure else None,
    }


def _answer_row(attempt: Attempt, answer: Answer) -> dict[str, object]:
    return {
        **asdict(answer.usage),
        "received_at": moment_text(attempt.ended_at),
        "response_id": answer.response_id,
        "created": answer.created,
        "status": answer.status,
        "model": answer.model,
        "service_tier": answer.service_tier,
        "cost_usd": answer.cost_usd,
        "seconds": round(attempt.ended_at - attempt.started_at, 3),
        "body": answer.body,
        "text_path": answer.text_path,
        "text": answer.text,
    }


def _settlement(attempt: Attempt, answer: int | None) -> dict[str, object]:
    number = attempt.claim.attempt
    step = {Outcome.RETRY: 1, Outcome.RELEASED: -1}.get(attempt.outcome, 0)
    has_failed = attempt.outcome is Outcome.FAILED and attempt.failure is not None
    return {
        "state": _STATE_AFTER[attempt.outcome].value,
        "next_attempt": number + step,
        "answer": answer if attempt.outcome in (Outcome.DONE, Outcome.FAILED) else None,
        "error_code": attempt.failure.code if has_failed and attempt.failure else None,
        "available_at": moment_text(attempt.available_at) if attempt.available_at is not None else None,
    }


def _counters(attempt: Attempt) -> dict[str, float]:
    answer = attempt.answer
    return {
        "calls": attempt.calls,
        "retries": attempt.outcome is Outcome.RETRY,
        "done": attempt.outcome is Outcome.DONE,
        "failed": attempt.outcome is Outcome.FAILED,
        "input_tokens": (answer.usage.input_tokens or 0) if answer else 0,
        "output_tokens": (answer.usage.output_tokens or 0) if answer else 0,
        "cost_usd": (answer.cost_usd or 0.0) if answer else 0.0,
        "unpriced": answer is not None and answer.cost_usd is None,
    }
