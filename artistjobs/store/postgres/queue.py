"""Job queue on PostgreSQL: claims, attempts, reservations, rescue of dead workers' jobs, and retry."""

import os
import socket
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from artistjobs.core.attempt import Attempt, Outcome
from artistjobs.core.job import DEATHS_MAX, MAX_DELAY_SECONDS, Claim, Scope
from artistjobs.core.prompt import Prompt
from artistjobs.core.timestamps import from_timestamp, to_timestamp
from artistjobs.store.call_notes import suspected_in
from artistjobs.store.interface import ChangePrompt
from artistjobs.store.models import Money, QueueState, RescueResult, Reservation
from artistjobs.store.postgres.answers import answer_columns
from artistjobs.store.postgres.claim_floor import ClaimFloor
from artistjobs.store.postgres.connection import Connection, Db, DbRow, connect, execute
from artistjobs.store.postgres.liveness import Liveness, try_lock_dead
from artistjobs.store.postgres.local_files import LocalFiles
from artistjobs.store.postgres.prompts import add_prompt
from artistjobs.store.queries.picks import RandomPicks
from artistjobs.store.queries.rows import (
    attempt_values,
    of_different_jobs,
    prompt_of,
    settled_values,
    span,
    work_row,
)

_ATTEMPT_COLUMNS = (
    "job", "number", "worker", "started_at", "ended_at", "calls", "outcome",
    "http_status", "error_type", "error_code", "error_message", "request_id", "lost_usd",
)  # fmt: skip
_SETTLED_COLUMNS = ("job", "state", "next_attempt", "answer", "error_code", "available_at")


