"""The PostgreSQL driver: opens one database to work on, to preview an ingest, or to read.

Each function imports what it needs when it is called.
"""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TypeVar

from artistjobs.core.findings import Finding
from artistjobs.errors import WrongUseError
from artistjobs.store.address import Address, DatabaseUrl
from artistjobs.store.interface import FilePreview, Reader, Store
from artistjobs.store.models import DatabaseCopy, Kind
from artistjobs.store.queries.tables import Counted, Tables, TableWriter

Opened = TypeVar("Opened")


def open_store(address: Address, kind: Kind | None, *, create: bool) -> AbstractContextManager[Store]:
    """Open a database to work on; see ``store.open_store``."""

    def opened(url: DatabaseUrl) -> AbstractContextManager[Store]:
        from artistjobs.store.postgres import store

        return store.open_store(url, kind, create=create)

    return _with_driver(opened, address)


def open_preview(address: Address, kind: Kind) -> AbstractContextManager[FilePreview]:
    """Open a database to compare a file with; see ``dry_run.open_preview``."""

    def opened(url: DatabaseUrl) -> AbstractContextManager[FilePreview]:
        from artistjobs.store.postgres import dry_run

        return dry_run.open_preview(url, kind)

    return _with_driver(opened, address)


def open_reader(address: Address) -> AbstractContextManager[Reader]:
    """Open a database of either kind to read it; see ``reader.open_reader``."""

    def opened(url: DatabaseUrl) -> AbstractContextManager[Reader]:
        from artistjobs.store.postgres import reader

        return reader.open_reader(url)

    return _with_driver(opened, address)


def uri_to_read(address: Address) -> str:
    """Raise WrongUseError: other programs cannot read a server with SQLite."""
    raise WrongUseError(f"{address} is not a SQLite file; copy it to one first: artistjobs --db URL copy --to jobs.db")


def back_up(address: Address, target: Path, *, replaces: bool) -> DatabaseCopy:
    """Raise WrongUseError: PostgreSQL has its own tools for backups."""
    del target, replaces
    raise WrongUseError(f"backup copies SQLite files; back {address} up with: pg_dump --format=custom --file=FILE URL")


def restore(address: Address, source: Path, kind: Kind | None) -> DatabaseCopy:
    """Raise WrongUseError: PostgreSQL has its own tools for backups."""
    del source, kind
    raise WrongUseError(f"restore replaces SQLite files; fill {address} with: pg_restore --dbname=URL FILE")


def open_tables(address: Address) -> AbstractContextManager[Tables]:
    """Open a database to read all of its rows; see ``tables.open_tables``."""

    def opened(url: DatabaseUrl) -> AbstractContextManager[Tables]:
        from artistjobs.store.postgres import tables

        return tables.open_tables(url)

    return _with_driver(opened, address)


def fill(address: Address, fill: Callable[[TableWriter], Counted], kind: Kind) -> Counted:
    """Fill a new database; see ``tables.fill_database``."""

    def filled(url: DatabaseUrl) -> Counted:
        from artistjobs.store.postgres import tables

        return tables.fill_database(url, fill, kind)

    return _with_driver(filled, address)


def diagnose(address: Address, *, deep: bool) -> Iterable[Finding]:
    """Examine a server and its database; see ``diagnosis.diagnose``."""

    def diagnosed(url: DatabaseUrl) -> Iterable[Finding]:
        from artistjobs.store.postgres import diagnosis

        return diagnosis.diagnose(url, deep=deep)

    return _with_driver(diagnosed, address)


def _with_driver(opened: Callable[[DatabaseUrl], Opened], address: Address) -> Opened:
    assert isinstance(address, DatabaseUrl)
    try:
        return opened(address)
    except ImportError as error:
        raise WrongUseError(
            "PostgreSQL needs its driver; install it with: pip install 'artistjobs[postgres]'"
        ) from error
