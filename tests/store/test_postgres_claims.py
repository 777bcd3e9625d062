"""Claims on PostgreSQL: their order, and their cost while another session holds a snapshot."""

import factories as make
import psycopg
import pytest

from artistjobs.core.attempt import Outcome
from artistjobs.core.job import EVERYTHING
from artistjobs.store.address import DatabaseUrl
from artistjobs.store.postgres import claim_floor
from artistjobs.store.postgres.attempt_columns import attempt_columns
from artistjobs.store.postgres.recording import added_work
from artistjobs.store.postgres.statements import cleaned, sql
from artistjobs.store.postgres.store import PostgresStore


@pytest.fixture
def open_worker(postgres, tmp_path):
    opened = []
    with postgres.database() as url:

        def open_worker():
            opened.append(PostgresStore(DatabaseUrl(url, spool=tmp_path), None, create=True))
            opened[-1].queue.register()
            return opened[-1]

        yield open_worker
        for store in opened:
            store.close()


def test_a_job_that_its_worker_gives_back_is_claimed_before_later_ones(open_worker):
    worker = open_worker()
    make.ingest(worker, *make.names(9))
    first, second, _ = make.claim(worker, 3)

    make.settle(worker, make.make_attempt(second, Outcome.RELEASED))
    make.settle(worker, make.make_attempt(first, Outcome.RELEASED))

    assert [claim.job for claim in make.claim(worker, 3)] == [first.job, second.job, 4]


def test_a_job_that_another_worker_gives_back_is_claimed_after_the_others(open_worker):
    worker, other = open_worker(), open_worker()
    make.ingest(worker, *make.names(4))
    (given_back,) = make.claim(other, 1)
    assert make.claim(worker, 1)

    make.settle(other, make.make_attempt(given_back, Outcome.RELEASED))

    assert [claim.job for claim in make.claim(worker, 3)] == [given_back.job, 3, 4]


def test_a_job_that_another_worker_gives_back_is_claimed_after_half_a_minute(open_worker, monkeypatch):
    worker, other = open_worker(), open_worker()
    make.ingest(worker, *make.names(4))
    (given_back,) = make.claim(other, 1)
    assert make.claim(worker, 1)
    make.settle(other, make.make_attempt(given_back, Outcome.RELEASED))

    monkeypatch.setattr(claim_floor, "FLOOR_SECONDS", -1.0)

    assert [claim.job for claim in make.claim(worker, 1)] == [given_back.job]


def test_a_claim_reads_no_jobs_below_its_floor(open_worker):
    worker = open_worker()
    make.ingest(worker, *make.names(2000))
    db = worker._connection.db
    make.claim(worker, 1500)

    plan = db.execute(
        "EXPLAIN SELECT id FROM jobs WHERE state = 'pending' AND id > 1500 ORDER BY id LIMIT 50"
    ).fetchall()

    assert any("Index Cond: (id > 1500)" in row["QUERY PLAN"] for row in plan), plan
    assert worker.queue._claims.floor.job == 1500


def pages_read(worker, floor: int) -> int:
    """Return the number of pages that the search of a claim reads."""
    search = "SELECT id FROM jobs WHERE state = 'pending' AND id > %s ORDER BY id LIMIT 50"
    row = worker._connection.db.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {search}", (floor,)).fetchone()
    plan = row["QUERY PLAN"][0]["Plan"]
    return plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]


def test_a_claim_costs_the_same_while_another_session_holds_a_snapshot(open_worker):
    worker = open_worker()
    make.ingest(worker, *make.names(3000))
    with psycopg.connect(worker.path.url) as holder:
        holder.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        holder.execute("SELECT count(*) FROM workers")
        before = pages_read(worker, 0)
        for _ in range(5):
            make.settle(worker, *(make.make_attempt(claim) for claim in make.claim(worker, 500)))

        after = pages_read(worker, worker.queue._claims.floor.job)
        without_floor = pages_read(worker, 0)

    assert worker.queue._claims.floor.job == 2500
    assert after <= before + 5
    assert without_floor > 3 * after


def test_jobs_are_settled_by_their_ids_and_not_among_all_that_their_worker_has_claimed(open_worker):
    worker = open_worker()
    make.ingest(worker, *make.names(3000))
    attempts = [make.make_attempt(claim) for claim in make.claim(worker, 20)]
    claim = worker.queue._claims.row(0, EVERYTHING, 0.0)
    row = {**attempt_columns(attempts, 0.0), **added_work(attempts), **claim, "worker": worker.queue.worker}

    plan = worker._connection.db.execute(b"EXPLAIN " + sql("exchange"), cleaned({**row, "exchanges": 1})).fetchall()

    text = "\n".join(line["QUERY PLAN"] for line in plan)
    assert "using jobs_pkey" in text, text
    assert "jobs_running" not in text, text
