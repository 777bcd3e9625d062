"""A disk that gives errors from one moment on: it is named as the cause, and what was stored before is kept."""

import errno
import fcntl
import os
import shutil
import sqlite3
import struct
import subprocess
from contextlib import closing, suppress

import factories as make
import pytest
from conftest import wait_until, write_artists

from artistjobs.errors import StoreError
from artistjobs.store.sqlite import disk_probe, read_connection
from artistjobs.store.sqlite.disk_probe import disk_error
from artistjobs.store.sqlite.store import open_store

ROWS, WORKERS = 300, 8
EXT4_SHUTDOWN, WITHOUT_FLUSH = 0x8004587D, 2
"""An ioctl of ext4, and its argument: https://docs.kernel.org/filesystems/ext4/"""


def can_mount() -> bool:
    return os.geteuid() == 0 and all(shutil.which(tool) for tool in ("mkfs.ext4", "mount", "umount"))


@pytest.fixture
def disk(folder):
    """A file system of its own, which may fail."""
    if not can_mount():
        pytest.skip("only root may mount a file system, and needs mkfs.ext4 for it")
    place = folder / "disk"
    place.mkdir()
    with (folder / "image").open("wb") as image:
        image.truncate(32 * 2**20)
    subprocess.run(["mkfs.ext4", "-q", "-F", "image"], cwd=folder, check=True, capture_output=True)
    if mount(folder).returncode:
        pytest.skip("no loop device can be mounted here")
    yield place
    subprocess.run(["umount", "-l", "disk"], cwd=folder, capture_output=True)


def mount(folder):
    return subprocess.run(["mount", "-o", "loop", "image", "disk"], cwd=folder, capture_output=True)


def shut_down(place):
    """Let every access fail from now on."""
    folder = os.open(place, os.O_RDONLY)
    with suppress(OSError):
        fcntl.ioctl(folder, EXT4_SHUTDOWN, struct.pack("I", WITHOUT_FLUSH))
    os.close(folder)


@pytest.mark.parametrize("processes", [1, 3])
def test_a_disk_that_fails_under_workers_is_named_and_keeps_what_it_had(
    program_with_api, cli, api, folder, disk, processes
):
    write_artists(folder / "a.csv", ROWS)
    api.latency_seconds = 0.2
    assert cli("--db", "disk/a.db", "ingest", "a.csv").exit_code == 0
    process = program_with_api.start("--db", "disk/a.db", "work", "--max-workers", WORKERS, "--processes", processes)
    wait_until(lambda: api.journal.paid_calls > WORKERS or process.poll() is not None, 60)
    shut_down(disk)
    if disk_error(disk / "a.db") is None:
        pytest.skip("this file system cannot be made to fail")

    _, stderr = process.communicate(timeout=60)
    said = stderr.decode()
    looked = cli("--db", "disk/a.db", "status")

    assert process.returncode == 74, said
    for text in (said, looked.stderr):
        assert "the disk failed (Input/output error); check it" in text
        assert "damaged" not in text
        assert "Traceback" not in text
    subprocess.run(["umount", "disk"], cwd=folder, check=True)
    assert mount(folder).returncode == 0
    api.latency_seconds = 0.0
    assert cli("--db", "disk/a.db", "work", "--max-workers", 64).exit_code == 0
    with closing(sqlite3.connect(disk / "a.db")) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert db.execute("SELECT count(*) FROM jobs WHERE state = 'done'").fetchone() == (ROWS,)
    assert sum(api.journal.paid_by_key().values()) - ROWS <= 3 * WORKERS


@pytest.mark.parametrize("message", ["database disk image is malformed", "file is not a database", "disk I/O error"])
@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        (errno.EIO, "jobs.db: the disk failed (Input/output error); check it"),
        (errno.ENOSPC, "jobs.db: the disk is full; make room"),
        (errno.EDQUOT, "jobs.db: the disk is full; make room"),
        (errno.EROFS, "jobs.db: its file system can only be read; make it writable"),
        (errno.EMFILE, "jobs.db: Too many open files; fix that"),
    ],
)
def test_trouble_of_the_disk_is_not_called_damage(monkeypatch, folder, message, number, sentence):
    monkeypatch.setattr(disk_probe, "_try_folder", lambda _: raise_error(number))

    with pytest.raises(StoreError) as raised, read_connection.translated(folder / "jobs.db"):
        raise sqlite3.DatabaseError(message)

    assert sentence in str(raised.value)


def raise_error(number):
    raise OSError(number, os.strerror(number))


@pytest.mark.parametrize("number", [errno.EACCES, errno.EOPNOTSUPP, errno.ENOENT])
def test_other_errors_of_the_probe_say_nothing_of_the_disk(monkeypatch, folder, number):
    monkeypatch.setattr(disk_probe, "_try_folder", lambda _: raise_error(number))

    assert disk_error(folder / "jobs.db") is None


def test_damage_on_a_disk_that_works_is_still_called_damage(folder):
    path = folder / "jobs.db"
    with open_store(path, create=True) as store:
        make.ingest(store, *make.names(3_000))
    with path.open("r+b") as file:
        file.seek(16_384)
        file.write(b"\xa5" * (path.stat().st_size - 16_384))

    with pytest.raises(StoreError, match="it is damaged"), open_store(path) as store:
        store.queue.register()


def test_the_probe_leaves_nothing_behind(folder):
    assert disk_error(folder / "jobs.db") is None
    assert list(folder.iterdir()) == []
