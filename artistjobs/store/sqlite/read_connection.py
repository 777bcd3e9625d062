"""Reading from a SQLite file: one consistent state at a time, and told apart when it fails.

Nothing here needs sqlite-utils, whose import takes longer than a look at a million jobs.
"""

import os
import sqlite3
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from artistjobs.errors import NoDatabaseError, StoreError, WrongUseError
from artistjobs.store.sqlite.migrations import APPLICATION_ID

BUSY_SECONDS = 60
"""How long another program may hold the database before we give up."""


PRAGMAS = {
    "foreign_keys": 1,
    "synchronous": 2,  # FULL: a commit is on disk when it returns
    "journal_size_limit": 64 * 2**20,  # a log that grew during a long read shrinks again
}


MAX_INTEGER = 2**63 - 1
"""What SQLite can hold; no id is larger."""


_MIN_DATABASE_BYTES = 512
"""Bytes: one page of the smallest size."""


Parameters = Mapping[str, object]


class Reading:
    """An open database of ours, as those see it who only read."""

    def __init__(self, connection: sqlite3.Connection, name: Path) -> None:
        self.connection = connection
        self.name = name
        self.path = Path(os.path.realpath(name))

    @contextmanager
    def snapshot(self) -> Iterator[sqlite3.Connection]:
        """Read one consistent state, however much is written meanwhile."""
        with self.translated():
            self.connection.execute("BEGIN")
            try:
                yield self.connection
            finally:
                roll_back(self.connection)

    def rows(self, statement: str, parameters: Parameters | None = None) -> list[sqlite3.Row]:
        """Return all rows of a reading statement, by the name of its file."""
        with self.translated():
            cursor = self.connection.execute(sql(statement), dict(parameters or {}))
            cursor.row_factory = sqlite3.Row
            return cursor.fetchall()

    def row(self, statement: str, parameters: Parameters | None = None) -> sqlite3.Row | None:
        """Return the first row of a reading statement, None if there is none."""
        return next(iter(self.rows(statement, parameters)), None)

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Turn what SQLite and the disk raise into one sentence with the remedy."""
        with translated(self.name):
            yield


@contextmanager
def translated(name: Path) -> Iterator[None]:
    """Turn what SQLite and the disk raise into one sentence with the remedy."""
    try:
        yield
    except sqlite3.Error as error:
        raise StoreError(_sentence(name, str(error))) from error
    except OSError as error:
        # It may be a file beside the database.
        raise StoreError(f"{error.filename or name}: {error.strerror or error}; {_REMEDY_ANY}") from error


@cache
def sql(statement: str) -> str:
    """Return a statement by the name of its file."""
    return (Path(__file__).parent / "sql" / f"{statement}.sql").read_text(encoding="utf-8")


def set_pragmas(connection: sqlite3.Connection) -> None:
    """Set a connection to lose nothing; one that cannot be is an error."""
    # fullfsync: on macOS a plain sync does not reach the disk itself; elsewhere it does nothing.
    flushes = {"fullfsync": 1, "checkpoint_fullfsync": 1} if sys.platform == "darwin" else {}
    for name, value in {**PRAGMAS, **flushes}.items():
        connection.execute(f"PRAGMA {name} = {value}")
        found = connection.execute(f"PRAGMA {name}").fetchone()
        if found is None or found[0] != value:
            raise sqlite3.OperationalError(f"this SQLite refuses PRAGMA {name} = {value}")


def ensure_database_file(path: Path, *, create: bool) -> None:
    """Raise WrongUseError or StoreError if there is nothing to open, or something else than a database."""
    if path.is_dir():
        raise WrongUseError(f"{path} is a folder; name a file with --db.")
    if path.exists():
        # SQLite would take it for an empty database and write over it.
        if 0 < path.stat().st_size < _MIN_DATABASE_BYTES:
            raise StoreError(_sentence(path, "file is not a database"))
        return
    if not create:
        raise NoDatabaseError(f"there is no database {path} yet; begin with: artistjobs ingest FILE")
    if not path.parent.is_dir():
        raise WrongUseError(f"there is no folder {path.parent} for the database; make it or name another with --db.")


def ensure_own_database(connection: sqlite3.Connection, name: Path) -> None:
    """Raise WrongUseError if the database is another program's."""
    application, tables = connection.execute(
        "SELECT application_id, (SELECT count(*) FROM sqlite_master) FROM pragma_application_id"
    ).fetchone()
    if tables and application != APPLICATION_ID:
        raise WrongUseError(f"{name} is another program's database; name a file of your own with --db.")


def roll_back(connection: sqlite3.Connection) -> None:
    """Give up a transaction, if there is one; raises nothing."""
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
