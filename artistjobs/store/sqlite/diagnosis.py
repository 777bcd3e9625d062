"""Diagnosis of SQLite and of the place of a database: version, file system, locks, disk, and integrity on request."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Final

from artistjobs.core.findings import Finding, Level, finding_of
from artistjobs.errors import ArtistjobsError, StoreError, WrongUseError
from artistjobs.store.place import free_space
from artistjobs.store.sqlite.disk_probe import disk_error
from artistjobs.store.sqlite.filesystem import ensure_safe_place, file_system
from artistjobs.store.sqlite.holders import flock_holder, transaction_holder
from artistjobs.store.sqlite.read_connection import translated
from artistjobs.store.sqlite.reader import open_connection

WAL_RESET_FIXED: Final = (3, 51, 3)
"""First version without the WAL-reset bug, which came with 3.7.0: https://sqlite.org/wal.html (2026-03-13)."""


SHOWN_FAULTS: Final = 3
"""Number of faults that are shown of a damaged database."""


_SECONDS: Final = 10.0
"""Longest wait for the process that tries the locks."""


_TRY_LOCKS: Final = """
import fcntl, sys
with open(sys.argv[1], "r+b") as file:
    for lock in (fcntl.flock, fcntl.lockf):
        try:
            lock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(lock.__name__)
"""
"""Program that prints the kinds of locks of another process that it meets on a file."""


def diagnose(path: Path, *, deep: bool) -> Iterator[Finding]:
    """Yield the findings about a database file and its place; ``deep`` reads the whole database."""
    real = Path(os.path.realpath(path))
    yield sqlite_version(sqlite3.sqlite_version_info)
    if not real.parent.is_dir():
        text = f"there is no folder {path.parent} for the database; create it or name another with --db"
        yield Finding(Level.FAIL, "folder", text, WrongUseError.exit_code)
        return
    yield _place(real, path)
    yield free_space(real.parent)
    yield from _folder(real, path)
    if real.is_file():
        yield _holder(real, path)
        yield _integrity(path) if deep else Finding(Level.OK, "integrity", "not checked; add --deep")


def sqlite_version(version: tuple[int, int, int]) -> Finding:
    """Return the finding about a version of SQLite."""
    text = "SQLite " + ".".join(map(str, version))
    if version >= WAL_RESET_FIXED:
        return Finding(Level.OK, "sqlite", text)
    return Finding(
        Level.WARN,
        "sqlite",
        f"{text} has the WAL-reset bug: two programs that write at the same moment can damage a database; workers of "
        "artistjobs take turns, so let no other program write to it, or use a Python with SQLite 3.51.3 or later",
    )


def _place(real: Path, name: Path) -> Finding:
    try:
        ensure_safe_place(real, name)
    except ArtistjobsError as error:
        return finding_of("file system", error)
    kind = file_system(real.parent)
    if kind is None:
        return Finding(Level.OK, "file system", "of unknown type; a database must be on a local disk")
    return Finding(Level.OK, "file system", f"{kind}, local")


def _folder(real: Path, name: Path) -> Iterator[Finding]:
    """Yield the findings about writing in the folder, and about locks on a file that is made there and removed."""
    if (trouble := disk_error(real)) is not None:
        text = f"{name.parent}: {trouble.strerror}; free space or repair the disk"
        yield Finding(Level.FAIL, "folder", text, StoreError.exit_code)
        return
    try:
        with NamedTemporaryFile(dir=real.parent, prefix=".artistjobs-doctor-") as file:
            yield Finding(Level.OK, "folder", f"{real.parent} can be written")
            yield _locks(Path(file.name))
    except OSError as error:
        text = f"{real.parent} cannot be written ({error.strerror}); change its rights, or name another with --db"
        yield Finding(Level.FAIL, "folder", text, StoreError.exit_code)


def _locks(file: Path) -> Finding:
    """Return the finding about locks: those of this process must be met by another one."""
    import fcntl

    missing = []
    with file.open("r+b") as held:
        for lock in (fcntl.flock, fcntl.lockf):
            try:
                lock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                missing.append(lock.__name__)
        met = _met(file)
    if met is None:
        return Finding(Level.WARN, "locks", "not tried, because no second process could be started")
    if missing := [*missing, *({"flock", "lockf"} - met - set(missing))]:
        text = (
            f"{' and '.join(sorted(missing))} do not keep another process out here; move the database to a local disk"
        )
        return Finding(Level.FAIL, "locks", text, StoreError.exit_code)
    return Finding(Level.OK, "locks", "flock and lockf keep another process out")


def _met(file: Path) -> set[str] | None:
    """Return the kinds of locks that another process meets on a file, None if it cannot be started."""
    command = [sys.executable, "-I", "-S", "-c", _TRY_LOCKS, str(file)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=True)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return None
    return set(done.stdout.split())


def _holder(real: Path, name: Path) -> Finding:
    holder = transaction_holder(real) or flock_holder(Path(f"{real}-lock"))
    if holder is None:
        return Finding(Level.OK, "write lock", f"{name} is not locked")
    if holder.is_stopped:
        text = f"held by {holder}; continue it with: kill -CONT {holder.pid}, or end it with: kill -KILL {holder.pid}"
        return Finding(Level.WARN, "write lock", text)
    return Finding(Level.OK, "write lock", f"held at this moment by {holder}")


def _integrity(path: Path) -> Finding:
    """Return the finding of SQLite's own checks, which read every page, every index and every reference."""
    try:
        with translated(path), closing(open_connection(path)) as db:
            faults = [str(text) for (text,) in db.execute(f"PRAGMA integrity_check({SHOWN_FAULTS})") if text != "ok"]
            orphans = db.execute("SELECT count(*) FROM pragma_foreign_key_check").fetchone()[0]
    except ArtistjobsError as error:
        return finding_of("integrity", error)
    if orphans:
        faults.append(f"{orphans:,} rows refer to rows that are missing")
    if not faults:
        return Finding(Level.OK, "integrity", "every page, index and reference of the database is sound")
    remedy = "restore a backup, or recover what is readable with: sqlite3 FILE .recover"
    text = f"{'; '.join(' '.join(fault.split()) for fault in faults)}: {remedy}"
    return Finding(Level.FAIL, "integrity", text, StoreError.exit_code)