class PostgresQueue:
    """Queue of jobs for one worker."""

    def __init__(self, connection: Connection, local: LocalFiles) -> None:
        self._local = local
        self._connection = connection
        self._worker: int | None = None
        self._life: Liveness | None = None
        self._exchanges = 0
        self._floor = ClaimFloor()
        self._claimed_at = 0.0
        self._picks: RandomPicks | None = None

    def register(self) -> int:
        """Register this process as a worker, take its liveness lock, and return its number."""
        row = {"host": socket.gethostname(), "pid": os.getpid()}

        def insert(db: Db) -> int:
            found = execute(db, "register_worker", row).fetchone()
            assert found is not None
            return int(found["id"])

        worker = self._connection.in_transaction(insert)
        notes = self._local.make() / self._local.notes_of(worker).name
        self._life = self._connection.repeated(
            lambda _: Liveness(lambda: connect(self._connection.path), worker, notes)
        )
        self._worker, self._exchanges = worker, 0
        return worker

    def claim_randomly(self) -> None:
        """Claim random jobs from now on, no longer the oldest first."""
        self._picks = RandomPicks()

    def exchange(self, attempts: Sequence[Attempt], limit: int, scope: Scope) -> list[Claim]:
        """Record attempts and claim up to ``limit`` jobs, in one transaction that is on disk on return."""
        if not attempts and limit <= 0:
            return []
        # Later than that of every other exchange of this worker, so that it names the claims of this one.
        self._claimed_at = max(self._connection.now(), self._claimed_at + 0.001)
        number = self._exchanges + 1
        claims = self._connection.in_transaction(
            lambda db: self._exchange(db, attempts, limit, scope, number), lambda db: self._committed(db, number)
        )
        self._exchanges = number
        return claims

    def rescue(self) -> RescueResult:
        """Free the jobs of every other worker that is dead."""
        states: Counter[str] = Counter()
        others = [row["worker"] for row in self._connection.rows("holders") if row["worker"] != self._worker]
        for worker in others:
            found = self._connection.in_transaction(partial(self._rescue_from, worker=worker))
            if not found["living"]:
                self._floor.reset()
                self._local.remove_notes(worker)
            states += found
        return RescueResult(pending=states["pending"], failed=states["failed"], live_workers=states["living"])

    def queue_state(self, scope: Scope) -> QueueState:
        """Return the time of the next claimable job, and the number of jobs that other workers hold."""
        held = self._connection.row("held_elsewhere", {**span(scope), "worker": self._worker})
        row = self._connection.row("next_available", {**span(scope), **self._moments()})
        return QueueState(
            available_at=self._available_at(row),
            claimed_by_others=held["jobs"] if held else 0,
        )

    def retry(
        self, *, scope: Scope, code: str | None = None, job: int | None = None, change: ChangePrompt | None = None
    ) -> int:
        """Make failed jobs pending again with their attempts counted from 0; return how many."""
        selected = {**span(scope), "code": code, "job": job, "asked": None, "sent_as": None}
        if change is None:
            return self._connection.in_transaction(lambda db: execute(db, "retry", selected).rowcount)
        return self._connection.in_transaction(lambda db: self._retry_changed(db, selected, change))

    def drop(self, *, scope: Scope, prompt: int | None = None, code: str | None = None) -> int:
        """Drop the pending jobs of a scope, or those that failed with a code; return how many."""
        statement = "drop_pending" if code is None else "drop_failed"
        row = {**span(scope), "prompt": prompt, "code": code}
        return self._connection.in_transaction(lambda db: execute(db, statement, row).rowcount)

    def write_off(self) -> None:
        """Let the money of lost calls count as spent no longer, in one transaction."""
        self._connection.in_transaction(
            lambda db: [execute(db, statement) for statement in ("write_off_attempts", "write_off_workers")]
        )

    def reserve(self, amounts: Iterable[tuple[float, float]], cap_usd: float) -> Reservation:
        """Hold money back for calls, in their order, as far as all workers together stay under the cap."""
        wanted = list(amounts)

        def reserve(db: Db) -> Reservation:
            # One worker at a time, so that two of them never reserve the same money.
            execute(db, "lock_money")
            money = _money(db)
            granted = _affordable(wanted, money, cap_usd)
            usd, margin = (float(sum(amount[part] for amount in wanted[:granted])) for part in (0, 1))
            if granted:
                execute(db, "reserve", {"worker": self._worker, "usd": usd, "margin": margin})
            return Reservation(granted=granted, money=replace(money, in_flight_usd=money.in_flight_usd + usd + margin))

        return self._connection.in_transaction(reserve)

    def free(self, usd: float, margin_usd: float) -> None:
        """Free money that was held back for calls of this worker that were not made, in dollars."""
        row = {"worker": self._worker, "usd": usd, "margin": margin_usd}
        self._connection.in_transaction(lambda db: execute(db, "free", row))

    def watch_lock(self, *, is_abandoned: bool) -> None:
        """Look whether this queue waits for the server; see ``Connection.watch``."""
        self._connection.watch(is_abandoned=is_abandoned)

    def note_call(self, job: int) -> None:
        """Note the job whose call begins or ends; any thread may call this."""
        if self._life is not None:
            self._life.note_call(job)

    def note_stop(self, ending: str) -> None:
        """Record that this worker was told to stop: if it is killed from now on, no job is to blame."""
        self._connection.in_transaction(
            lambda db: execute(db, "stop_worker", {"worker": self._worker, "ending": ending})
        )

    def end(self, ending: str) -> None:
        """Record the end of this worker and release its liveness lock; ``ending`` is the reason."""
        if self._life is None:
            return
        try:
            row = {"worker": self._worker, "ending": ending}
            self._connection.in_transaction(lambda db: execute(db, "end_worker", row))
            self._local.remove_notes(self._worker or 0)
        finally:
            self.close()

    def close(self) -> None:
        """Release the liveness lock of a worker that has not ended; other processes then take it for dead."""
        if self._life is not None:
            self._life.close()
            self._life = None

    def is_certain(self) -> bool:
        """Return True if no other process can take this worker for dead."""
        return self._life is not None and self._life.is_certain()

    def _exchange(self, db: Db, attempts: Sequence[Attempt], limit: int, scope: Scope, number: int) -> list[Claim]:
        settled = [attempt for group in of_different_jobs(attempts) for attempt in self._record(db, group)]
        counted = work_row(attempts, settled)
        execute(db, "count_work", {**counted, "worker": self._worker, "exchanges": number})
        return self._claim(db, limit, scope) if limit > 0 else []

    def _committed(self, db: Db, number: int) -> list[Claim] | None:
        """Return the claims of an exchange whose commit took effect, None if it did not."""
        row = execute(db, "exchanges", {"worker": self._worker}).fetchone()
        if row is None or row["exchanges"] < number:
            return None
        return _claims(execute(db, "claimed", {"worker": self._worker, "claimed_at": to_timestamp(self._claimed_at)}))

    def _claim(self, db: Db, limit: int, scope: Scope) -> list[Claim]:
        row = {
            **span(scope), **self._moments(), "limit": limit, "worker": self._worker, "floor": self._floor.job,
            "claimed_at": to_timestamp(self._claimed_at),
        }  # fmt: skip
        if self._picks is not None:
            claims = self._picks.take(
                limit,
                lambda picks: _claims(execute(db, "claim_picks", row | {"picks": list(picks)})),
                lambda count: [found["id"] for found in execute(db, "random_pending", row | {"count": count})],
            )
            return sorted(claims, key=lambda claim: claim.job)
        claims = _claims(execute(db, "claim", row))
        if len(claims) < limit and row["floor"]:
            # Jobs that became pending again are below the floor.
            rest = _claims(execute(db, "claim", row | {"floor": 0, "limit": limit - len(claims)}))
            self._floor.reset()
            return sorted([*claims, *rest], key=lambda claim: claim.job)
        self._floor.raise_to(claims[-1].job if len(claims) == limit else 0, starts_anew=not row["floor"])
        return claims

    def _record(self, db: Db, attempts: Sequence[Attempt]) -> list[Attempt]:
        """Store attempts at different jobs; return those whose claims were still held."""
        kept = self._keep_answers(db, attempts)
        rows = [attempt_values(attempt, self._worker) for attempt in attempts]
        execute(db, "record_attempts", self._on_server_clock(_columns(_ATTEMPT_COLUMNS, rows)))
        held = self._held_jobs(db, attempts)
        settled = [attempt for attempt in attempts if attempt.claim.job in held]
        rows = [settled_values(attempt, kept.get(attempt.claim.job)) for attempt in settled]
        if rows:
            execute(db, "settle", self._on_server_clock(_columns(_SETTLED_COLUMNS, rows)))
        self._floor.lower_below(attempt.claim.job for attempt in settled if attempt.outcome is Outcome.RELEASED)
        if late := kept.keys() - held:
            execute(db, "mark_late", {"answers": [kept[job] for job in late]})
        return settled

    def _keep_answers(self, db: Db, attempts: Sequence[Attempt]) -> dict[int, int]:
        """Store the answers of attempts; return the answer's id for each job."""
        columns = answer_columns(attempts, self._worker)
        if not columns["job"]:
            return {}
        return {row["job"]: row["id"] for row in execute(db, "keep_answers", self._on_server_clock(columns))}

    def _held_jobs(self, db: Db, attempts: Sequence[Attempt]) -> set[int]:
        row = {
            "job": [attempt.claim.job for attempt in attempts],
            "attempt": [attempt.claim.attempt for attempt in attempts],
            "worker": self._worker,
        }
        return {found["job"] for found in execute(db, "held_claims", row)}

    def _rescue_from(self, db: Db, worker: int) -> Counter[str]:
        if not try_lock_dead(db, worker):
            return Counter(living=1)
        row: dict[str, object] = {"worker": worker, "ending": "died"}
        is_alone = execute(db, "record_deaths", row).rowcount == 1
        suspect = suspected_in(self._local.notes_of(worker))
        blamed = {"worker": worker, "deaths_max": DEATHS_MAX, "suspect": suspect, "is_alone": is_alone}
        freed = execute(db, "rescue", blamed).fetchall()
        execute(db, "end_worker", row)
        return Counter(found["state"] for found in freed)

    def _retry_changed(self, db: Db, selected: Mapping[str, object], change: ChangePrompt) -> int:
        asked = [row["prompt"] for row in execute(db, "failed_prompts", selected)]
        now = to_timestamp(self._connection.now())
        changed = [(number, add_prompt(db, change(_prompt(db, number)), now)) for number in asked]
        # A job becomes pending with its first change, so that no second one applies to it.
        return sum(
            execute(db, "retry", {**selected, "asked": number, "sent_as": sent_as}).rowcount
            for number, sent_as in changed
        )

    def _moments(self) -> dict[str, object]:
        """Return the current time, and the latest plausible ``available_at`` of a job, by the clock of the server."""
        now = self._connection.now()
        return {"now": to_timestamp(now), "latest": to_timestamp(now + MAX_DELAY_SECONDS)}

    def _on_server_clock(self, columns: dict[str, list[object]]) -> dict[str, object]:
        """Return columns with all times of this machine as times of the server."""
        shifted: dict[str, object] = dict(columns)
        for name in ("started_at", "ended_at", "received_at", "available_at"):
            if name in columns:
                shifted[name] = [
                    None if moment is None else to_timestamp(self._connection.to_server(from_timestamp(str(moment))))
                    for moment in columns[name]
                ]
        return shifted

    def _available_at(self, row: DbRow | None) -> float | None:
        if row is None or not row["jobs"]:
            return None
        return self._connection.from_server(from_timestamp(row["available_at"])) if row["available_at"] else 0.0


