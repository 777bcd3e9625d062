"""Schema migrations of a SQLite database: numbered SQL files, applied in order, forward only."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from artistjobs.store.migration_files import files_of, migration_name, not_applied

if TYPE_CHECKING:
    from sqlite_utils import Database


APPLICATION_ID = 1634890857
"""SQLite application id of artistjobs. The first migration sets it; other programs' files have another one."""


_SET = "artistjobs"


def migration_files() -> list[Path]:
    """Return the migration files in order. Raises StoreError if there are none."""
    return files_of("sqlite")


def needs_migration(db: sqlite3.Connection, path: Path) -> bool:
    """Return True if migrations are missing; it does not use sqlite-utils, whose import is slow.

    Raises:
        NewerDatabaseError: if the database has a migration that this version does not know.

    """
    return bool(not_applied(migration_files(), _applied(db), path))


def migrate(db: "Database") -> None:
    """Apply the missing migrations; the caller holds the write lock and an open transaction.

    A second process that waited for the lock finds none missing.
    """
    from sqlite_utils import Migrations

    migrations = Migrations(_SET)
    for file in migration_files():
        migrations(name=migration_name(file))(_step(file))
    migrations.apply(db)


def _applied(db: sqlite3.Connection) -> set[str]:
    # sqlite-utils maintains this table; a new database does not have it yet.
    if not db.execute("SELECT 1 FROM sqlite_master WHERE name = '_sqlite_migrations'").fetchall():
        return set()
    # Reads the table and not its index, so that damage to the table is noticed.
    rows = db.execute("SELECT name FROM _sqlite_migrations NOT INDEXED WHERE migration_set = ?", (_SET,))
    return {name for (name,) in rows}


class _step:  # noqa: N801 - stands where a function is expected
    """One migration in the form that sqlite-utils expects: a callable with a name."""

    def __init__(self, file: Path) -> None:
        self.__name__ = migration_name(file)
        self._file = file

    def __call__(self, db: "Database", /) -> None:
        # executescript would commit the transaction that keeps other processes out.
        for statement in _statements(self._file.read_text(encoding="utf-8")):
            db.conn.execute(statement)


def _statements(script: str) -> Iterator[str]:
    statement = ""
    for line in script.splitlines(keepends=True):
        if statement or (line.strip() and not line.startswith("--")):
            statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    if statement:
        raise ValueError(f"a statement never ends: {statement}")
