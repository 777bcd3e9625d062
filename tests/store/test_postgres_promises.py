"""Promises of the PostgreSQL store under concurrency, and proof that their tests notice what would break them."""

import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from dataclasses import replace

import factories as make
import psycopg
import pytest
from conftest import wait_until
from psycopg.rows import dict_row

from artistjobs.core.attempt import Outcome
from artistjobs.core.job import EVERYTHING
from artistjobs.errors import StoreAwayError, StoreError
from artistjobs.store.address import DatabaseUrl
from artistjobs.store.models import Submission
from artistjobs.store.postgres import connection, liveness, migrations, queue, spool, statements, streams
from artistjobs.store.postgres.session import set_all
from artistjobs.store.postgres.store import PostgresStore


@pytest.fixture
def open_store(url, tmp_path):
    with ExitStack() as opened:

        def open_store():
            return opened.enter_context(closing(PostgresStore(DatabaseUrl(url, spool=tmp_path), None, create=True)))

        yield open_store


@pytest.fixture
def open_worker(open_store):
    def open_worker():
        store = open_store()
        store.queue.register()
        return store

    return open_worker


# Concurrency


def claimed_by_many(open_worker, workers: int, jobs: int) -> Counter:
    """Let several workers claim and settle all jobs at once; return how often each was claimed."""
    stores = [open_worker() for _ in range(workers)]
    make.ingest(stores[0], *make.names(jobs))
    start = threading.Barrier(workers)

    def work(store) -> list[int]:
        start.wait()
        found: list[int] = []
        while claims := make.claim(store, 3):
            found += [claim.job for claim in claims]
            make.settle(store, *(make.make_attempt(claim) for claim in claims))
        return found

    with ThreadPoolExecutor(workers) as pool:
        return Counter(job for jobs in pool.map(work, stores) for job in jobs)


def test_each_job_is_claimed_by_one_worker_only(open_worker):
    assert claimed_by_many(open_worker, 6, 120) == Counter(range(1, 121))


def test_the_cap_holds_for_eight_workers_that_reserve_at_once(open_worker):
    stores = [open_worker() for _ in range(8)]
    start = threading.Barrier(8)

    def reserve(store) -> int:
        start.wait()
        return sum(store.queue.reserve([(1.0, 0.0)], 10.0).granted for _ in range(4))

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(reserve, stores)) == 10
    assert stores[0].records.money().in_flight_usd == 10.0


def test_eight_processes_may_open_a_new_database_at_once(postgres, tmp_path):
    url = postgres.create_database()
    start = threading.Barrier(8)

    def open_one(_) -> str:
        start.wait()
        with closing(PostgresStore(DatabaseUrl(url, spool=tmp_path), None, create=True)) as store:
            return store.kind.value

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(open_one, range(8))) == {"real"}
    postgres.drop_database(url)


def test_tables_made_while_a_process_waits_to_make_them_are_seen(postgres, tmp_path, query):
    url = postgres.create_database()

    def open_one() -> str:
        with closing(PostgresStore(DatabaseUrl(url, spool=tmp_path), None, create=True)) as store:
            return store.kind.value

    with psycopg.connect(url, row_factory=dict_row) as first, ThreadPoolExecutor(1) as pool:
        first.execute("SELECT pg_advisory_xact_lock(%s)", (migrations.LOCK,))
        second = pool.submit(open_one)
        wait_until(lambda: query("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"))
        migrations.migrate(first, url)
        first.commit()
        assert second.result() == "real"
    postgres.drop_database(url)


@pytest.mark.parametrize("code", ["40001", "40P01"])
def test_a_transaction_is_repeated_after_a_conflict(open_store, code):
    store, tries = open_store(), []

    def change(db):
        tries.append(1)
        if len(tries) < 3:
            db.execute(f"DO $$ BEGIN RAISE EXCEPTION 'conflict' USING ERRCODE = '{code}'; END $$")
        return "done"

    assert store._connection.in_transaction(change) == "done"
    assert len(tries) == 3


