"""Rows of a statement in any number, through a session of their own that reads the snapshot of another session.

The server sends all rows at once, as fast as they are taken, so that it works on the next rows while the caller uses
some. The other session stays free for statements about the rows.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import psycopg
from psycopg.rows import tuple_row

from artistjobs.store.postgres.answers import UNREAD_TEXT
from artistjobs.store.postgres.session import set_all
from artistjobs.store.postgres.statements import Db, sql
from artistjobs.store.queries.connection import Parameters

_ROWS_AT_ONCE: Final = 16 if psycopg.capabilities.has_stream_chunked() else 1
"""Rows that the driver hands over at once. More would take more memory, as answers may be large, and more time."""

_BINARY: Final = frozenset({"export_raw_jobs", "export_raw_ingest"})
"""Statements that return bytes, which PostgreSQL would send as hexadecimal text; they return no moments."""

_IN_ORDER: Final = frozenset({*_BINARY, "export_jobs", "export_ingest"})
"""Statements that read rows in the order of an index."""

_SETTINGS: Final = {"statement_timeout": "0"}

_WITHOUT_SORT: Final = {"enable_sort": "off", "max_parallel_workers_per_gather": "0"}
"""Settings for a plan that sends the first row at once, and needs no temporary files of the size of all answers."""


def share_snapshot(db: Db, session: Db) -> None:
    """Begin a transaction in ``session`` that reads the snapshot of the transaction of ``db``."""
    row = db.execute(
        # The transaction is idle for as long as the rows are read.
        "SELECT pg_export_snapshot() AS snapshot, set_config('idle_in_transaction_session_timeout', '0', true)"
    ).fetchone()
    assert row is not None
    session.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    session.execute(f"SET TRANSACTION SNAPSHOT '{row['snapshot']}'".encode())


def streamed(session: Db, statement: str, parameters: Parameters | None) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of a reading statement, named by its file; ``session`` is used for nothing else."""
    set_all(session, _SETTINGS | (_WITHOUT_SORT if statement in _IN_ORDER else {}))
    with session.cursor(row_factory=tuple_row) as cursor:
        rows = cursor.stream(sql(statement), parameters, binary=statement in _BINARY, size=_ROWS_AT_ONCE)
        for first in rows:  # the columns are known from here on
            columns = [column.name for column in cursor.description or ()]
            if UNREAD_TEXT not in columns:
                yield first
                yield from rows
            else:
                complete = _with_text(columns)
                yield complete(first)
                yield from map(complete, rows)


def _with_text(columns: Sequence[str]) -> Callable[[tuple[Any, ...]], tuple[Any, ...]]:
    """Return the function that puts the text of an answer into a row, without the column that it is read from."""
    unread, text = columns.index(UNREAD_TEXT), columns.index("text")

    def complete(row: tuple[Any, ...]) -> tuple[Any, ...]:
        if row[unread] is not None:
            row = (*row[:text], json.loads(row[unread]), *row[text + 1 :])
        return row[:unread]

    return complete
