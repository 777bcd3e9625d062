"""All rows of a SQLite database, to be copied to another store or from one."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from time import time

from artistjobs.core.timestamps import to_timestamp
from artistjobs.errors import StoreError, WrongUseError
from artistjobs.store.models import Kind
from artistjobs.store.queries.tables import NOT_COPIED, Counted, Row, TableWriter, names_of, selecting
from artistjobs.store.sqlite.connection import Connection, sql
from artistjobs.store.sqlite.read_connection import Reading

_ANSWER_TEXT = (
    "CASE WHEN :text_path IS NOT NULL AND json_valid(:body) AND json_extract(:body, :text_path) IS :text"
    " THEN NULL ELSE :text END"
)
"""A text is stored apart only if it cannot be read unchanged from the body."""


class SqliteTables:
    """All rows of a database, within a transaction of its connection."""

    def __init__(self, db: sqlite3.Connection, kind: Kind) -> None:
        self._db = db
        self.kind = kind

    def columns(self, table: str) -> list[str]:
        """Return the names of the columns of a table that are copied, in alphabetical order."""
        rows = self._db.execute("SELECT name FROM pragma_table_xinfo(?)", (table,))
        return sorted(name for (name,) in rows if name not in NOT_COPIED)

    def rows(self, table: str) -> Iterator[Row]:
        """Yield the rows of a table with these columns, in the order of its key."""
        yield from self._db.execute(selecting(table, self.columns(table)))

    def write(self, table: str, columns: Sequence[str], rows: Iterable[Row]) -> None:
        """Add rows to a table."""
        values = {name: f":{name}" for name in columns}
        if table == "answers":
            values["text_apart"] = _ANSWER_TEXT
            del values["text"]
        statement = f"INSERT INTO {table} ({names_of(values)}) VALUES ({', '.join(values.values())})"  # noqa: S608
        self._db.executemany(statement, (dict(zip(columns, row, strict=True)) for row in rows))


@contextmanager
def open_tables(path: Path) -> Iterator[SqliteTables]:
    """Open a database to read all of its rows from one snapshot.

    Raises:
        NoDatabaseError: if there is none.
        StoreError: if disk or database fail.

    """
    with closing(Connection(path, create=False)) as connection, connection.snapshot() as db:
        yield SqliteTables(db, _kind(connection))


def fill_database(path: Path, fill: Callable[[TableWriter], Counted], kind: Kind) -> Counted:
    """Fill a new or empty database in one transaction; a file that was made for it is removed if that fails.

    Raises:
        WrongUseError: if it has rows.
        StoreError: if disk or database fail.

    """
    is_new = not path.exists()
    try:
        with closing(Connection(path, create=True)) as connection:
            return _fill(connection, fill, kind)
    except BaseException:
        if is_new:
            for end in ("", "-wal", "-shm", "-lock"):
                with suppress(OSError):
                    path.with_name(path.name + end).unlink()
        raise


def _fill(connection: Connection, fill: Callable[[TableWriter], Counted], kind: Kind) -> Counted:
    with connection.references_unchecked(), connection.transaction() as db:
        if db.execute("SELECT EXISTS (SELECT 1 FROM prompts) OR EXISTS (SELECT 1 FROM workers)").fetchone()[0]:
            raise WrongUseError(f"{connection.name} is not empty; name a new file.")
        db.execute("DELETE FROM about")
        db.execute(sql("set_kind"), {"kind": kind, "now": to_timestamp(time())})
        counted = fill(SqliteTables(db, kind))
        if db.execute("PRAGMA foreign_key_check").fetchall():
            raise StoreError(f"{connection.name}: rows refer to others that are missing; nothing was copied.")
        return counted


def _kind(reading: Reading) -> Kind:
    row = reading.connection.execute(sql("kind")).fetchone()
    return Kind(row[0]) if row else Kind.REAL
