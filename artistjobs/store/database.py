"""The only way to open a database: its path, its kind, and the choice of the driver.

No module outside of ``store`` imports a driver.
"""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from artistjobs.store.address import Address, DatabaseUrl
from artistjobs.store.interface import FilePreview, Reader, Store
from artistjobs.store.models import Kind


class Driver(Protocol):
    """The functions of a driver; a module implements it."""

    def open_store(self, address: Address, kind: Kind | None, *, create: bool) -> AbstractContextManager[Store]:
        """Open a database to work on; ``create`` makes one if there is none."""

    def open_preview(self, address: Address, kind: Kind) -> AbstractContextManager[FilePreview]:
        """Open a database to compare a file with it; do not create one."""

    def open_reader(self, address: Address) -> AbstractContextManager[Reader]:
        """Open a database of either kind to read it."""


@dataclass(frozen=True, slots=True)
class Database:
    """Path or URL and expected kind of a database; ``kind`` is None if both kinds are accepted.

    Each method raises WrongUseError if the database is not one of ours or of the other kind, NoDatabaseError if it does
    not exist and is needed, and StoreError if the disk or the database fails.
    """

    path: Address
    kind: Kind | None

    def open(self, *, create: bool = False) -> AbstractContextManager[Store]:
        """Open it to work on; ``create`` makes one if there is none."""
        return self._driver().open_store(self.path, self.kind, create=create)

    def preview(self) -> AbstractContextManager[FilePreview]:
        """Open it to compare a file with it; a missing database is not created."""
        return self._driver().open_preview(self.path, self.kind or Kind.REAL)

    def reader(self) -> AbstractContextManager[Reader]:
        """Open it to read it, whatever its kind."""
        return self._driver().open_reader(self.path)

    def _driver(self) -> Driver:
        """Return the driver for the name of the database, imported only now."""
        if isinstance(self.path, DatabaseUrl):
            from artistjobs.store.postgres import driver as postgres

            return postgres
        from artistjobs.store.sqlite import driver

        return driver
