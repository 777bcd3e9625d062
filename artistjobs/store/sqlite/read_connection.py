"""Reading connection to a SQLite file: snapshots, statements by file name, and translated errors.

Nothing here imports sqlite-utils, because that import takes longer than reading the counts of a million jobs.
"""

import errno
import os
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

from artistjobs.core.shortage import Shortage, shortage_of
from artistjobs.errors import NoDatabaseError, ResourceError, StoreError, WrongUseError
from artistjobs.store.queries.connection import Parameters
from artistjobs.store.sqlite.disk_probe import disk_error
from artistjobs.store.sqlite.liveness import WorkerProcess, is_alive
from artistjobs.store.sqlite.lock_wait import locked_sentence
from artistjobs.store.sqlite.migrations import APPLICATION_ID
from artistjobs.store.sqlite.read_only import is_writable

BUSY_SECONDS = 60
"""Longest wait in seconds for another program that holds the database."""


PRAGMAS = {
    "foreign_keys": 1,
    "synchronous": 2,  # FULL: a commit is on disk when it returns
    "journal_size_limit": 64 * 2**20,  # bytes; a log that grew during a long read shrinks again
}


_MIN_DATABASE_BYTES = 512
"""Size of the smallest SQLite page; a shorter file is not a database."""


class Reading:
    """Reading part of a connection to a database of artistjobs."""

    def __init__(self, connection: sqlite3.Connection, name: Path) -> None:
        self.connection = connection
        self.name = name
        self.path = Path(os.path.realpath(name))

    @contextmanager
    def snapshot(self) -> Iterator[sqlite3.Connection]:
        """Read one consistent state during the context, whatever other processes write."""
        with self.translated():
            self.connection.execute("BEGIN")
            try:
                yield self.connection
            finally:
                roll_back(self.connection)

    def rows(self, statement: str, parameters: Parameters | None = None) -> list[sqlite3.Row]:
        """Return all rows of a reading statement, named by its file."""
        with self.translated():
            cursor = self.connection.execute(sql(statement), dict(parameters or {}))
            cursor.row_factory = sqlite3.Row
            return cursor.fetchall()

    def row(self, statement: str, parameters: Parameters | None = None) -> sqlite3.Row | None:
        """Return the first row of a reading statement, None if it has none."""
        return next(iter(self.rows(statement, parameters)), None)

    def stream(self, statement: str, parameters: Parameters | None = None) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of a reading statement from one snapshot, as tuples."""
        with self.snapshot() as db:
            # In a chain, because "yield from" closes a cursor when the reader stops early, which fails if the database
            # is closed by then.
            yield from chain(db.execute(sql(statement), dict(parameters or {})))

    def is_alive(self, worker: int, host: str, pid: int) -> bool:
        """Return True if a worker holds its lock beside the database."""
        return is_alive(self.path, WorkerProcess(worker, host, pid))

    def find_by_artist_like(self, name: str, limit: int) -> list[sqlite3.Row]:
        """Return the rows of jobs whose artist has a similar name, the closest first."""
        # SQLite's own lower() handles ASCII alone.
        self.connection.create_function("folded", 1, str.casefold, deterministic=True)
        return self.rows("jobs_by_artist_like", {"folded": name.casefold(), "limit": limit})

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Translate errors of SQLite and the disk to StoreError, with one sentence and the remedy."""
        with translated(self.name):
            yield


@contextmanager
def translated(name: Path) -> Iterator[None]:
    """Translate errors of SQLite and the disk to StoreError, with one sentence and the remedy."""
    try:
        yield
    except sqlite3.Error as error:
        if (shortage := _shortage_behind(error)) is not None:
            raise ResourceError(shortage) from error
        raise StoreError(_sentence(name, error)) from error
    except MemoryError as error:
        raise ResourceError(Shortage.MEMORY) from error
    except OSError as error:
        if (shortage := shortage_of(error)) is not None:
            raise ResourceError(shortage) from error
        # The error may concern another file beside the database, such as a lock file.
        raise StoreError(f"{error.filename or name}: {error.strerror or error}; {_REMEDY_ANY}") from error


def _shortage_behind(error: sqlite3.Error) -> Shortage | None:
    """Return the shortage that is the cause of an error, None if it has another one. SQLite reports few of them."""
    if getattr(error, "sqlite_errorname", None) in _NO_MEMORY:
        return Shortage.MEMORY
    return None if _has_free_handle() else Shortage.FILES


_NO_MEMORY = frozenset({"SQLITE_NOMEM", "SQLITE_IOERR_NOMEM", "SQLITE_IOERR_SHMMAP"})


def _has_free_handle() -> bool:
    try:
        os.close(os.dup(2))
    except OSError as error:
        return shortage_of(error) is None
    return True


@cache
def sql(statement: str) -> str:
    """Return the text of a statement, named by its file."""
    return (Path(__file__).parent / "sql" / f"{statement}.sql").read_text(encoding="utf-8")