def test_conflicts_without_end_are_an_error(open_store, monkeypatch):
    monkeypatch.setattr(connection, "_PAUSE_SECONDS", (0.0,))
    store = open_store()

    def change(db):
        db.execute("DO $$ BEGIN RAISE EXCEPTION 'conflict' USING ERRCODE = '40001'; END $$")

    with pytest.raises(StoreError, match="conflict"):
        store._connection.in_transaction(change)


def test_a_commit_whose_reply_is_lost_is_not_repeated(open_worker):
    worker = open_worker()
    make.ingest(worker, *make.names(4))
    whole, pulled = worker.queue._record_and_claim, []

    def cut_off(db, *rest):
        claims = whole(db, *rest)
        if not pulled:
            pulled.append(1)
            # The commit takes effect, and then the session ends.
            db.execute("COMMIT")
            with psycopg.connect(worker.path.url) as other:
                other.execute("SELECT pg_terminate_backend(%s)", (db.info.backend_pid,))
        return claims

    worker.queue._record_and_claim = cut_off

    claims = worker.queue.exchange([], 2, EVERYTHING)

    assert [claim.job for claim in claims] == [1, 2]
    assert worker.records.counts(EVERYTHING).running == 2


def test_a_worker_that_is_suspended_within_a_transaction_keeps_no_lock_and_goes_on(open_worker, monkeypatch):
    monkeypatch.setattr(queue, "_SETTINGS", {"idle_in_transaction_session_timeout": "200ms"})
    suspended, other = open_worker(), open_worker()
    make.ingest(other, *make.names(2))
    whole, waited = suspended.queue._record_and_claim, []

    def suspend(db, *rest):
        claims = whole(db, *rest)
        if not waited:
            # The other worker waits for this lock until the server ends the session.
            db.execute("SELECT id FROM about FOR UPDATE")
            waited.append(other.queue.reserve([(1.0, 0.0)], 10.0).granted)
        return claims

    suspended.queue._record_and_claim = suspend
    # As an exchange that also ends a submission, frees money or notes a stop.
    monkeypatch.setattr(suspended.queue, "_is_one_statement", lambda _attempts: False)

    assert [claim.job for claim in suspended.queue.exchange([], 2, EVERYTHING)] == [1, 2]
    assert waited == [1]


def test_an_exchange_of_attempts_is_one_statement_and_leaves_no_transaction_open(open_worker, monkeypatch):
    worker = open_worker()
    make.ingest(worker, *make.names(3))
    claims, states = make.claim(worker, 2), []
    whole = worker.queue._record_and_claim

    def note_state(db, *rest):
        found = whole(db, *rest)
        states.append(db.info.transaction_status)
        return found

    worker.queue._record_and_claim = note_state

    worker.queue.exchange([make.make_attempt(claim) for claim in claims], 1, EVERYTHING)

    assert states == [psycopg.pq.TransactionStatus.IDLE]
    counts = worker.records.counts(EVERYTHING)
    assert (counts.done, counts.running) == (2, 1)


def test_a_job_that_is_given_back_may_be_claimed_by_the_same_exchange(open_worker):
    worker = open_worker()
    make.ingest(worker, *make.names(1))
    (claim,) = make.claim(worker, 1)

    again = worker.queue.exchange([make.make_attempt(claim, Outcome.RELEASED)], 1, EVERYTHING)

    assert [found.job for found in again] == [claim.job]


def test_parameters_get_numbers_in_the_order_in_which_they_are_first_named():
    text, names = statements._numbered(b"SELECT %(one)s::int, %(two)s::int, %(one)s::int -- 2 %%")

    assert text == b"SELECT $1::int, $2::int, $1::int -- 2 %"
    assert names == ("one", "two")


