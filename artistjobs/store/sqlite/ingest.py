"""Taking a file into SQLite: staged aside while it is read, then moved in as one transaction."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from time import time
from typing import NamedTuple, TypeAlias

from artistjobs.core.job import Artist, BadLine
from artistjobs.core.prompt import Prompt, job_keys, text_sha256
from artistjobs.core.timestamps import to_timestamp
from artistjobs.errors import StoreError
from artistjobs.store.models import IngestResult, Source
from artistjobs.store.sqlite.connection import Connection, sql, sql_of_rows, write

Value: TypeAlias = int | bytes | str


_VALUES_AT_ONCE = 3_996
"""Values that one statement takes, in rows of three or four: hundreds of rows are stored in half the time of as many
statements."""


_MANY = 10_000
"""Lines of a file from which on it pays to build the index of an empty database anew."""


_CACHE_KIB = 32_768
"""Page cache while jobs move in: holds the key index of a million jobs."""


_CACHE_KIB_AFTERWARDS = 2_000
"""What SQLite takes by itself."""


class SqliteIngestor:
    """Takes files in."""

    def __init__(self, connection: Connection, clock: Callable[[], float] = time) -> None:
        self._connection = connection
        self._clock = clock

    def ingest(
        self, source: Source, prompt: Prompt, rows: Iterable[Artist | BadLine], count_lines: Callable[[], int]
    ) -> IngestResult:
        """Add a pending job for each new row, in one transaction."""
        # Ways of asking, jobs and lines refer to what the same transaction has just stored or looked up: to look each
        # reference up again would take a tenth of the time.
        with self._connection.references_unchecked(), self._stage() as stager:
            good, bad = stager.stage(prompt, rows)
            with self._connection.transaction() as db:
                number = self._add_prompt(db, prompt)
                asked = _add_jobs(db, number, good)
                counts = {
                    "lines": count_lines(), "good": good, "added": asked.added, "known": asked.jobs - asked.added,
                    "duplicates": good - asked.jobs, "bad": bad,
                }  # fmt: skip
                span = {"first_job": asked.first, "last_job": asked.last, "lines_of": None}
                ingest = self._add_ingest(db, source, number, {**counts, **span})
                _add_lines(db, ingest, asked, good)
        return IngestResult(ingest=ingest, unchanged=False, **counts)

    def find_same_file(self, source: Source, prompt: Prompt) -> IngestResult | None:
        """Record that a file already taken in was met again; None if it never was."""
        known = self._connection.row("find_prompt", {"key": prompt.key})
        same = known and self._connection.row("same_ingest", {"sha256": source.sha256, "prompt": known["id"]})
        if not same or not known:
            return None
        counts = {name: same[name] for name in ("lines", "good", "duplicates", "bad")}
        counts |= {"added": 0, "known": same["added"] + same["known"]}
        span = {"first_job": same["first_job"], "last_job": same["last_job"], "lines_of": same["id"]}
        with self._connection.transaction() as db:
            ingest = self._add_ingest(db, source, known["id"], counts | span)
        return IngestResult(ingest=ingest, unchanged=True, **counts)

    def bad_lines(self, ingest: int, limit: int) -> list[BadLine]:
        """Return the first lines that an ingest skipped."""
        scope = self._connection.row("ingest_scope", {"ingest": ingest})
        rows = self._connection.rows("bad_lines", {"ingest": scope["ingest"] if scope else 0, "limit": limit})
        return [BadLine(row["line"], row["reason"], row["beginning"]) for row in rows]

    @contextmanager
    def _stage(self) -> Iterator["_Stager"]:
        stager = _Stager(self._connection)
        try:
            stager.open()
            yield stager
        finally:
            stager.close()

    def _add_prompt(self, db: sqlite3.Connection, prompt: Prompt) -> int:
        hashes: dict[str, object] = {}
        for name, text in (("prompt_sha256", prompt.template), ("instructions_sha256", prompt.instructions)):
            hashes[name] = text_sha256(text) if text is not None else None
            if text is not None:
                db.execute(sql("add_text"), {"sha256": hashes[name], "text": text})
        row = {
            "key": prompt.key, "prompt_id": prompt.prompt_id, "version": prompt.version,
            "prompt_file": prompt.template_file, "model": prompt.model, "params": prompt.params,
            "now": self._now(),
        }  # fmt: skip
        write(db, "add_prompt", row | hashes)
        ((number,),) = db.execute(sql("find_prompt"), {"key": prompt.key}).fetchall()
        return int(number)

    def _add_ingest(self, db: sqlite3.Connection, source: Source, prompt: int, row: dict[str, object]) -> int:
        named = {"source": source.name, "sha256": source.sha256, "prompt": prompt, "now": self._now()}
        ((ingest,),) = write(db, "add_ingest", named | row).fetchall()
        return int(ingest)

    def _now(self) -> str:
        return to_timestamp(self._clock())


class _Asked(NamedTuple):
    """The jobs that a file asks for: how many, how many of them are new, between which ids they lie."""

    jobs: int
    added: int
    first: int | None
    last: int | None


def _add_jobs(db: sqlite3.Connection, prompt: int, good: int) -> _Asked:
    is_first = not db.execute("SELECT EXISTS (SELECT 1 FROM jobs)").fetchone()[0]
    cursor = _add_first_jobs(db, prompt) if is_first and good >= _MANY else None
    cursor = cursor or db.execute(sql("add_jobs"), {"prompt": prompt})
    added, last = cursor.rowcount, cursor.lastrowid
    if last and (is_first or added == good):
        # All that the file asks for is new, and new ids follow one another: no need to look the keys up again.
        return _Asked(added, added, last - added + 1, last)
    jobs, first, last = db.execute(sql("staged_span")).fetchone()
    return _Asked(jobs, added, first, last)


def _add_first_jobs(db: sqlite3.Connection, prompt: int) -> sqlite3.Cursor | None:
    """Add a job for each staged line, and index their keys afterwards; do nothing if one of them occurs twice.

    Keys come in no order at all: a whole index of them is built in half the time that it takes to fill it.
    """
    db.execute("SAVEPOINT first_jobs")
    try:
        ((index,),) = db.execute("SELECT sql FROM sqlite_master WHERE name = 'jobs_by_key'").fetchall()
        # As much again is taken for sorting.
        db.execute(f"PRAGMA cache_size = -{_CACHE_KIB // 4}")
        db.execute("DROP INDEX jobs_by_key")
        cursor = db.execute(sql("add_first_jobs"), {"prompt": prompt})
        db.execute(index)
    except sqlite3.IntegrityError:
        db.execute("ROLLBACK TO first_jobs")
        return None
    finally:
        db.execute("RELEASE first_jobs")
        db.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
    return cursor


def _add_lines(db: sqlite3.Connection, ingest: int, asked: _Asked, good: int) -> None:
    add_good = "add_new_lines" if asked.added == good else "add_lines"
    db.execute(sql(add_good), {"ingest": ingest, "first_job": asked.first})
    db.execute(sql("add_bad_lines"), {"ingest": ingest})


class _Stager:
    """Tables aside in which rows wait until all are read, filled some thousand at a time."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._db = connection.db.conn

    def open(self) -> None:
        with self._connection.translated():
            self._db.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
            for statement in ("stage_tables", "stage_bad_tables"):
                self._db.execute(sql(statement))

    def stage(self, prompt: Prompt, rows: Iterable[Artist | BadLine]) -> tuple[int, int]:
        """Read the rows to their end; return how many are good and bad."""
        key = job_keys(prompt)
        good = bad = 0
        # Values side by side, not rows: a million small tuples would keep the garbage collector busy.
        artists: list[Value] = []
        bad_lines: list[Value] = []
        for row in rows:
            if isinstance(row, Artist):
                line, name, data = row
                artists += (line, key(name, data), name, data)
                good += 1
                if len(artists) >= _VALUES_AT_ONCE:
                    self._put("stage", artists)
            else:
                bad_lines += (row.line, row.reason, row.beginning)
                bad += 1
                if len(bad_lines) >= _VALUES_AT_ONCE:
                    self._put("stage_bad", bad_lines)
        self._put("stage", artists)
        self._put("stage_bad", bad_lines)
        return good, bad

    def _put(self, statement: str, values: list[Value]) -> None:
        # What the reader of the rows raises is no trouble of the database, and passes as it is.
        with self._connection.translated():
            if values:
                self._db.execute(sql_of_rows(statement, len(values)), values)
        values.clear()

    def close(self) -> None:
        """Give disk and memory back; a failure here must not hide another one."""
        with suppress(StoreError), self._connection.translated():
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            for table in ("staged", "staged_bad"):
                self._db.execute(f"DROP TABLE IF EXISTS temp.{table}")
            self._db.execute(f"PRAGMA cache_size = -{_CACHE_KIB_AFTERWARDS}")
            self._db.execute("PRAGMA shrink_memory")
