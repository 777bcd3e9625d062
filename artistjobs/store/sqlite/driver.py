"""The SQLite driver: opens one file to work on, to preview an ingest, or to read.

Each function imports what it needs when it is called: ``status`` must not wait for the import of sqlite-utils.
"""

from contextlib import AbstractContextManager
from pathlib import Path

from artistjobs.store.address import Address
from artistjobs.store.interface import FilePreview, Reader, Store
from artistjobs.store.models import Kind


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


def _path(address: Address) -> Path:
    assert isinstance(address, Path)
    return address
