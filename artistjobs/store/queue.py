"""The queue on SQLite: exchanging attempts for claims, and freeing what dead workers held."""

import os
import socket
import sqlite3
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from time import time

from artistjobs.job import DEATHS_MAX, LONGEST_DELAY_SECONDS, Claim, Scope
from artistjobs.moment import moment_seconds, moment_text
from artistjobs.outcome import Attempt
from artistjobs.store import Held, Outlook, Rescue
from artistjobs.store.connection import Connection, sql, write
from artistjobs.store.locks import SignOfLife, death_certificate, remove_sign_of_life
from artistjobs.store.rows import answer_row, attempt_row, span, work_row


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
        with ExitStack() as unborn:
            with self._connection.transaction() as db:
                ((worker,),) = db.execute(sql("register_worker"), row).fetchall()
                # Before the commit: nobody may see a worker that does not seem to live.
                life = SignOfLife(self._connection.path, worker)
                unborn.callback(life.end)
            unborn.pop_all()
        self._worker, self._life = int(worker), life
        return self._worker

    def exchange(self, attempts: Sequence[Attempt], limit: int, scope: Scope) -> list[Claim]:
        """Record attempts and claim up to ``limit`` jobs, in one synced transaction."""
        with self._connection.transaction() as db:
            settled = [attempt for attempt in attempts if self._record(db, attempt)]
            if attempts:
                counted = work_row(attempts, settled)
                db.execute(sql("count_work"), {**counted, "worker": self._worker, "now": self._now()})
            return self._claim(db, limit, scope) if limit > 0 else []

    def rescue(self) -> Rescue:
        """Free the jobs of every worker whose lock is gone."""
        states: Counter[str] = Counter()
        others = [row["worker"] for row in self._connection.rows("holders") if row["worker"] != self._worker]
        for worker in others:
            states += self._rescue_from(worker)
        return Rescue(pending=states["pending"], failed=states["failed"], living=states["living"])

    def outlook(self, scope: Scope) -> Outlook:
        """Say what is left to be claimed, and what other workers hold."""
        held = self._connection.row("held_elsewhere", {**span(scope), "worker": self._worker})
        return Outlook(
            available_at=_available_at(self._connection.row("next_available", {**span(scope), **self._moments()})),
            held_elsewhere=held["jobs"] if held else 0,
        )

    def retry(self, *, scope: Scope, code: str | None = None, job: int | None = None) -> int:
        """Make failed jobs pending again; return how many."""
        with self._connection.transaction() as db:
            return db.execute(sql("retry"), {**span(scope), "code": code, "job": job}).rowcount

    def spent_usd(self) -> float:
        """Return the cost of all answers stored, as far as it is known, and what lost calls may have cost."""
        row = self._connection.row("sum_money")
        return float(row["spent_usd"]) if row else 0.0

    def hold_back(self, amounts: Sequence[float], cap_usd: float) -> Held:
        """Hold money back for calls, the first ones first, as far as the cap has room beside all workers' money."""
        granted = 0
        with self._connection.transaction() as db:
            for usd in amounts:
                row = {"worker": self._worker, "usd": usd, "cap": cap_usd}
                if not db.execute(sql("hold_back"), row).rowcount:
                    break
                granted += 1
            # Read before the commit: where no room was found and no call is in flight, none will be.
            spent_usd, in_flight_usd = db.execute(sql("sum_money")).fetchone()
        return Held(granted=granted, spent_usd=spent_usd, in_flight_usd=in_flight_usd)

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
        row = {**span(scope), **self._moments(), "worker": self._worker, "limit": limit}
        # RETURNING has no order of its own.
        return sorted(
            (Claim(*claimed) for claimed in db.execute(sql("claim"), row).fetchall()),
            key=lambda claim: claim.job,
        )

    def _record(self, db: sqlite3.Connection, attempt: Attempt) -> bool:
        """Store an attempt; return whether its claim still stood."""
        row = attempt_row(attempt, self._worker)
        kept = None
        if attempt.answer is not None:
            kept = write(db, "keep_answer", row | answer_row(attempt.answer, attempt)).lastrowid
        write(db, "record_attempt", row)
        is_settled = write(db, "settle", row | {"answer": kept}).rowcount > 0
        if kept is not None and not is_settled:
            db.execute(sql("mark_late"), {"answer": kept})
        return is_settled

    def _rescue_from(self, worker: int) -> Counter[str]:
        path, row = self._connection.path, {"worker": worker, "now": self._now(), "ending": "died"}
        with self._connection.translated(), death_certificate(path, worker) as is_dead:
            if not is_dead:
                return Counter(living=1)
            with self._connection.transaction() as db:
                db.execute(sql("record_deaths"), row)
                freed = db.execute(sql("rescue"), {"worker": worker, "deaths_max": DEATHS_MAX}).fetchall()
                db.execute(sql("end_worker"), row)
                remove_sign_of_life(path, worker)  # before the commit, as in end()
            return Counter(state for (state,) in freed)

    def _now(self) -> str:
        return moment_text(self._clock())

    def _moments(self) -> dict[str, object]:
        """Return now, and the latest moment that a job may have been told to wait for."""
        now = self._clock()
        return {"now": moment_text(now), "latest": moment_text(now + LONGEST_DELAY_SECONDS)}


def _available_at(row: sqlite3.Row | None) -> float | None:
    if row is None or not row["jobs"]:
        return None
    return moment_seconds(row["available_at"]) if row["available_at"] else 0.0
