"""Ingest into PostgreSQL: the fast way for new rows, and what makes it give way to the careful one."""

from contextlib import closing

import factories as make
import psycopg
import pytest

from artistjobs.core.job import EVERYTHING
from artistjobs.store.address import DatabaseUrl
from artistjobs.store.postgres import new_jobs
from artistjobs.store.postgres.store import PostgresStore

INDEXES = (
    "SELECT indexname, indexdef, conname, pg_get_constraintdef(pg_constraint.oid)"
    "  FROM pg_indexes LEFT JOIN pg_constraint ON conname = indexname"
    " WHERE tablename IN ('jobs', 'ingest_lines') ORDER BY indexname"
)
LINKS = "SELECT line, artist_name FROM ingest_lines JOIN jobs ON jobs.id = job WHERE ingest = {} ORDER BY line"


@pytest.fixture
def store(url, tmp_path, monkeypatch):
    monkeypatch.setattr(new_jobs, "_MANY", 3)
    with closing(PostgresStore(DatabaseUrl(url, spool=tmp_path), None, create=True)) as store:
        yield store


def test_indexes_that_are_built_at_once_are_those_of_the_table(store, query):
    before = query(INDEXES)

    make.ingest(store, *make.names(5))

    assert query(INDEXES) == before
    assert {"jobs_by_key", "jobs_pending", "ingest_lines_by_job", "ingest_lines_pkey"} <= {name for name, *_ in before}
    assert query("SELECT id FROM jobs ORDER BY artist_name") == [(number,) for number in range(1, 6)]
    assert [claim.job for claim in make_worker(store, 5)] == [1, 2, 3, 4, 5]


def make_worker(store, limit):
    store.queue.register()
    return store.queue.exchange([], limit, EVERYTHING)


@pytest.mark.parametrize("second", [["B", "C", "D"], ["C", "D", "B", "D"], ["X", "Y"]], ids=["known", "late", "new"])
def test_repeated_and_known_rows_are_linked_to_their_jobs(store, query, second):
    make.ingest(store, "A", "B", "A", "B")
    make.ingest(store, *second)

    for ingest, names in ((1, ["A", "B", "A", "B"]), (2, second)):
        assert [name for _, name in query(LINKS.format(ingest))] == names
    distinct = sorted({"A", "B", *second})
    assert query("SELECT artist_name, id FROM jobs ORDER BY 1") == [(name, n) for n, name in enumerate(distinct, 1)]


@pytest.mark.parametrize("table", ["jobs", "ingest_lines"])
def test_a_session_that_reads_the_empty_table_does_not_hold_an_ingest_up(store, url, query, table):
    before = query(INDEXES)
    with psycopg.connect(url) as reader:
        reader.execute(f"SELECT count(*) FROM {table}")
        make.ingest(store, *make.names(5))

    assert query("SELECT count(*) FROM jobs") == query("SELECT count(*) FROM ingest_lines") == [(5,)]
    assert query(INDEXES) == before
    assert query("SHOW lock_timeout") == [("0",)]
    assert store._connection.db.execute("SHOW lock_timeout").fetchone() == {"lock_timeout": "1min"}
