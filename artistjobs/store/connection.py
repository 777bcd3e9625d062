"""One connection to a SQLite file: opened with care, set to lose nothing, and told apart when it fails."""

import os
import sqlite3
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import cache, lru_cache
from pathlib import Path

from sqlite_utils import Database

from artistjobs.errors import NoDatabaseError, StoreError, WrongUseError
from artistjobs.reply import clean_text
from artistjobs.store.locks import Turnstile
from artistjobs.store.mounts import refuse_network
from artistjobs.store.schema import APPLICATION_ID, migrate, needs_migration

BUSY_SECONDS = 60
"""How long another program may hold the database before we give up."""

PRAGMAS = {
    "foreign_keys": 1,
    "synchronous": 2,  # FULL: a commit is on disk when it returns
    "journal_size_limit": 64 * 2**20,  # a log that grew during a long read shrinks again
}

_SMALLEST_DATABASE = 512
"""Bytes: one page of the smallest size."""

Parameters = Mapping[str, object]


class Connection:
    """An open database of ours, migrated to this version."""

    def __init__(self, path: Path, *, create: bool) -> None:
        self.path = Path(os.path.realpath(path))
        self.name = path
        with ExitStack() as opened, self.translated():
            _refuse_what_is_no_database(path, create=create)
            refuse_network(self.path, path)
            connection = sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
            opened.callback(connection.close)
            _set_pragmas(connection)
            self._refuse_foreign(connection)
            # Only now that the database is known for ours: nothing is left beside another program's.
            self._turnstile = Turnstile(self.path)
            opened.callback(self._turnstile.close)
            self.db = Database(connection, execute_plugins=False)
            self._prepare()
            self._inode = self._current_inode()
            opened.pop_all()

    def _prepare(self) -> None:
        if _journal_mode(self.db.conn) != "wal":
            # Switching to WAL ignores the busy timeout, hence the turn.
            with self._turnstile():
                self.db.conn.execute("PRAGMA journal_mode = WAL").fetchall()
        if _journal_mode(self.db.conn) != "wal":
            raise sqlite3.OperationalError("this file system cannot keep a write-ahead log")
        if needs_migration(self.db, self.name):
            self._migrate()

    def _migrate(self) -> None:
        with self._turnstile():
            self.db.conn.execute("BEGIN IMMEDIATE")
            try:
                migrate(self.db)
                self.db.conn.execute("COMMIT")
            except BaseException:
                _roll_back(self.db.conn)
                raise

    def _refuse_foreign(self, connection: sqlite3.Connection) -> None:
        application, tables = connection.execute(
            "SELECT application_id, (SELECT count(*) FROM sqlite_master) FROM pragma_application_id"
        ).fetchone()
        if tables and application != APPLICATION_ID:
            raise WrongUseError(f"{self.name} is another program's database; name a file of your own with --db.")

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Hold the only write transaction; it is on disk when the context ends, or nothing of it is.

        It begins as IMMEDIATE: one that reads first and writes later would fail at once if another
        writer was quicker.
        """
        with self.translated(), self._turnstile():
            self._refuse_replaced()
            connection = self.db.conn
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                _roll_back(connection)
                raise

    @contextmanager
    def snapshot(self) -> Iterator[sqlite3.Connection]:
        """Read one consistent state, however much is written meanwhile."""
        with self.translated():
            self.db.conn.execute("BEGIN")
            try:
                yield self.db.conn
            finally:
                _roll_back(self.db.conn)

    def rows(self, statement: str, parameters: Parameters | None = None) -> list[sqlite3.Row]:
        """Return all rows of a reading statement, by the name of its file."""
        with self.translated():
            cursor = self.db.conn.execute(sql(statement), dict(parameters or {}))
            cursor.row_factory = sqlite3.Row
            return cursor.fetchall()

    def row(self, statement: str, parameters: Parameters | None = None) -> sqlite3.Row | None:
        """Return the first row of a reading statement, None if there is none."""
        return next(iter(self.rows(statement, parameters)), None)

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Turn what SQLite and the disk raise into one sentence with the remedy."""
        try:
            yield
        except sqlite3.Error as error:
            raise StoreError(_sentence(self.name, str(error))) from error
        except OSError as error:
            # It may be a file beside the database.
            raise StoreError(f"{error.filename or self.name}: {error.strerror or error}; {_REMEDY_ANY}") from error

    def close(self) -> None:
        """Let go of the file; raises nothing, since what was committed is safe."""
        try:
            self.db.close()
        except sqlite3.Error:
            pass
        finally:
            self._turnstile.close()

    def _current_inode(self) -> tuple[int, int]:
        found = self.path.stat()
        return found.st_dev, found.st_ino

    def _refuse_replaced(self) -> None:
        # Writing on would fill a file that no longer has a name.
        try:
            inode = self._current_inode()
        except FileNotFoundError as error:
            raise StoreError(f"{self.name} was removed while it was in use; put it back and run again.") from error
        if inode != self._inode:
            raise StoreError(f"{self.name} was replaced while it was in use; run again to go on with the new one.")


