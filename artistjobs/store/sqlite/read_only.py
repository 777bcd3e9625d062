"""Opening a database in a folder where SQLite may not create the files beside it, such as a read-only mount."""

import os
import sqlite3
from pathlib import Path

_NOT_WRITABLE = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)
"""Primary SQLite error codes if the folder is not writable, so that no log and no index of the log can be created."""


def connect_to_read(real: Path, timeout: float, mode: str = "rw") -> sqlite3.Connection:
    """Return a connection that reads a database; ``real`` is its resolved path, ``timeout`` is in seconds.

    With mode ``rw``, SQLite may bring the file up to date from its log; with ``ro`` it does not write to it.

    Raises:
        sqlite3.Error: if the database cannot be opened.

    """
    try:
        return _opened(real, f"mode={mode}", timeout)
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF not in _NOT_WRITABLE or _has(real, "-shm"):
            raise
    # Every process that has the database open keeps the file -shm. No process of this machine can be writing then, so
    # the database is read without locks.
    if _has(real, "-wal"):
        return _opened(real, "mode=ro&vfs=unix-none", timeout, "PRAGMA locking_mode = EXCLUSIVE")
    return _opened(real, "mode=ro&immutable=1", timeout)


def _opened(real: Path, how: str, timeout: float, pragma: str = "PRAGMA locking_mode") -> sqlite3.Connection:
    connection = sqlite3.connect(f"{real.as_uri()}?{how}", uri=True, timeout=timeout, isolation_level=None)
    try:
        # In exclusive mode SQLite keeps the index of the log in memory, and needs no file -shm.
        connection.execute(pragma).fetchall()
        connection.execute("SELECT count(*) FROM sqlite_master").fetchall()
    except BaseException:
        connection.close()
        raise
    return connection


def _has(real: Path, suffix: str) -> bool:
    # False also in a folder that may not be searched, where Path.exists raises an error.
    return os.path.exists(f"{real}{suffix}")  # noqa: PTH110
