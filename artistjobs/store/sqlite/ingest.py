"""Ingest into SQLite: rows are staged in temporary tables while the file is read, then added in one transaction."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from time import time
from typing import NamedTuple, TypeAlias

from artistjobs.core.columns import NO_COLUMNS, cells_of, columns_of
from artistjobs.core.job import Artist, BadLine, Row, TableArtist
from artistjobs.core.prompt import Prompt, job_keys
from artistjobs.core.timestamps import to_timestamp
from artistjobs.errors import StoreError
from artistjobs.store.models import AskedBefore, IngestResult, Source
from artistjobs.store.queries.ingests import asked_before_of, first_bad_lines, same_ingest
from artistjobs.store.sqlite.connection import Connection, sql, sql_of_rows, write
from artistjobs.store.sqlite.prompts import add_header, add_prompt

Value: TypeAlias = int | bytes | str | None


_VALUES_AT_ONCE = 3_960
"""Values of one statement, in rows of three, four or five. One statement for many rows takes half the time of one for
each row."""


_MANY = 10_000
"""Number of lines from which it is faster to rebuild the key index of an empty database."""


_CACHE_KIB = 32_768
"""Page cache during an ingest: it holds the key index of a million jobs."""


_CACHE_KIB_AFTERWARDS = 2_000
"""SQLite's default page cache."""


def _tell_nobody(_before: AskedBefore) -> None:
    pass


def _no_names() -> Sequence[str]:
    return ()


class SqliteIngestor:
    """Adds the jobs of input files."""

    def __init__(self, connection: Connection, path: Path, clock: Callable[[], float] = time) -> None:
        self._connection = connection
        self._path = path
        self._clock = clock

    def ingest(
        self,
        source: Source,
        prompt: Prompt,
        rows: Iterable[Row],
        count_lines: Callable[[], int],
        tell_asked_before: Callable[[AskedBefore], None] = _tell_nobody,
        column_names: Callable[[], Sequence[str]] = _no_names,
    ) -> IngestResult:
        """Add a pending job for each new row, in one transaction."""
        # Prompts, jobs and lines refer to rows that the same transaction has just stored or found. Checking each
        # reference again would take a tenth of the time.
        with self._connection.references_unchecked(), self._stage() as stager:
            good, bad = stager.stage(prompt, rows, column_names)
            if (before := self._asked_before(prompt)) is not None:
                tell_asked_before(before)
            with self._connection.transaction() as db:
                number = add_prompt(db, prompt, self._now())
                header = add_header(db, column_names())
                asked = _add_jobs(db, number, header, good)
                counts = {
                    "lines": count_lines(), "good": good, "added": asked.added, "known": asked.jobs - asked.added,
                    "duplicates": good - asked.jobs, "bad": bad,
                }  # fmt: skip
                span = {"first_job": asked.first, "last_job": asked.last, "lines_of": None, "header": header}
                ingest = self._add_ingest(db, source, number, {**counts, **span})
                _add_lines(db, ingest, header, asked, good)
        return IngestResult(ingest=ingest, unchanged=False, **counts)

    def find_same_file(self, source: Source, prompt: Prompt) -> IngestResult | None:
        """Record another ingest of an unchanged file; None if this file was not ingested with this prompt before."""
        if (same := same_ingest(self._connection, source, prompt)) is None:
            return None
        with self._connection.transaction() as db:
            ingest = self._add_ingest(db, source, same.prompt, {**same.counts, **same.span})
        return IngestResult(ingest=ingest, unchanged=True, **same.counts)

    def bad_lines(self, ingest: int, limit: int) -> list[BadLine]:
        """Return the first ``limit`` bad lines of an ingest."""
        return first_bad_lines(self._connection, ingest, limit)

    def _asked_before(self, prompt: Prompt) -> AskedBefore | None:
        """Return the jobs of other prompt configurations about the staged artists that are to be asked about."""
        known = self._connection.row("find_prompt", {"key": prompt.key})
        number = known["id"] if known else None
        if self._connection.row("other_prompt", {"prompt": number}) is None:
            return None
        with self._connection.translated():
            for statement in ("stage_again", "index_again"):
                self._connection.db.conn.execute(sql(statement))
        rows = self._connection.rows("asked_before", {"prompt": number})
        if not rows:
            return None
        artists = self._connection.rows("count_again", {"prompt": number})[0][0]
        return asked_before_of(self._path, artists, rows)

    @contextmanager
    def _stage(self) -> Iterator["_Stager"]:
        stager = _Stager(self._connection)
        try:
            stager.open()
            yield stager
        finally:
            stager.close()

    def _add_ingest(self, db: sqlite3.Connection, source: Source, prompt: int, row: dict[str, object]) -> int:
        named = {
            "source": source.name, "sha256": source.sha256, "read_as": source.read_as, "prompt": prompt,
            "now": self._now(),
        }  # fmt: skip
        ((ingest,),) = write(db, "add_ingest", named | row).fetchall()
        return int(ingest)

    def _now(self) -> str:
        return to_timestamp(self._clock())


