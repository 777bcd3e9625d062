"""What the machines of a PostgreSQL database know of each other: versions, and jobs that are suspected of deaths."""

from contextlib import ExitStack, closing

import factories as make
import psycopg
import pytest

from artistjobs.core.job import DEATHS_MAX, EVERYTHING
from artistjobs.errors import NewerDatabaseError, StoreError
from artistjobs.store.address import DatabaseUrl
from artistjobs.store.postgres import liveness, migrations
from artistjobs.store.postgres.spool import spooled_answers
from artistjobs.store.postgres.store import PostgresStore


@pytest.fixture
def open_store(url, tmp_path):
    with ExitStack() as opened:

        def open_store(machine="here"):
            address = DatabaseUrl(url, spool=tmp_path / machine)
            return opened.enter_context(closing(PostgresStore(address, None, create=True)))

        yield open_store


@pytest.fixture
def open_worker(open_store):
    def open_worker(machine="here"):
        store = open_store(machine)
        store.queue.register()
        return store

    return open_worker


# Versions


class Later:
    """A migration of a later version."""

    name = "9999_later.sql"

    def read_text(self, **_):
        return "CREATE TABLE later (id int)"


@pytest.fixture
def upgrade(open_store, monkeypatch, query):
    """Function that opens the database with a later version."""
    known = migrations.migration_files()

    def upgrade():
        with monkeypatch.context() as patched:
            patched.setattr(migrations, "migration_files", lambda: [*known, Later()])
            open_store("later")

    yield upgrade
    query("DROP TABLE IF EXISTS later")
    query("DELETE FROM artistjobs_migrations WHERE name = '9999_later'")


def test_a_database_is_not_upgraded_while_a_worker_of_an_earlier_version_lives(open_worker, upgrade, query):
    worker = open_worker()

    with pytest.raises(StoreError, match=r"in use by a worker of an earlier version \(process \d+ on .*Ctrl\+C"):
        upgrade()
    assert query("SELECT to_regclass('later')") == [(None,)]
    worker.queue.end("finished")
    upgrade()

    assert query("SELECT to_regclass('later')") == [("later",)]


def test_a_worker_that_comes_back_to_an_upgraded_database_stops_and_keeps_its_answers(
    open_worker, upgrade, query, tmp_path, monkeypatch
):
    worker = open_worker()
    make.ingest(worker, "Frida Kahlo")
    (claim,) = make.claim(worker)
    # The server was away for so long that the worker counts as dead.
    monkeypatch.setattr(liveness, "HEARTBEAT_SECONDS", 3600.0)
    monkeypatch.setattr(liveness, "DEAD_SECONDS", -1.0)
    with psycopg.connect(worker.path.url, autocommit=True) as other:
        other.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE application_name = 'artistjobs' AND datname = current_database()"
        )
    upgrade()

    with pytest.raises(StoreError, match=r"later version of artistjobs.*stores 1 answer"):
        make.settle(worker, make.make_attempt(claim))

    assert query("SELECT state FROM jobs") == [("running",)]
    worker.close()
    assert sum(spooled_answers(folder) for folder in (tmp_path / "here").iterdir()) == 1


def test_a_worker_does_not_register_after_an_upgrade(open_store, upgrade, query):
    store = open_store()
    upgrade()

    with pytest.raises(NewerDatabaseError):
        store.queue.register()

    assert query("SELECT count(*) FROM workers") == [(0,)]


# Deaths


def die_with(store, *jobs, suspect):
    """Let a worker claim some jobs and die in the call of one of them."""
    claims = make.claim(store, len(jobs))
    assert [claim.job for claim in claims] == list(jobs)
    store.queue.note_call(suspect)
    store.queue._life.close()
    store.queue._spool.remove()


def deaths(query):
    return [count for (count,) in query("SELECT deaths FROM jobs ORDER BY id")]


@pytest.fixture
def quick(monkeypatch):
    """A worker whose lock is free is dead at once."""
    monkeypatch.setattr(liveness, "DEAD_SECONDS", -1.0)
    monkeypatch.setattr(liveness, "HEARTBEAT_SECONDS", 3600.0)


@pytest.mark.usefixtures("quick")
def test_the_machine_of_a_worker_that_another_one_found_dead_tells_which_job_is_suspected(open_worker, query):
    dead, other = open_worker("there"), open_worker("here")
    make.ingest(other, *make.names(3))
    die_with(dead, 1, 2, 3, suspect=2)

    assert other.queue.rescue().pending == 3
    assert deaths(query) == [0, 0, 0]
    for _ in range(2):
        open_worker("there").queue.rescue()

    assert deaths(query) == [0, 1, 0]


@pytest.mark.usefixtures("quick")
def test_a_job_that_kills_workers_of_several_machines_fails(open_worker, query):
    other = open_worker("here")
    make.ingest(other, *make.names(2))
    failed = 0
    for number in range(DEATHS_MAX):
        die_with(open_worker(f"machine {number}"), 1, 2, suspect=1)
        assert other.queue.rescue().pending == 2
        failed += open_worker(f"machine {number}").queue.rescue().failed

    assert failed == 1
    assert query("SELECT state, error_code FROM jobs ORDER BY id") == [("failed", "worker_died"), ("pending", None)]
    assert other.records.counts(EVERYTHING).failed == 1


@pytest.mark.usefixtures("quick")
def test_a_worker_that_was_told_to_stop_suspects_no_job_on_any_machine(open_worker, query):
    dead, other = open_worker("there"), open_worker("here")
    make.ingest(other, *make.names(2))
    dead.queue.note_stop("interrupted")
    die_with(dead, 1, 2, suspect=1)

    other.queue.rescue()
    open_worker("there").queue.rescue()

    assert deaths(query) == [0, 0]
