"""Read-only access to a SQLite database for ``status``, ``show`` and ``failures``, without importing sqlite-utils."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

from artistjobs.core.controls import ControlChange
from artistjobs.core.timestamps import from_timestamp
from artistjobs.store.models import ArtistMatch, FailedJob, Kind, Progress, Run
from artistjobs.store.sqlite.controls import read_controls
from artistjobs.store.sqlite.filesystem import ensure_safe_place
from artistjobs.store.sqlite.leftover_log import ensure_own_log
from artistjobs.store.sqlite.migrations import needs_migration
from artistjobs.store.sqlite.read_connection import (
    BUSY_SECONDS,
    MAX_INTEGER,
    Reading,
    ensure_database_file,
    ensure_own_database,
    set_pragmas,
    sql,
    translated,
)
from artistjobs.store.sqlite.records import SqliteRecords
from artistjobs.store.sqlite.rows import progress_of, run_of

Row = dict[str, object]


_NOT_WRITABLE = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)
"""Primary SQLite error codes if the folder is not writable, so that no log can be created."""


class SqliteJobQueries:
    """Queries about single jobs, runs and progress."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    def progress(self) -> list[Progress]:
        """Return the progress of each prompt configuration."""
        return [progress_of(row) for row in self._reading.rows("progress_by_prompt")]

    def runs(self, limit: int) -> list[Run]:
        """Return the latest runs, the newest first."""
        path = self._reading.path
        return [run_of(row, path) for row in self._reading.rows("latest_runs", {"limit": limit})]

    def control_changes(self) -> list[ControlChange]:
        """Return the latest change of each setting sent to running workers."""
        return read_controls(self._reading)

    def failed(self, code: str | None, limit: int | None) -> Iterator[FailedJob]:
        """Yield failed jobs from one consistent snapshot, oldest first; None means any code, or no limit."""
        # For SQLite a limit of -1 means no limit.
        parameters = {"code": code, "limit": -1 if limit is None else limit}
        with self._reading.snapshot() as db:
            yield from map(FailedJob._make, db.execute(sql("failed_jobs"), parameters))

    def find_by_artist(self, name: str, limit: int) -> list[ArtistMatch]:
        """Return the jobs of an artist with that name, or of the closest names, all with the same distance."""
        rows = self._reading.rows("jobs_by_artist", {"name": name, "limit": limit})
        if not rows and name:
            # SQLite's own lower() handles ASCII alone.
            self._reading.connection.create_function("folded", 1, str.casefold, deterministic=True)
            rows = self._reading.rows("jobs_by_artist_like", {"folded": name.casefold(), "limit": limit})
        return [ArtistMatch(**dict(row)) for row in rows if row["distance"] == rows[0]["distance"]]

    def job(self, job: int) -> Row | None:
        """Return the row of a job, None if there is no such job."""
        row = self._reading.row("job", {"job": job}) if job <= MAX_INTEGER else None
        return dict(row) if row else None

    def attempts(self, job: int) -> list[Row]:
        """Return the attempts at a job with their seconds, the oldest first."""
        return [
            {**dict(row), "seconds": round(from_timestamp(row["ended_at"]) - from_timestamp(row["started_at"]), 3)}
            for row in self._reading.rows("attempts_of_job", {"job": job})
        ]

    def answers(self, job: int) -> list[Row]:
        """Return the answers to a job; the one that settled it comes first and has ``is_kept`` set."""
        return [dict(row) for row in self._reading.rows("answers_of_job", {"job": job})]


class SqliteReader:
    """Database that is open for reading."""

    def __init__(self, path: Path, reading: Reading) -> None:
        self.path = path
        self.records = SqliteRecords(reading)
        self.job_queries = SqliteJobQueries(reading)
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
        StoreError: if disk or database fail, or a worker of an earlier version is at work on it.

    """
    with translated(path):
        ensure_database_file(path, create=False)
        real = Path(os.path.realpath(path))
        ensure_safe_place(real, path)
        ensure_own_log(real, path)
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
