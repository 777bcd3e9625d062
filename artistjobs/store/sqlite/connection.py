"""Writing connection to a SQLite file: safe opening, migration, durable transactions, and many-row statements."""

import os
import random
import re
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import lru_cache
from itertools import chain
from pathlib import Path
from time import monotonic

from sqlite_utils import Database

from artistjobs.core.json_values import clean_text
from artistjobs.errors import StoreError
from artistjobs.store.queries.connection import Parameters
from artistjobs.store.sqlite.filesystem import ensure_safe_place
from artistjobs.store.sqlite.leftover_log import ensure_own_log
from artistjobs.store.sqlite.lock_wait import LockWait, locked_sentence
from artistjobs.store.sqlite.locks import LOOK_SECONDS, WriteLock
from artistjobs.store.sqlite.migrations import needs_migration
from artistjobs.store.sqlite.read_connection import (
    BUSY_SECONDS,
    Reading,
    ensure_database_file,
    ensure_own_database,
    roll_back,
    set_pragmas,
    sql,
    translated,
)
from artistjobs.store.sqlite.read_only import is_writable
from artistjobs.store.sqlite.upgrade import upgrade

__all__ = ["Connection", "sql", "sql_of_rows", "write", "write_rows"]


PAGE_BYTES = 16384
"""Page size of a new database. An answer fits into one page; with the usual 4 KiB half of the space would be unused."""


MAX_NUMBER = 2**31 - 1
"""Greatest number of a transaction, after which they begin anew."""