def test_a_stream_is_one_snapshot_whatever_else_is_read_meanwhile_and_may_be_left(open_worker, monkeypatch):
    monkeypatch.setattr(streams, "_ROWS_AT_ONCE", 2)
    reader, worker = open_worker(), open_worker()
    make.ingest(worker, *make.names(12))
    make.settle(worker, *(make.make_attempt(claim) for claim in make.claim(worker, 9)))
    rows, counts = [], []
    for row in reader.records.export_raw(EVERYTHING, ["done"]):
        rows.append(row)
        make.settle(worker, *(make.make_attempt(claim) for claim in make.claim(worker, 1)))
        with reader._connection.snapshot():
            counts.append(reader.records.counts(EVERYTHING).done)

    left = reader.records.export_raw(EVERYTHING, ["done"])
    next(left)
    left.close()

    assert (len(rows), set(counts)) == (9, {9})
    assert reader.records.counts(EVERYTHING).done == 12


def test_the_session_that_holds_a_snapshot_may_be_idle_for_as_long_as_its_rows_are_read(open_worker):
    reader = open_worker()
    make.ingest(reader, *make.names(2))
    make.settle(reader, *(make.make_attempt(claim) for claim in make.claim(reader, 2)))

    def limit() -> str:
        row = reader._connection.db.execute("SHOW idle_in_transaction_session_timeout").fetchone()
        return row["idle_in_transaction_session_timeout"]

    before = limit()
    assert [limit() for _ in reader.records.export(EVERYTHING, ["done"])] == ["0", "0"]
    assert limit() == before != "0"


@pytest.mark.parametrize("statement", sorted(streams._IN_ORDER))
def test_an_export_needs_no_sort(open_worker, statement):
    db = open_worker()._connection.db
    parameters = {"ingest": 1, "prompt": None, "state": "done", "other_state": "failed"}
    set_all(db, streams._WITHOUT_SORT)

    plan = psycopg.ClientCursor(db).execute(b"EXPLAIN " + statements.sql(statement), parameters).fetchall()

    assert not [row for row in plan if "Sort" in str(row)]


# Clocks


@pytest.mark.parametrize("seconds", [-3600.0, 3600.0])
def test_a_wrong_clock_of_a_machine_has_no_effect(open_worker, seconds):
    right = open_worker()
    later = time.time() + seconds + 30
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(connection, "time", lambda: time.time() + seconds)
        wrong = open_worker()
        make.ingest(wrong, *make.names(3))
        (first,) = make.claim(wrong, 1)
        make.settle(wrong, make.make_attempt(first, Outcome.RELEASED, available_at=later))
        assert wrong.queue.rescue().pending == 0
        assert wrong.queue.queue_state(EVERYTHING).available_at is not None
        assert [claim.job for claim in make.claim(wrong, 1)] == [2]

    assert right.queue.rescue().pending == 0
    assert [claim.job for claim in make.claim(right, 3)] == [3]
    assert right.queue.queue_state(EVERYTHING).available_at == pytest.approx(time.time() + 30, abs=5)


# The spool


def test_claims_of_a_commit_whose_reply_was_lost_are_delivered_although_the_server_went_away_again(
    open_worker, monkeypatch
):
    worker = open_worker()
    make.ingest(worker, *make.names(4))
    in_transaction = worker._connection.in_transaction

    def lose_the_reply(change, *_, **_how):
        in_transaction(change)
        raise StoreAwayError("away")

    def be_away(*_, **_how):
        raise StoreAwayError("away")

    for fault in (lose_the_reply, be_away, be_away):
        monkeypatch.setattr(worker._connection, "in_transaction", fault)
        assert worker.queue.exchange([], 2, EVERYTHING) == []
    monkeypatch.undo()
    claims = worker.queue.exchange([], 2, EVERYTHING)

    assert [claim.job for claim in claims] == [1, 2]
    make.settle(worker, *(make.make_attempt(claim) for claim in [*claims, *make.claim(worker, 4)]))
    assert worker.records.counts(EVERYTHING).done == 4


