"""SQLite store: one database file with its ingestor, queue, records, report queries and controls on one connection."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import time

from artistjobs.core.timestamps import to_timestamp
from artistjobs.errors import WrongUseError
from artistjobs.store.models import Kind, wrong_kind_message
from artistjobs.store.queries.controls import SqlControls
from artistjobs.store.queries.records import SqlRecords
from artistjobs.store.queries.report_queries import SqlReportQueries
from artistjobs.store.sqlite.batches import SqliteBatches
from artistjobs.store.sqlite.connection import Connection, sql
from artistjobs.store.sqlite.ingest import SqliteIngestor
from artistjobs.store.sqlite.queue import SqliteQueue


class SqliteStore:
    """SQLite database that is open for writing."""

    def __init__(self, path: Path, kind: Kind | None, *, create: bool) -> None:
        self.path = path
        self._connection = Connection(path, create=create)
        self.ingestor = SqliteIngestor(self._connection, path)
        self.queue = SqliteQueue(self._connection)
        self.batches = SqliteBatches(self._connection, self.queue)
        self.records = SqlRecords(self._connection)
        self.report_queries = SqlReportQueries(self._connection)
        self.controls = SqlControls(self._connection)
        try:
            self.kind = self._settle_kind(kind)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the database; other processes take a worker that has not ended for dead."""
        self.queue.close()
        self._connection.close()

    def _settle_kind(self, wanted: Kind | None) -> Kind:
        row = self._connection.row("kind")
        if row is None:
            # Several processes may open a new file at once; the first one sets the kind.
            with self._connection.transaction() as db:
                db.execute(sql("set_kind"), {"kind": wanted or Kind.REAL, "now": to_timestamp(time())})
            row = self._connection.row("kind")
        kind = Kind(row["kind"]) if row else Kind.REAL
        if wanted is not None and kind is not wanted:
            raise WrongUseError(wrong_kind_message(self.path, kind))
        return kind


@contextmanager
def open_store(path: Path, kind: Kind | None = None, *, create: bool = False) -> Iterator[SqliteStore]:
    """Open a database, create and migrate it as needed, and close it at the end of the context.

    ``kind`` is the expected kind of jobs, None if both are accepted.

    Raises:
        NoDatabaseError: if there is none and ``create`` is false.
        WrongUseError: if it holds the other kind, belongs to another program, or is on a network file system.
        StoreError: if disk or database fail.

    """
    store = SqliteStore(path, kind, create=create)
    try:
        yield store
    finally:
        store.close()
