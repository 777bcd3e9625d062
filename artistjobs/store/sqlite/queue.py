"""Job queue on SQLite: claims, attempts, reservations, rescue of dead workers' jobs, and retry."""

import json
import os
import socket
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict
from time import time
from typing import Any

from artistjobs.core.attempt import Attempt
from artistjobs.core.job import DEATHS_MAX, MAX_DELAY_SECONDS, Claim, Scope
from artistjobs.core.prompt import Prompt
from artistjobs.core.timestamps import from_timestamp, to_timestamp
from artistjobs.store.interface import ChangePrompt
from artistjobs.store.models import CallPermit, Money, QueueState, RescueResult, Reservation, Submission
from artistjobs.store.queries.headers import Headers
from artistjobs.store.queries.picks import RandomPicks
from artistjobs.store.queries.rows import (
    answer_values,
    attempt_values,
    of_different_jobs,
    prompt_of,
    settled_values,
    span,
    submission_of,
    work_row,
)
from artistjobs.store.sqlite.connection import Connection, sql, write_rows
from artistjobs.store.sqlite.liveness import (
    DeathWatch,
    LivenessLock,
    LockKeeper,
    WorkerProcess,
    remove_worker_file,
    suspected_job,
    worker_files,
)
from artistjobs.store.sqlite.prompts import add_prompt