def forget_the_answer(query) -> None:
    """Put a database into the state before an answer, as a failover to a copy does, and end all sessions."""
    query("ALTER TABLE jobs DISABLE TRIGGER jobs_moves")
    query("UPDATE jobs SET state = 'running', claimed_by = 1, answer = NULL")
    query("DELETE FROM answers")
    query("DELETE FROM attempts")
    query("UPDATE workers SET exchanges = exchanges - 1, done = 0, calls = 0")
    query("ALTER TABLE jobs ENABLE TRIGGER jobs_moves")
    query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
          " WHERE application_name = 'artistjobs' AND datname = current_database()")  # fmt: skip


@pytest.mark.parametrize("step", ["exchange", "end"])
def test_an_answer_that_a_failover_forgot_is_stored_again_although_the_next_transaction_is_the_first_to_notice(
    open_worker, query, step
):
    worker = open_worker()
    make.ingest(worker, *make.names(1))
    make.settle(worker, *(make.make_attempt(claim) for claim in make.claim(worker, 1)))
    forget_the_answer(query)

    if step == "exchange":
        worker.queue.exchange([], 1, EVERYTHING)
    worker.queue.end("finished")

    counts = open_worker().records.counts(EVERYTHING)
    assert (counts.done, counts.total) == (1, 1)
    assert query("SELECT count(*) FROM answers") == [(1,)]


def lose_power(monkeypatch, url, tmp_path) -> int:
    """Let a worker answer two jobs while the server is away, cut its power, and return the answers stored later."""
    synced: dict[int, int] = {}
    monkeypatch.setattr(spool.os, "fsync", lambda file: synced.update({file: spool.os.fstat(file).st_size}))
    store = PostgresStore(DatabaseUrl(url, spool=tmp_path), None, create=True)
    store.queue.register()
    make.ingest(store, *make.names(2))
    claims = make.claim(store, 2)
    store.queue._life._beat_at -= 100
    store._connection.db.close()
    monkeypatch.setattr(connection, "connect", lambda _: (_ for _ in ()).throw(psycopg.OperationalError("away")))
    for claim in claims:
        store.queue.exchange([make.make_attempt(claim)], 0, EVERYTHING)
    file = store.queue._spool._file
    on_disk = synced.get(file.fileno(), 0)
    monkeypatch.undo()
    path = store.queue._spool._path
    store.close()
    with path.open("r+b") as cut:
        cut.truncate(on_disk)
    with closing(PostgresStore(DatabaseUrl(url, spool=tmp_path), None, create=True)) as again:
        again.queue.register()
        return again.records.counts(EVERYTHING).done


def test_answers_of_an_outage_survive_a_power_cut(monkeypatch, url, tmp_path):
    assert lose_power(monkeypatch, url, tmp_path) == 2


def be_away(monkeypatch, store) -> None:
    """End the session of a store, and let it find no server any more."""
    store._connection.db.close()
    monkeypatch.setattr(connection, "connect", lambda _: (_ for _ in ()).throw(psycopg.OperationalError("away")))


def make_submission(job: int) -> Submission:
    return Submission(job=job, response_id=f"resp_{job}", window=None, submitted_at=make.NOON, reserved_usd=0.5)


@pytest.mark.parametrize("has_died", [False, True], ids=["same process", "next process"])
def test_an_answer_in_the_background_whose_id_came_during_an_outage_is_not_bought_again(
    open_worker, open_store, monkeypatch, has_died
):
    worker = open_worker()
    make.ingest(worker, *make.names(3))
    claims = make.claim(worker, 3)
    with monkeypatch.context() as patched:
        be_away(patched, worker)
        for claim in claims:
            worker.queue.submit(make_submission(claim.job))
        # The answer to one of them came, and ends its submission.
        make.settle(worker, make.make_attempt(claims[0], answer=make.make_answer(response_id="resp_1")))
    if has_died:
        worker.queue.close()
        worker = open_worker()
    worker.queue.rescue()
    make.settle(worker)

    assert [worker.queue.submission(job) for job in (1, 2, 3)] == [None, make_submission(2), make_submission(3)]
    assert worker.records.counts(EVERYTHING).done == 1


