"""Read-only access to a SQLite database for ``status``, ``show`` and ``failures``, without importing sqlite-utils."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

from artistjobs.store.models import Kind
from artistjobs.store.queries.job_queries import SqlJobQueries
from artistjobs.store.queries.records import SqlRecords
from artistjobs.store.sqlite.filesystem import ensure_local_filesystem
from artistjobs.store.sqlite.migrations import needs_migration
from artistjobs.store.sqlite.read_connection import (
    BUSY_SECONDS,
    Reading,
    ensure_database_file,
    ensure_own_database,
    set_pragmas,
    translated,
)

_NOT_WRITABLE = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)
"""Primary SQLite error codes if the folder is not writable, so that no log can be created."""


class SqliteReader:
    """Database that is open for reading."""

    def __init__(self, path: Path, reading: Reading) -> None:
        self.path = path
        self.records = SqlRecords(reading)
        self.job_queries = SqlJobQueries(reading)
        self._reading = reading

    @property
    def kind(self) -> Kind:
        """Kind of jobs that it holds."""
        row = self._reading.row("kind")
        return Kind(row["kind"]) if row else Kind.REAL

    def snapshot(self) -> AbstractContextManager[object]:
        """Read one consistent state for as long as the context lasts."""
        return self._reading.snapshot()


@contextmanager
def open_reader(path: Path) -> Iterator[SqliteReader]:
    """Open a database for reading; one of an earlier version is migrated first.

    Raises:
        NoDatabaseError: if there is none.
        WrongUseError: if it belongs to another program or is on a network file system.
        StoreError: if disk or database fail.

    """
    with translated(path):
        ensure_database_file(path, create=False)
        ensure_local_filesystem(Path(os.path.realpath(path)), path)
        connection = _connect(path)
    with closing(connection):
        with translated(path):
            ensure_own_database(connection, path)
            is_behind = needs_migration(connection, path)
        if is_behind:
            _bring_up_to_date(path)
        yield SqliteReader(path, Reading(connection, path))


def _bring_up_to_date(path: Path) -> None:
    from artistjobs.store.sqlite.store import open_store

    with open_store(path):
        pass


def _connect(path: Path) -> sqlite3.Connection:
    real = Path(os.path.realpath(path))
    try:
        return _opened(real, "mode=rw")
    except sqlite3.OperationalError as error:
        # If there is a log, another process may be writing, so the file must not be opened as immutable.
        if error.sqlite_errorcode & 0xFF not in _NOT_WRITABLE or real.with_name(real.name + "-wal").exists():
            raise
        # No worker can run in a folder that is not writable, and "immutable" keeps SQLite from creating a log.
        return _opened(real, "mode=ro&immutable=1")


def _opened(real: Path, how: str) -> sqlite3.Connection:
    connection = sqlite3.connect(f"{real.as_uri()}?{how}", uri=True, timeout=BUSY_SECONDS, isolation_level=None)
    try:
        set_pragmas(connection)
        connection.execute("SELECT count(*) FROM sqlite_master").fetchall()
        connection.execute("PRAGMA query_only = 1")
    except BaseException:
        connection.close()
        raise
    return connection
