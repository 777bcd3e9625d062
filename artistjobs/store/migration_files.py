"""Numbered SQL files that create and change the schema of each kind of database, forward only."""

from collections.abc import Iterable
from pathlib import Path

from artistjobs.errors import NewerDatabaseError, StoreError


def files_of(dialect: str) -> list[Path]:
    """Return the migration files of a dialect in order, from the installed package or from the checkout.

    ``dialect`` is the name of their folder, ``sqlite`` or ``postgres``.

    Raises:
        StoreError: if there are none.

    """
    package = Path(__file__).resolve().parents[1]
    inside, beside = (place / "migrations" / dialect for place in (package, package.parent))
    folder = inside if inside.is_dir() else beside
    found = [file for file in folder.iterdir() if file.name.endswith(".sql")] if folder.is_dir() else []
    if not found:
        raise StoreError("the migrations are missing from this installation; install artistjobs again.")
    return sorted(found, key=lambda file: file.name)


def migration_name(file: Path) -> str:
    """Return the name under which a database records a migration."""
    return file.name.removesuffix(".sql")


def not_applied(files: Iterable[Path], applied: set[str], database: object) -> list[Path]:
    """Return the files that are not among the ``applied`` names, in their order.

    Raises:
        NewerDatabaseError: if the database has a migration that this version does not know.

    """
    by_name = {migration_name(file): file for file in files}
    if unknown := applied - by_name.keys():
        raise NewerDatabaseError(
            f"{database} was made by a later version of artistjobs (it has {min(unknown)}); upgrade artistjobs."
        )
    return [file for name, file in by_name.items() if name not in applied]


def in_use_error(database: object, pid: int, host: str) -> StoreError:
    """Return the error for a database that a living worker keeps from being upgraded."""
    return StoreError(
        f"{database} is in use by a worker of an earlier version (process {pid} on {host}) and cannot be upgraded "
        "meanwhile; wait until it ends or stop it with Ctrl+C, then run the same command again."
    )
