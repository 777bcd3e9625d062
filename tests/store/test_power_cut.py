"""Power cuts: only synced data survives, and every job reported as done is there.

``shim.c`` intercepts the writes of a process and keeps an image of the folder as a power cut would leave
it. A process works, and prints each job after the store has returned; then it is killed, and the image
is opened in place of the folder. The control tests leave out syncs and lose jobs, which shows that the tests can fail.
"""

import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from conftest import read_records, wait_until, write_artists

ROWS = 40

WORK = """
import factories as make
from pathlib import Path
from artistjobs.core.job import EVERYTHING
from artistjobs.store.sqlite.store import open_store

with open_store(Path("artistjobs.db"), create=True) as store:
    store.queue.register()
    make.ingest(store, *make.names(300))
    print("ingested", flush=True)
    claims = store.queue.exchange([], 3, EVERYTHING)
    while claims:
        attempts = [make.make_attempt(claim, answer=make.make_answer(f"text {claim.job}")) for claim in claims]
        claims = store.queue.exchange(attempts, 3, EVERYTHING)
        for attempt in attempts:
            print(attempt.claim.job, flush=True)
"""

SMALL_CHECKPOINTS = {"pragmas": ["wal_autocheckpoint=20"]}
SYNCHRONOUS = "artistjobs.store.sqlite.read_connection.PRAGMAS.synchronous"
NORMAL, OFF = {SYNCHRONOUS: 1}, {SYNCHRONOUS: 0}


@pytest.fixture
def image(world, tmp_path_factory) -> Path:
    """An empty folder for the image."""
    world.need_shim()
    return tmp_path_factory.mktemp("image")


@pytest.fixture
def work_until_the_power_fails(world, folder, image):
    """Function that runs the worker until it has printed a number of jobs, and returns those jobs."""

    def work(count, **wrong):
        process = world.start(script=WORK, watch=[str(folder), str(image)], **wrong)
        wait_until(lambda: process.out.count("\n") > count or process.poll() is not None)
        process.kill()
        first, *told = process.out.splitlines() or [""]
        assert first == "ingested", process.err
        return [int(job) for job in told]

    return work


def restore(image: Path, into: Path) -> Path:
    """Create a folder from the image: the names synced last, each with the content synced last."""
    into.mkdir(exist_ok=True)
    names = image / "names"
    for line in names.read_text().splitlines() if names.exists() else []:
        key, _, name = line.partition(" ")
        kept = image / key
        (into / name).write_bytes(kept.read_bytes() if kept.exists() else b"")
    return into


def restore_with_some_unsynced_pages(image: Path, into: Path, folder: Path, lots: random.Random) -> Path:
    """Create a folder from the image in which some of the unsynced pages survived."""
    restore(image, into)
    for name in ("artistjobs.db", "artistjobs.db-wal"):
        if (into / name).exists() and (folder / name).exists():
            mix_pages(into / name, folder / name, lots)
    return into


def mix_pages(kept: Path, unsynced: Path, lots: random.Random) -> None:
    old, new, page = kept.read_bytes(), unsynced.read_bytes(), 512
    length = lots.choice([len(old), len(new)])
    old, new = old.ljust(length, b"\0"), new.ljust(length, b"\0")
    pieces = [lots.choice([old, new])[at : at + page] for at in range(0, length, page)]
    kept.write_bytes(b"".join(pieces)[:length])


def texts_done(folder: Path) -> dict[int, str]:
    """Return the answers of the jobs done, after checking the integrity of the database."""
    with closing(sqlite3.connect(folder / "artistjobs.db")) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert db.execute("PRAGMA foreign_key_check").fetchall() == []
        done = "SELECT jobs.id, text FROM jobs JOIN answers ON answers.id = jobs.answer WHERE state = 'done'"
        return dict(db.execute(done).fetchall())


@pytest.mark.parametrize("chance", range(16))
def test_jobs_reported_as_done_are_done_after_a_power_cut(
    work_until_the_power_fails, world, folder, image, tmp_path_factory, chance
):
    lots = random.Random(chance)

    told = work_until_the_power_fails(lots.randint(0, 250), **lots.choice([SMALL_CHECKPOINTS, {}]))

    for how in (restore, restore_with_some_unsynced_pages):
        after = tmp_path_factory.mktemp("after")
        how(image, after, *([folder, lots] if how is not restore else []))
        done = texts_done(after)
        assert {job: done.get(job) for job in told} == {job: f"text {job}" for job in told}


