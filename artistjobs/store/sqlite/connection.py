"""One connection to a SQLite file: opened with care, set to lose nothing, and told apart when it fails."""

import os
import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import lru_cache
from pathlib import Path

from sqlite_utils import Database

from artistjobs.core.json_values import clean_text
from artistjobs.errors import StoreError
from artistjobs.store.sqlite.filesystem import ensure_local_filesystem
from artistjobs.store.sqlite.locks import WriteLock
from artistjobs.store.sqlite.migrations import migrate, needs_migration
from artistjobs.store.sqlite.read_connection import (
    BUSY_SECONDS,
    Parameters,
    Reading,
    ensure_database_file,
    ensure_own_database,
    roll_back,
    set_pragmas,
    sql,
    translated,
)

__all__ = ["Connection", "Parameters", "sql", "sql_of_rows", "write", "write_rows"]


PAGE_BYTES = 16384
"""Of a new database. An answer is kept whole in a page: of the usual four kilobytes, half would stay empty."""


class Connection(Reading):
    """An open database of ours, migrated to this version."""

    def __init__(self, path: Path, *, create: bool) -> None:
        with ExitStack() as opened, translated(path):
            ensure_database_file(path, create=create)
            real = Path(os.path.realpath(path))
            ensure_local_filesystem(real, path)
            connection = sqlite3.connect(real, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
            opened.callback(connection.close)
            super().__init__(connection, path)
            # Of a database that is there already, it changes nothing.
            connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
            set_pragmas(connection)
            ensure_own_database(connection, path)
            # Only now that the database is known for ours: nothing is left beside another program's.
            self._write_lock = WriteLock(self.path)
            opened.callback(self._write_lock.close)
            self.db = Database(connection, execute_plugins=False)
            self._prepare()
            self._inode = self._current_inode()
            opened.pop_all()

    def _prepare(self) -> None:
        if _journal_mode(self.db.conn) != "wal":
            # Switching to WAL ignores the busy timeout, hence the turn.
            with self._write_lock():
                self.db.conn.execute("PRAGMA journal_mode = WAL").fetchall()
        if _journal_mode(self.db.conn) != "wal":
            raise sqlite3.OperationalError("this file system cannot keep a write-ahead log")
        if needs_migration(self.db.conn, self.name):
            self._migrate()

    def _migrate(self) -> None:
        with self._write_lock(), self.references_unchecked():
            self.db.conn.execute("BEGIN IMMEDIATE")
            try:
                migrate(self.db)
                self.db.conn.execute("COMMIT")
            except BaseException:
                roll_back(self.db.conn)
                raise

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Hold the only write transaction; it is on disk when the context ends, or nothing of it is.

        It begins as IMMEDIATE: one that reads first and writes later would fail at once if another
        writer was quicker.
        """
        with self.translated(), self._write_lock():
            self._ensure_same_file()
            connection = self.db.conn
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                roll_back(connection)
                raise

    @contextmanager
    def references_unchecked(self) -> Iterator[None]:
        """Have nobody look whether what a row refers to is there. It has no effect within a transaction."""
        self.db.conn.execute("PRAGMA foreign_keys = 0")
        try:
            yield
        finally:
            self.db.conn.execute("PRAGMA foreign_keys = 1")

    def close(self) -> None:
        """Let go of the file; raises nothing, since what was committed is safe."""
        try:
            self.db.close()
        except sqlite3.Error:
            pass
        finally:
            self._write_lock.close()

    def _current_inode(self) -> tuple[int, int]:
        found = self.path.stat()
        return found.st_dev, found.st_ino

    def _ensure_same_file(self) -> None:
        # Writing on would fill a file that no longer has a name.
        try:
            inode = self._current_inode()
        except FileNotFoundError as error:
            raise StoreError(f"{self.name} was removed while it was in use; put it back and run again.") from error
        if inode != self._inode:
            raise StoreError(f"{self.name} was replaced while it was in use; run again to go on with the new one.")


@lru_cache(maxsize=64)
def sql_of_rows(statement: str, values: int) -> str:
    """Return a statement that takes one row, for as many rows as these values make."""
    return _ROW.sub(lambda row: ", ".join([row[0]] * (values // row[0].count("?"))), sql(statement), count=1)


_ROW = re.compile(r"\(\?(?:, \?)*\)")


def write_rows(db: sqlite3.Connection, statement: str, rows: Sequence[Sequence[object]]) -> list[sqlite3.Cursor]:
    """Run a writing statement on rows, some at a time, in their order; return what came of each time.

    Each run of a statement gives Python's other threads their turn and has to wait for its own, so many rows at a
    time are quicker; always the same few numbers of them, since each number is another statement to be prepared.
    """
    at, cursors = 0, list[sqlite3.Cursor]()
    for size in _ROWS_AT_ONCE:
        while len(rows) - at >= size:
            values = [value for row in rows[at : at + size] for value in row]
            cursors.append(_execute(db, sql_of_rows(statement, len(values)), values))
            at += size
    return cursors


_ROWS_AT_ONCE = (64, 32, 16, 8, 4, 2, 1)


def write(db: sqlite3.Connection, statement: str, row: Parameters) -> sqlite3.Cursor:
    """Run a writing statement, by the name of its file."""
    return _execute(db, sql(statement), row)


def _execute(db: sqlite3.Connection, statement: str, values: Parameters | Sequence[object]) -> sqlite3.Cursor:
    """Run a statement; a lone surrogate, as in the name of a file that is not UTF-8, is stored as U+FFFD."""
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
