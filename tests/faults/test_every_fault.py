"""Every write, sync, open, rename, truncation and removal of a run fails once, and so do allocations of SQLite.

``shim.c`` lets the n-th operation in the folder fail, for each n until a run has fewer operations. After each fault
the program has ended with a sentence and an exit code, the earlier export is whole, and the same command completes
the work. Only the call whose answer could not be stored is repeated.

By default some of the sites are tried. ``ARTISTJOBS_EVERY_FAULT=1`` tries all of them, and every 97th allocation, in
some minutes.
"""

import errno
import itertools
import json
import os
import re
import shutil
import sqlite3
from contextlib import closing

import pytest
from conftest import write_artists

OLD, ROWS = 2, 4
RUN = ("run", "a.csv", "--max-workers", 1)
ERRORS = {
    "write": errno.ENOSPC,
    "sync": errno.EIO,
    "open": errno.EIO,
    "rename": errno.EIO,
    "truncate": errno.EIO,
    "unlink": errno.EIO,
    "allocate": errno.ENOMEM,
}
TRIES_ALL = "ARTISTJOBS_EVERY_FAULT" in os.environ
STEPS = (
    {"allocate": 97}
    if TRIES_ALL
    else {"write": 41, "sync": 7, "open": 11, "truncate": 3, "unlink": 5, "allocate": 7001}
)
"""Every so many sites one is tried; an operation that is not named is tried at every site."""
FILES = {
    "write": {"artistjobs.db", "artistjobs.db-journal", "artistjobs.db-wal", "artistjobs.db-worker", "out.jsonl"},
    "sync": {"", "artistjobs.db", "artistjobs.db-wal", "out.jsonl"},
    "open": {"a.csv", "artistjobs.db", "artistjobs.db-lock", "artistjobs.db-wal", "out.jsonl"},
    "rename": {"artistjobs.db-worker", "out.jsonl"},
    "truncate": {"artistjobs.db"},
    "unlink": {"artistjobs.db-shm", "artistjobs.db-wal", "artistjobs.db-worker", "out.jsonl"},
    "allocate": {""},
}
"""Files of which at least one operation failed if all sites were tried, without what follows their names."""


@pytest.fixture(params=[0, OLD], ids=["first run", "later run"])
def prepare(request, world, tmp_path_factory):
    """Function that makes a new folder with the state before the run the folder of the next process."""
    world.need_shim()
    base = world.folder
    if request.param:
        write_artists(base / "a.csv", request.param)
        assert world.run(*RUN).code == 0
    write_artists(base / "a.csv", ROWS)

    def prepare():
        world.folder = tmp_path_factory.mktemp("fault") / "here"
        shutil.copytree(base, world.folder)
        return world.folder

    return prepare


@pytest.mark.timeout(900)
@pytest.mark.parametrize("operation", ERRORS)
def test_each_operation_may_fail_once(prepare, world, api, operation, tmp_path_factory):
    marks = tmp_path_factory.mktemp("marks")
    reached = []
    for nth in itertools.count(1, STEPS.get(operation, 1)):
        folder, paid = prepare(), api.journal.paid_calls
        old = content(folder / "out.jsonl")
        failed = world.run(*RUN, fail=[str(folder), operation, nth, ERRORS[operation], str(marks / str(nth))])
        if not (marks / str(nth)).exists():
            assert failed.code == 0, failed.err
            break
        reached.append(name_in(folder, (marks / str(nth)).read_text()))
        assert_ended_well(failed, folder, old)
        assert_completed(world.run(*RUN), folder)
        assert api.journal.paid_calls - paid <= ROWS - old.count(b"\n") + 1

    assert reached
    if TRIES_ALL and not old:
        assert FILES[operation] <= set(reached)


def assert_ended_well(process, folder, old):
    """Check that a process with a fault ended with a sentence, and that no export is cut."""
    assert "Traceback" not in process.err
    assert process.code in {0, 2, 74}, process.err
    exported = content(folder / "out.jsonl")
    if process.code == 0:
        assert names(exported) == ARTISTS
    else:
        assert process.err.strip()
        assert exported == old or names(exported) == ARTISTS


ARTISTS = [f"Artist {number}" for number in range(1, ROWS + 1)]


def assert_completed(process, folder):
    """Check that the run after the fault completed the work and left nothing behind."""
    assert process.code == 0, process.err
    assert names(content(folder / "out.jsonl")) == ARTISTS
    with closing(sqlite3.connect(folder / "artistjobs.db")) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert db.execute("SELECT state, count(*) FROM jobs GROUP BY state").fetchall() == [("done", ROWS)]
        assert db.execute("SELECT count(*) FROM workers WHERE ended_at IS NULL").fetchone() == (0,)
    left = {file.name for file in folder.iterdir()} - {"artistjobs.db-wal", "artistjobs.db-shm"}
    assert left == {"a.csv", "artistjobs.db", "artistjobs.db-lock", "out.jsonl"}


def content(path) -> bytes:
    return path.read_bytes() if path.exists() else b""


def names(exported: bytes) -> list[str]:
    return [json.loads(line)["artist_name"] for line in exported.splitlines()]


def name_in(folder, path: str) -> str:
    """Return the name of a file in the folder without a worker's number or a random part; "" is the folder."""
    name = path.removeprefix(str(folder)).lstrip("/")
    return re.sub(r"(-worker|out\.jsonl).*", r"\1", name)
