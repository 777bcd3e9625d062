"""Recognition of a write-ahead log that is not the log of the database beside it.

A killed process leaves ``DATABASE-wal``. If another copy of the database is then put in the place of the first, SQLite
would play that log into the copy, and destroy it. Nothing in SQLite's format ties a log to its database. Therefore each
transaction has a number in the first page, which begins at random, and the log must continue where the database is.
"""

import fcntl
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from time import sleep
from typing import Final

from artistjobs.core.command_text import command
from artistjobs.errors import StoreError
from artistjobs.store.sqlite.log_file import HEADER_BYTES, Frame, LogFile, number_of, read_log

SHARED_FIRST, SHARED_LENGTH = 0x40000002, 510
"""Bytes that each connection to a database with a log has locked: https://sqlite.org/src/file/src/os_unix.c."""


EXAMINED_BYTE = SHARED_FIRST + SHARED_LENGTH
"""Byte after those that SQLite locks; it is for us alone."""


UNUSED_BYTE = 0x40000000
"""The page with this byte is never used."""


_TRIES: Final = 1000


_PAUSE_SECONDS: Final = 0.01


_seen: set[object] = set()
"""Databases that SQLite may have open in this process: closing another descriptor would drop SQLite's locks."""


def ensure_own_log(database: Path, name: Path) -> None:
    """Raise StoreError if a log was left beside a database and is not its own.

    To be called before SQLite opens the database; ``database`` is its real path. A database that another process has
    open is not examined, because that process has accepted its log.
    """
    if _was_seen(database) or not _has_log(database):
        return
    with suppress(FileNotFoundError, PermissionError), Path(f"{database}-wal").open("rb", buffering=0) as log_file:
        with _opened(database) as file:
            is_foreign = _is_alone(database, file) and is_foreign_log(file, log_file)
        if is_foreign:
            raise StoreError(
                f"{name}-wal is not the log of {name}, which was probably copied to its place while the log of a "
                f"killed run was left there; remove {name}-wal and {name}-shm, or use: "
                f"{command(name, 'restore BACKUP')}"
            )


def is_foreign_log(file: FileIO, log_file: FileIO) -> bool:
    """Return True if a log contradicts the database beside it. Raises OSError."""
    if (log := read_log(log_file)) is None:
        return False
    header = os.pread(file.fileno(), 100, 0)
    base = _Base(
        page_bytes=int.from_bytes(header[16:18], "big"),
        pages=os.fstat(file.fileno()).st_size // log.page_bytes,
        number=number_of(header),
    )
    # The second look leaves out what a power cut tore at the end of the log.
    return all(base.contradicts(log, log.committed(checks_sums=checks_sums)) for checks_sums in (False, True))


@dataclass(frozen=True, slots=True)
class _Base:
    """Header of a database file, without its log."""

    page_bytes: int
    pages: int
    number: int

    def contradicts(self, log: LogFile, frames: Sequence[Frame]) -> bool:
        """Return True if frames cannot follow on this file."""
        if not frames:
            return False
        # A header says 1 for 65,536 bytes.
        return (
            self.page_bytes not in {log.page_bytes, log.page_bytes >> 16}
            or self._lacks_pages(log, frames)
            or self._is_numbered_otherwise(frames)
        )

    def _lacks_pages(self, log: LogFile, frames: Sequence[Frame]) -> bool:
        """Return True if a page is in neither: the file is older than what the log begins with."""
        in_log = {frame.page for frame in frames} | {UNUSED_BYTE // log.page_bytes + 1}
        return any(page not in in_log for page in range(self.pages + 1, frames[-1].pages + 1))

    def _is_numbered_otherwise(self, frames: Sequence[Frame]) -> bool:
        """Return True if transactions are missing between the file and the log, or the file has later ones.

        A checkpoint that was cut short leaves the file at any of the transactions in the log.
        """
        numbers = [frame.number for frame in frames if frame.number]
        return bool(self.number and numbers) and not numbers[0] - 1 <= self.number <= numbers[-1]


def _opened(database: Path) -> FileIO:
    """Open a database file to write, which a lock needs, or else to read. Raises OSError."""
    try:
        return FileIO(database, "r+")
    except OSError:
        return FileIO(database)


def _is_alone(database: Path, file: FileIO) -> bool:
    """Lock a database file until it is closed, so that no process opens it; return False if another has it open."""
    if not file.writable():
        # Every process that has it open keeps the file -shm.
        return not Path(f"{database}-shm").exists()
    for _ in range(_TRIES):
        # Those who examine the file come one after another: none must be taken for one that has it open.
        if _is_locked(file, EXAMINED_BYTE, 1):
            return lock_out_sqlite(file)
        sleep(_PAUSE_SECONDS)
    return False


def lock_out_sqlite(file: FileIO) -> bool:
    """Keep SQLite from opening a database until its file is closed; return False if a process has it open."""
    return _is_locked(file, SHARED_FIRST, SHARED_LENGTH)


def _is_locked(file: FileIO, first: int, length: int) -> bool:
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, length, first)
    except (BlockingIOError, PermissionError):
        return False
    return True


def _has_log(database: Path) -> bool:
    try:
        return Path(f"{database}-wal").stat().st_size > HEADER_BYTES
    except OSError:
        return False


def _was_seen(database: Path) -> bool:
    """Return True if this process may have the database open, and assume so from now on."""
    keys: list[object] = [database]
    with suppress(OSError):
        found = database.stat()
        keys.append((found.st_dev, found.st_ino))
    was_seen = not _seen.isdisjoint(keys)
    _seen.update(keys)
    return was_seen
