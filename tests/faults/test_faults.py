"""Faults of the environment: the program ends with one sentence and the right exit code, or waits.

Stored data is not affected, and the same command continues once the fault is gone.
"""

import os
import signal
import sqlite3
import time
from contextlib import closing
from dataclasses import replace

import pytest
from conftest import read_records, wait_until, write_artists

from artistjobs.rehearsal import SCENARIOS, Fault
from artistjobs.store.sqlite.connection import PAGE_BYTES

ROWS, WORKERS = 30, 3
HOURS = 3600.0
RUN = ("run", "a.csv", "--max-workers", WORKERS)
IMPATIENT = {"artistjobs.store.sqlite.connection.BUSY_SECONDS": 0.3}
NO_CHECKPOINTS = "wal_autocheckpoint=0"


@pytest.fixture
def file(folder):
    """An input file."""
    return write_artists(folder / "a.csv", ROWS)


@pytest.fixture
def database(folder):
    return folder / "artistjobs.db"


def assert_told(process, *words, code=74):
    """Check the exit code, and that the last line before the resume command is one sentence."""
    assert process.code == code, (process.code, process.err)
    assert "Traceback" not in process.err
    told = [line for line in process.err.splitlines() if line.startswith(("artistjobs: ", "stopped: "))]
    assert len(told) == 1, process.err
    assert told[0].rstrip(".").count(". ") == 0
    for word in words:
        assert word in told[0]


@pytest.fixture
def assert_goes_on(world, folder, api, database):
    """Run the same command to its end; check that nothing is lost and only calls in flight are repeated."""

    def check(*, repeated=WORKERS, rows=ROWS):
        last = world.run(*RUN)
        assert last.code == 0, last.err
        names = [record["artist_name"] for record in read_records(folder / "out.jsonl")]
        assert names == [f"Artist {number}" for number in range(1, rows + 1)]
        assert sum(api.journal.paid_by_key().values()) - rows <= repeated
        with closing(sqlite3.connect(database)) as db:
            assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert db.execute("SELECT count(*) FROM jobs WHERE state <> 'done'").fetchone() == (0,)
        return last

    return check


def count_done(database):
    with closing(sqlite3.connect(database, timeout=30)) as db:
        return db.execute("SELECT count(*) FROM jobs WHERE state = 'done'").fetchone()[0]


@pytest.fixture
def at_work(world, file, api, database):
    """A run with calls in flight and some jobs done."""
    api.latency_seconds = 0.05

    def start(*arguments, **wrong):
        process = world.start(*(arguments or RUN), **wrong)
        wait_until(lambda: api.journal.paid_calls > 2 * WORKERS or process.poll() is not None)
        assert process.code is None, process.err
        return process

    return start


# A full disk


@pytest.mark.parametrize("room", [20_000, 100_000])
def test_a_disk_too_full_for_an_ingest_rolls_it_back(world, folder, database, api, assert_goes_on, room):
    write_artists(folder / "a.csv", 5_000)

    assert_told(world.run("ingest", "a.csv", limits={"FSIZE": room}), "disk", "same command")

    write_artists(folder / "a.csv", ROWS)
    assert_goes_on(repeated=0)


@pytest.mark.parametrize("room", [160_000, 190_000, 230_000, 260_000])
def test_a_disk_that_fills_up_during_work_stops_the_run_and_keeps_stored_data(
    world, file, database, assert_goes_on, room
):
    assert world.run("ingest", "a.csv").code == 0

    stopped = world.run(*RUN, limits={"FSIZE": room}, pragmas=[NO_CHECKPOINTS])

    assert_told(stopped, "disk", "same command")
    done = count_done(database)
    assert done < ROWS
    assert_goes_on()


def test_a_database_at_its_size_limit_stops_the_run_and_keeps_stored_data(world, file, database, assert_goes_on):
    assert world.run("ingest", "a.csv").code == 0
    with closing(sqlite3.connect(database)) as db:
        (pages,) = db.execute("PRAGMA page_count").fetchone()

    stopped = world.run("work", "--max-workers", WORKERS, pragmas=[f"max_page_count={pages + 2}"])

    assert_told(stopped, "the disk is full; make room")
    assert 0 < count_done(database) < ROWS
    assert_goes_on()


def test_a_disk_too_full_for_an_export_leaves_the_old_file(world, file, folder, assert_goes_on):
    assert world.run("ingest", "a.csv").code == 0
    assert world.run("work").code == 0
    (folder / "out.jsonl").write_text("old\n")

    stopped = world.run("export", "--full", limits={"FSIZE": 40_000})

    assert_told(stopped, "out.jsonl cannot be written", "artistjobs export")
    assert (folder / "out.jsonl").read_text() == "old\n"
    assert not list(folder.glob("*.part"))
    assert_goes_on(repeated=0)


# Files and folders without write permission


