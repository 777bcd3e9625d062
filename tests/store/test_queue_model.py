"""The queue compared with a simple model: in any order of operations no job is lost or done twice."""

import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import factories as make
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from artistjobs.core.attempt import Outcome
from artistjobs.core.job import DEATHS_MAX, EVERYTHING
from artistjobs.store.address import DatabaseUrl
from artistjobs.store.sqlite import liveness
from artistjobs.store.sqlite.store import SqliteStore

WORKERS = st.sampled_from([0, 1])


class Job:
    """State of a job in the model; ``holder`` is the number of a worker."""

    def __init__(self):
        self.state, self.holder, self.attempt, self.deaths, self.settled = "pending", None, 0, 0, 0

    def to(self, state, *, attempt=None):
        self.state, self.holder = state, None
        self.attempt = self.attempt if attempt is None else attempt

    def die(self, *, is_suspected):
        self.deaths += is_suspected
        self.to("failed" if is_suspected and self.deaths >= DEATHS_MAX else "pending")


class QueueMachine(RuleBasedStateMachine):
    """Two workers on one file, each with its own connection, that crash at random."""

    claims = Bundle("claims")

    @initialize()
    def begin(self):
        self.patch = pytest.MonkeyPatch()
        self.create_database()
        self.jobs = {}  # by number, oldest first
        self.recorded = 0
        self.last_calls = {}  # by number of the worker
        self.stopped = set()
        self.answers = 0
        self.workers = [None, None]
        self.numbers = [0, 0]
        for which in (0, 1):
            self.join(which)

    def create_database(self):
        # No sign of life after the last call, whose moment would decide what is suspected.
        self.patch.setattr(liveness, "KEEP_SECONDS", 3600.0)
        self.folder = tempfile.TemporaryDirectory()

    def open_store(self):
        return SqliteStore(Path(self.folder.name) / "jobs.db", None, create=True)

    def join(self, which):
        self.workers[which] = self.open_store()
        self.numbers[which] = self.workers[which].queue.register()

    @rule(which=WORKERS, first=st.integers(1, 8), count=st.integers(0, 5))
    def ingest(self, which, first, count):
        known = len(self.jobs)
        wanted = range(first, first + count)

        report = make.ingest(self.workers[which], *map(str, wanted))

        new = [number for number in wanted if f"{number}" not in self.names()]
        assert (report.added, report.known) == (len(new), count - len(new))
        for job, name in enumerate(new, known + 1):
            self.jobs[job] = Job()
            self.jobs[job].name = str(name)

    def names(self):
        return {job.name for job in self.jobs.values()}

    @rule(which=WORKERS, limit=st.integers(1, 4), target=claims)
    def claim(self, which, limit):
        expected = [number for number, job in sorted(self.jobs.items()) if job.state == "pending"][:limit]

        claims = make.claim(self.workers[which], limit)

        assert [claim.job for claim in claims] == expected
        for claimed in claims:
            job = self.jobs[claimed.job]
            job.state, job.holder, job.attempt = "running", self.numbers[which], job.attempt + 1
            assert claimed.attempt == job.attempt
        return multiple(*[(self.numbers[which], claimed) for claimed in claims])

    @rule(held=claims, outcome=st.sampled_from([Outcome.DONE, Outcome.FAILED, Outcome.RELEASED]))
    def settle(self, held, outcome):
        """Settle any claim, also one that was settled or lost before."""
        self.hand_in(held, outcome)

    @rule(held=claims, target=claims)
    def retry_in_hold(self, held):
        self.hand_in(held, Outcome.RETRY)
        number, claimed = held
        return number, replace(claimed, attempt=claimed.attempt + 1)

    def hand_in(self, held, outcome):
        number, claimed = held
        if number not in self.numbers:
            return  # its worker is dead
        make.settle(self.workers[self.numbers.index(number)], make.make_attempt(claimed, outcome))
        self.recorded += 1
        self.answers += outcome is Outcome.DONE
        job = self.jobs[claimed.job]
        if (job.state, job.holder, job.attempt) != ("running", number, claimed.attempt):
            return
        match outcome:
            case Outcome.RETRY:
                job.attempt += 1
            case Outcome.RELEASED:
                job.to("pending", attempt=job.attempt - 1)
            case _:
                job.settled += outcome is Outcome.DONE
                job.to(outcome.value)

    @rule(which=WORKERS)
    def crash(self, which):
        self.workers[which].close()
        self.join(which)

    @rule(which=WORKERS)
    def end(self, which):
        self.workers[which].queue.end("finished")
        self.stopped.add(self.numbers[which])
        self.crash(which)

    @rule(which=WORKERS)
    def stop(self, which):
        self.workers[which].queue.note_stop("terminated")
        self.stopped.add(self.numbers[which])

    @rule(held=claims)
    def call(self, held):
        number, claimed = held
        if number in self.numbers:
            self.workers[self.numbers.index(number)].queue.note_call(claimed.job)
            self.last_calls[number] = self.jobs[claimed.job]

    @rule(which=WORKERS)
    def rescue(self, which):
        orphans = [job for job in self.jobs.values() if job.state == "running" and job.holder not in self.numbers]
        held = Counter(job.holder for job in orphans)
        for job in orphans:
            holder = job.holder
            is_suspected = held[holder] == 1 or self.last_calls.get(holder) is job
            job.die(is_suspected=is_suspected and holder not in self.stopped)
        expected = Counter(job.state for job in orphans)

        rescued = self.workers[which].queue.rescue()

        self.recorded += len(orphans)
        assert (rescued.pending, rescued.failed) == (expected["pending"], expected["failed"])

    @rule(which=WORKERS)
    def retry(self, which):
        failed = [job for job in self.jobs.values() if job.state == "failed"]

        assert self.workers[which].queue.retry(scope=EVERYTHING) == len(failed)

        for job in failed:
            job.to("pending", attempt=0)
            job.deaths = 0

    @invariant()
    def counts_add_up(self):
        expected = Counter(job.state for job in self.jobs.values())
        for store in self.workers:
            counts = store.records.counts(EVERYTHING)
            found = {"pending": counts.pending, "running": counts.running, "done": counts.done, "failed": counts.failed}
            assert found == {state: expected[state] for state in found}

    @invariant()
    def every_job_is_where_the_model_has_it(self):
        statement = "SELECT id, artist_name, state, claimed_by, attempt, deaths FROM jobs ORDER BY id"
        assert self.read(statement) == [
            (number, job.name, job.state, job.holder, job.attempt, job.deaths) for number, job in self.jobs.items()
        ]

    @invariant()
    def every_attempt_and_every_answer_is_kept(self):
        assert self.read("SELECT count(*) FROM attempts") == [(self.recorded,)]
        assert self.read("SELECT count(*), coalesce(sum(late), 0) FROM answers") == [
            (self.answers, self.answers - sum(job.settled for job in self.jobs.values()))
        ]
        assert max((job.settled for job in self.jobs.values()), default=0) <= 1

    def read(self, statement):
        return self.workers[0]._connection.db.conn.execute(statement).fetchall()

    def teardown(self):
        if hasattr(self, "workers"):
            self.check_database()
            for store in self.workers:
                store.close()
            self.remove_database()
            self.patch.undo()

    def check_database(self):
        assert self.read("PRAGMA integrity_check") == [("ok",)]
        assert self.read("PRAGMA foreign_key_check") == []

    def remove_database(self):
        self.folder.cleanup()