class _Asked(NamedTuple):
    """Jobs of a file: their number, the number of new ones, and the first and last id."""

    jobs: int
    added: int
    first: int | None
    last: int | None


def _add_jobs(db: sqlite3.Connection, prompt: int, header: int | None, good: int) -> _Asked:
    numbers = {"prompt": prompt, "header": header}
    is_first = not db.execute("SELECT EXISTS (SELECT 1 FROM jobs)").fetchone()[0]
    cursor = _add_first_jobs(db, numbers) if is_first and good >= _MANY else None
    cursor = cursor or db.execute(sql("add_jobs"), numbers)
    added, last = cursor.rowcount, cursor.lastrowid
    if last and (is_first or added == good):
        # All jobs of the file are new and their ids are consecutive, so the keys need no look-up.
        return _Asked(added, added, last - added + 1, last)
    jobs, first, last = db.execute(sql("staged_span")).fetchone()
    return _Asked(jobs, added, first, last)


def _add_first_jobs(db: sqlite3.Connection, numbers: dict[str, int | None]) -> sqlite3.Cursor | None:
    """Add a job for each staged line and index the keys afterwards; return None without a change if a key repeats.

    Keys are hashes in random order, so building the index at the end takes half the time of updating it per row.
    """
    db.execute("SAVEPOINT first_jobs")
    try:
        ((index,),) = db.execute("SELECT sql FROM sqlite_master WHERE name = 'jobs_by_key'").fetchall()
        # The sort uses another cache of the same size.
        db.execute(f"PRAGMA cache_size = -{_CACHE_KIB // 4}")
        db.execute("DROP INDEX jobs_by_key")
        cursor = db.execute(sql("add_first_jobs"), numbers)
        db.execute(index)
    except sqlite3.IntegrityError:
        db.execute("ROLLBACK TO first_jobs")
        return None
    finally:
        db.execute("RELEASE first_jobs")
        db.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
    return cursor


def _add_lines(db: sqlite3.Connection, ingest: int, header: int | None, asked: _Asked, good: int) -> None:
    if asked.added == good:
        db.execute(sql("add_new_lines"), {"ingest": ingest, "first_job": asked.first})
    else:
        db.execute(sql("add_lines"), {"ingest": ingest, "header": header})
    db.execute(sql("add_bad_lines"), {"ingest": ingest})


class _Stager:
    """Temporary tables that collect the rows of a file until it is read to its end."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._db = connection.db.conn

    def open(self) -> None:
        with self._connection.translated():
            self._db.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
            for statement in ("stage_tables", "stage_bad_tables"):
                self._db.execute(sql(statement))

    def stage(self, prompt: Prompt, rows: Iterable[Row], column_names: Callable[[], Sequence[str]]) -> tuple[int, int]:
        """Read all rows; return the number of good and of bad ones."""
        key, uses_columns = job_keys(prompt), bool(prompt.columns)
        good = bad = 0
        # A flat list of values, because a million small tuples would load the garbage collector.
        artists: list[Value] = []  # of a file without a table, or else
        table: list[Value] = []
        bad_lines: list[Value] = []
        for row in rows:
            if isinstance(row, Artist):
                line, name, data = row
                artists += (line, key(name, data), name, data)
                good += 1
                if len(artists) >= _VALUES_AT_ONCE:
                    self._put("stage", artists)
            elif isinstance(row, TableArtist):
                line, name, data, values = row
                columns = columns_of(column_names(), cells_of(values)) if uses_columns else NO_COLUMNS
                table += (line, key(name, data, columns), name, data, values)
                good += 1
                if len(table) >= _VALUES_AT_ONCE:
                    self._put("stage_table", table)
            else:
                bad_lines += (row.line, row.reason, row.beginning)
                bad += 1
                if len(bad_lines) >= _VALUES_AT_ONCE:
                    self._put("stage_bad", bad_lines)
        self._put("stage", artists)
        self._put("stage_table", table)
        self._put("stage_bad", bad_lines)
        return good, bad

    def _put(self, statement: str, values: list[Value]) -> None:
        # Only database errors are translated here; errors from reading the rows pass unchanged.
        with self._connection.translated():
            if values:
                self._db.execute(sql_of_rows(statement, len(values)), values)
        values.clear()

    def close(self) -> None:
        """Free disk and memory; a failure here must not hide another one."""
        with suppress(StoreError), self._connection.translated():
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            for table in ("staged", "staged_bad", "again"):
                self._db.execute(f"DROP TABLE IF EXISTS temp.{table}")
            self._db.execute(f"PRAGMA cache_size = -{_CACHE_KIB_AFTERWARDS}")
            self._db.execute("PRAGMA shrink_memory")
