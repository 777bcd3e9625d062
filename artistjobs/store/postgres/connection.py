"""Connection to a PostgreSQL database: safe opening, snapshots, durable transactions, and waiting for the server."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from time import monotonic, sleep, time
from typing import Any, TypeVar

import psycopg

from artistjobs.errors import NoDatabaseError, StoreAwayError, StoreError
from artistjobs.store.address import DatabaseUrl
from artistjobs.store.postgres.answers import with_text
from artistjobs.store.postgres.errors import is_away, is_conflict, is_shortage, reason_of, to_error, translated
from artistjobs.store.postgres.liveness import is_alive
from artistjobs.store.postgres.migrations import is_new, migrate, missing
from artistjobs.store.postgres.session import connect, set_all
from artistjobs.store.postgres.statements import Db, DbRow, cleaned, execute, sql
from artistjobs.store.postgres.streams import share_snapshot, streamed
from artistjobs.store.queries.connection import Parameters

log = logging.getLogger(__name__)

Result = TypeVar("Result")

_ABANDON_SECONDS = 1.0
_PAUSE_SECONDS = (0.1, 0.2, 0.5, 1.0, 2.0)
_MOST_CONFLICTS = 30
_IN_TRANSACTION = frozenset({
    psycopg.pq.TransactionStatus.INTRANS, psycopg.pq.TransactionStatus.INERROR, psycopg.pq.TransactionStatus.ACTIVE
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Outage:
    error: psycopg.Error
    since: float


class Connection:
    """Connection to a database of artistjobs; it reconnects when the server was away.

    With ``gives_up_soon`` its methods raise StoreAwayError instead of waiting for the server, and do not try it again
    before ``may_try`` returns True. ``sessions`` counts the connections that were made.

    Raises:
        NoDatabaseError: if there are no tables and ``create`` is false.
        NewerDatabaseError: if a later version of artistjobs migrated it.
        WrongUseError: if the server or the database cannot be used.
        StoreError: if the server stays away, or the database fails.

    """

    def __init__(self, url: DatabaseUrl, *, create: bool) -> None:
        self.path = url
        self.wait_seconds = url.wait_seconds
        self._busy_since: float | None = None
        self._outage: _Outage | None = None
        self.gives_up_soon = False
        self.may_try: Callable[[], bool] = lambda: True
        self.sessions = 0
        self._settings: dict[str, str] = {}
        self._connection = self._waiting(self._connect)
        try:
            with translated(url):
                self._prepare(create=create)
        except BaseException:
            self.close()
            raise

    @property
    def name(self) -> object:
        """Name of the database for messages, without a password."""
        return self.path

    @property
    def db(self) -> Db:
        """The connection of the driver."""
        return self._connection

    def now(self) -> float:
        """Return the time of the server in seconds after the epoch."""
        return time() + self._ahead_seconds

    def to_server(self, seconds: float) -> float:
        """Return a time of this machine as a time of the server."""
        return seconds + self._ahead_seconds

    def from_server(self, seconds: float) -> float:
        """Return a time of the server as a time of this machine."""
        return seconds - self._ahead_seconds

    def apply(self, settings: Mapping[str, str]) -> None:
        """Change settings of this session and of those that follow it."""
        self._settings |= settings
        self.repeated(self._set)

    def _set(self, db: Db) -> None:
        set_all(db, self._settings)

    def rows(self, statement: str, parameters: Parameters | None = None) -> list[DbRow]:
        """Return all rows of a reading statement, named by its file."""
        return list(map(with_text, self.repeated(lambda db: execute(db, statement, parameters).fetchall())))

    def row(self, statement: str, parameters: Parameters | None = None) -> DbRow | None:
        """Return the first row of a reading statement, None if it has none."""
        return next(iter(self.rows(statement, parameters)), None)

    def stream(self, statement: str, parameters: Parameters | None = None) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of a reading statement from one snapshot, through a session of their own."""
        with (
            closing(self._waiting(lambda: connect(self.path))) as session,
            self.snapshot() as db,
            translated(self.name),
        ):
            share_snapshot(db, session)
            yield from streamed(session, statement, parameters)

    @contextmanager
    def snapshot(self) -> Iterator[Db]:
        """Read one consistent state during the context, whatever other processes write."""
        if self._in_transaction():
            yield self._connection  # the snapshot of the outer context
            return
        self.repeated(lambda db: db.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"))
        try:
            with translated(self.name):
                yield self._connection
        finally:
            with suppress(psycopg.Error):
                self._connection.execute("ROLLBACK")

    def is_alive(self, worker: int, host: str, pid: int) -> bool:
        """Return True if the process of a worker lives."""
        del host, pid  # its heartbeat and its lock tell it
        return self.repeated(lambda db: is_alive(db, worker))

    def find_by_artist_like(self, name: str, limit: int) -> list[DbRow]:
        """Return the rows of jobs whose artist has a similar name, the closest first."""
        statement = sql("jobs_by_artist_like").replace(b'"default"', f'"{self._folding_collation()}"'.encode())
        return self.repeated(lambda db: db.execute(statement, cleaned({"name": name, "limit": limit})).fetchall())

    def _folding_collation(self) -> str:
        """Return a collation that knows the case of all letters; not every server has each of them."""
        row = self.row("folding_collation")
        return str(row["name"]) if row else "default"

    def execute_each(self, statement: str, rows: Sequence[Parameters]) -> None:
        """Execute a writing statement for each row, in one transaction that is on disk on return."""
        self.in_transaction(lambda db: [execute(db, statement, row) for row in rows])

    def in_transaction(
        self,
        change: Callable[[Db], Result],
        committed: Callable[[Db], Result | None] | None = None,
        *,
        is_one_statement: bool = False,
    ) -> Result:
        """Run ``change`` in one transaction that is on disk on return; a single writing statement is one by itself.

        It is run again after a conflict, and after the server was away. If the connection broke, the commit may have
        taken effect: then ``committed`` returns the result of the earlier run, or None if there was none.
        """
        broke = False

        def attempt(db: Db) -> Result:
            nonlocal broke
            if broke and committed is not None and (earlier := committed(db)) is not None:
                return earlier
            broke = True
            with nullcontext() if is_one_statement else db.transaction():
                return change(db)

        return self.repeated(attempt)

    def repeated(self, work: Callable[[Db], Result]) -> Result:
        """Run ``work``; outside of a transaction run it again after a conflict or when the server is back."""
        if self._in_transaction():
            with translated(self.name):
                return work(self._connection)
        self._busy_since = monotonic()
        try:
            return self._waiting(lambda: work(self._usable()))
        finally:
            self._busy_since = None

    def watch(self, *, is_abandoned: bool) -> None:
        """Raise StoreError with ``is_abandoned`` if the server has not answered for a second; any thread may call."""
        since = self._busy_since
        if is_abandoned and since is not None and monotonic() - since > _ABANDON_SECONDS:
            raise StoreError(f"{self.path} does not answer; run the same command again when it does.")

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Wait for the server in this context, also with ``gives_up_soon``."""
        before, self.gives_up_soon = self.gives_up_soon, False
        try:
            yield
        finally:
            self.gives_up_soon = before

    def close(self) -> None:
        """Close the connection; raises nothing, because committed data is safe."""
        with suppress(psycopg.Error):
            self._connection.close()

    def _in_transaction(self) -> bool:
        # Active while a thread fetches rows of a stream.
        return self._connection.info.transaction_status in _IN_TRANSACTION

    def _usable(self) -> Db:
        if self._connection.closed or self._connection.broken:
            self._connection = self._connect()
        return self._connection

    def _waiting(self, work: Callable[[], Result]) -> Result:
        """Run ``work`` until it succeeds or the server has been away for too long."""
        tries = 0
        while True:
            try:
                self._ensure_worth_trying()
                result = work()
            except psycopg.Error as error:
                if self.gives_up_soon and is_shortage(error):
                    raise self._away_error(error) from error
                if not (is_away(error) or (is_conflict(error) and tries < _MOST_CONFLICTS)):
                    raise to_error(self.path, error) from error
                if tries and is_away(error):
                    self._note_away(error)
                sleep(_PAUSE_SECONDS[min(tries, len(_PAUSE_SECONDS) - 1)])
                tries += 1
            else:
                self._note_back()
                return result

    def _ensure_worth_trying(self) -> None:
        """Raise StoreAwayError if the server is away and nothing says that it is back."""
        if self._outage is not None and self.gives_up_soon and not self.may_try():
            raise self._away_error(self._outage.error)

    def _note_away(self, error: psycopg.Error) -> None:
        """Log that the server is away.

        Raises:
            StoreAwayError: if the caller does not wait for it.
            StoreError: if it has been away for too long.

        """
        if self._outage is None:
            self._outage = _Outage(error, monotonic())
            if self.wait_seconds and not self.gives_up_soon:
                reason = reason_of(error)
                log.warning("%s cannot be reached (%s); waiting up to %.0f s", self.path, reason, self.wait_seconds)
        if self.gives_up_soon:
            raise self._away_error(error)
        if monotonic() - self._outage.since >= self.wait_seconds:
            raise to_error(self.path, error) from error

    def _away_error(self, error: psycopg.Error) -> StoreAwayError:
        return StoreAwayError(str(to_error(self.path, error)))

    def _note_back(self) -> None:
        if self._outage is not None:
            if not self.gives_up_soon:
                log.info("%s is back", self.path)
            self._outage = None

    def _connect(self) -> Db:
        connection = connect(self.path)
        try:
            if self.sessions:
                missing(connection, self.path)  # raises an error if it was upgraded while the server was away
            self.sessions += 1
            self._set(connection)
            sent = time()
            row = connection.execute("SELECT extract(epoch FROM clock_timestamp())::float8 AS now").fetchone()
            received = time()
            self._ahead_seconds = _clock_difference(sent, row["now"] if row else received, received)
        except BaseException:
            connection.close()
            raise
        return connection

    def _prepare(self, *, create: bool) -> None:
        db = self._connection
        if is_new(db) and not create:
            missing(db, self.path)  # raises an error if the tables belong to another program
            raise NoDatabaseError(f"{self.path} has no tables of artistjobs yet; begin with: artistjobs ingest FILE")
        if missing(db, self.path):
            migrate(db, self.path)


def _clock_difference(sent: float, now: float, received: float) -> float:
    """Return the seconds by which the clock of the server is ahead of that of this machine, 0 if it may agree."""
    return 0.0 if sent - 0.001 <= now <= received + 0.001 else now - (sent + received) / 2
