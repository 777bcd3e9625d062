"""Looking into a SQLite file without writing to it, and without waiting for sqlite-utils."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

from artistjobs.core.controls import ControlChange
from artistjobs.core.timestamps import from_timestamp
from artistjobs.store.models import ArtistMatch, FailedJob, Kind, Progress, Run
from artistjobs.store.sqlite.controls import read_controls
from artistjobs.store.sqlite.filesystem import ensure_local_filesystem
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
"""How SQLite fails where a log would have to be made and nothing can be; extended codes have more bits."""


class SqliteJobQueries:
    """Looks into a database."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    def progress(self) -> list[Progress]:
        """Return how far each way of asking is."""
        return [progress_of(row) for row in self._reading.rows("progress_by_prompt")]

    def runs(self, limit: int) -> list[Run]:
        """Return the latest runs, the last one first."""
        path = self._reading.path
        return [run_of(row, path) for row in self._reading.rows("latest_runs", {"limit": limit})]

    def control_changes(self) -> list[ControlChange]:
        """Return what was said to workers from another terminal."""
        return read_controls(self._reading)

    def failed(self, code: str | None, limit: int | None) -> Iterator[FailedJob]:
        """Yield failed jobs of one consistent state, oldest first."""
        # -1 is SQLite's word for no limit.
        parameters = {"code": code, "limit": -1 if limit is None else limit}
        with self._reading.snapshot() as db:
            yield from map(FailedJob._make, db.execute(sql("failed_jobs"), parameters))

    def find_by_artist(self, name: str, limit: int) -> list[ArtistMatch]:
        """Return the jobs about an artist of that name, or else of the names nearest to it, all equally near."""
        rows = self._reading.rows("jobs_named", {"name": name, "limit": limit})
        if not rows and name:
            # SQLite itself knows the small letters of ASCII alone.
            self._reading.connection.create_function("folded", 1, str.casefold, deterministic=True)
            rows = self._reading.rows("jobs_named_like", {"folded": name.casefold(), "limit": limit})
        return [ArtistMatch(**dict(row)) for row in rows if row["distance"] == rows[0]["distance"]]

    def job(self, job: int) -> Row | None:
        """Return what stands in a job's row, None if there is no such job."""
        row = self._reading.row("job", {"job": job}) if job <= MAX_INTEGER else None
        return dict(row) if row else None

    def attempts(self, job: int) -> list[Row]:
        """Return the attempts at a job, the first one first."""
        return [
            {**dict(row), "seconds": round(from_timestamp(row["ended_at"]) - from_timestamp(row["started_at"]), 3)}
            for row in self._reading.rows("attempts_of_job", {"job": job})
        ]

    def answers(self, job: int) -> list[Row]:
        """Return the answers to a job; the one that settled it has ``is_kept`` and comes first."""
        return [dict(row) for row in self._reading.rows("answers_of_job", {"job": job})]


class SqliteReader:
    """One database, open to be looked at."""

    def __init__(self, path: Path, reading: Reading) -> None:
        self.path = path
        self.records = SqliteRecords(reading)
        self.job_queries = SqliteJobQueries(reading)
        self._reading = reading

    @property
    def kind(self) -> Kind:
        """What it holds."""
        row = self._reading.row("kind")
        return Kind(row["kind"]) if row else Kind.REAL

    def snapshot(self) -> AbstractContextManager[object]:
        """See one consistent state for as long as the context lasts."""
        return self._reading.snapshot()


@contextmanager
def open_reader(path: Path) -> Iterator[SqliteReader]:
    """Open a database to look at it; one that an earlier version made is brought up to date first.

    Raises:
        NoDatabaseError: if there is none.
        WrongUseError: if it is another program's.
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
        # What another program keeps locked is being written.
        if error.sqlite_errorcode & 0xFF not in _NOT_WRITABLE or real.with_name(real.name + "-wal").exists():
            raise
        # Where nothing can be written nobody works, and SQLite need not make a log only to read.
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