@pytest.mark.parametrize("chance", range(3))
@pytest.mark.parametrize("operation", ["write", "sync", "synced"])
def test_a_power_cut_in_the_middle_of_a_checkpoint_loses_nothing(
    world, folder, image, tmp_path_factory, operation, chance
):
    lots = random.Random(chance)
    fatal = [operation, ".db", lots.randint(20, 200) if operation == "write" else lots.randint(2, 20)]

    process = world.run(script=WORK, watch=[str(folder), str(image)], disk_kill=fatal, **SMALL_CHECKPOINTS)

    assert process.code == -9, process.err
    told = [int(job) for job in process.out.splitlines()[1:]]
    after = restore_with_some_unsynced_pages(image, tmp_path_factory.mktemp("after"), folder, lots)
    assert set(told) <= set(texts_done(after))


@pytest.mark.parametrize("setting", [NORMAL, OFF], ids=["normal", "off"])
def test_without_syncs_jobs_are_lost(work_until_the_power_fails, image, tmp_path_factory, setting):
    told = work_until_the_power_fails(100, set=setting)

    after = restore(image, tmp_path_factory.mktemp("after"))
    done = texts_done(after) if has_jobs(after) else {}
    assert len(told) >= 100
    assert len(set(told) - set(done)) > 50


def has_jobs(folder: Path) -> bool:
    if not (folder / "artistjobs.db").exists():
        return False
    with closing(sqlite3.connect(folder / "artistjobs.db")) as db:
        return bool(db.execute("SELECT 1 FROM sqlite_master WHERE name = 'jobs'").fetchall())


# The whole program


@pytest.mark.parametrize("chance", range(4))
def test_the_program_continues_after_a_power_cut(world, folder, image, api, tmp_path_factory, chance):
    lots = random.Random(chance)
    write_artists(folder / "a.csv", ROWS)
    api.latency_seconds = 0.01
    process = world.start("run", "a.csv", "--max-workers", 4, watch=[str(folder), str(image)])
    goal = lots.randint(0, ROWS)
    wait_until(lambda: api.journal.paid_calls >= goal)
    process.kill()
    asked = api.journal.paid_calls

    world.folder = restore(image, tmp_path_factory.mktemp("after"))
    write_artists(world.folder / "a.csv", ROWS)
    last = world.run("run", "a.csv", "--max-workers", 4)

    assert last.code == 0, last.err
    assert sorted(texts_done(world.folder)) == list(range(1, ROWS + 1))
    assert_names(world.folder, ROWS)
    assert api.journal.paid_calls - ROWS <= min(4, asked)


def assert_names(folder, count):
    names = [record["artist_name"] for record in read_records(folder / "out.jsonl")]
    assert names == [f"Artist {number}" for number in range(1, count + 1)]


def test_a_successful_export_is_completely_on_disk(world, folder, image, tmp_path_factory):
    write_artists(folder / "a.csv", ROWS)

    assert world.run("run", "a.csv", watch=[str(folder), str(image)]).code == 0

    after = restore(image, tmp_path_factory.mktemp("after"))
    assert_names(after, ROWS)
    assert not list(after.glob("*.part"))


@pytest.mark.parametrize(
    ("step", "nth", "rows"),
    [
        *[("before fsync", 1, 5), ("after fsync", 1, 5), ("before replace", 1, 5), ("after replace", 1, 5)],
        *[("before fsync", 2, 5), ("after fsync", 2, ROWS)],
    ],
)
def test_a_power_cut_during_an_export_leaves_the_old_file_or_the_new_one_complete(
    world, folder, image, tmp_path_factory, step, nth, rows
):
    write_artists(folder / "a.csv", rows)
    assert world.run("run", "a.csv", watch=[str(folder), str(image)]).code == 0
    write_artists(folder / "a.csv", ROWS)
    assert world.run("ingest", "a.csv", watch=[str(folder), str(image)]).code == 0
    assert world.run("work", watch=[str(folder), str(image)]).code == 0

    assert world.run("export", watch=[str(folder), str(image)], kill=[step, nth]).code == -9

    assert_names(restore(image, tmp_path_factory.mktemp("after")), rows)


def test_without_the_syncs_of_an_export_it_is_lost(world, folder, image, tmp_path_factory):
    write_artists(folder / "a.csv", ROWS)
    assert world.run("ingest", "a.csv").code == world.run("work").code == 0
    no_sync = "import os; os.fsync = lambda _: None; from artistjobs.cli import main; main()"

    assert world.run("export", script=no_sync, watch=[str(folder), str(image)]).code == 0

    assert (folder / "out.jsonl").exists()
    after = restore(image, tmp_path_factory.mktemp("after"))
    assert not (after / "out.jsonl").exists() or not (after / "out.jsonl").read_bytes()