@pytest.mark.parametrize("wrong", [{"pragmas": ["query_only=1"]}, {"read_only": True}], ids=str)
def test_a_read_only_database_is_reported_and_not_changed(world, file, api, assert_goes_on, wrong):
    assert world.run("ingest", "a.csv").code == 0

    stopped = world.run("work", **wrong)

    assert_told(stopped, "it cannot be written; get write permission")
    assert api.journal.received == 0
    assert_goes_on(repeated=0)


@pytest.mark.parametrize("beside", ["-wal", "-shm", "-lock"])
def test_a_read_only_folder_of_a_database_is_reported(world, file, database, assert_goes_on, beside):
    assert world.run("ingest", "a.csv").code == 0
    place = database.with_name(database.name + beside)
    place.unlink(missing_ok=True)
    place.mkdir()

    assert_told(world.run("work"), "artistjobs.db")

    place.rmdir()
    assert_goes_on(repeated=0)


@pytest.mark.skipif(os.geteuid() == 0, reason="modes do not bind root")
@pytest.mark.parametrize("which", ["file", "folder"])
def test_a_database_without_write_permission_is_reported(world, file, folder, database, assert_goes_on, which):
    assert world.run("ingest", "a.csv").code == 0
    place, mode = (database, 0o444) if which == "file" else (folder, 0o555)
    place.chmod(mode)

    stopped = world.run("work")

    place.chmod(0o777)
    assert_told(stopped, "get write permission")
    assert_goes_on(repeated=0)


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="needs a folder where even root cannot create a file")  # noqa: PTH112
@pytest.mark.parametrize("command", [["export", "/proc/out.jsonl"], [*RUN, "--output", "/proc/out.jsonl"]], ids=str)
def test_an_output_that_cannot_be_created_is_told_before_any_call(world, file, api, assert_goes_on, command):
    assert world.run("ingest", "a.csv").code == 0

    assert_told(world.run(*command), "/proc/out.jsonl cannot be written")

    assert api.journal.received == 0
    assert_goes_on(repeated=0)


# Too many open files


@pytest.mark.parametrize("handles", [6, 8, 10, 12, 14, 16])
def test_too_many_open_files_stop_the_run_with_one_sentence(world, file, assert_goes_on, handles):
    stopped = world.run(*RUN, limits={"NOFILE": handles})

    assert "Traceback" not in stopped.err, stopped.err
    if stopped.code:
        assert_told(stopped, code=stopped.code)
        assert stopped.code in (3, 74)
    assert_goes_on()


# A database that changes under a worker


def test_a_database_deleted_during_work_stops_the_run_and_can_be_restored(at_work, database, folder, assert_goes_on):
    process = at_work()
    moved = folder / "moved"
    moved.mkdir()

    with process.stopped():
        for file in folder.glob("artistjobs.db*"):
            file.rename(moved / file.name)
    process.wait()

    assert_told(process, "was removed while it was in use; put it back")
    for file in moved.iterdir():
        file.replace(folder / file.name)
    moved.rmdir()
    assert_goes_on(repeated=2 * WORKERS)


def test_a_database_replaced_during_work_is_not_written_to(world, at_work, database, folder):
    world.folder = folder / "other"
    world.folder.mkdir()
    write_artists(world.folder / "b.csv", 2)
    assert world.run("ingest", "b.csv").code == 0
    world.folder = folder
    process = at_work()

    (folder / "other" / "artistjobs.db").replace(database)
    process.wait()

    assert_told(process, "was replaced while it was in use")


@pytest.mark.parametrize("size", [0, 100, PAGE_BYTES, 40_000])
def test_a_database_truncated_during_work_stops_the_run_with_one_sentence(at_work, database, size):
    process = at_work(pragmas=["wal_autocheckpoint=3"])

    os.truncate(database, size)
    process.wait()

    assert_told(process, "artistjobs.db")


def test_a_damaged_page_stops_the_run_with_one_sentence(world, file, database):
    assert world.run("ingest", "a.csv").code == 0
    with closing(sqlite3.connect(database)) as db:
        (page,) = db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'jobs_pending'").fetchone()
    with database.open("r+b") as damaged:
        damaged.seek((page - 1) * PAGE_BYTES)
        damaged.write(b"\xa5" * PAGE_BYTES)

    assert_told(world.run("work"), "it is damaged; restore it with: artistjobs restore BACKUP")


# Another program that uses the database


def test_a_database_locked_too_long_by_another_program_is_an_error(world, file, database, assert_goes_on):
    assert world.run("ingest", "a.csv").code == 0
    with closing(sqlite3.connect(database, isolation_level=None)) as tool:
        tool.execute("BEGIN IMMEDIATE")

        stopped = world.run("work", set=IMPATIENT)

        assert_told(stopped, "another program keeps it locked; close that program")
    assert_goes_on(repeated=0)