def _affordable(amounts: Sequence[tuple[float, float]], money: Money, cap_usd: float) -> int:
    """Return the number of calls for which the cap leaves room; see ``Queue.reserve``."""
    in_flight = money.in_flight_usd
    for granted, (usd, margin) in enumerate(amounts):
        needed = money.spent_usd + in_flight + usd
        # A call that is alone in flight needs no room for its margin.
        if needed + margin > cap_usd and (in_flight > 0 or needed > cap_usd):
            return granted
        in_flight += usd + margin
    return len(amounts)


def _money(db: Db) -> Money:
    row = execute(db, "sum_money").fetchone()
    assert row is not None
    return Money(**row)


def _prompt(db: Db, number: int) -> Prompt:
    row = execute(db, "prompt", {"prompt": number}).fetchone()
    assert row is not None
    return prompt_of(row)


def _claims(rows: Iterable[DbRow]) -> list[Claim]:
    claims = (Claim(row["job"], row["attempt"], row["prompt"], row["artist_name"], row["artist_data"]) for row in rows)
    return sorted(claims, key=lambda claim: claim.job)


def _columns(names: Sequence[str], rows: Sequence[Sequence[object]]) -> dict[str, list[object]]:
    """Return rows as one list for each column, for a statement with ``unnest``."""
    return {name: [row[place] for row in rows] for place, name in enumerate(names)}
