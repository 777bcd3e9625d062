"""Dry run on SQLite: count the jobs that a file would add, compared with a database that is opened read-only.

The keys are collected in a temporary table, which SQLite keeps in a temporary file, so that memory does not grow
with their number.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from artistjobs.core.job import JobState
from artistjobs.core.prompt import Prompt
from artistjobs.core.statistics import AnswerStats, stats_of
from artistjobs.errors import StoreError, WrongUseError
from artistjobs.store.models import Counts, FileJobs, Kind, wrong_kind_message
from artistjobs.store.sqlite.filesystem import ensure_safe_place
from artistjobs.store.sqlite.leftover_log import ensure_own_log
from artistjobs.store.sqlite.migrations import APPLICATION_ID
from artistjobs.store.sqlite.read_connection import BUSY_SECONDS, sql
from artistjobs.store.sqlite.read_only import connect_to_read

_NO_JOBS = {state.value: 0 for state in JobState}


class SqliteFilePreview:
    """Counter of job keys that looks them up in a database if there is one."""

    def __init__(self, db: sqlite3.Connection, path: Path | None) -> None:
        self._db = db
        self._path = path
        db.execute("PRAGMA temp_store = FILE")
        db.execute(sql("preview_table"))

    @property
    def has_database(self) -> bool:
        """True if there is a database to compare with."""
        return self._path is not None

    def add(self, keys: Sequence[bytes]) -> None:
        """Add the keys of some more rows."""
        self._db.execute("BEGIN")
        self._db.executemany(sql("preview_add"), [(key,) for key in keys])
        self._db.execute("COMMIT")

    def asked(self) -> FileJobs:
        """Return the number of distinct jobs, and how many of them the database has in each state."""
        ((distinct,),) = self._db.execute(sql("preview_distinct")).fetchall()
        states = dict(self._db.execute(sql("preview_states")).fetchall()) if self.has_database else {}
        return FileJobs(distinct=distinct, known=Counts(**_NO_JOBS | states))

    def measured(self, prompt: Prompt) -> AnswerStats | None:
        """Return statistics of the latest answers to the same prompt, None if there are none."""
        if not self.has_database:
            return None
        rows = self._db.execute(sql("measured"), {"key": prompt.key}).fetchall()
        if not rows:
            return None
        into, out, cost, seconds = (stats_of(column) for column in zip(*rows, strict=True))
        return AnswerStats(answers=len(rows), input_tokens=into, output_tokens=out, cost_usd=cost, seconds=seconds)


@contextmanager
def open_preview(path: Path | None, kind: Kind) -> Iterator[SqliteFilePreview]:
    """Open a preview of a file; a missing database is not created.

    Raises:
        WrongUseError: if the database holds the other kind, or belongs to another program.
        StoreError: if it cannot be read.

    """
    if path is not None:
        ensure_safe_place(path.resolve(), path)
        ensure_own_log(path.resolve(), path)
    found = path if path is not None and path.exists() and (path.is_dir() or path.stat().st_size) else None
    with _translated(path), closing(_connect(found)) as db:
        if found is not None:
            _ensure_expected_kind(db, found, kind)
        yield SqliteFilePreview(db, found)


def _connect(path: Path | None) -> sqlite3.Connection:
    if path is None:
        return sqlite3.connect("", isolation_level=None)
    real = path.resolve()
    if real.with_name(real.name + "-wal").exists():
        return connect_to_read(real, BUSY_SECONDS, "ro")
    # Without a write-ahead log no process writes there, and "immutable" keeps SQLite from creating one.
    return sqlite3.connect(f"{real.as_uri()}?mode=ro&immutable=1", uri=True, isolation_level=None)


def _ensure_expected_kind(db: sqlite3.Connection, path: Path, kind: Kind) -> None:
    ((application,),) = db.execute("PRAGMA application_id").fetchall()
    if application != APPLICATION_ID:
        raise WrongUseError(f"{path} belongs to another program; name another file with --db.")
    row = db.execute(sql("kind")).fetchone()
    if row is not None and Kind(row[0]) is not kind:
        raise WrongUseError(wrong_kind_message(path, Kind(row[0])))


@contextmanager
def _translated(path: Path | None) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        name = path or "the temporary folder"
        raise StoreError(f"{name} cannot be read ({error}); fix that and run the same command again.") from error
