"""The SQLite driver: opens one file to work on, to preview an ingest, or to read.

Each function imports what it needs when it is called: ``status`` must not wait for the import of sqlite-utils.
"""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from pathlib import Path

from artistjobs.core.findings import Finding
from artistjobs.store.address import Address
from artistjobs.store.interface import FilePreview, Reader, Store
from artistjobs.store.models import DatabaseCopy, Kind
from artistjobs.store.queries.tables import Counted, Tables, TableWriter


def open_store(address: Address, kind: Kind | None, *, create: bool) -> AbstractContextManager[Store]:
    """Open a database to work on; see ``store.open_store``."""
    from artistjobs.store.sqlite import store

    return store.open_store(_path(address), kind, create=create)


def open_preview(address: Address, kind: Kind) -> AbstractContextManager[FilePreview]:
    """Open a database to compare a file with; see ``dry_run.open_preview``."""
    from artistjobs.store.sqlite import dry_run

    return dry_run.open_preview(_path(address), kind)


def open_reader(address: Address) -> AbstractContextManager[Reader]:
    """Open a database of either kind to read it; see ``reader.open_reader``."""
    from artistjobs.store.sqlite import reader

    return reader.open_reader(_path(address))


def back_up(address: Address, target: Path, *, replaces: bool) -> DatabaseCopy:
    """Copy a database to one file; see ``copy.back_up``."""
    from artistjobs.store.sqlite import copy

    return copy.back_up(_path(address), target, replaces=replaces)


def restore(address: Address, source: Path, kind: Kind | None) -> DatabaseCopy:
    """Put a backup in the place of a database; see ``restore.restore``."""
    from artistjobs.store.sqlite import restore as restoring

    return restoring.restore(_path(address), source, kind)


def uri_to_read(address: Address) -> str:
    """Return the URI by which SQLite can read a database; see ``read_only.uri_to_read``."""
    from artistjobs.store.sqlite import read_connection, read_only

    path = _path(address)
    with read_connection.translated(path):
        return read_only.uri_to_read(path)


def open_tables(address: Address) -> AbstractContextManager[Tables]:
    """Open a database to read all of its rows; see ``tables.open_tables``."""
    from artistjobs.store.sqlite import tables

    return tables.open_tables(_path(address))


def fill(address: Address, fill: Callable[[TableWriter], Counted], kind: Kind) -> Counted:
    """Fill a new database; see ``tables.fill_database``."""
    from artistjobs.store.sqlite import tables

    return tables.fill_database(_path(address), fill, kind)


def diagnose(address: Address, *, deep: bool) -> Iterable[Finding]:
    """Examine a database and its place; see ``diagnosis.diagnose``."""
    from artistjobs.store.sqlite import diagnosis

    return diagnosis.diagnose(_path(address), deep=deep)


def _path(address: Address) -> Path:
    assert isinstance(address, Path)
    return address
