"""Bringing a database to the schema of this version: numbered SQL files, forward only."""

import sqlite3
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from sqlite_utils import Database, Migrations

from artistjobs.errors import NewerDatabaseError, StoreError

APPLICATION_ID = 1634890857
"""Set by the first migration, so that a foreign SQLite file is told from ours."""

_SET = "artistjobs"


def migration_files() -> list[Traversable]:
    """Return the migrations in order: inside the installed package, or beside it in a checkout."""
    inside = files("artistjobs") / "migrations" / "sqlite"
    folder = inside if inside.is_dir() else Path(__file__).resolve().parents[2] / "migrations" / "sqlite"
    found = [file for file in folder.iterdir() if file.name.endswith(".sql")] if folder.is_dir() else []
    if not found:
        raise StoreError("the migrations are missing from this installation; install artistjobs again.")
    return sorted(found, key=lambda file: file.name)


def needs_migration(db: Database, path: Path) -> bool:
    """Say whether migrations are to be applied.

    Raises:
        NewerDatabaseError: if the database has one that this version does not know.

    """
    known = {_name(file) for file in migration_files()}
    applied = {migration.name for migration in Migrations(_SET).applied(db)}
    if applied - known:
        raise NewerDatabaseError(
            f"{path} was made by a later version of artistjobs (it has {min(applied - known)}); upgrade artistjobs."
        )
    return bool(known - applied)


def migrate(db: Database) -> None:
    """Apply what is missing; the caller holds the write lock and an open transaction.

    Whoever comes second finds nothing left to do.
    """
    migrations = Migrations(_SET)
    for file in migration_files():
        migrations(name=_name(file))(_step(file))
    migrations.apply(db)


class _step:  # noqa: N801 - stands where a function is expected
    """One migration as sqlite-utils wants it: a callable with a name."""

    def __init__(self, file: Traversable) -> None:
        self.__name__ = _name(file)
        self._file = file

    def __call__(self, db: Database, /) -> None:
        # executescript would commit the transaction away that keeps other processes out.
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


def _name(file: Traversable) -> str:
    return file.name.removesuffix(".sql")
