"""Processes killed with SIGKILL at every named step; the same command then completes the work.

After each kill the command runs once more, to its end. Then every row is exported once and in order,
only calls in flight at the kill are repeated, the database is intact, and no file is left behind.
"""

import random
import shutil
import signal
import sqlite3
from contextlib import closing

import pytest
from conftest import read_records, wait_until, write_artists

ROWS, WORKERS = 12, 3
RUN = ("run", "a.csv", "--max-workers", WORKERS)
SMALL_CHECKPOINTS = {"pragmas": ["wal_autocheckpoint=3"]}
"""Pages after which SQLite runs a checkpoint, few enough that every run has one."""


@pytest.fixture
def killed(world, folder):
    """Runs the program until it is killed; the test fails if it does not reach the step."""
    write_artists(folder / "a.csv", ROWS)

    def run(*arguments, **wrong):
        process = world.run(*(arguments or RUN), **wrong)
        assert process.code == -signal.SIGKILL, process.err
        return process

    return run


@pytest.fixture
def assert_made_good(world, folder, api):
    """Checks that at most ``repeated`` calls were repeated, and that the result is otherwise the same."""

    def check(*, repeated=0, rows=ROWS):
        last = world.run(*RUN)
        assert last.code == 0, last.err
        assert_whole(folder, rows)
        paid = api.journal.paid_by_key()
        assert len(paid) == rows
        assert sum(paid.values()) - rows <= repeated
        return last

    return check


def assert_whole(folder, rows):
    names = [record["artist_name"] for record in read_records(folder / "out.jsonl")]
    assert names == [f"Artist {number}" for number in range(1, rows + 1)]
    with closing(sqlite3.connect(folder / "artistjobs.db")) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert db.execute("PRAGMA foreign_key_check").fetchall() == []
        assert db.execute("SELECT state, count(*) FROM jobs GROUP BY state").fetchall() == [("done", rows)]
        assert db.execute("SELECT count(*) FROM workers WHERE ended_at IS NULL").fetchone() == (0,)
        lines = "SELECT count(*) FROM ingest_lines GROUP BY ingest ORDER BY ingest DESC"
        assert db.execute(lines).fetchone() == (rows,)
    assert {file.name for file in folder.iterdir()} - {"a.csv"} == {"artistjobs.db", "artistjobs.db-lock", "out.jsonl"}


def around(*names):
    return [f"{when} {name}" for name in names for when in ("before", "after")]


# Before the first call, a kill repeats nothing.

FIRST_STEPS = [
    *[("before migration", nth) for nth in (1, 2, 9, 20)],
    *[(step, 1) for step in around("commit of migration", "set_kind", "commit of set_kind")],
    *[(step, 1) for step in around("stage_tables", "stage")],
    *[(step, 1) for step in around("add_prompt", "add_jobs", "add_ingest", "add_new_lines", "add_bad_lines")],
    *[(step, 1) for step in around("commit of add_jobs")],
    *[(step, 1) for step in around("register_worker", "sign of life", "commit of register_worker")],
]


@pytest.mark.parametrize(("step", "nth"), FIRST_STEPS)
def test_a_kill_before_the_first_call_repeats_nothing(killed, assert_made_good, api, step, nth):
    killed(kill=[step, nth])
    assert api.journal.received == 0

    assert_made_good(repeated=0)


@pytest.mark.parametrize("step", around("commit of add_jobs"))
def test_an_ingest_is_complete_or_absent_after_a_kill(killed, folder, step):
    killed("ingest", "a.csv", kill=[step, 1])

    with closing(sqlite3.connect(folder / "artistjobs.db")) as db:
        counts = [db.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in TABLES_OF_AN_INGEST]
    assert counts == ([1, 1, ROWS, ROWS] if step.startswith("after") else [0, 0, 0, 0])


TABLES_OF_AN_INGEST = ("prompts", "ingests", "jobs", "ingest_lines")


def test_a_kill_during_the_ingest_of_new_rows_keeps_earlier_jobs(world, killed, folder, api):
    assert world.run(*RUN).code == 0
    write_artists(folder / "a.csv", ROWS + 10)

    for step in [*around("add_jobs", "add_lines"), "before commit of add_lines"]:
        killed("ingest", "a.csv", kill=[step, 1])
    last = world.run(*RUN)

    assert last.code == 0
    assert api.journal.repeated() == {}
    names = [record["artist_name"] for record in read_records(folder / "out.jsonl")]
    assert names == [f"Artist {number}" for number in range(1, ROWS + 11)]