def set_pragmas(connection: sqlite3.Connection) -> None:
    """Set the pragmas for durable commits; raises sqlite3.OperationalError if one of them is not accepted."""
    # On macOS a plain sync does not reach the disk itself, so fullfsync is needed. Elsewhere it does nothing.
    flushes = {"fullfsync": 1, "checkpoint_fullfsync": 1} if sys.platform == "darwin" else {}
    for name, value in {**PRAGMAS, **flushes}.items():
        connection.execute(f"PRAGMA {name} = {value}")
        found = connection.execute(f"PRAGMA {name}").fetchone()
        if found is None or found[0] != value:
            raise sqlite3.OperationalError(f"this SQLite refuses PRAGMA {name} = {value}")


def ensure_database_file(path: Path, *, create: bool) -> None:
    """Raise WrongUseError or StoreError if there is no database to open, or the file is not a database."""
    if path.is_dir():
        raise WrongUseError(f"{path} is a folder; name a file with --db.")
    if path.exists():
        # SQLite would treat such a file as an empty database and overwrite it.
        if 0 < path.stat().st_size < _MIN_DATABASE_BYTES:
            raise StoreError(_sentence_of(path, "file is not a database"))
        return
    if not create:
        raise NoDatabaseError(f"there is no database {path} yet; start with: artistjobs ingest FILE")
    if not path.parent.is_dir():
        raise WrongUseError(f"there is no folder {path.parent} for the database; create it or name another with --db.")


def ensure_own_database(connection: sqlite3.Connection, name: Path) -> None:
    """Raise WrongUseError if the database belongs to another program."""
    application, tables = connection.execute(
        "SELECT application_id, (SELECT count(*) FROM sqlite_master) FROM pragma_application_id"
    ).fetchone()
    if tables and application != APPLICATION_ID:
        raise WrongUseError(f"{name} belongs to another program; name another file with --db.")


def roll_back(connection: sqlite3.Connection) -> None:
    """Roll back the open transaction, if there is one; raises nothing."""
    try:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
    except sqlite3.Error:
        # A disk that failed a commit may fail the rollback too; SQLite repairs the file when it is next opened.
        pass


_REMEDY_DISK = "check it and run the same command again: what was stored is kept."


_REMEDY_ANY = "fix that and run the same command again: what was stored is kept."


_RESTORE = "restore it with: artistjobs restore BACKUP (before a plain copy, remove the files -wal and -shm beside it)"


_REMEDIES = (
    ("disk is full", "the disk is full; make room and run the same command again: what was stored is kept."),
    ("readonly", "it cannot be written; get write permission for it and its folder, then run again."),
    ("unable to open", "it cannot be opened; check the permissions of it and its folder, then run again."),
    ("not a database", f"it is not a SQLite database; name another with --db, or {_RESTORE}."),
    ("malformed", f"it is damaged; {_RESTORE}, or recover what is readable with: sqlite3 FILE .recover"),
    ("disk I/O error", f"the disk failed; {_REMEDY_DISK}"),
)


def _sentence(path: Path, error: sqlite3.Error) -> str:
    message, real = str(error), Path(os.path.realpath(path))
    if "locked" in message:
        return locked_sentence(real, path)
    if any(part in message for part in _DISK_IN_DISGUISE) and (trouble := disk_error(real)) is not None:
        return _disk_sentence(path, trouble)
    if any(part in message for part in _RIGHTS) and (file := _file_of_another(real)) is not None:
        return f"{file} may not be written by you; ask its owner for that right, then run the same command again."
    return _sentence_of(path, message)


_RIGHTS = ("readonly", "unable to open")
"""Messages of SQLite that may come from missing rights."""


def _file_of_another(real: Path) -> Path | None:
    """Return a file beside a writable database that this user may not write, None if there is none."""
    if not is_writable(real):
        return None
    files = (Path(f"{real}{end}") for end in ("-wal", "-shm"))
    return next((file for file in files if file.exists() and not is_writable(file)), None)


_DISK_IN_DISGUISE = ("unable to open", "not a database", "malformed", "disk I/O error")
"""Messages of SQLite that may come from a disk that failed or is full."""


def _disk_sentence(path: Path, trouble: OSError) -> str:
    if trouble.errno in {errno.ENOSPC, errno.EDQUOT}:
        return _sentence_of(path, "disk is full")
    if trouble.errno == errno.EROFS:
        return f"{path}: its file system can only be read; make it writable, then run the same command again."
    if trouble.errno in {errno.EMFILE, errno.ENFILE}:
        return f"{path}: {trouble.strerror}; {_REMEDY_ANY}"
    return f"{path}: the disk failed ({trouble.strerror}); {_REMEDY_DISK}"


def _sentence_of(path: Path, message: str) -> str:
    for part, remedy in _REMEDIES:
        if part in message:
            return f"{path}: {remedy}"
    return f"{path}: SQLite reports {message!r}; {_REMEDY_ANY}"