class Connection(Reading):
    """Connection to a database of artistjobs that is migrated to this version.

    Raises:
        NoDatabaseError: if there is no database and ``create`` is false.
        NewerDatabaseError: if a later version of artistjobs migrated it.
        WrongUseError: if it belongs to another program or is on a network file system.
        StoreError: if disk or database fail.

    """

    def __init__(self, path: Path, *, create: bool) -> None:
        with ExitStack() as opened, translated(path):
            ensure_database_file(path, create=create)
            real = Path(os.path.realpath(path))
            ensure_safe_place(real, path)
            _ensure_writable(real)
            before = _inode(real)
            ensure_own_log(real, path)
            connection = sqlite3.connect(real, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
            opened.callback(connection.close)
            super().__init__(connection, path)
            # This has no effect on an existing database.
            connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
            set_pragmas(connection)
            ensure_own_database(connection, path)
            # Only after the check above, so that no lock file is created beside another program's database.
            self.write_lock = WriteLock(self.path)
            opened.callback(self.write_lock.close)
            self._waiting_since: float | None = None
            self._watched: tuple[float, LockWait] | None = None
            self.db = Database(connection, execute_plugins=False)
            self._prepare()
            self._inode = before or _inode(real)
            self._ensure_same_file()
            opened.pop_all()

    def _prepare(self) -> None:
        if _journal_mode(self.db.conn) != "wal":
            # Switching to WAL ignores the busy timeout, so it needs the write lock.
            with self.write_lock(self._wait()):
                self.db.conn.execute("PRAGMA journal_mode = WAL").fetchall()
        if _journal_mode(self.db.conn) != "wal":
            raise sqlite3.OperationalError("this file system cannot keep a write-ahead log")
        if needs_migration(self.db.conn, self.name):
            self._migrate()

    def _migrate(self) -> None:
        wait = self._wait()
        with self.write_lock(wait), self.references_unchecked():
            self._begin(wait)
            try:
                upgrade(self.db, self.path, self.name)
                self.db.conn.execute("COMMIT")
            except BaseException:
                roll_back(self.db.conn)
                raise

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Hold the only write transaction; it is committed to disk at the end of the context, or rolled back.

        It begins as IMMEDIATE: a deferred transaction that reads before it writes would fail at once if another
        process wrote in between.
        """
        wait = self._wait()
        self._waiting_since = monotonic()
        try:
            with self.translated(), self._locked(wait):
                self._ensure_same_file()
                self._begin(wait)
                self._waiting_since = None
                try:
                    yield self.db.conn
                    self._number_transaction()
                    self.db.conn.execute("COMMIT")
                except BaseException:
                    roll_back(self.db.conn)
                    raise
        finally:
            self._waiting_since = None

    def watch_lock(self, *, is_abandoned: bool) -> None:
        """Look whether a transaction waits to begin, and log who keeps it waiting.

        Another thread calls this once a second.

        Raises:
            StoreError: if the holder has done nothing for too long, and with ``is_abandoned`` if it waits at all.

        """
        since = self._waiting_since
        if since is None:
            self._watched = None
            return
        if self._watched is None or self._watched[0] != since:
            self._watched = since, LockWait(self.path, self.name, BUSY_SECONDS)
        if is_abandoned and monotonic() - since > LOOK_SECONDS:
            raise StoreError(locked_sentence(self.path, self.name))
        self._watched[1].poll()

    def _wait(self) -> LockWait | None:
        """Return the wait of a thread that nobody watches: the main thread, which Ctrl+C has to interrupt."""
        if threading.current_thread() is threading.main_thread():
            return LockWait(self.path, self.name, BUSY_SECONDS)
        return None

    @contextmanager
    def _locked(self, wait: LockWait | None) -> Iterator[None]:
        try:
            self.write_lock.acquire(wait)
        except FileNotFoundError:
            self._ensure_same_file()  # the database is gone too if its folder is
            raise
        try:
            yield
        finally:
            self.write_lock.release()

    def _begin(self, wait: LockWait | None) -> None:
        if wait is None:
            self.db.conn.execute("BEGIN IMMEDIATE")
            return
        with self._busy_timeout(min(LOOK_SECONDS, BUSY_SECONDS)):
            while True:
                try:
                    self.db.conn.execute("BEGIN IMMEDIATE")
                except sqlite3.OperationalError as error:
                    if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                        raise
                    wait.poll()
                else:
                    return

    def _number_transaction(self) -> None:
        """Write the number of the transaction into the first page, for ``leftover_log``."""
        ((number,),) = self.db.conn.execute("PRAGMA user_version").fetchall()
        number = number + 1 if 0 < number < MAX_NUMBER else random.randrange(1, MAX_NUMBER // 2)
        self.db.conn.execute(f"PRAGMA user_version = {number}")

    @contextmanager
    def _busy_timeout(self, seconds: float) -> Iterator[None]:
        self.db.conn.execute(f"PRAGMA busy_timeout = {round(seconds * 1000)}")
        try:
            yield
        finally:
            self.db.conn.execute(f"PRAGMA busy_timeout = {round(BUSY_SECONDS * 1000)}")

    def execute_each(self, statement: str, rows: Sequence[Parameters]) -> None:
        """Execute a writing statement for each row, in one transaction that is on disk on return."""
        with self.transaction() as db:
            for row in rows:
                db.execute(sql(statement), row)

    @contextmanager
    def references_unchecked(self) -> Iterator[None]:
        """Switch off foreign-key checks for the context. This has no effect inside a transaction."""
        self.db.conn.execute("PRAGMA foreign_keys = 0")
        try:
            yield
        finally:
            self.db.conn.execute("PRAGMA foreign_keys = 1")

    def close(self) -> None:
        """Close the file; raises nothing, because committed data is safe."""
        try:
            self.db.close()
        except sqlite3.Error:
            pass
        finally:
            self.write_lock.close()

    def _ensure_same_file(self) -> None:
        # Further writes would go to a file that no longer has a name.
        inode = _inode(self.path)
        if inode is None:
            raise StoreError(f"{self.name} was removed while it was in use; put it back and run again.")
        if inode != self._inode:
            raise StoreError(f"{self.name} was replaced while it was in use; run again to continue with the new one.")


def _ensure_writable(real: Path) -> None:
    """Raise sqlite3.OperationalError if a database may only be read.

    SQLite would open it all the same, and create a log that the owner of the database cannot write.
    """
    if real.exists() and not is_writable(real):
        raise sqlite3.OperationalError("attempt to write a readonly database")


def _inode(path: Path) -> tuple[int, int] | None:
    """Return the identity of a file, None if there is none. Raises OSError."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


@lru_cache(maxsize=64)
def sql_of_rows(statement: str, values: int) -> str:
    """Return a statement for one row, extended to as many rows as ``values`` values fill."""
    return _ROW.sub(lambda row: ", ".join([row[0]] * (values // row[0].count("?"))), sql(statement), count=1)


_ROW = re.compile(r"\(\?(?:, \?)*\)")


def write_rows(db: sqlite3.Connection, statement: str, rows: Sequence[Sequence[object]]) -> list[sqlite3.Cursor]:
    """Execute a writing statement on rows in their order, many rows at a time; return one cursor per execution.

    Each execution releases the GIL and waits for it again, so many rows at a time are faster. The numbers of rows
    are few and fixed, because each of them is another statement to prepare.
    """
    at, cursors = 0, list[sqlite3.Cursor]()
    for size in _ROWS_AT_ONCE:
        while len(rows) - at >= size:
            values = list(chain.from_iterable(rows[at : at + size]))
            cursors.append(_execute(db, sql_of_rows(statement, len(values)), values))
            at += size
    return cursors


_ROWS_AT_ONCE = (64, 32, 16, 8, 7, 6, 5, 4, 3, 2, 1)
"""Up to 8 rows, as many as live calls of a fast service leave to a commit, take one execution."""


def write(db: sqlite3.Connection, statement: str, row: Parameters) -> sqlite3.Cursor:
    """Execute a writing statement, named by its file."""
    return _execute(db, sql(statement), row)


def _execute(db: sqlite3.Connection, statement: str, values: Parameters | Sequence[object]) -> sqlite3.Cursor:
    """Execute a statement; a lone surrogate, as in a file name that is not UTF-8, is stored as U+FFFD."""
    try:
        return db.execute(statement, values)
    except UnicodeEncodeError:
        if isinstance(values, Mapping):
            return db.execute(statement, {name: _cleaned(value) for name, value in values.items()})
        return db.execute(statement, list(map(_cleaned, values)))


def _cleaned(value: object) -> object:
    return clean_text(value) if isinstance(value, str) else value


def _journal_mode(connection: sqlite3.Connection) -> str:
    ((mode,),) = connection.execute("PRAGMA journal_mode").fetchall()
    return str(mode)
