"""Read-only access to a SQLite database for all commands that only read, without importing sqlite-utils."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from artistjobs.store.models import Kind
from artistjobs.store.queries.batches import SqlBatchQueries
from artistjobs.store.queries.job_queries import SqlJobQueries
from artistjobs.store.queries.records import SqlRecords
from artistjobs.store.sqlite.filesystem import ensure_safe_place
from artistjobs.store.sqlite.leftover_log import ensure_own_log
from artistjobs.store.sqlite.migrations import needs_migration
from artistjobs.store.sqlite.read_connection import (
    BUSY_SECONDS,
    Reading,
    ensure_database_file,
    ensure_own_database,
    set_pragmas,
    translated,
)
from artistjobs.store.sqlite.read_only import connect_to_read

if TYPE_CHECKING:
    from artistjobs.store.queries.report_queries import SqlReportQueries


class SqliteReader:
    """Database that is open for reading."""

    def __init__(self, path: Path, reading: Reading) -> None:
        self.path = path
        self.records = SqlRecords(reading)
        self.job_queries = SqlJobQueries(reading)
        self.batches = SqlBatchQueries(reading)
        self._reading = reading

    @property
    def kind(self) -> Kind:
        """Kind of jobs that it holds."""
        row = self._reading.row("kind")
        return Kind(row["kind"]) if row else Kind.REAL

    @property
    def report_queries(self) -> "SqlReportQueries":
        """Queries for a report; imported only now, because ``status`` needs none."""
        from artistjobs.store.queries.report_queries import SqlReportQueries

        return SqlReportQueries(self._reading)

    def spool(self) -> None:
        """Return None: a file is never away."""

    def snapshot(self) -> AbstractContextManager[object]:
        """Read one consistent state for as long as the context lasts."""
        return self._reading.snapshot()


@contextmanager
def open_reader(path: Path) -> Iterator[SqliteReader]:
    """Open a database for reading; one of an earlier version is migrated first.

    Raises:
        NoDatabaseError: if there is none.
        WrongUseError: if it belongs to another program or is on a network file system.
        StoreError: if disk or database fail, or a worker of an earlier version is at work on it.

    """
    with translated(path):
        ensure_database_file(path, create=False)
        real = Path(os.path.realpath(path))
        ensure_safe_place(real, path)
        ensure_own_log(real, path)
        connection = open_connection(path)
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


def open_connection(path: Path) -> sqlite3.Connection:
    """Return a connection that only reads a database. Raises sqlite3.Error if it cannot be opened."""
    connection = connect_to_read(Path(os.path.realpath(path)), BUSY_SECONDS)
    try:
        set_pragmas(connection)
        connection.execute("PRAGMA query_only = 1")
    except BaseException:
        connection.close()
        raise
    return connection
