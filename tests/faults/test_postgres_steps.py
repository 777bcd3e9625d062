"""Sessions that end, and a server that stops, at every named step of work: nothing is lost, doubled or held back."""

import signal
from contextlib import ExitStack, closing, suppress
from dataclasses import replace

import factories as make
import psycopg
import pytest
from postgres import OwnServer
from steps import Steps

from artistjobs.core.attempt import Outcome
from artistjobs.core.job import EVERYTHING
from artistjobs.errors import StoreAwayError, StoreError
from artistjobs.store.address import DatabaseUrl
from artistjobs.store.postgres import connection, liveness
from artistjobs.store.postgres.store import PostgresStore

STATEMENTS = (
    "stage_tables", "add_prompt", "add_first_jobs", "add_ingest", "add_new_lines", "add_bad_lines",
    "register_worker", "heartbeat", "reserve", "exchange", "record_deaths", "rescue", "end_worker",
)  # fmt: skip
COMMITS = ("add_bad_lines", "register_worker", "reserve", "exchange", "leave_batches")
STEPS = {
    "before": [f"before {name}" for name in STATEMENTS],
    "after": [f"after {name}" for name in STATEMENTS],
    "before the commit": [f"before commit of {name}" for name in COMMITS],
    "after the commit": [f"after commit of {name}" for name in (*COMMITS, "exchange alone")],
}


@pytest.fixture
def steps(monkeypatch):
    monkeypatch.setattr(connection, "_PAUSE_SECONDS", (0.02,))
    monkeypatch.setattr(liveness, "HEARTBEAT_SECONDS", 0.05)
    monkeypatch.setattr(liveness, "DEAD_SECONDS", -1.0)
    return Steps(monkeypatch)


def until(work, is_enough=lambda result: True):
    """Do some work as the store thread does it: again whenever the server was away."""
    for _ in range(500):
        with suppress(StoreAwayError):
            if is_enough(result := work()):
                return result
        liveness.Event().wait(0.01)
    raise AssertionError("the server is away for ever")


def ingest(store):
    """Ingest a file, with the same command again whenever the server went away meanwhile."""
    for _ in range(30):
        with suppress(StoreError):
            return make.ingest(store, *make.names(4))
    raise AssertionError("the file was not ingested")


def store_all(worker, *attempts):
    worker.queue.exchange(list(attempts), 0, EVERYTHING)
    until(lambda: worker.queue.exchange([], 0, EVERYTHING), lambda _: not worker.queue._has_unstored)


def claim(worker, count):
    return until(lambda: worker.queue.exchange([], count, EVERYTHING), bool)


def live(url, folder):
    """Ingest four rows; let one worker die with one of them, and another one finish all, each under a cap."""
    with ExitStack() as opened:

        def open_store():
            return opened.enter_context(closing(PostgresStore(DatabaseUrl(url, spool=folder), None, create=True)))

        ingest(open_store())
        dead, worker = open_store(), open_store()
        for one in (dead, worker):
            one.queue.register()
        assert until(lambda: worker.queue.reserve([(1.0, 0.5)] * 3, 100.0)).granted == 3
        (lost,) = claim(dead, 1)
        dead.queue._life.close()
        first, second = claim(worker, 2)
        assert {lost.job, first.job, second.job} == {1, 2, 3}
        held = {"reserved_usd": 1.0, "margin_usd": 0.5}
        # Two attempts at one job take a transaction of several statements; the other exchanges are one by themselves.
        store_all(
            worker,
            make.make_attempt(first, Outcome.RETRY, **held),
            make.make_attempt(second, Outcome.RELEASED),
            make.make_attempt(replace(first, attempt=2), **held),
        )
        until(worker.queue.rescue, lambda _: worker.records.counts(EVERYTHING).running == 0)
        rest = claim(worker, 4)
        until(lambda: worker.queue.free(1.0, 0.5))
        store_all(worker, *(make.make_attempt(one) for one in rest))
        worker.queue.end("finished")


def assert_whole(query):
    assert query("SELECT state, count(*) FROM jobs GROUP BY state") == [("done", 4)]
    assert query("SELECT good, added FROM ingests ORDER BY id DESC LIMIT 1") in ([(4, 4)], [(4, 0)])
    assert query("SELECT count(*) FROM ingest_lines GROUP BY ingest ORDER BY ingest DESC LIMIT 1") == [(4,)]
    # Each attempt once: one that failed, one given back, one of the worker that died, and the answers.
    assert query("SELECT outcome, count(*) FROM attempts GROUP BY outcome ORDER BY outcome") == [
        ("died", 1), ("done", 4), ("released", 1), ("retry", 1)
    ]  # fmt: skip
    assert query("SELECT count(*), count(DISTINCT job), sum(late) FROM answers") == [(4, 4, 0)]
    # Money that is still held back when a worker ends counts as lost.
    columns = ("done", "calls", "reserved_usd", "margin_usd", "lost_usd")
    sums = query(f"SELECT {', '.join(f'sum({column})' for column in columns)} FROM workers")
    assert sums == [(4, 6, 0.0, 0.0, 0.0)]
    assert query("SELECT count(*) FROM workers WHERE ended_at IS NULL") == [(0,)]


@pytest.mark.parametrize("when", STEPS)
def test_sessions_that_end_at_every_step_cost_nothing(steps, url, query, tmp_path, when):
    def end_session(session):
        with psycopg.connect(url, autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(%s)", (session.info.backend_pid,))

    steps.at(STEPS[when], end_session)

    live(url, tmp_path)

    assert steps.missed == []
    assert_whole(query)


# A stop after a statement is a stop before the next one.
@pytest.mark.parametrize("when", [when for when in STEPS if when != "after"])
def test_a_server_that_stops_at_every_step_costs_nothing(steps, postgres, url, query, tmp_path, when):
    if not isinstance(postgres, OwnServer):
        pytest.skip("the server is not one that the tests may stop")

    def stop_and_start(_):
        postgres.stop(signal.SIGQUIT)
        postgres.start()

    steps.at(STEPS[when], stop_and_start)

    live(url, tmp_path)

    assert steps.missed == []
    assert_whole(query)