class SqliteQueue:
    """Queue of jobs for one worker."""

    def __init__(self, connection: Connection, clock: Callable[[], float] = time) -> None:
        self._connection = connection
        self._clock = clock
        self._worker: int | None = None
        self._life: LivenessLock | None = None
        self._keeper: LockKeeper | None = None
        self._deaths = DeathWatch(connection.path)
        self._picks: RandomPicks | None = None
        self._headers = Headers(connection)
        self._ends_submissions = False
        self._has_removed_files = False

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
        self._keeper = LockKeeper(life, self._connection.write_lock)
        return self._worker

    @property
    def worker(self) -> int | None:
        """Number of this worker, None before it is registered."""
        return self._worker

    def claim_randomly(self) -> None:
        """Claim random jobs from now on, no longer the oldest first."""
        self._picks = RandomPicks()

    def exchange(self, attempts: Sequence[Attempt], limit: int, scope: Scope) -> list[Claim]:
        """Record attempts and claim up to ``limit`` jobs, in one transaction that is on disk on return."""
        with self._connection.transaction() as db:
            if self._keeper is not None:
                self._keeper.ensure_kept()
            settled = [
                attempt for group in of_different_jobs(attempts) for attempt in self.record(db, group, self._worker)
            ]
            if attempts and self._ends_submissions:
                ended = [attempt.claim.job for attempt in attempts if attempt.calls]
                db.execute(sql("end_submissions"), {"jobs": json.dumps(ended)})
            if attempts:
                counted = work_row(attempts, settled)
                db.execute(sql("count_work"), {**counted, "worker": self._worker, "now": self._now()})
            return self._claim(db, limit, scope) if limit > 0 else []

    def rescue(self) -> RescueResult:
        """Free the jobs of every other worker whose liveness lock is free; the first time, remove files left behind."""
        states: Counter[str] = Counter()
        for row in self._connection.rows("holders"):
            if row["worker"] != self._worker:
                states += self._rescue_from(WorkerProcess(*row))
        if not self._has_removed_files:
            self._has_removed_files = True
            self._remove_left_files()
        return RescueResult(pending=states["pending"], failed=states["failed"], live_workers=states["living"])

    def queue_state(self, scope: Scope) -> QueueState:
        """Return the time of the next claimable job, and the number of jobs that other workers hold."""
        held = self._connection.row("held_elsewhere", {**span(scope), "worker": self._worker})
        return QueueState(
            available_at=_available_at(self._connection.row("next_available", {**span(scope), **self._moments()})),
            claimed_by_others=held["jobs"] if held else 0,
        )

    def retry(
        self, *, scope: Scope, code: str | None = None, job: int | None = None, change: ChangePrompt | None = None
    ) -> int:
        """Make failed jobs pending again with their attempts counted from 0; return how many."""
        selected = {**span(scope), "code": code, "job": job, "asked": None, "sent_as": None}
        with self._connection.transaction() as db:
            if change is None:
                return db.execute(sql("retry"), selected).rowcount
            asked = [number for (number,) in db.execute(sql("failed_prompts"), selected).fetchall()]
            changed = [(number, add_prompt(db, change(self._prompt(number)), self._now())) for number in asked]
            # A job becomes pending with its first change, so that no second one applies to it.
            return sum(
                db.execute(sql("retry"), {**selected, "asked": number, "sent_as": sent_as}).rowcount
                for number, sent_as in changed
            )

    def reserve(self, amounts: Iterable[tuple[float, float]], cap_usd: float) -> Reservation:
        """Hold money back for calls, in their order, as far as all workers together stay under the cap."""
        granted = 0
        with self._connection.transaction() as db:
            for usd, margin in amounts:
                row = {"worker": self._worker, "usd": usd, "margin": margin, "cap": cap_usd}
                if not db.execute(sql("reserve"), row).rowcount:
                    break
                granted += 1
            # Read in the same transaction: if a call is refused and none is in flight, no money will become free.
            spent, lost, written_off, in_flight = db.execute(sql("sum_money")).fetchone()
        money = Money(spent_usd=spent, lost_usd=lost, written_off_usd=written_off, in_flight_usd=in_flight)
        return Reservation(granted=granted, money=money)

    def free(self, usd: float, margin_usd: float) -> None:
        """Free money that was held back for calls of this worker that were not made, in dollars."""
        with self._connection.transaction() as db:
            db.execute(sql("free"), {"worker": self._worker, "usd": usd, "margin": margin_usd})

    def drop(self, *, scope: Scope, prompt: int | None = None, code: str | None = None) -> int:
        """Drop the pending jobs of a scope, or those that failed with a code; return how many."""
        statement = "drop_pending" if code is None else "drop_failed"
        with self._connection.transaction() as db:
            return db.execute(sql(statement), {**span(scope), "prompt": prompt, "code": code}).rowcount

    def write_off(self) -> None:
        """Write off the money of lost calls, so that it no longer counts as spent, in one transaction."""
        with self._connection.transaction() as db:
            db.execute(sql("write_off_attempts"))
            db.execute(sql("write_off_workers"))

    def submit(self, submission: Submission) -> None:
        """Store a response that the service makes for a job in the background, on disk on return."""
        row = {**asdict(submission), "submitted_at": to_timestamp(submission.submitted_at)}
        with self._connection.transaction() as db:
            db.execute(sql("submit"), row)

    def submission(self, job: int) -> Submission | None:
        """Return the response that the service makes for a job in the background, None if there is none."""
        # From now on, attempts may end submissions.
        self._ends_submissions = True
        row = self._connection.row("submission", {"job": job})
        return None if row is None else submission_of(row)

    def submissions(self) -> int:
        """Return the number of responses that the service makes in the background."""
        row = self._connection.row("count_submissions")
        return int(row["jobs"]) if row else 0

    def note_call(self, job: int) -> None:
        """Note the job whose call begins or ends; any thread may call this."""
        if self._life is not None:
            self._life.note_call(job)

    def may_call(self, job: int) -> CallPermit:
        """Permit every call: the lock of a worker lasts as long as its process."""
        del job
        return CallPermit.GRANTED

    def note_stop(self, ending: str) -> None:
        """Record that this worker was told to stop: if it is killed from now on, no job is to blame."""
        with self._connection.transaction() as db:
            db.execute(sql("stop_worker"), {"worker": self._worker, "ending": ending})

    def note_bound(self, bound: str | None) -> None:
        """Record what bounds the run of this worker, None if nothing does."""
        with self._connection.transaction() as db:
            db.execute(sql("note_bound"), {"worker": self._worker, "bound": bound})

    def end(self, ending: str) -> None:
        """Record the end of this worker and release its liveness lock; ``ending`` is the reason."""
        if self._life is None:
            return
        self._end_keeper()
        try:
            with self._connection.transaction() as db:
                db.execute(sql("end_worker"), {"worker": self._worker, "now": self._now(), "ending": ending})
                db.execute(sql("leave_batches"), {"worker": self._worker})
                # Before the commit, since no later process removes the file of a worker that has ended.
                self._life.end()
        finally:
            self._life.end()
            self._life = None

    def close(self) -> None:
        """Release the liveness lock of a worker that has not ended; other processes then take it for dead."""
        self._end_keeper()
        if self._life is not None:
            self._life.close()
            self._life = None

    def watch_lock(self, *, is_abandoned: bool) -> None:
        """Look whether this queue waits for the right to write; see ``Connection.watch_lock``."""
        self._connection.watch_lock(is_abandoned=is_abandoned)

    def _end_keeper(self) -> None:
        if self._keeper is not None:
            self._keeper.close()
            self._keeper = None

    def _prompt(self, number: int) -> Prompt:
        row = self._connection.row("prompt", {"prompt": number})
        assert row is not None
        return prompt_of(row)

    def _claim(self, db: sqlite3.Connection, limit: int, scope: Scope) -> list[Claim]:
        selected = {**span(scope), **self._moments()}
        if self._picks is not None:
            found = self._picks.take(
                limit,
                lambda picks: self._claims(db, "claimable_picks", selected | {"picks": json.dumps(picks)}),
                lambda count: [job for (job,) in db.execute(sql("random_pending"), selected | {"count": count})],
            )
        else:
            found = self._claims(db, "claimable", selected | {"limit": limit})
        # SQLite does not guarantee the order of rows within an aggregate.
        claims = sorted(found, key=lambda claim: claim.job)
        if claims:
            jobs = json.dumps([claim.job for claim in claims])
            db.execute(sql("claim"), {"jobs": jobs, "worker": self._worker, "now": self._now()})
        return claims

    def _claims(self, db: sqlite3.Connection, statement: str, parameters: Mapping[str, object]) -> list[Claim]:
        ((text,),) = db.execute(sql(statement), parameters).fetchall()
        return [self._claim_of(*claim) for claim in json.loads(text)]

    def _claim_of(self, *values: Any) -> Claim:  # noqa: ANN401 - values of a statement
        job, attempt, prompt, name, data, header, cells = values
        if cells is None:
            return Claim(job, attempt, prompt, name, data)
        return Claim(job, attempt, prompt, name, data, self._headers.columns(header, cells))

    def record(
        self, db: sqlite3.Connection, attempts: Sequence[Attempt], holder: int | None, held: set[int] | None = None
    ) -> list[Attempt]:
        """Store attempts at different jobs; return those whose claims ``holder`` still held, ``held`` if known."""
        kept = self._keep_answers(db, attempts, holder)
        write_rows(db, "record_attempts", [attempt_values(attempt, holder) for attempt in attempts])
        held = self.held_jobs(db, attempts, holder) if held is None else held
        settled = [attempt for attempt in attempts if attempt.claim.job in held]
        write_rows(db, "settle", [settled_values(attempt, kept.get(attempt.claim.job)) for attempt in settled])
        for late in kept.keys() - held:
            db.execute(sql("mark_late"), {"answer": kept[late]})
        return settled

    def _keep_answers(self, db: sqlite3.Connection, attempts: Sequence[Attempt], holder: int | None) -> dict[int, int]:
        """Store the answers of attempts; return the answer's id for each job."""
        answered = [(attempt, attempt.answer) for attempt in attempts if attempt.answer is not None]
        rows = [answer_values(answer, attempt, holder) for attempt, answer in answered]
        # The ids are consecutive, since no other process writes during the transaction.
        last = max((cursor.lastrowid or 0 for cursor in write_rows(db, "keep_answers", rows)), default=0)
        return {attempt.claim.job: last - len(rows) + n for n, (attempt, _) in enumerate(answered, start=1)}

    def held_jobs(self, db: sqlite3.Connection, attempts: Sequence[Attempt], holder: int | None) -> set[int]:
        """Return the jobs of attempts whose claims ``holder`` still holds."""
        rows = [(attempt.claim.job, attempt.claim.attempt, holder) for attempt in attempts]
        return {job for cursor in write_rows(db, "held_claims", rows) for job in json.loads(cursor.fetchone()[0])}

    def _rescue_from(self, process: WorkerProcess) -> Counter[str]:
        worker = process.worker
        row = {"worker": worker, "now": self._now(), "ending": "died"}
        with self._connection.translated(), self._deaths.lock_if_dead(process) as is_dead:
            if not is_dead:
                return Counter(living=1)
            suspect = suspected_job(self._connection.path, worker)
            with self._connection.transaction() as db:
                db.execute(sql("free_submitted"), row)
                is_alone = db.execute(sql("record_deaths"), row).rowcount == 1
                blamed = {"worker": worker, "deaths_max": DEATHS_MAX, "suspect": suspect, "is_alone": is_alone}
                freed = db.execute(sql("rescue"), blamed).fetchall()
                db.execute(sql("end_worker"), row)
                db.execute(sql("leave_batches"), {"worker": worker})
                remove_worker_file(self._connection.path, worker)  # before the commit, as in end()
            return Counter(state for (state,) in freed)

    def _remove_left_files(self) -> None:
        """Remove lock files that workers could not remove at their end."""
        with suppress(OSError):  # a folder that cannot be read: the files do no harm
            ends = [file.name.rpartition("-")[2] for file in worker_files(self._connection.path)]
            numbers = [int(end) for end in ends if end.isdecimal()]
            for row in self._connection.rows("ended_workers", {"workers": json.dumps(numbers)}) if numbers else ():
                with self._deaths.lock_if_dead(WorkerProcess(*row)):
                    pass  # the file of a dead worker is removed at the end of the context

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
