"""Job queue on SQLite: claims, attempts, reservations, rescue of dead workers' jobs, and retry."""

import json
import os
import socket
import sqlite3
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from time import time

from artistjobs.core.attempt import Attempt
from artistjobs.core.job import DEATHS_MAX, MAX_DELAY_SECONDS, Claim, Scope
from artistjobs.core.timestamps import from_timestamp, to_timestamp
from artistjobs.store.models import QueueState, RescueResult, Reservation
from artistjobs.store.queries.rows import (
    answer_values,
    attempt_values,
    of_different_jobs,
    settled_values,
    span,
    work_row,
)
from artistjobs.store.sqlite.connection import Connection, sql, write_rows
from artistjobs.store.sqlite.locks import LivenessLock, lock_if_dead, remove_liveness_lock


class SqliteQueue:
    """Queue of jobs for one worker."""

    def __init__(self, connection: Connection, clock: Callable[[], float] = time) -> None:
        self._connection = connection
        self._clock = clock
        self._worker: int | None = None
        self._life: LivenessLock | None = None

    def register(self) -> int:
        """Register this process as a worker, take its liveness lock, and return its number."""
        row = {"host": socket.gethostname(), "pid": os.getpid(), "now": self._now()}
        with ExitStack() as unborn:
            with self._connection.transaction() as db:
                ((worker,),) = db.execute(sql("register_worker"), row).fetchall()
                # Before the commit, so that no process sees a worker without its lock and takes it for dead.
                life = LivenessLock(self._connection.path, worker)
                unborn.callback(life.end)
            unborn.pop_all()
        self._worker, self._life = int(worker), life
        return self._worker

    def exchange(self, attempts: Sequence[Attempt], limit: int, scope: Scope) -> list[Claim]:
        """Record attempts and claim up to ``limit`` jobs, in one transaction that is on disk on return."""
        with self._connection.transaction() as db:
            settled = [attempt for group in of_different_jobs(attempts) for attempt in self._record(db, group)]
            if attempts:
                counted = work_row(attempts, settled)
                db.execute(sql("count_work"), {**counted, "worker": self._worker, "now": self._now()})
            return self._claim(db, limit, scope) if limit > 0 else []

    def rescue(self) -> RescueResult:
        """Free the jobs of every other worker whose liveness lock is free."""
        states: Counter[str] = Counter()
        others = [row["worker"] for row in self._connection.rows("holders") if row["worker"] != self._worker]
        for worker in others:
            states += self._rescue_from(worker)
        return RescueResult(pending=states["pending"], failed=states["failed"], live_workers=states["living"])

    def queue_state(self, scope: Scope) -> QueueState:
        """Return the time of the next claimable job, and the number of jobs that other workers hold."""
        held = self._connection.row("held_elsewhere", {**span(scope), "worker": self._worker})
        return QueueState(
            available_at=_available_at(self._connection.row("next_available", {**span(scope), **self._moments()})),
            claimed_by_others=held["jobs"] if held else 0,
        )

    def retry(self, *, scope: Scope, code: str | None = None, job: int | None = None) -> int:
        """Make failed jobs pending again with their attempts counted from 0; return how many."""
        with self._connection.transaction() as db:
            return db.execute(sql("retry"), {**span(scope), "code": code, "job": job}).rowcount

    def spent_usd(self) -> float:
        """Return the known cost of all stored answers plus the maximum cost of lost calls, in dollars."""
        row = self._connection.row("sum_money")
        return float(row["spent_usd"]) if row else 0.0

    def reserve(self, amounts: Sequence[float], cap_usd: float) -> Reservation:
        """Reserve money for calls, in their order, as far as all workers together stay under the cap.

        ``amounts`` and ``cap_usd`` are in dollars.
        """
        granted = 0
        with self._connection.transaction() as db:
            for usd in amounts:
                row = {"worker": self._worker, "usd": usd, "cap": cap_usd}
                if not db.execute(sql("reserve"), row).rowcount:
                    break
                granted += 1
            # Read in the same transaction: if a call is refused and none is in flight, no money will become free.
            spent_usd, in_flight_usd = db.execute(sql("sum_money")).fetchone()
        return Reservation(granted=granted, spent_usd=spent_usd, in_flight_usd=in_flight_usd)

    def end(self, ending: str) -> None:
        """Record the end of this worker and release its liveness lock; ``ending`` is the reason."""
        if self._life is None:
            return
        try:
            with self._connection.transaction() as db:
                db.execute(sql("end_worker"), {"worker": self._worker, "now": self._now(), "ending": ending})
                # Before the commit, since no later process removes the file of a worker that has ended.
                self._life.end()
        finally:
            self._life.end()
            self._life = None

    def close(self) -> None:
        """Release the liveness lock of a worker that has not ended; other processes then take it for dead."""
        if self._life is not None:
            self._life.close()
            self._life = None

    def _claim(self, db: sqlite3.Connection, limit: int, scope: Scope) -> list[Claim]:
        ((found,),) = db.execute(sql("claimable"), {**span(scope), **self._moments(), "limit": limit}).fetchall()
        # SQLite does not guarantee the order of rows within an aggregate.
        claims = sorted((Claim(*claim) for claim in json.loads(found)), key=lambda claim: claim.job)
        if claims:
            jobs = json.dumps([claim.job for claim in claims])
            db.execute(sql("claim"), {"jobs": jobs, "worker": self._worker, "now": self._now()})
        return claims

    def _record(self, db: sqlite3.Connection, attempts: Sequence[Attempt]) -> list[Attempt]:
        """Store attempts at different jobs; return those whose claims were still held."""
        kept = self._keep_answers(db, attempts)
        write_rows(db, "record_attempts", [attempt_values(attempt, self._worker) for attempt in attempts])
        standing = self._standing(db, attempts)
        settled = [attempt for attempt in attempts if attempt.claim.job in standing]
        write_rows(db, "settle", [settled_values(attempt, kept.get(attempt.claim.job)) for attempt in settled])
        for late in kept.keys() - standing:
            db.execute(sql("mark_late"), {"answer": kept[late]})
        return settled

    def _keep_answers(self, db: sqlite3.Connection, attempts: Sequence[Attempt]) -> dict[int, int]:
        """Store the answers of attempts; return the answer's id for each job."""
        answered = [(attempt, attempt.answer) for attempt in attempts if attempt.answer is not None]
        rows = [answer_values(answer, attempt, self._worker) for attempt, answer in answered]
        # The ids are consecutive, since no other process writes during the transaction.
        last = max((cursor.lastrowid or 0 for cursor in write_rows(db, "keep_answers", rows)), default=0)
        return {attempt.claim.job: last - len(rows) + n for n, (attempt, _) in enumerate(answered, start=1)}

    def _standing(self, db: sqlite3.Connection, attempts: Sequence[Attempt]) -> set[int]:
        rows = [(attempt.claim.job, attempt.claim.attempt, self._worker) for attempt in attempts]
        return {job for cursor in write_rows(db, "standing_claims", rows) for job in json.loads(cursor.fetchone()[0])}

    def _rescue_from(self, worker: int) -> Counter[str]:
        path, row = self._connection.path, {"worker": worker, "now": self._now(), "ending": "died"}
        with self._connection.translated(), lock_if_dead(path, worker) as is_dead:
            if not is_dead:
                return Counter(living=1)
            with self._connection.transaction() as db:
                db.execute(sql("record_deaths"), row)
                freed = db.execute(sql("rescue"), {"worker": worker, "deaths_max": DEATHS_MAX}).fetchall()
                db.execute(sql("end_worker"), row)
                remove_liveness_lock(path, worker)  # before the commit, as in end()
            return Counter(state for (state,) in freed)

    def _now(self) -> str:
        return to_timestamp(self._clock())

    def _moments(self) -> dict[str, object]:
        """Return the current time, and the latest plausible ``available_at`` of a job."""
        now = self._clock()
        return {"now": to_timestamp(now), "latest": to_timestamp(now + MAX_DELAY_SECONDS)}


def _available_at(row: sqlite3.Row | None) -> float | None:
    if row is None or not row["jobs"]:
        return None
    return from_timestamp(row["available_at"]) if row["available_at"] else 0.0
