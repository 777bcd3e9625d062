"""The queue on SQLite: exchanging attempts for claims, and freeing what dead workers held."""

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
from artistjobs.store.sqlite.connection import Connection, sql, write_rows
from artistjobs.store.sqlite.locks import LivenessLock, lock_if_dead, remove_liveness_lock
from artistjobs.store.sqlite.rows import answer_values, attempt_values, settled_values, span, work_row


class SqliteQueue:
    """Hands jobs to one worker and records what came of them."""

    def __init__(self, connection: Connection, clock: Callable[[], float] = time) -> None:
        self._connection = connection
        self._clock = clock
        self._worker: int | None = None
        self._life: LivenessLock | None = None

    def register(self) -> int:
        """Make this process known as a worker and hold its sign of life."""
        row = {"host": socket.gethostname(), "pid": os.getpid(), "now": self._now()}
        with ExitStack() as unborn:
            with self._connection.transaction() as db:
                ((worker,),) = db.execute(sql("register_worker"), row).fetchall()
                # Before the commit: nobody may see a worker that does not seem to live.
                life = LivenessLock(self._connection.path, worker)
                unborn.callback(life.end)
            unborn.pop_all()
        self._worker, self._life = int(worker), life
        return self._worker

    def exchange(self, attempts: Sequence[Attempt], limit: int, scope: Scope) -> list[Claim]:
        """Record attempts and claim up to ``limit`` jobs, in one synced transaction."""
        with self._connection.transaction() as db:
            settled = [attempt for group in _of_different_jobs(attempts) for attempt in self._record(db, group)]
            if attempts:
                counted = work_row(attempts, settled)
                db.execute(sql("count_work"), {**counted, "worker": self._worker, "now": self._now()})
            return self._claim(db, limit, scope) if limit > 0 else []

    def rescue(self) -> RescueResult:
        """Free the jobs of every worker whose lock is gone."""
        states: Counter[str] = Counter()
        others = [row["worker"] for row in self._connection.rows("holders") if row["worker"] != self._worker]
        for worker in others:
            states += self._rescue_from(worker)
        return RescueResult(pending=states["pending"], failed=states["failed"], live_workers=states["living"])

    def queue_state(self, scope: Scope) -> QueueState:
        """Say what is left to be claimed, and what other workers hold."""
        held = self._connection.row("held_elsewhere", {**span(scope), "worker": self._worker})
        return QueueState(
            available_at=_available_at(self._connection.row("next_available", {**span(scope), **self._moments()})),
            claimed_by_others=held["jobs"] if held else 0,
        )

    def retry(self, *, scope: Scope, code: str | None = None, job: int | None = None) -> int:
        """Make failed jobs pending again; return how many."""
        with self._connection.transaction() as db:
            return db.execute(sql("retry"), {**span(scope), "code": code, "job": job}).rowcount

    def spent_usd(self) -> float:
        """Return the cost of all answers stored, as far as it is known, and what lost calls may have cost."""
        row = self._connection.row("sum_money")
        return float(row["spent_usd"]) if row else 0.0

    def reserve(self, amounts: Sequence[float], cap_usd: float) -> Reservation:
        """Hold money back for calls, the first ones first, as far as the cap has room beside all workers' money."""
        granted = 0
        with self._connection.transaction() as db:
            for usd in amounts:
                row = {"worker": self._worker, "usd": usd, "cap": cap_usd}
                if not db.execute(sql("reserve"), row).rowcount:
                    break
                granted += 1
            # Read before the commit: where no room was found and no call is in flight, none will be.
            spent_usd, in_flight_usd = db.execute(sql("sum_money")).fetchone()
        return Reservation(granted=granted, spent_usd=spent_usd, in_flight_usd=in_flight_usd)

    def end(self, ending: str) -> None:
        """Record that this worker ends, and give up its sign of life."""
        if self._life is None:
            return
        try:
            with self._connection.transaction() as db:
                db.execute(sql("end_worker"), {"worker": self._worker, "now": self._now(), "ending": ending})
                # Before the commit: nobody looks for the file of a worker that has ended.
                self._life.end()
        finally:
            self._life.end()
            self._life = None

    def close(self) -> None:
        """Give up the sign of life of a worker that has not ended: it is dead to others from then on."""
        if self._life is not None:
            self._life.close()
            self._life = None

    def _claim(self, db: sqlite3.Connection, limit: int, scope: Scope) -> list[Claim]:
        ((found,),) = db.execute(sql("claimable"), {**span(scope), **self._moments(), "limit": limit}).fetchall()
        # How rows are ordered within an aggregate is nobody's promise.
        claims = sorted((Claim(*claim) for claim in json.loads(found)), key=lambda claim: claim.job)
        if claims:
            jobs = json.dumps([claim.job for claim in claims])
            db.execute(sql("claim"), {"jobs": jobs, "worker": self._worker, "now": self._now()})
        return claims

    def _record(self, db: sqlite3.Connection, attempts: Sequence[Attempt]) -> list[Attempt]:
        """Store attempts at different jobs; return those whose claims still stood."""
        kept = self._keep_answers(db, attempts)
        write_rows(db, "record_attempts", [attempt_values(attempt, self._worker) for attempt in attempts])
        standing = self._standing(db, attempts)
        settled = [attempt for attempt in attempts if attempt.claim.job in standing]
        write_rows(db, "settle", [settled_values(attempt, kept.get(attempt.claim.job)) for attempt in settled])
        for late in kept.keys() - standing:
            db.execute(sql("mark_late"), {"answer": kept[late]})
        return settled

    def _keep_answers(self, db: sqlite3.Connection, attempts: Sequence[Attempt]) -> dict[int, int]:
        """Return the numbers under which the answers of jobs are kept."""
        answered = [(attempt, attempt.answer) for attempt in attempts if attempt.answer is not None]
        rows = [answer_values(answer, attempt, self._worker) for attempt, answer in answered]
        # Numbers follow one another, since nobody else writes meanwhile.
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
        """Return now, and the latest moment that a job may have been told to wait for."""
        now = self._clock()
        return {"now": to_timestamp(now), "latest": to_timestamp(now + MAX_DELAY_SECONDS)}


def _of_different_jobs(attempts: Sequence[Attempt]) -> list[list[Attempt]]:
    """Return attempts in groups, in their order: in none of them are two attempts at the same job."""
    groups: list[list[Attempt]] = []
    jobs: set[int] = set()
    for attempt in attempts:
        if not groups or attempt.claim.job in jobs:
            groups.append([])
            jobs.clear()
        groups[-1].append(attempt)
        jobs.add(attempt.claim.job)
    return groups


def _available_at(row: sqlite3.Row | None) -> float | None:
    if row is None or not row["jobs"]:
        return None
    return from_timestamp(row["available_at"]) if row["available_at"] else 0.0