def test_a_database_locked_during_work_stops_the_run_and_loses_no_stored_answer(at_work, database, assert_goes_on):
    process = at_work(set=IMPATIENT)
    with closing(sqlite3.connect(database, isolation_level=None, timeout=30)) as tool:
        tool.execute("BEGIN IMMEDIATE")
        ((done,),) = tool.execute("SELECT count(*) FROM jobs WHERE state = 'done'").fetchall()

        process.wait()
        tool.execute("COMMIT")

    assert_told(process, "another program keeps it locked")
    assert count_done(database) >= done
    assert_goes_on()


def test_a_short_lock_of_another_program_during_work_is_waited_for(at_work, database, api, folder):
    process = at_work()
    with closing(sqlite3.connect(database, isolation_level=None, timeout=30)) as tool:
        tool.execute("BEGIN IMMEDIATE")
        wait_until(lambda: api.journal.in_flight == 0)
        assert process.poll() is None
        tool.execute("COMMIT")

    assert process.wait() == 0, process.err
    assert "locked" not in process.err
    assert api.journal.repeated() == {}
    assert len(read_records(folder / "out.jsonl")) == ROWS


# A wrong clock


@pytest.mark.parametrize("jump", [5 * HOURS, -5 * HOURS])
def test_a_clock_that_jumps_during_work_changes_nothing(world, file, api, folder, jump):
    stumbling = {f"Artist {number}" for number in (7, 17, 27)}
    api.script = lambda body, nth: Fault.SERVER_ERROR if nth == 1 and name_in(body) in stumbling else None
    begun = time.monotonic()

    process = world.run(*RUN, clock=[0, jump, 60])

    assert process.code == 0, process.err
    assert time.monotonic() - begun < 20
    assert api.journal.repeated() == {}
    assert len(read_records(folder / "out.jsonl")) == ROWS


@pytest.mark.parametrize("ahead", [5 * HOURS, -5 * HOURS])
def test_jobs_released_under_a_wrong_clock_are_not_waited_for(world, file, api, assert_goes_on, database, ahead):
    assert world.run("ingest", "a.csv").code == 0
    api.scenario = replace(api.scenario, requests_per_minute=1, limit_window_seconds=60.0, latency_seconds=0.2)
    process = world.start(*RUN, clock=[ahead, 0, 0])
    wait_until(lambda: has_a_retry(database))
    process.signal(signal.SIGINT)
    assert process.wait() == 130, process.err
    with closing(sqlite3.connect(database)) as db:
        assert db.execute("SELECT count(*) FROM jobs WHERE available_at IS NOT NULL").fetchone()[0] > 0
    api.scenario = SCENARIOS["calm"]
    begun = time.monotonic()

    assert_goes_on(repeated=0)

    assert time.monotonic() - begun < 20


def name_in(body):
    return body["prompt"]["variables"]["artist_name"]


def has_a_retry(database):
    with closing(sqlite3.connect(database, timeout=30)) as db:
        return db.execute("SELECT count(*) FROM attempts WHERE outcome = 'retry'").fetchone()[0]


def test_jobs_of_a_worker_killed_under_a_wrong_clock_are_rescued_at_once(world, file, api, assert_goes_on):
    assert world.run(*RUN, clock=[5 * HOURS, 0, 0], kill=["after settle", 5]).code == -signal.SIGKILL
    begun = time.monotonic()

    assert_goes_on()

    assert time.monotonic() - begun < 20


# Removed files beside the database


def test_a_lock_file_removed_during_work_of_two_workers_loses_nothing(world, file, api, database, folder):
    assert world.run("ingest", "a.csv").code == 0
    api.latency_seconds = 0.05
    first = world.start("work", "--max-workers", WORKERS)
    wait_until(lambda: api.journal.paid_calls > 3)

    (folder / "artistjobs.db-lock").unlink()
    second = world.start("work", "--max-workers", WORKERS)

    assert [first.wait(), second.wait()] == [0, 0], (first.err, second.err)
    assert api.journal.repeated() == {}
    assert count_done(database) == ROWS


@pytest.mark.parametrize("pattern", ["artistjobs.db-worker-1", "artistjobs.db-worker-*", "artistjobs.db-[lw]o*"])
def test_files_of_locks_removed_under_workers_make_none_of_them_dead(world, file, api, database, folder, pattern):
    assert world.run("ingest", "a.csv").code == 0
    api.latency_seconds = 0.1
    first = world.start("work", "--max-workers", WORKERS)
    wait_until(lambda: api.journal.paid_calls > 3)
    second = world.start("work", "--max-workers", WORKERS)
    wait_until((folder / "artistjobs.db-worker-2").exists)

    for removed in folder.glob(pattern):
        removed.unlink()
    third = world.start("work", "--max-workers", WORKERS)

    workers = [first, second, third]
    assert [worker.wait() for worker in workers] == [0, 0, 0], [worker.err for worker in workers]
    assert count_done(database) == ROWS
    assert api.journal.repeated() == {}
    assert not any("took over" in worker.err for worker in workers)
    with closing(sqlite3.connect(database)) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