# With calls in flight, only these are repeated.

WORK_STEPS = [
    *[(step, nth) for step in around("claim", "commit of claim") for nth in (1, 3)],
    *[(step, nth) for step in around("judge") for nth in (1, 2, ROWS)],
    *[(step, nth) for step in around("keep_answers", "record_attempts", "settle") for nth in (1, 5)],
    # Answers that arrive together share a commit, so there may be few commits.
    *[(step, nth) for step in around("count_work") for nth in (1, 3)],
    *[(step, nth) for step in around("commit of settle") for nth in (1, 3)],
]


@pytest.mark.parametrize(("step", "nth"), WORK_STEPS)
def test_a_kill_during_work_repeats_only_calls_in_flight(killed, assert_made_good, folder, tmp_path_factory, step, nth):
    killed(kill=[step, nth])
    in_flight = count_running(folder, tmp_path_factory.mktemp("copy"))
    assert in_flight <= WORKERS

    last = assert_made_good(repeated=in_flight)

    if in_flight:
        assert f"took over {in_flight} job" in last.err


def count_running(folder, aside):
    """Check a copy of the database, because closing the database itself would remove the log that the kill left."""
    for file in folder.glob("artistjobs.db*"):
        shutil.copy(file, aside)
    with closing(sqlite3.connect(aside / "artistjobs.db")) as db:
        return db.execute("SELECT count(*) FROM jobs WHERE state = 'running'").fetchone()[0]


@pytest.mark.parametrize("nth", [1, 4, ROWS])
def test_a_kill_between_request_and_reply_repeats_only_calls_in_flight(world, assert_made_good, folder, api, nth):
    write_artists(folder / "a.csv", ROWS)
    running = []

    def kill_at_the_nth(*_):
        if api.journal.received == nth and len(running) == 1:
            running[0].signal(signal.SIGKILL)

    api.latency_seconds = 0.05
    api.script = kill_at_the_nth
    running.append(world.start(*RUN))
    assert running[0].wait() == -signal.SIGKILL
    api.script = None

    assert_made_good(repeated=WORKERS)


@pytest.mark.parametrize("step", around("end_worker", "commit of end_worker", "end of life"))
def test_a_kill_at_the_end_leaves_no_job_and_no_file(killed, assert_made_good, step):
    killed(kill=[step, 1])

    assert_made_good(repeated=0)


@pytest.mark.parametrize("step", around("record_deaths", "rescue", "commit of rescue"))
def test_a_kill_during_a_rescue_is_repaired_by_the_next_worker(killed, assert_made_good, step):
    killed(kill=["after judge", 2])
    killed(kill=[step, 1])

    assert_made_good(repeated=WORKERS)


# Inside SQLite: writes and syncs of its log and its database.


