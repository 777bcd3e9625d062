"""Copies of a database: one consistent state in one file, checked and synced, also while workers write."""

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Final

from artistjobs.errors import StoreError, WrongUseError
from artistjobs.store.models import DatabaseCopy, Kind
from artistjobs.store.sqlite.filesystem import ensure_safe_place
from artistjobs.store.sqlite.leftover_log import ensure_own_log
from artistjobs.store.sqlite.migrations import needs_migration
from artistjobs.store.sqlite.read_connection import (
    BUSY_SECONDS,
    ensure_database_file,
    ensure_own_database,
    roll_back,
    sql,
    translated,
)
from artistjobs.store.sqlite.read_only import connect_to_read

PAGES_AT_ONCE: Final = 1_000
"""Pages that are copied in one step; Ctrl+C is obeyed between two steps."""


@contextmanager
def opened_as_it_is(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a database of this or an earlier version to read it, and do not upgrade it.

    Raises:
        NoDatabaseError: if there is none.
        NewerDatabaseError: if a later version of artistjobs made it.
        WrongUseError: if it belongs to another program.
        StoreError: if the disk or the database fails.

    """
    with translated(path):
        ensure_database_file(path, create=False)
        real = Path(os.path.realpath(path))
        ensure_own_log(real, path)
        with closing(connect_to_read(real, BUSY_SECONDS, "ro")) as connection:
            ensure_own_database(connection, path)
            needs_migration(connection, path)
            yield connection


def kind_of(db: sqlite3.Connection) -> Kind:
    """Return the kind of jobs in a database."""
    row = db.execute(sql("kind")).fetchone()
    return Kind(row[0]) if row else Kind.REAL


def back_up(database: Path, target: Path, *, replaces: bool) -> DatabaseCopy:
    """Copy a database to one file at ``target``; workers may write meanwhile.

    Raises:
        WrongUseError: if there is a file at ``target``, unless it is an earlier backup and ``replaces`` is set.
        StoreError: if the disk fails, or the database is damaged.

    """
    ensure_safe_place(Path(os.path.realpath(database)), database)
    real_target = Path(os.path.realpath(target))
    with opened_as_it_is(database) as db:
        _ensure_free(target, replaces=replaces)
        with new_copy(db, database, real_target) as (new, copied), translated(target):
            shutil.copymode(os.path.realpath(database), new)
            sync(new)
            _ensure_free(target, replaces=replaces)
            new.replace(real_target)
            sync(real_target.parent)
    return copied


@contextmanager
def new_copy(db: sqlite3.Connection, name: Path, beside: Path) -> Iterator[tuple[Path, DatabaseCopy]]:
    """Copy one state of a database to a new file in the folder of ``beside``, and remove it at the end of the context.

    Raises:
        StoreError: if the disk is full or fails, or the database ``name`` is damaged.

    """
    with translated(beside):
        descriptor, file = tempfile.mkstemp(prefix=".artistjobs-", suffix=".new", dir=beside.parent)
        os.close(descriptor)
    new = Path(file)
    try:
        with translated(beside):
            jobs, done = _copied(db, new, name)
        yield new, DatabaseCopy(jobs=jobs, done=done)
    finally:
        with suppress(OSError):
            new.unlink()


def _copied(db: sqlite3.Connection, new: Path, name: Path) -> tuple[int, int]:
    # The file is nobody else's yet: it needs no locks, no log, and no sync before its end.
    uri = f"{new.as_uri()}?vfs=unix-none"
    with closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as copy:
        for pragma in ("locking_mode = EXCLUSIVE", "journal_mode = OFF", "synchronous = OFF"):
            copy.execute(f"PRAGMA {pragma}").fetchall()
        # One state: without a transaction of ours, the copy would begin anew after each commit of a worker.
        db.execute("BEGIN")
        try:
            db.execute(sql("kind")).fetchall()
            db.backup(copy, pages=PAGES_AT_ONCE, progress=lambda *_: None)
        finally:
            roll_back(db)
        if copy.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
            raise StoreError(
                f"{name} is damaged, so no copy of it was made; recover what is readable with: sqlite3 FILE .recover"
            )
        # A file without a log can be opened from a read-only medium.
        copy.execute("PRAGMA journal_mode = DELETE").fetchall()
        jobs, done = copy.execute(sql("count_done")).fetchone()
    return int(jobs), int(done)


def _ensure_free(target: Path, *, replaces: bool) -> None:
    if target.is_dir():
        raise WrongUseError(f"{target} is a folder; name a file.")
    if not target.parent.is_dir():
        raise WrongUseError(f"there is no folder {target.parent}; create it or name another file.")
    if not os.path.lexists(target):
        return
    if not replaces:
        raise WrongUseError(f"{target} exists; name another file, or replace an earlier backup with --replace.")
    if not _is_backup(target):
        raise WrongUseError(f"{target} is not a backup that nobody uses, so it is not replaced; name another file.")


def _is_backup(target: Path) -> bool:
    """Return True if a file is a database of artistjobs without a log, as a backup is."""
    real = os.path.realpath(target)
    if not target.is_file() or any(Path(f"{real}{end}").exists() for end in ("-wal", "-shm", "-journal")):
        return False
    try:
        with opened_as_it_is(target) as db:
            ((mode,),) = db.execute("PRAGMA journal_mode").fetchall()
            return bool(mode != "wal" and db.execute("SELECT count(*) FROM about").fetchone())
    except (StoreError, WrongUseError, sqlite3.Error):
        return False


def sync(path: Path) -> None:
    """Sync a file or a folder to the disk. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
