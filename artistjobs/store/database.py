"""The only way to open a database: its path, its kind, and the choice of the driver.

No module outside of ``store`` imports a driver.
"""

import os
import re
import unicodedata
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from artistjobs.core.findings import Finding, finding_of
from artistjobs.errors import WrongUseError
from artistjobs.store.address import Address, DatabaseUrl, file_at
from artistjobs.store.interface import FilePreview, Reader, Store
from artistjobs.store.models import DatabaseCopy, Kind
from artistjobs.store.queries.tables import Counted, Tables, TableWriter

OWN_SUFFIX = re.compile(r"-(wal|shm|journal|lock|worker-[0-9]+(?:\.new)?)", re.IGNORECASE)
"""Suffixes of the files beside a SQLite database that belong to it."""


class Driver(Protocol):
    """The functions of a driver; a module implements it."""

    def open_store(self, address: Address, kind: Kind | None, *, create: bool) -> AbstractContextManager[Store]:
        """Open a database to work on; ``create`` makes one if there is none."""

    def open_preview(self, address: Address, kind: Kind) -> AbstractContextManager[FilePreview]:
        """Open a database to compare a file with it; do not create one."""

    def open_reader(self, address: Address) -> AbstractContextManager[Reader]:
        """Open a database of either kind to read it."""

    def uri_to_read(self, address: Address) -> str:
        """Return the URI by which SQLite can read a database."""

    def back_up(self, address: Address, target: Path, *, replaces: bool) -> DatabaseCopy:
        """Copy a database to one file; ``replaces`` allows to replace an earlier backup."""

    def restore(self, address: Address, source: Path, kind: Kind | None) -> DatabaseCopy:
        """Put a backup in the place of a database."""

    def open_tables(self, address: Address) -> AbstractContextManager[Tables]:
        """Open a database to read all of its rows from one snapshot."""

    def fill(self, address: Address, fill: Callable[[TableWriter], Counted], kind: Kind) -> Counted:
        """Fill a new or empty database in one transaction."""

    def diagnose(self, address: Address, *, deep: bool) -> Iterable[Finding]:
        """Examine a database and its place; ``deep`` reads the whole database."""


def counter() -> AbstractContextManager[FilePreview]:
    """Open a counter of distinct rows that knows no database; memory does not grow with their number."""
    from artistjobs.store.sqlite.dry_run import open_preview

    return open_preview(None, Kind.REAL)


@dataclass(frozen=True, slots=True)
class Database:
    """Path or URL and expected kind of a database; ``kind`` is None if both kinds are accepted.

    Each method raises WrongUseError if the database is not one of ours or of the other kind, NoDatabaseError if it does
    not exist and is needed, and StoreError if the disk or the database fails.
    """

    path: Address
    kind: Kind | None

    def owns(self, file: Path) -> bool:
        """Return True if ``file`` is the database or belongs to it, under any name, also if it does not exist yet."""
        own_file = file_at(self.path)
        if own_file is None:
            return False
        database = Path(os.path.realpath(own_file))
        target = Path(os.path.realpath(file))
        if is_same_file(target.parent, database.parent) and _may_be(target.name, database.name):
            return True
        return any(is_same_file(target, own) for own in _existing(database))

    def open(self, *, create: bool = False) -> AbstractContextManager[Store]:
        """Open it to work on; ``create`` makes one if there is none."""
        return self._driver().open_store(self.path, self.kind, create=create)

    def preview(self) -> AbstractContextManager[FilePreview]:
        """Open it to compare a file with it; a missing database is not created."""
        return self._driver().open_preview(self.path, self.kind or Kind.REAL)

    def reader(self) -> AbstractContextManager[Reader]:
        """Open it to read it, whatever its kind."""
        return self._driver().open_reader(self.path)

    def uri_to_read(self) -> str:
        """Return the URI by which other programs can read it with SQLite, in a folder that may be read-only."""
        return self._driver().uri_to_read(self.path)

    def back_up(self, target: Path, *, replaces: bool) -> DatabaseCopy:
        """Copy it to one file at ``target``, also while workers write; ``replaces`` allows to replace a backup."""
        if self.owns(target):
            raise WrongUseError(f"{target} is the database or a file that belongs to it; name another file.")
        return self._driver().back_up(self.path, target, replaces=replaces)

    def restore(self, source: Path) -> DatabaseCopy:
        """Put a copy of a backup in its place, and keep what was there; raises WrongUseError while it is in use."""
        return self._driver().restore(self.path, source, self.kind)

    def tables(self) -> AbstractContextManager[Tables]:
        """Open it to read all of its rows from one snapshot."""
        return self._driver().open_tables(self.path)

    def fill(self, fill: Callable[[TableWriter], Counted], kind: Kind) -> Counted:
        """Fill it in one transaction with what ``fill`` writes; raises WrongUseError if it is not new or empty."""
        return self._driver().fill(self.path, fill, kind)

    def diagnose(self, *, deep: bool) -> list[Finding]:
        """Return the findings about it and its place, also if it does not exist; ``deep`` reads all of it."""
        try:
            return list(self._driver().diagnose(self.path, deep=deep))
        except WrongUseError as error:
            return [finding_of("database", error)]

    def _driver(self) -> Driver:
        """Return the driver for the name of the database, imported only now."""
        if isinstance(self.path, DatabaseUrl):
            from artistjobs.store.postgres import driver as postgres

            return postgres
        from artistjobs.store.sqlite import driver

        return driver


def is_same_file(one: Path, other: Path) -> bool:
    """Return True if two paths lead to one existing file or folder, also by links or by a name in another case."""
    try:
        return one.samefile(other)
    except OSError:
        return False


def _may_be(name: str, database: str) -> bool:
    """Return True if a file of this name would be the database or one of its files on some file system."""
    folded, beginning = _folded(name), _folded(database)
    return folded.startswith(beginning) and bool(re.fullmatch(f"({OWN_SUFFIX.pattern})?", folded[len(beginning) :]))


def _folded(name: str) -> str:
    # On macOS a name may be written in another case, or with characters that are composed in another way.
    return unicodedata.normalize("NFC", name).casefold()


def _existing(database: Path) -> list[Path]:
    try:
        return [file for file in database.parent.iterdir() if _may_be(file.name, database.name)]
    except OSError:
        return [database]
