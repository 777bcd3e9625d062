"""A database in a folder that may only be read: every command that only reads works, and misses nothing."""

import json
import os
import shutil
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

import pytest
from conftest import read_records
from factories import answer_everything, fail, ingest, names

from artistjobs.store.sqlite.store import open_store

STATES = {
    "closed": (),
    "with a log and its index": ("-wal", "-shm"),
    "with a log that lost its index": ("-wal",),
}
"""States of a database on a read-only mount, with the files beside it."""

OTHER_USER = {} if os.geteuid() else {"user": 65534}
"""Root may write everywhere, so it becomes somebody else."""


@pytest.fixture(params=STATES, ids=lambda state: state.replace(" ", "-"))
def read_only(request, world, folder):
    """A world whose folder may only be read, with a database of three answers and a failure."""
    # Not in a folder of pytest, which other users may not enter.
    kept = Path(tempfile.mkdtemp())
    with open_store(folder / "artistjobs.db", create=True) as store:
        store.queue.register()
        ingest(store, *names(4))
        fail(store, "refused")
        with closing(sqlite3.connect(folder / "artistjobs.db")) as other:
            other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            # These are in the log alone.
            answer_everything(store, 3)
            if STATES[request.param]:
                copy(folder, kept, ["", "-lock", *STATES[request.param]])
        if STATES[request.param]:
            assert (kept / "artistjobs.db-wal").stat().st_size
    if not STATES[request.param]:
        copy(folder, kept, ["", "-lock"])
    for file in kept.iterdir():
        file.chmod(0o444)
    kept.chmod(0o555)
    world.folder = kept
    yield world
    kept.chmod(0o755)
    shutil.rmtree(kept)


@pytest.fixture
def place():
    """A folder that other users may enter."""
    folder = Path(tempfile.mkdtemp())
    yield folder
    shutil.rmtree(folder)


def copy(folder, kept, suffixes):
    for suffix in suffixes:
        shutil.copyfile(folder / f"artistjobs.db{suffix}", kept / f"artistjobs.db{suffix}")


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        ("status", "done 3   failed 1"),
        ("failures", "refused"),
        ("show --job 1", "Artist 1"),
        ("export - --full", '"artist_name": "Artist 4"'),
        ("report -", "</html>"),
    ],
)
def test_a_command_that_only_reads_works_where_nothing_can_be_written(read_only, command, shown):
    result = read_only.run(*command.split(), **OTHER_USER)

    assert result.code == 0, result.err
    assert shown in result.out


def test_an_export_to_another_folder_has_every_answer(read_only, place):
    place.chmod(0o777)

    result = read_only.run("export", place / "out.jsonl", "--no-text", **OTHER_USER)

    assert result.code == 0, result.err
    assert [record["artist_name"] for record in read_records(place / "out.jsonl")] == names(3, start=2)


def test_a_dry_run_counts_what_is_known_where_nothing_can_be_written(read_only, place):
    place.chmod(0o755)
    (place / "a.csv").write_text("Artist 1\nArtist 9\n")

    result = read_only.run("run", place / "a.csv", "--dry-run", "--json", **OTHER_USER)

    assert result.code == 0, result.err
    assert json.loads(result.out)["estimate"]["calls"] == 1


def test_a_command_that_writes_says_that_it_may_not(read_only):
    result = read_only.run("retry", **OTHER_USER)

    assert result.code == 74
    assert "ermission" in result.err
