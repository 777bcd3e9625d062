"""Taking a file into SQLite: staged aside while it is read, then moved in as one transaction."""

import sqlite3
from collections.abc import Callable, Iterable
from time import time

from artistjobs.artists import Artist, BadLine
from artistjobs.moment import moment_text
from artistjobs.prompt import Prompt, job_keys, text_sha256
from artistjobs.store import Ingested, LineCount, Source
from artistjobs.store.connection import Connection, sql

_STAGED_AT_ONCE = 5_000
"""Rows handed to SQLite together: enough to be quick, few enough to weigh nothing."""

_CACHE_KIB = 32_768
"""Page cache while jobs move in: holds the key index of a million jobs."""


class SqliteIntake:
    """Takes files in."""

    def __init__(self, connection: Connection, clock: Callable[[], float] = time) -> None:
        self._connection = connection
        self._clock = clock

    def ingest(
        self, source: Source, prompt: Prompt, rows: Iterable[Artist | BadLine], count_lines: LineCount
    ) -> Ingested:
        """Add a pending job for each new row, in one transaction."""
        with self._connection.translated():
            good, bad = self._stage(prompt, rows)
        with self._connection.transaction() as db:
            number = self._add_prompt(db, prompt)
            added = db.execute(sql("add_jobs"), {"prompt": number}).rowcount
            jobs, first, last = db.execute(sql("staged_span")).fetchone()
            counts = {
                "lines": count_lines(), "good": good, "added": added, "known": jobs - added,
                "duplicates": good - jobs, "bad": bad,
            }  # fmt: skip
            span = {"first_job": first, "last_job": last, "lines_of": None}
            ingest = self._add_ingest(db, source, number, counts | span)
            db.execute(sql("add_lines"), {"ingest": ingest})
            db.execute(sql("add_bad_lines"), {"ingest": ingest})
        return Ingested(ingest=ingest, **counts)

    def find_same(self, source: Source, prompt: Prompt) -> Ingested | None:
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
        return Ingested(ingest=ingest, unchanged=True, **counts)

    def bad_lines(self, ingest: int, limit: int) -> list[BadLine]:
        """Return the first lines that an ingest skipped."""
        scope = self._connection.row("ingest_scope", {"ingest": ingest})
        rows = self._connection.rows("bad_lines", {"ingest": scope["ingest"] if scope else 0, "limit": limit})
        return [BadLine(row["line"], row["reason"], row["beginning"]) for row in rows]

    def _stage(self, prompt: Prompt, rows: Iterable[Artist | BadLine]) -> tuple[int, int]:
        db = self._connection.db.conn
        db.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        for statement in ("stage_tables", "stage_bad_tables"):
            db.execute(sql(statement))
        db.execute("DELETE FROM temp.staged")
        db.execute("DELETE FROM temp.staged_bad")
        db.execute("BEGIN")
        try:
            counts = _Stager(db, prompt).stage(rows)
        finally:
            db.execute("COMMIT")
        return counts

    def _add_prompt(self, db: sqlite3.Connection, prompt: Prompt) -> int:
        hashes = {}
        for name, text in (("prompt_sha256", prompt.template), ("instructions_sha256", prompt.instructions)):
            hashes[name] = text_sha256(text) if text is not None else None
            if text is not None:
                db.execute(sql("add_text"), {"sha256": hashes[name], "text": text})
        row = {
            "key": prompt.key, "prompt_id": prompt.prompt_id, "version": prompt.version,
            "prompt_file": prompt.template_file, "model": prompt.model, "params": prompt.params,
            "now": self._now(),
        }  # fmt: skip
        db.execute(sql("add_prompt"), row | hashes)
        ((number,),) = db.execute(sql("find_prompt"), {"key": prompt.key}).fetchall()
        return int(number)

    def _add_ingest(self, db: sqlite3.Connection, source: Source, prompt: int, row: dict[str, int | None]) -> int:
        named = {"source": source.name, "sha256": source.sha256, "prompt": prompt, "now": self._now()}
        ((ingest,),) = db.execute(sql("add_ingest"), named | row).fetchall()
        return int(ingest)

    def _now(self) -> str:
        return moment_text(self._clock())


class _Stager:
    """Moves rows into the staging tables, some thousand at a time."""

    def __init__(self, db: sqlite3.Connection, prompt: Prompt) -> None:
        self._db = db
        self._key = job_keys(prompt)

    def stage(self, rows: Iterable[Artist | BadLine]) -> tuple[int, int]:
        good = bad = 0
        key = self._key
        artists: list[tuple[int, bytes, str, str]] = []
        bad_lines: list[tuple[int, str, str]] = []
        for row in rows:
            if isinstance(row, BadLine):
                bad_lines.append((row.line, row.reason, row.beginning))
                bad += 1
            else:
                artists.append((row.line, key(row.name, row.data), row.name, row.data))
                good += 1
            if len(artists) >= _STAGED_AT_ONCE or len(bad_lines) >= _STAGED_AT_ONCE:
                self._flush(artists, bad_lines)
        self._flush(artists, bad_lines)
        return good, bad

    def _flush(self, artists: list[tuple[int, bytes, str, str]], bad_lines: list[tuple[int, str, str]]) -> None:
        self._db.executemany(sql("stage"), artists)
        self._db.executemany(sql("stage_bad"), bad_lines)
        artists.clear()
        bad_lines.clear()
