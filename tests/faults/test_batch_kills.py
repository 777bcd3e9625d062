"""Processes killed with SIGKILL at every named step of a batch; the same command then completes the work.

After each kill, every row is exported once, the ledger of the service has no request that is paid for twice, and no
file is left at the service.
"""

import random
import signal
import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest
from conftest import read_records, wait_until, write_artists
from services import FAST, use, write_files

from artistjobs.rehearsal.scenarios import BatchRules

ROWS = 12
RUN = ("run", "a.csv", "--prompt-file", "p.txt", "--batch", "--no-text")
RULES = BatchRules(validating_seconds=0.0, seconds=0.05, finalizing_seconds=0.0, cancelling_seconds=0.0)


@pytest.fixture
def service(api, folder):
    """The simulated API with quick batches, and the files of a run."""
    write_files(folder, ROWS)
    use(api, batch=RULES)
    return api


@pytest.fixture
def killed(world, service):
    """Runs the program until it is killed; the test fails if it does not reach the step."""

    def run(step, nth=1):
        process = world.run(*RUN, kill=[step, nth], **FAST)
        assert process.code == -signal.SIGKILL, process.err

    return run


@pytest.fixture
def assert_made_good(world, folder, service):
    def check(rows=ROWS):
        last = world.run(*RUN, **FAST)
        assert last.code == 0, last.err
        assert_whole(folder, service, rows)

    return check


def assert_whole(folder, service, rows):
    names = [record["artist_name"] for record in read_records(folder / "out.jsonl")]
    assert names == [f"Artist {number}" for number in range(1, rows + 1)]
    paid = service.journal.paid_by_key()
    assert len(paid) == rows
    assert service.journal.repeated() == {}
    with closing(sqlite3.connect(folder / "artistjobs.db")) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert db.execute("PRAGMA foreign_key_check").fetchall() == []
        assert db.execute("SELECT state, count(*) FROM jobs GROUP BY state").fetchall() == [("done", rows)]
        assert db.execute("SELECT DISTINCT state FROM batches").fetchall() == [("closed",)]
        assert db.execute("SELECT count(*) FROM workers WHERE ended_at IS NULL").fetchone() == (0,)
        assert db.execute("SELECT count(*), count(DISTINCT job) FROM answers").fetchone() == (rows, rows)
        assert db.execute("SELECT DISTINCT way FROM answers").fetchall() == [("batch",)]
    assert list(service.desk.files.files) == []


def around(*names):
    return [(f"{when} {name}", 1) for name in names for when in ("before", "after")]


STEPS = [
    ("after add_batch", 1),
    *around("commit of bind_jobs"),
    *around("upload", "creation", "look", "download"),
    # sealed, uploaded, creating, submitted, ended; the looks at the progress come between the last two
    *[(f"{when} commit of update_batch", nth) for nth in (1, 2, 3, 4, 5) for when in ("before", "after")],
    ("after keep_answers", 1),
    ("after count_work", 1),
    *around("commit of settle", "commit of free_batch", "deletion"),
    ("after deletion", 2),
    ("after leave_batches", 1),
]


@pytest.mark.parametrize(("step", "nth"), STEPS)
def test_a_kill_at_any_step_of_a_batch_pays_nothing_twice_and_loses_nothing(killed, assert_made_good, step, nth):
    killed(step, nth)

    assert_made_good()


@pytest.mark.parametrize("nth", [2])
def test_a_kill_while_results_are_settled_settles_the_rest(world, killed, service, folder, nth):
    write_artists(folder / "a.csv", 1000)
    killed("after commit of settle", nth)

    last = world.run(*RUN, **FAST)

    assert last.code == 0, last.err
    assert_whole(folder, service, 1000)


LOST = {
    "uploads": replace(RULES, cut_upload=0.7),
    "creations": replace(RULES, lost_create=0.7),
    "lists that lag": replace(RULES, cut_upload=0.5, lost_create=0.5, list_lag_seconds=0.02),
}


@pytest.mark.parametrize("what", LOST)
def test_a_reply_that_is_lost_is_looked_for_and_nothing_is_created_twice(world, service, folder, what):
    use(service, batch=LOST[what])

    last = world.run(*RUN, **FAST)

    assert last.code == 0, last.err
    assert_whole(folder, service, ROWS)


@pytest.mark.parametrize("chance", range(4))
def test_kills_at_random_times_of_batches_pay_nothing_twice(world, service, folder, chance):
    lots = random.Random(chance)
    use(service, batch=replace(RULES, seconds=0.1, cut_upload=0.2, cut_download=0.2, server_error=0.1))
    for _ in range(4):
        process = world.start(*RUN, **FAST)
        try:
            process.wait(lots.uniform(0.1, 0.8))
        except AssertionError:
            process.kill()
    use(service, batch=RULES)

    last = world.run(*RUN, **FAST)

    assert last.code == 0, last.err
    assert_whole(folder, service, ROWS)


def test_two_processes_share_a_queue_and_take_over_from_the_one_that_is_killed(world, service, folder):
    write_artists(folder / "a.csv", 40)
    assert world.run("ingest", "a.csv", "--prompt-file", "p.txt").code == 0
    use(service, batch=replace(RULES, seconds=0.5))
    first, second = (world.start("work", "--batch", **FAST) for _ in range(2))
    wait_until(lambda: service.desk.batches)
    first.kill()

    assert second.wait() == 0, second.err
    assert world.run(*RUN, **FAST).code == 0
    assert_whole(folder, service, 40)
