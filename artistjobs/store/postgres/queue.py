"""Job queue on PostgreSQL: claims, attempts, reservations, rescue of dead workers' jobs, and retry."""

import os
import socket
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic, time

from artistjobs.core.attempt import Attempt, Outcome
from artistjobs.core.formatting import count_text
from artistjobs.core.job import EVERYTHING, Claim, Scope
from artistjobs.core.prompt import Prompt
from artistjobs.core.timestamps import from_timestamp, to_timestamp
from artistjobs.errors import StoreAwayError, StoreError
from artistjobs.store.interface import ChangePrompt
from artistjobs.store.models import CallPermit, QueueState, RescueResult, Reservation, Submission
from artistjobs.store.postgres import liveness
from artistjobs.store.postgres.claims import Claims
from artistjobs.store.postgres.connection import Connection
from artistjobs.store.postgres.deaths import Deaths
from artistjobs.store.postgres.liveness import Liveness
from artistjobs.store.postgres.local_files import LocalFiles
from artistjobs.store.postgres.migrations import missing
from artistjobs.store.postgres.money import Amount, Purse
from artistjobs.store.postgres.outage import Outage
from artistjobs.store.postgres.prompts import add_prompt
from artistjobs.store.postgres.recording import Recorder
from artistjobs.store.postgres.replay import replay, replay_orphans, replay_submissions, submission_row
from artistjobs.store.postgres.session import connect
from artistjobs.store.postgres.spool import Owner, Spooled, SpoolFile
from artistjobs.store.postgres.statements import Db, DbRow, execute
from artistjobs.store.queries.rows import of_different_jobs, prompt_of, span, submission_of

_SETTINGS = {"idle_in_transaction_session_timeout": "10s", "random_page_cost": "1.1"}
"""Settings of the session of a worker. One that is suspended within a transaction must not keep locks from others. Jobs
are to be found by their ids, also in a small table, and the pages for that are in memory."""

THOROUGH_SECONDS = 30.0
"""Interval at which a worker also looks for jobs of workers that have ended."""


@dataclass(frozen=True, slots=True)
class _Doubt:
    """Exchange whose connection broke during its commit, which may have taken effect."""

    owner: Owner
    number: int
    attempts: int
    claimed_at: float


class _ForgottenError(Exception):
    """A failover has forgotten exchanges that the database had acknowledged to this worker."""


def _has_forgotten(db: Db, spool: SpoolFile) -> bool:
    """Return True if the database lacks exchanges that it had acknowledged to the worker of a spool."""
    row = execute(db, "exchanges", {"worker": spool.owner.worker, "token": spool.owner.token}).fetchone()
    return row is None or row["exchanges"] < spool.acknowledged