class PostgresQueueMachine(QueueMachine):
    """The same with a PostgreSQL database, whose server the fixture provides."""

    server: ClassVar = None

    def create_database(self):
        from artistjobs.store.postgres import claim_floor, liveness

        self.patch.setattr(liveness, "HEARTBEAT_SECONDS", 3600.0)
        self.patch.setattr(claim_floor, "FLOOR_SECONDS", -1.0)  # the model knows no workers that claim apart
        self.folder = tempfile.TemporaryDirectory()
        self.lent = self.server.database()
        self.url = self.lent.__enter__()

    def open_store(self):
        from artistjobs.store.postgres.store import PostgresStore

        return PostgresStore(DatabaseUrl(self.url, spool=Path(self.folder.name)), None, create=True)

    def read(self, statement):
        return [tuple(row.values()) for row in self.workers[0]._connection.db.execute(statement).fetchall()]

    def check_database(self):
        """PostgreSQL itself checks what SQLite is asked about."""

    def remove_database(self):
        self.lent.__exit__(None, None, None)
        self.folder.cleanup()


QueueMachine.TestCase.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
test_the_queue_does_what_its_model_does = QueueMachine.TestCase


def test_the_postgres_queue_does_what_its_model_does(postgres, monkeypatch):
    from artistjobs.store.postgres import liveness

    # A worker whose lock is free is dead at once. Times are rounded, so an age may be a little below 0.
    monkeypatch.setattr(liveness, "DEAD_SECONDS", -1.0)
    monkeypatch.setattr(PostgresQueueMachine, "server", postgres)

    run_state_machine_as_test(
        PostgresQueueMachine, settings=settings(max_examples=10, stateful_step_count=25, deadline=None)
    )
