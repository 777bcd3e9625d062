"""Ingest into PostgreSQL: rows are copied to temporary tables while the file is read, then added in one transaction."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from typing import TYPE_CHECKING, TypeAlias

import psycopg

from artistjobs.core.columns import NO_COLUMNS, cells_of, columns_of
from artistjobs.core.job import BadLine, GoodRow, Row, TableArtist
from artistjobs.core.prompt import Prompt, job_keys
from artistjobs.core.timestamps import to_timestamp
from artistjobs.store.models import AskedBefore, IngestResult, Source
from artistjobs.store.postgres.connection import Connection
from artistjobs.store.postgres.errors import translated
from artistjobs.store.postgres.new_jobs import add_jobs, add_lines
from artistjobs.store.postgres.prompts import add_header, add_prompt
from artistjobs.store.postgres.statements import Db, execute, sql
from artistjobs.store.queries.ingests import asked_before_of, first_bad_lines, same_ingest
from artistjobs.store.queries.tables import storable

if TYPE_CHECKING:
    from collections.abc import Sequence

Values: TypeAlias = tuple[int | bytes | str | None, ...]

_ROWS_AT_ONCE = 5_000
"""Rows of one COPY. The rows are read between two of them, so that a slow file holds no transaction open."""

_GOOD_TYPES, _BAD_TYPES = ("int8", "bytea", "text", "text", "text"), ("int8", "text", "text")


def _tell_nobody(_before: AskedBefore) -> None:
    pass


class PostgresIngestor:
    """Adds the jobs of input files."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def ingest(
        self,
        source: Source,
        prompt: Prompt,
        rows: Iterable[Row],
        count_lines: Callable[[], int],
        tell_asked_before: Callable[[AskedBefore], None] = _tell_nobody,
        column_names: Callable[[], "Sequence[str]"] = tuple,
    ) -> IngestResult:
        """Add a pending job for each new row, in one transaction."""
        with self._staged() as db:
            good, bad = self._stage(db, prompt, rows, column_names)
            lines = count_lines()
            if (before := self._asked_before(db, prompt)) is not None:
                tell_asked_before(before)
            with translated(self._connection.name), db.transaction():
                execute(db, "lock_ingest")
                number = add_prompt(db, prompt, self._now())
                header = add_header(db, column_names())
                asked = add_jobs(db, number, header, good)
                counts = {
                    "lines": lines, "good": good, "added": asked.added, "known": asked.jobs - asked.added,
                    "duplicates": good - asked.jobs, "bad": bad,
                }  # fmt: skip
                edges = {"first_job": asked.first, "last_job": asked.last, "lines_of": None, "header": header}
                ingest = self._add_ingest(db, source, number, {**counts, **edges})
                add_lines(db, ingest, header, asked, good)
                execute(db, "add_bad_lines", {"ingest": ingest})
        return IngestResult(ingest=ingest, unchanged=False, **counts)

    def find_same_file(self, source: Source, prompt: Prompt) -> IngestResult | None:
        """Record another ingest of an unchanged file; None if this file was not ingested with this prompt before."""
        if (same := same_ingest(self._connection, source, prompt)) is None:
            return None
        row: dict[str, object] = {**same.counts, **same.span}
        ingest = self._connection.in_transaction(lambda db: self._add_ingest(db, source, same.prompt, row))
        return IngestResult(ingest=ingest, unchanged=True, **same.counts)

    def bad_lines(self, ingest: int, limit: int) -> list[BadLine]:
        """Return the first ``limit`` bad lines of an ingest."""
        return first_bad_lines(self._connection, ingest, limit)

    def _asked_before(self, db: Db, prompt: Prompt) -> AskedBefore | None:
        """Return the jobs of other prompt configurations about the staged artists that are to be asked about."""
        with translated(self._connection.name):
            known = execute(db, "find_prompt", {"key": prompt.key}).fetchone()
            number = {"prompt": known["id"] if known else None}
            if execute(db, "other_prompt", number).fetchone() is None:
                return None
            execute(db, "stage_again")
            rows = execute(db, "asked_before", number).fetchall()
            artists = execute(db, "count_again", number).fetchone() if rows else None
        if artists is None:
            return None
        return asked_before_of(self._connection.path, artists["artists"], rows)

    @contextmanager
    def _staged(self) -> Iterator[Db]:
        """Hold the temporary tables for the context; an error of a removal must not hide another one."""
        db = self._connection.repeated(self._open_stage)
        try:
            yield db
        finally:
            with suppress(psycopg.Error):
                execute(db, "drop_stage")

    def _open_stage(self, db: Db) -> Db:
        execute(db, "drop_stage")
        execute(db, "stage_tables")
        return db

    def _stage(
        self, db: Db, prompt: Prompt, rows: Iterable[Row], column_names: Callable[[], "Sequence[str]"]
    ) -> tuple[int, int]:
        """Read all rows; return the number of good and of bad ones."""
        good = bad = 0
        unread = iter(rows)
        staged = _staging(prompt, column_names)
        while block := list(islice(unread, _ROWS_AT_ONCE)):
            bad_lines = [row for row in block if isinstance(row, BadLine)]
            artists = [staged(row) for row in block if not isinstance(row, BadLine)]
            with translated(self._connection.name):
                _copy(db, "stage", _GOOD_TYPES, artists)
                _copy(db, "stage_bad", _BAD_TYPES, [
                    (row.line, storable(row.reason), storable(row.beginning)) for row in bad_lines
                ])  # fmt: skip
            good, bad = good + len(artists), bad + len(bad_lines)
        return good, bad

    def _add_ingest(self, db: Db, source: Source, prompt: int, row: dict[str, object]) -> int:
        named = {
            "source": source.name, "sha256": source.sha256, "read_as": source.read_as, "prompt": prompt,
            "now": self._now(),
        }  # fmt: skip
        found = execute(db, "add_ingest", named | row).fetchone()
        assert found is not None
        return int(found["id"])

    def _now(self) -> str:
        return to_timestamp(self._connection.now())


def _staging(prompt: Prompt, column_names: Callable[[], "Sequence[str]"]) -> Callable[[GoodRow], Values]:
    """Return the function that makes the values of a staged line."""
    key, uses_columns = job_keys(prompt), bool(prompt.columns)

    def staged(row: GoodRow) -> Values:
        if not isinstance(row, TableArtist):
            line, name, data = row
            return line, key(name, data), name, data, None
        line, name, data, values = row
        columns = columns_of(column_names(), cells_of(values)) if uses_columns else NO_COLUMNS
        return line, key(name, data, columns), name, data, values

    return staged


def _copy(db: Db, statement: str, types: "Sequence[str]", rows: "Sequence[Values]") -> None:
    if rows:
        with db.cursor().copy(sql(statement)) as copy:
            copy.set_types(types)
            for row in rows:
                copy.write_row(row)
