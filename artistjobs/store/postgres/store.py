"""PostgreSQL store: one database with its ingestor, queue, records, report queries and controls on one connection."""

from collections.abc import Iterator
from contextlib import contextmanager

from artistjobs.core.timestamps import to_timestamp
from artistjobs.errors import WrongUseError
from artistjobs.store.address import DatabaseUrl
from artistjobs.store.models import Kind, wrong_kind_message
from artistjobs.store.postgres.batches import PostgresBatches
from artistjobs.store.postgres.connection import Connection
from artistjobs.store.postgres.ingest import PostgresIngestor
from artistjobs.store.postgres.local_files import LocalFiles
from artistjobs.store.postgres.queue import PostgresQueue
from artistjobs.store.queries.controls import SqlControls
from artistjobs.store.queries.job_queries import SqlJobQueries
from artistjobs.store.queries.records import SqlRecords
from artistjobs.store.queries.report_queries import SqlReportQueries


class PostgresStore:
    """PostgreSQL database that is open for writing."""

    def __init__(self, url: DatabaseUrl, kind: Kind | None, *, create: bool) -> None:
        self.path = url
        self._connection = Connection(url, create=create)
        self.ingestor = PostgresIngestor(self._connection)
        self.records = SqlRecords(self._connection, self._connection.now, self._connection.to_server)
        self.job_queries = SqlJobQueries(self._connection)
        self.report_queries = SqlReportQueries(self._connection)
        self.controls = SqlControls(self._connection, self._connection.now)
        try:
            self.kind, token = self._settle_kind(kind)
        except BaseException:
            self._connection.close()
            raise
        self.queue = PostgresQueue(self._connection, LocalFiles(url.spool, token))
        self.batches = PostgresBatches(self._connection, self.queue)

    def close(self) -> None:
        """Close the database; other processes take a worker that has not ended for dead after a while."""
        self.queue.close()
        self._connection.close()

    def _settle_kind(self, wanted: Kind | None) -> tuple[Kind, str]:
        row = self._connection.row("kind")
        if row is None:
            now = to_timestamp(self._connection.now())
            # Several processes may open a new database at once; the first one sets the kind.
            self._connection.execute_each("set_kind", [{"kind": (wanted or Kind.REAL).value, "now": now}])
            row = self._connection.row("kind")
        assert row is not None
        kind = Kind(row["kind"])
        if wanted is not None and kind is not wanted:
            raise WrongUseError(wrong_kind_message(self.path, kind))
        return kind, str(row["token"])


@contextmanager
def open_store(url: DatabaseUrl, kind: Kind | None = None, *, create: bool = False) -> Iterator[PostgresStore]:
    """Open a database, create and migrate its tables as needed, and close it at the end of the context.

    ``kind`` is the expected kind of jobs, None if both are accepted.

    Raises:
        NoDatabaseError: if it has no tables of artistjobs and ``create`` is false.
        WrongUseError: if it holds the other kind, or the server cannot be used.
        StoreError: if the server or the database fails.

    """
    store = PostgresStore(url, kind, create=create)
    try:
        yield store
    finally:
        store.close()
