"""Schema migrations of a PostgreSQL database: numbered SQL files, applied in order, forward only."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from artistjobs.errors import NewerDatabaseError, StoreError, WrongUseError

if TYPE_CHECKING:
    import psycopg

LOCK = 0x61_6A_6D_67
"""Key of the advisory lock that lets one process migrate at a time."""


def migration_files() -> list[Path]:
    """Return the migration files in order, from the installed package or from the checkout.

    Raises:
        StoreError: if there are none.

    """
    package = Path(__file__).resolve().parents[2]
    inside, beside = (place / "migrations" / "postgres" for place in (package, package.parent))
    folder = inside if inside.is_dir() else beside
    found = [file for file in folder.iterdir() if file.name.endswith(".sql")] if folder.is_dir() else []
    if not found:
        raise StoreError("the migrations are missing from this installation; install artistjobs again.")
    return sorted(found, key=lambda file: file.name)


def is_new(db: "psycopg.Connection[dict[str, Any]]") -> bool:
    """Return True if the schema has no tables of artistjobs."""
    rows = db.execute("SELECT to_regclass('artistjobs_migrations') IS NULL AS is_new").fetchall()
    return bool(rows[0]["is_new"])


def missing(db: "psycopg.Connection[dict[str, Any]]", name: object) -> list[Path]:
    """Return the migrations that are not applied yet.

    Raises:
        NewerDatabaseError: if the database has a migration that this version does not know.
        WrongUseError: if the tables belong to another program.

    """
    files = migration_files()
    # One statement, since another process may make the tables between two of them.
    found = db.execute(
        "SELECT to_regclass('artistjobs_migrations') IS NULL AS is_new,"
        " to_regclass('jobs') IS NOT NULL OR to_regclass('workers') IS NOT NULL AS has_others"
    ).fetchone()
    if found is not None and found["is_new"]:
        if found["has_others"]:
            raise WrongUseError(
                f"{name} has tables of another program; name another database, or another schema with "
                "?options=-csearch_path%3DNAME at the end of the URL."
            )
        return files
    rows = db.execute("SELECT name FROM artistjobs_migrations").fetchall()
    applied = {row["name"] for row in rows}
    known = {_name(file) for file in files}
    if applied - known:
        raise NewerDatabaseError(
            f"{name} was made by a later version of artistjobs (it has {min(applied - known)}); upgrade artistjobs."
        )
    return [file for file in files if _name(file) not in applied]


def migrate(db: "psycopg.Connection[dict[str, Any]]", name: object) -> None:
    """Apply the missing migrations in one transaction; a second process waits and finds none missing."""
    with db.transaction():
        db.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
        for file in missing(db, name):
            db.execute(file.read_text(encoding="utf-8"))
            if is_new(db):
                db.execute(
                    "CREATE TABLE artistjobs_migrations (name text PRIMARY KEY, applied_at timestamptz NOT NULL)"
                )
            db.execute("INSERT INTO artistjobs_migrations VALUES (%s, clock_timestamp())", (_name(file),))


def _name(file: Path) -> str:
    return file.name.removesuffix(".sql")
