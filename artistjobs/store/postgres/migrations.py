"""Schema migrations of a PostgreSQL database: numbered SQL files, applied in order, forward only."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from artistjobs.errors import WrongUseError
from artistjobs.store.migration_files import files_of, in_use_error, migration_name, not_applied
from artistjobs.store.postgres.liveness import is_alive

if TYPE_CHECKING:
    import psycopg

LOCK = 0x61_6A_6D_67
"""Key of the advisory lock that lets one process migrate at a time."""


def migration_files() -> list[Path]:
    """Return the migration files in order. Raises StoreError if there are none."""
    return files_of("postgres")


def is_new(db: "psycopg.Connection[dict[str, Any]]") -> bool:
    """Return True if the schema has no tables of artistjobs."""
    return "artistjobs_migrations" not in _tables(db)


def _tables(db: "psycopg.Connection[dict[str, Any]]") -> set[str]:
    """Return those tables which tell whose schema it is.

    The statement reads the catalog in its own snapshot. ``to_regclass`` looks into a cache of the session, which may be
    older: of 40 tries in which eight processes opened a new database at once, 10 failed with it and none without it.
    """
    rows = db.execute(
        "SELECT relname FROM pg_catalog.pg_class"
        " WHERE relname IN ('artistjobs_migrations', 'jobs', 'workers') AND pg_catalog.pg_table_is_visible(oid)"
    ).fetchall()
    return {row["relname"] for row in rows}


def missing(db: "psycopg.Connection[dict[str, Any]]", name: object) -> list[Path]:
    """Return the migrations that are not applied yet.

    Raises:
        NewerDatabaseError: if the database has a migration that this version does not know.
        WrongUseError: if the tables belong to another program.

    """
    files = migration_files()
    # One statement, since another process may make the tables between two of them.
    tables = _tables(db)
    if "artistjobs_migrations" not in tables:
        if tables:
            raise WrongUseError(
                f"{name} has tables of another program; name another database, or another schema with "
                "?options=-csearch_path%3DNAME at the end of the URL."
            )
        return files
    rows = db.execute("SELECT name FROM artistjobs_migrations").fetchall()
    return not_applied(files, {row["name"] for row in rows}, name)


def migrate(db: "psycopg.Connection[dict[str, Any]]", name: object) -> None:
    """Apply the missing migrations in one transaction; a second process waits and finds none missing.

    Raises:
        StoreError: if a worker is alive, whose version would not understand the database afterwards.

    """
    with db.transaction():
        db.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
        files = missing(db, name)
        if files and not is_new(db):
            _ensure_unused(db, name)
        for file in files:
            db.execute(file.read_text(encoding="utf-8"))
            if is_new(db):
                db.execute(
                    "CREATE TABLE artistjobs_migrations (name text PRIMARY KEY, applied_at timestamptz NOT NULL)"
                )
            db.execute("INSERT INTO artistjobs_migrations VALUES (%s, clock_timestamp())", (migration_name(file),))


def _ensure_unused(db: "psycopg.Connection[dict[str, Any]]", name: object) -> None:
    """Raise StoreError if a worker is alive; no other one registers before the transaction ends."""
    db.execute("LOCK TABLE workers IN SHARE ROW EXCLUSIVE MODE")
    for row in db.execute("SELECT id, pid, host FROM workers WHERE ended_at IS NULL ORDER BY id").fetchall():
        if is_alive(db, row["id"]):
            raise in_use_error(name, row["pid"], row["host"])
