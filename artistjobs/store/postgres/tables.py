"""All rows of a PostgreSQL database, to be copied to another store or from one."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import count

from psycopg.rows import tuple_row

from artistjobs.core.timestamps import to_timestamp
from artistjobs.errors import WrongUseError
from artistjobs.store.address import DatabaseUrl
from artistjobs.store.models import Kind
from artistjobs.store.postgres.answers import stored_text, text_of
from artistjobs.store.postgres.connection import Connection
from artistjobs.store.postgres.errors import translated
from artistjobs.store.postgres.statements import Db, execute
from artistjobs.store.queries.tables import NOT_COPIED, TABLES, Counted, Row, TableWriter, names_of, selecting

_AT_ONCE = 2_000
"""Rows that a cursor of the server hands over at once."""


class PostgresTables:
    """All rows of a database, within a transaction of its connection."""

    def __init__(self, db: Db, kind: Kind) -> None:
        self._db = db
        self._numbers = count(1)
        self.kind = kind

    def columns(self, table: str) -> list[str]:
        """Return the names of the columns of a table that are copied, in alphabetical order."""
        rows = self._db.execute(
            "SELECT attname AS name FROM pg_attribute"
            " WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped",
            (table,),
        )
        return sorted(row["name"] for row in rows if row["name"] not in NOT_COPIED)

    def rows(self, table: str) -> Iterator[Row]:
        """Yield the rows of a table with these columns, in the order of its key."""
        columns = self.columns(table)
        more = ["text_json"] if table == "answers" else []
        text = columns.index("text") if more else 0
        with self._db.cursor(name=f"table_{next(self._numbers)}", row_factory=tuple_row) as cursor:
            cursor.itersize = _AT_ONCE
            cursor.execute(selecting(table, [*columns, *more]).encode())
            for row in cursor:
                yield (*row[:text], text_of(row[text], row[-1]), *row[text + 1 : -1]) if more else row

    def write(self, table: str, columns: Sequence[str], rows: Iterable[Row]) -> None:
        """Add rows to a table."""
        text = columns.index("text") if table == "answers" else None
        names = [*columns, *(["text_json"] if text is not None else [])]
        with self._db.cursor().copy(f"COPY {table} ({names_of(names)}) FROM STDIN".encode()) as copy:
            for row in rows:
                if text is None:
                    copy.write_row(row)
                else:
                    plain, as_json = stored_text(row[text])
                    copy.write_row((*row[:text], plain, *row[text + 1 :], as_json))

    def set_numbers(self) -> None:
        """Raise the numbers of new rows above those of the copied ones."""
        for table in TABLES:
            if "id" in self.columns(table):
                self._db.execute(
                    f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table}".encode()  # noqa: S608
                )


@contextmanager
def open_tables(url: DatabaseUrl) -> Iterator[PostgresTables]:
    """Open a database to read all of its rows from one snapshot.

    Raises:
        NoDatabaseError: if it has no tables of artistjobs.
        StoreError: if the server or the database fails.

    """
    with closing(Connection(url, create=False)) as connection, connection.snapshot() as db:
        row = execute(db, "kind").fetchone()
        yield PostgresTables(db, Kind(row["kind"]) if row else Kind.REAL)


def fill_database(url: DatabaseUrl, fill: Callable[[TableWriter], Counted], kind: Kind) -> Counted:
    """Fill a new or empty database in one transaction.

    Raises:
        WrongUseError: if it has rows.
        StoreError: if the server or the database fails.

    """
    with closing(Connection(url, create=True)) as connection:
        now = to_timestamp(connection.now())
        with translated(url), connection.db.transaction():
            db = connection.db
            execute(db, "lock_ingest")
            row = db.execute(
                "SELECT EXISTS (SELECT 1 FROM prompts) OR EXISTS (SELECT 1 FROM workers) AS is_filled"
            ).fetchone()
            if row is not None and row["is_filled"]:
                raise WrongUseError(f"{url} is not empty; name a new database.")
            db.execute("DELETE FROM about")
            execute(db, "set_kind", {"kind": kind.value, "now": now})
            tables = PostgresTables(db, kind)
            counted = fill(tables)
            tables.set_numbers()
        # The plans of the first claims need to know how many rows there are.
        connection.repeated(lambda db: db.execute("ANALYZE"))
        return counted
