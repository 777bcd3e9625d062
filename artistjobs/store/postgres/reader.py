"""Read-only access to a PostgreSQL database for ``status``, ``show`` and ``failures``."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager

from artistjobs.store.address import DatabaseUrl
from artistjobs.store.models import Kind, Spool
from artistjobs.store.postgres.connection import Connection
from artistjobs.store.postgres.local_files import LocalFiles
from artistjobs.store.postgres.spool import spooled_answers
from artistjobs.store.queries.batches import SqlBatchQueries
from artistjobs.store.queries.job_queries import SqlJobQueries
from artistjobs.store.queries.records import SqlRecords
from artistjobs.store.queries.report_queries import SqlReportQueries


class PostgresReader:
    """Database that is open for reading."""

    def __init__(self, connection: Connection) -> None:
        self.path = connection.path
        self.records = SqlRecords(connection, connection.now, connection.to_server)
        self.job_queries = SqlJobQueries(connection)
        self.batches = SqlBatchQueries(connection)
        self._connection = connection

    @property
    def kind(self) -> Kind:
        """Kind of jobs that it holds."""
        row = self._connection.row("kind")
        return Kind(row["kind"]) if row else Kind.REAL

    @property
    def report_queries(self) -> SqlReportQueries:
        """Queries for a report."""
        return SqlReportQueries(self._connection)

    def spool(self) -> Spool | None:
        """Return the answers on this machine that the database has not taken yet, None if there are none."""
        row = self._connection.row("kind")
        if row is None:
            return None
        folder = LocalFiles(self.path.spool, row["token"]).folder
        answers = spooled_answers(folder)
        return Spool(folder, answers) if answers else None

    def snapshot(self) -> AbstractContextManager[object]:
        """Read one consistent state for as long as the context lasts."""
        return self._connection.snapshot()


@contextmanager
def open_reader(url: DatabaseUrl) -> Iterator[PostgresReader]:
    """Open a database for reading; tables of an earlier version are migrated first.

    Raises:
        NoDatabaseError: if it has no tables of artistjobs.
        WrongUseError: if the server or the database cannot be used.
        StoreError: if the server stays away, or the database fails.

    """
    with closing(Connection(url, create=False)) as connection:
        yield PostgresReader(connection)