class PostgresQueue:
    """Queue of jobs for one worker."""

    def __init__(self, connection: Connection, local: LocalFiles) -> None:
        self._local = local
        self._connection = connection
        self._life: Liveness | None = None
        self._spool: SpoolFile | None = None
        self._pending: list[Attempt] = []  # in the spool, and perhaps not in the database
        self._claimed: set[int] = set()
        self._submitted: list[Submission] = []  # in the spool, and not in the database
        self._number = 0  # of the last exchange that was tried
        self._doubt: _Doubt | None = None
        # Claims of a commit whose reply was lost, until an exchange delivers them.
        self._recovered: list[Claim] = []
        self._session = 0
        self._former: tuple[SpoolFile, list[Spooled]] | None = None
        self._outage = Outage()
        self._purse = Purse()
        self._stop_to_note: str | None = None
        self._claims = Claims(connection)
        self._claimed_at = 0.0
        self._thorough_at = 0.0
        self._deaths = Deaths(connection, local)
        self._worker: int | None = None
        self._ends_submissions = False

    @property
    def worker(self) -> int | None:
        """Number of this worker, None before it is registered."""
        return self._worker

    def register(self) -> int:
        """Register this process as a worker, take its liveness lock, and return its number.

        Attempts that processes on this machine could not store before they ended are stored now.
        """
        self._connection.apply(_SETTINGS)
        worker = self._start()
        replay_orphans(self._connection, self._local.folder, worker)
        self._connection.gives_up_soon = True
        return worker

    def _start(self) -> int:
        row = {"host": socket.gethostname(), "pid": os.getpid()}

        def insert(db: Db) -> Owner:
            found = execute(db, "register_worker", row).fetchone()
            assert found is not None
            # No migration begins before this transaction ends, and one that came first is noticed.
            missing(db, self._connection.path)
            return Owner(int(found["id"]), found["token"])

        owner = self._connection.in_transaction(insert)
        folder = self._local.make()
        notes = self._local.notes_of(owner.worker)
        self._life = self._connection.repeated(
            lambda _: Liveness(lambda: connect(self._connection.path), owner.worker, notes)
        )
        self._connection.may_try = self._life.may_reach_server
        self._spool = SpoolFile(folder, owner)
        self._worker, self._session = owner.worker, self._connection.sessions
        self._purse = Purse()
        return owner.worker

    def claim_randomly(self) -> None:
        """Claim random jobs from now on, no longer the oldest first."""
        self._claims.claim_randomly()

    def exchange(self, attempts: Sequence[Attempt], limit: int, scope: Scope) -> list[Claim]:
        """Record attempts and claim up to ``limit`` jobs, in one transaction that is on disk on return."""
        self._pending += attempts
        ended = {attempt.claim.job for attempt in attempts if attempt.calls}
        self._submitted = [submission for submission in self._submitted if submission.job not in ended]
        self._claimed -= {attempt.claim.job for attempt in attempts if attempt.outcome is not Outcome.RETRY}
        if limit <= 0 and not self._has_unstored:
            return []
        if self._spool is not None and attempts:
            self._spool.add(self._number + 1, attempts)
        try:
            claims = self._exchange_as_known(limit, scope)
        except StoreError as error:
            if self._spool is not None:
                self._spool.sync()
            if isinstance(error, StoreAwayError):
                self._outage.note(error, self._connection.wait_seconds)
                # The answers to the calls in flight are still to come.
                if self._claimed or not self._outage.is_too_long:
                    return []
            raise self._with_spool(error) from error
        self._outage.end(self._connection.path)
        return claims

    def rescue(self) -> RescueResult:
        """Free the jobs of every other worker that is dead."""
        if self._submitted:
            self._store_submitted()
        is_thorough = monotonic() >= self._thorough_at
        row = {"worker": self._worker, "dead_seconds": liveness.DEAD_SECONDS, "is_thorough": is_thorough}
        others = self._connection.row("holders", row)
        assert others is not None
        if is_thorough:
            self._thorough_at = monotonic() + THOROUGH_SECONDS
        states: Counter[str] = Counter(living=others["living"])
        for worker in others["late"]:
            found = self._deaths.rescue(worker)
            if not found["living"]:
                self._claims.floor.reset()
            states += found
        if is_thorough:
            states["failed"] += self._deaths.explain(self._worker)
        return RescueResult(pending=states["pending"], failed=states["failed"], live_workers=states["living"])

    def queue_state(self, scope: Scope) -> QueueState:
        """Return the time of the next claimable job, and the number of jobs that other workers hold."""
        row = self._connection.row("queue_state", {**span(scope), **self._claims.moments(), "worker": self._worker})
        assert row is not None
        # What is left from an outage is stored by the next exchange, as if there were something to claim.
        available_at = 0.0 if self._has_unstored else self._available_at(row)
        return QueueState(available_at=available_at, claimed_by_others=row["held"], revision=row["revision"])

    def retry(
        self, *, scope: Scope, code: str | None = None, job: int | None = None, change: ChangePrompt | None = None
    ) -> int:
        """Make failed jobs pending again with their attempts counted from 0; return how many."""
        selected = {**span(scope), "code": code, "job": job, "asked": None, "sent_as": None}
        with self._connection.waiting():
            if change is None:
                return self._connection.in_transaction(lambda db: execute(db, "retry", selected).rowcount)
            return self._connection.in_transaction(lambda db: self._retry_changed(db, selected, change))

    def drop(self, *, scope: Scope, prompt: int | None = None, code: str | None = None) -> int:
        """Drop the pending jobs of a scope, or those that failed with a code; return how many."""
        statement = "drop_pending" if code is None else "drop_failed"
        row = {**span(scope), "prompt": prompt, "code": code}
        return self._connection.in_transaction(lambda db: execute(db, statement, row).rowcount)

    def write_off(self) -> None:
        """Subtract the money of lost calls from the spent sum, in one transaction."""
        self._connection.in_transaction(
            lambda db: [execute(db, statement) for statement in ("write_off_attempts", "write_off_workers")]
        )

    def reserve(self, amounts: Iterable[tuple[float, float]], cap_usd: float) -> Reservation:
        """Hold money back for calls, in their order, as far as all workers together stay under the cap."""
        wanted, purse = list(amounts), self._purse
        found = self._connection.in_transaction(lambda db: purse.reserve(db, self._worker, wanted, cap_usd))
        purse.commit()
        return found

    def free(self, usd: float, margin_usd: float) -> None:
        """Free money that was held back for calls of this worker that were not made, in dollars."""
        self._purse.give_back(Amount(usd, margin_usd))
        with suppress(StoreAwayError):
            self._connection.in_transaction(self._free)
            self._purse.commit()

    def submit(self, submission: Submission) -> None:
        """Store a response that the service makes for a job in the background, on disk on return.

        While the server is away, it is in the spool.
        """
        self._submitted.append(submission)
        if self._spool is not None:
            self._spool.add_submission(submission)
        with suppress(StoreAwayError):
            self._store_submitted()

    def submission(self, job: int) -> Submission | None:
        """Return the response that the service makes for a job in the background, None if there is none.

        Raises:
            StoreAwayError: if the server is away, so that answers to other calls are stored before the next try.

        """
        # From now on, attempts may end submissions.
        self._ends_submissions = True
        try:
            row = self._connection.row("submission", {"job": job})
        except StoreAwayError as error:
            self._outage.note(error, self._connection.wait_seconds)
            if self._outage.is_too_long:
                raise self._with_spool(StoreError(str(error))) from error
            raise
        self._outage.end(self._connection.path)
        return None if row is None else submission_of(row)

    def submissions(self) -> int:
        """Return the number of responses that the service makes in the background."""
        with self._connection.waiting():
            row = self._connection.row("count_submissions")
        return int(row["jobs"]) if row else 0

    def watch_lock(self, *, is_abandoned: bool) -> None:
        """Look whether this queue waits for the server; see ``Connection.watch``."""
        self._connection.watch(is_abandoned=is_abandoned)

    def note_call(self, job: int) -> None:
        """Note the job whose call begins or ends; any thread may call this."""
        if self._life is not None:
            self._life.note_call(job)

    def may_call(self, job: int) -> CallPermit:
        """Return the permission to make a call for a claimed job; any thread may ask, before each call."""
        if self._outage.is_too_long or job not in self._claimed or (self._life is not None and self._life.is_dead):
            return CallPermit.LOST
        return CallPermit.GRANTED if self._life is not None and self._life.is_certain() else CallPermit.WAIT

    def note_stop(self, ending: str) -> None:
        """Record that this worker was told to stop: if it is killed from now on, no job is to blame."""
        self._stop_to_note = ending
        with suppress(StoreAwayError):
            self._connection.in_transaction(self._note_stop)

    def note_bound(self, bound: str | None) -> None:
        """Record what bounds the run of this worker, None if nothing does."""
        row = {"worker": self._worker, "bound": bound}
        self._connection.in_transaction(lambda db: execute(db, "note_bound", row))

    def end(self, ending: str) -> None:
        """Record the end of this worker and release its liveness lock; ``ending`` is the reason.

        Raises:
            StoreError: if the server stays away, so that attempts are left in the spool.

        """
        if self._life is None:
            return
        self._connection.gives_up_soon = False
        try:
            self._end_as_known(ending)
            if self._spool is not None:
                self._spool.remove()
            self._local.remove_notes(self._worker or 0)
        except StoreError as error:
            raise self._with_spool(error) from error
        finally:
            self.close()

    def close(self) -> None:
        """Release the liveness lock of a worker that has not ended; other processes then take it for dead."""
        if self._life is not None:
            self._life.close()
            self._life = None
        if self._spool is not None:
            self._spool.close()
            self._spool = None

    def _with_spool(self, error: StoreError) -> StoreError:
        """Return an error that says where the answers are that the database has not taken."""
        answers = sum(attempt.answer is not None for attempt in self._pending)
        if not answers or self._spool is None:
            return error
        kept = f"{count_text(answers, 'answer')} in {self._spool.folder}"
        return StoreError(f"{error} The next run on this machine stores {kept}.")

    def _ensure_known(self) -> None:
        """Register anew if another process has taken this worker for dead, or a failover has forgotten it."""
        if self._life is None or self._spool is None:
            return
        is_forgotten = self._session != self._connection.sessions and self._is_forgotten(self._spool)
        if self._life.is_dead or is_forgotten:
            self._release([*self._recovered, *self._resolve_doubt()])
            self._recovered = []
            self._former = self._spool, self._spool.read(self._pending, self._number + 1)
            self._pending.clear()
            self._claimed.clear()
            self._submitted.clear()
            self._life.close()
            self._start()
        self._session = self._connection.sessions
        if self._former is not None:
            # The answers of the former worker settle its jobs as long as no other worker has claimed them.
            spool, spooled = self._former
            replay(self._connection, spooled, spool.owner, self._worker or 0)
            replay_submissions(self._connection, spool.read_submissions(), spool.owner)
            spool.remove()
            self._former = None

    def _is_forgotten(self, spool: SpoolFile) -> bool:
        return self._connection.repeated(lambda db: _has_forgotten(db, spool))

    def _ensure_remembered(self, db: Db) -> None:
        """Raise _ForgottenError, within a transaction, if its session is new and a failover has forgotten exchanges.

        A transaction may have reconnected since ``_ensure_known``. Its own commit would hide what was forgotten.
        """
        if self._session != self._connection.sessions and self._spool is not None and _has_forgotten(db, self._spool):
            raise _ForgottenError

    def _exchange_as_known(self, limit: int, scope: Scope) -> list[Claim]:
        while True:
            self._ensure_known()
            with suppress(_ForgottenError):
                return self._exchange(limit, scope)

    def _end_as_known(self, ending: str) -> None:
        """Store what is left and record the end of this worker, in a database that has all its exchanges."""

        def end(db: Db) -> None:
            self._ensure_remembered(db)
            self._free(db)
            row = {"worker": self._worker, "ending": ending}
            for statement in ("end_worker", "leave_batches"):
                execute(db, statement, row)

        while True:
            if self._has_unstored:
                self._exchange_as_known(0, EVERYTHING)
            with suppress(_ForgottenError):
                self._connection.in_transaction(end)
                return
            self._ensure_known()

    def _exchange(self, limit: int, scope: Scope) -> list[Claim]:
        self._recovered += self._resolve_doubt()
        self._release(self._recovered[limit:])
        del self._recovered[limit:]
        # Later than that of every other exchange of this worker, so that it names the claims of this one.
        self._claimed_at = max(self._connection.now(), self._claimed_at + 0.001)
        self._number += 1
        attempts, number, room = list(self._pending), self._number, limit - len(self._recovered)
        if self._spool is not None:
            self._doubt = _Doubt(self._spool.owner, number, len(attempts), self._claimed_at)
        claimed = self._connection.in_transaction(
            lambda db: self._record_and_claim(db, attempts, room, scope, number),
            lambda db: self._committed(db, self._doubt),
            is_one_statement=self._is_one_statement(attempts),
        )
        self._settled(len(attempts), number)
        self._purse.commit()
        self._submitted.clear()
        claims, self._recovered = [*self._recovered, *claimed], []
        self._claimed |= {claim.job for claim in claims}
        return claims

    def _resolve_doubt(self) -> list[Claim]:
        """Return the claims of an exchange whose commit took effect although its connection broke."""
        doubt = self._doubt
        if doubt is None:
            return []
        claims = self._connection.repeated(lambda db: self._committed(db, doubt))
        self._doubt = None
        if claims is None:
            return []
        self._settled(doubt.attempts, doubt.number)
        return claims

    def _settled(self, attempts: int, number: int) -> None:
        self._doubt = None
        del self._pending[:attempts]
        if self._spool is not None:
            self._spool.acknowledge(number)

    def _release(self, claims: Sequence[Claim]) -> None:
        """Give back claims that nobody waits for any more."""
        now = time()
        self._pending += [
            Attempt(claim=claim, outcome=Outcome.RELEASED, started_at=now, ended_at=now, calls=0) for claim in claims
        ]
        self._claimed -= {claim.job for claim in claims}

    def _record_and_claim(
        self, db: Db, attempts: Sequence[Attempt], limit: int, scope: Scope, number: int
    ) -> list[Claim]:
        self._ensure_remembered(db)
        recorder = Recorder(self._connection, self._worker)
        *before, group = of_different_jobs(attempts) or [[]]
        for earlier in before:
            recorder.record(db, earlier, number)
        self._note_more(db, attempts)
        row = self._claims.row(0 if self._claims.is_random else max(0, limit), scope, self._claimed_at)
        first = recorder.exchange(db, group, number, row)
        if not first.is_registered and self._life is not None:
            # One that was taken for dead claims nothing before it has registered anew.
            self._life.is_dead = True
        released = [attempt.claim.job for attempt in attempts if attempt.outcome is Outcome.RELEASED]
        if limit <= 0 or not first.is_registered:
            claims = []
        elif self._claims.is_random:
            claims = self._claims.at_random(db, row, limit, self._worker)
        else:
            claims = self._claims.complete(
                row, first.claimed, released, lambda again: recorder.exchange(db, [], number, again).claimed
            )
        self._claims.floor.lower_below(released)
        return claims

    def _is_one_statement(self, attempts: Sequence[Attempt]) -> bool:
        """Return True if an exchange with these attempts needs no transaction of several statements."""
        is_more = self._submitted or self._stop_to_note is not None or not self._purse.is_settled
        ends_submissions = self._ends_submissions and attempts
        return not (is_more or ends_submissions or self._claims.is_random or len(of_different_jobs(attempts)) > 1)

    def _note_more(self, db: Db, attempts: Sequence[Attempt]) -> None:
        """Record what else the transaction of an exchange is to store."""
        self._submit(db)
        if attempts and self._ends_submissions:
            execute(db, "end_submissions", {"jobs": [attempt.claim.job for attempt in attempts if attempt.calls]})
        self._free(db)
        if self._stop_to_note is not None:
            self._note_stop(db)

    def _committed(self, db: Db, doubt: _Doubt | None) -> list[Claim] | None:
        """Return the claims of an exchange whose commit took effect, None if it did not."""
        if doubt is None:
            return None
        row = execute(db, "exchanges", {"worker": doubt.owner.worker, "token": doubt.owner.token}).fetchone()
        if row is None or row["exchanges"] < doubt.number:
            return None
        moment = to_timestamp(doubt.claimed_at)
        return self._claims.of_rows(execute(db, "claimed", {"worker": doubt.owner.worker, "claimed_at": moment}))

    def _store_submitted(self) -> None:
        self._connection.in_transaction(self._submit)
        self._submitted.clear()

    def _submit(self, db: Db) -> None:
        for submission in self._submitted:
            execute(db, "submit", submission_row(submission, self._connection))

    def _free(self, db: Db) -> None:
        if not self._purse.is_settled:
            self._purse.free(db, self._worker)

    def _note_stop(self, db: Db) -> None:
        execute(db, "stop_worker", {"worker": self._worker, "ending": self._stop_to_note})
        self._stop_to_note = None

    def _retry_changed(self, db: Db, selected: Mapping[str, object], change: ChangePrompt) -> int:
        asked = [row["prompt"] for row in execute(db, "failed_prompts", selected)]
        now = to_timestamp(self._connection.now())
        changed = [(number, add_prompt(db, change(_prompt(db, number)), now)) for number in asked]
        # A job becomes pending with its first change, so that no second one applies to it.
        return sum(
            execute(db, "retry", {**selected, "asked": number, "sent_as": sent_as}).rowcount
            for number, sent_as in changed
        )

    @property
    def _has_unstored(self) -> bool:
        is_left = self._pending or self._recovered or self._submitted
        return bool(is_left) or self._doubt is not None or self._former is not None

    def _available_at(self, row: DbRow) -> float | None:
        if not row["jobs"]:
            return None
        return self._connection.from_server(from_timestamp(row["available_at"])) if row["available_at"] else 0.0


def _prompt(db: Db, number: int) -> Prompt:
    row = execute(db, "prompt", {"prompt": number}).fetchone()
    assert row is not None
    return prompt_of(row)