def test_an_id_in_a_spool_is_left_out_if_the_answer_is_stored_or_another_worker_has_the_job(open_worker, monkeypatch):
    monkeypatch.setattr(liveness, "DEAD_SECONDS", -1.0)
    monkeypatch.setattr(liveness, "HEARTBEAT_SECONDS", 3600.0)
    worker, other = open_worker(), open_worker()
    make.ingest(worker, *make.names(3))
    make.claim(worker, 3)
    with monkeypatch.context() as patched:
        be_away(patched, worker)
        for job in (1, 2, 3):
            worker.queue.submit(make_submission(job))
        worker.queue.close()
    other.queue.rescue()
    first, second = make.claim(other, 2)
    other.queue.submit(replace(make_submission(1), response_id="resp_other"))
    make.settle(other, make.make_attempt(second, answer=make.make_answer(response_id="resp_2")))
    third = open_worker()

    assert first.job == 1
    assert third.queue.submission(1).response_id == "resp_other"
    assert third.queue.submission(2) is None
    assert third.queue.submission(3) == make_submission(3)


def test_a_spool_on_a_full_disk_does_not_end_the_work(open_worker):
    worker = open_worker()
    make.ingest(worker, *make.names(2))
    first, second = make.claim(worker, 2)

    class Full:
        def write(self, _):
            raise OSError(28, "No space left on device")

        def fileno(self):
            return 2

        def tell(self):
            return 0

        def close(self):
            pass

    worker.queue._spool._file.close()
    worker.queue._spool._file = Full()
    make.settle(worker, make.make_attempt(first), make.make_attempt(second))

    assert worker.records.counts(EVERYTHING).done == 2


# Planted bugs: the tests above must fail with each of them


def plant(monkeypatch, statement: str, old: bytes, new: bytes) -> None:
    text = statements.sql(statement)
    assert old in text
    whole = statements.sql
    monkeypatch.setattr(statements, "sql", lambda name: text.replace(old, new) if name == statement else whole(name))


def test_claims_without_a_lock_of_the_rows_would_be_noticed(open_worker, monkeypatch):
    plant(monkeypatch, "exchange", b"FOR UPDATE SKIP LOCKED", b"")

    # Or the state diagram of the table refuses the second claim.
    with suppress(StoreError):
        assert claimed_by_many(open_worker, 6, 120) != Counter(range(1, 121))


def late_answer_is_refused(open_worker) -> bool:
    """Return True if an answer of a worker that was taken for dead does not settle a job that another one holds."""
    dead, other = open_worker(), open_worker()
    make.ingest(other, "Frida Kahlo")
    (claim,) = make.claim(dead, 1)
    dead.queue._life.close()
    other.queue.rescue()
    assert make.claim(other, 1)
    dead.queue._life.is_dead = False

    make.settle(dead, make.make_attempt(claim))

    return other.records.counts(EVERYTHING).running == 1


def test_a_late_answer_does_not_settle_the_job_of_another_worker(open_worker, monkeypatch):
    monkeypatch.setattr(liveness, "DEAD_SECONDS", -1.0)
    monkeypatch.setattr(liveness, "HEARTBEAT_SECONDS", 3600.0)

    assert late_answer_is_refused(open_worker)


def test_a_missing_fence_would_be_noticed(open_worker, monkeypatch):
    monkeypatch.setattr(liveness, "DEAD_SECONDS", -1.0)
    monkeypatch.setattr(liveness, "HEARTBEAT_SECONDS", 3600.0)
    fence = b"AND jobs.claimed_by IS NOT DISTINCT FROM %(worker)s::bigint\n       AND jobs.attempt = ends.number"
    plant(monkeypatch, "exchange", fence, b"")

    assert not late_answer_is_refused(open_worker)


def test_a_spool_that_is_not_synced_would_be_noticed(monkeypatch, url, tmp_path):
    monkeypatch.setattr(spool.SpoolFile, "sync", lambda _: None)

    assert lose_power(monkeypatch, url, tmp_path) == 0