@cache
def sql(statement: str) -> str:
    """Return a statement by the name of its file."""
    return (Path(__file__).parent / "sql" / "sqlite" / f"{statement}.sql").read_text(encoding="utf-8")


@lru_cache(maxsize=8)
def sql_of_rows(statement: str, values: int) -> str:
    """Return a statement that inserts one row, for as many rows as these values make."""
    head, keyword, row = sql(statement).rpartition("VALUES ")
    return head + keyword + ", ".join([row.strip()] * (values // row.count("?")))


def write(db: sqlite3.Connection, statement: str, row: Parameters) -> sqlite3.Cursor:
    """Run a writing statement, by the name of its file.

    A lone surrogate, as in the name of a file that is not UTF-8, is stored as U+FFFD.
    """
    try:
        return db.execute(sql(statement), row)
    except UnicodeEncodeError:
        cleaned = {name: clean_text(value) if isinstance(value, str) else value for name, value in row.items()}
        return db.execute(sql(statement), cleaned)


def _journal_mode(connection: sqlite3.Connection) -> str:
    ((mode,),) = connection.execute("PRAGMA journal_mode").fetchall()
    return str(mode)


def _set_pragmas(connection: sqlite3.Connection) -> None:
    # fullfsync: on macOS a plain sync does not reach the disk itself; elsewhere it does nothing.
    flushes = {"fullfsync": 1, "checkpoint_fullfsync": 1} if sys.platform == "darwin" else {}
    for name, value in {**PRAGMAS, **flushes}.items():
        connection.execute(f"PRAGMA {name} = {value}")
        found = connection.execute(f"PRAGMA {name}").fetchone()
        if found is None or found[0] != value:
            raise sqlite3.OperationalError(f"this SQLite refuses PRAGMA {name} = {value}")


def _refuse_what_is_no_database(path: Path, *, create: bool) -> None:
    if path.is_dir():
        raise WrongUseError(f"{path} is a folder; name a file with --db.")
    if path.exists():
        # SQLite would take it for an empty database and write over it.
        if 0 < path.stat().st_size < _SMALLEST_DATABASE:
            raise StoreError(_sentence(path, "file is not a database"))
        return
    if not create:
        raise NoDatabaseError(f"there is no database {path} yet; begin with: artistjobs ingest FILE")
    if not path.parent.is_dir():
        raise WrongUseError(f"there is no folder {path.parent} for the database; make it or name another with --db.")


def _roll_back(connection: sqlite3.Connection) -> None:
    try:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
    except sqlite3.Error:
        # A disk that failed a commit may fail the roll-back too: the next opening makes it good.
        pass


_REMEDY_ANY = "mend that and run the same command again: what was stored is kept."

_REMEDIES = (
    ("disk is full", "the disk is full; make room and run the same command again: what was stored is kept."),
    ("readonly", "it cannot be written; give yourself the right to write it and its folder, then run again."),
    ("unable to open", "it cannot be opened; check the rights on it and its folder, then run again."),
    ("not a database", "it is no SQLite database; name another with --db, or restore it from a copy."),
    (
        "malformed",
        "it is damaged; restore it from a copy, or save what can be saved with: sqlite3 FILE .recover",
    ),
    ("locked", "another program keeps it locked; close that program and run the same command again."),
    ("disk I/O error", "the disk failed; check it and run the same command again: what was stored is kept."),
)


def _sentence(path: Path, message: str) -> str:
    for part, remedy in _REMEDIES:
        if part in message:
            return f"{path}: {remedy}"
    return f"{path}: the database says {message!r}; {_REMEDY_ANY}"