@pytest.mark.parametrize("nth", [1, 2, 30, 60, 90, 120])
@pytest.mark.parametrize("operation", ["write", "sync"])
def test_a_kill_within_a_commit_repeats_only_calls_in_flight(world, killed, assert_made_good, operation, nth):
    world.need_shim()

    killed(disk_kill=[operation, "-wal", nth if operation == "write" else nth // 12 + 1])

    assert_made_good(repeated=WORKERS)


CHECKPOINT_STEPS = [
    *[("write", ".db", nth) for nth in (5, 20, 40, 60)],
    *[(operation, ".db", nth) for operation in ("sync", "synced") for nth in (1, 3, 6)],
    ("unlink", "-wal", 1),
]


@pytest.mark.parametrize(("operation", "suffix", "nth"), CHECKPOINT_STEPS)
def test_a_kill_within_a_checkpoint_repeats_only_calls_in_flight(
    world, killed, assert_made_good, operation, suffix, nth
):
    world.need_shim()

    killed(disk_kill=[operation, suffix, nth], **SMALL_CHECKPOINTS)

    assert_made_good(repeated=WORKERS)


# The export


EXPORT_STEPS = [("before record", 1), ("after record", 7), *[(step, 1) for step in around("replace")]] + [
    (step, nth) for step in around("fsync") for nth in (1, 2)
]
UNBUFFERED = {"set": {"artistjobs.export.atomic_file._BUFFER_BYTES": 16, "artistjobs.export.jsonl._WRITTEN_AT_ONCE": 0}}


@pytest.mark.parametrize(("step", "nth"), EXPORT_STEPS)
def test_a_kill_during_an_export_leaves_the_old_file_or_the_new_one(world, killed, assert_made_good, folder, step, nth):
    assert world.run(*RUN).code == 0
    old = (folder / "out.jsonl").read_bytes()
    write_artists(folder / "a.csv", ROWS + 5)
    assert world.run("ingest", "a.csv").code == 0
    assert world.run("work").code == 0

    killed("export", kill=[step, nth], **UNBUFFERED)
    left = (folder / "out.jsonl").read_bytes()
    parts = list(folder.glob("out*.part"))

    assert len(parts) <= 1
    is_in_place = (step, nth) in [("after replace", 1), ("before fsync", 2), ("after fsync", 2)]
    assert left.startswith(old)
    assert left.count(b"\n") == (ROWS + 5 if is_in_place else ROWS)
    assert_made_good(rows=ROWS + 5)
    assert not list(folder.glob("*.part"))


# A database of the previous version


@pytest.mark.parametrize(("step", "nth"), [("before migration", 1), ("after migration", 2), ("before COMMIT", 1)])
def test_a_kill_during_a_migration_leaves_the_old_version(world, killed, assert_made_good, folder, step, nth):
    make_old_database(folder / "artistjobs.db")
    step = "before commit of migration" if step == "before COMMIT" else step

    killed("ingest", "a.csv", kill=[step, nth])

    with closing(sqlite3.connect(folder / "artistjobs.db")) as db:
        assert db.execute("SELECT count(*) FROM sqlite_master WHERE type = 'view'").fetchone() == (0,)
    assert_made_good(repeated=0)


def make_old_database(path):
    """Create a database with the first migration only."""
    from sqlite_utils import Database, Migrations

    from artistjobs.store.sqlite import migrations as schema

    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        db, migrations = Database(connection), Migrations("artistjobs")
        first = schema.migration_files()[0]
        migrations(name=schema.migration_name(first))(schema._step(first))
        migrations.apply(db)


# Several processes at once, killed at any time


@pytest.mark.parametrize("chance", range(3))
def test_three_workers_killed_at_once_repeat_only_calls_in_flight(world, folder, api, chance):
    lots = random.Random(chance)
    write_artists(folder / "a.csv", 90)
    assert world.run("ingest", "a.csv").code == 0
    api.latency_seconds = 0.02
    workers = [world.start("work", "--max-workers", WORKERS) for _ in range(3)]
    goal = lots.randint(1, 60)
    wait_until(lambda: api.journal.paid_calls >= goal)

    for worker in workers:
        worker.signal(signal.SIGKILL)
    codes = [worker.wait() for worker in workers]
    last = world.run("run", "a.csv", "--max-workers", 16)

    assert codes == [-signal.SIGKILL] * 3
    assert last.code == 0, last.err
    assert_whole(folder, 90)
    assert sum(api.journal.paid_by_key().values()) - 90 <= 3 * WORKERS


@pytest.mark.parametrize("chance", range(12))
def test_kills_at_random_times_of_a_run_lose_nothing(world, folder, api, chance):
    """Three kills after random times."""
    lots = random.Random(chance)
    write_artists(folder / "a.csv", ROWS)
    api.latency_seconds = 0.01
    deaths = 0
    for _ in range(3):
        process = world.start(*RUN, **lots.choice([SMALL_CHECKPOINTS, {}]))
        try:
            process.wait(lots.uniform(0.0, 0.35))
        except AssertionError:
            process.kill()
        deaths += process.code == -signal.SIGKILL
    last = world.run(*RUN)
    if last.code == 1:  # a row that was in flight at all three kills is failed and reported
        last = world.run(*RUN, "--retry-failed")

    assert last.code == 0, last.err
    assert_whole(folder, ROWS)
    assert sum(api.journal.paid_by_key().values()) - ROWS <= WORKERS * deaths
