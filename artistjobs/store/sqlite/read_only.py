"""Opening a database in a folder where SQLite may not create the files beside it, such as a read-only mount."""

import os
import sqlite3
from pathlib import Path

_NOT_WRITABLE = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)
"""Primary SQLite error codes if the folder is not writable, so that no log and no index of the log can be created."""


_EXCLUSIVE = "vfs=unix-none"
"""In a URI: no locks. In exclusive mode SQLite then keeps the index of the log in memory, and needs no file -shm."""


def connect_to_read(real: Path, timeout: float, mode: str = "rw") -> sqlite3.Connection:
    """Return a connection that reads a database; ``real`` is its resolved path, ``timeout`` is in seconds.

    With mode ``rw``, SQLite may bring the file up to date from its log; with ``ro`` it does not write to it.

    Raises:
        sqlite3.Error: if the database cannot be opened.

    """
    connection, _ = _found(real, timeout, mode)
    return connection


def uri_to_read(path: Path) -> str:
    """Return a URI by which a database can be read and not written; raises sqlite3.Error if there is none."""
    connection, uri = _found(Path(os.path.realpath(path)), 0.0, "ro")
    connection.close()
    return uri


def _found(real: Path, timeout: float, mode: str) -> tuple[sqlite3.Connection, str]:
    uri = _uri(real, f"mode={mode}")
    # A log that somebody creates who may only read the database could not be written by its owner.
    if is_writable(real) or _has(real, "-shm") or not real.exists():
        try:
            return _opened(uri, timeout), uri
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in _NOT_WRITABLE or _has(real, "-shm"):
                raise
    # Every process that has the database open keeps the file -shm. No process of this machine can be writing then, so
    # the database is read without locks.
    uri = _uri(real, f"mode=ro&{_EXCLUSIVE}" if _has(real, "-wal") else "mode=ro&immutable=1")
    return _opened(uri, timeout), uri


def is_writable(file: Path) -> bool:
    """Return True if this user may write a file."""
    return os.access(file, os.W_OK, effective_ids=os.access in os.supports_effective_ids)


def _uri(real: Path, how: str) -> str:
    return f"{real.as_uri()}?{how}"


def _opened(uri: str, timeout: float) -> sqlite3.Connection:
    connection = sqlite3.connect(uri, uri=True, timeout=timeout, isolation_level=None)
    try:
        if _EXCLUSIVE in uri:
            connection.execute("PRAGMA locking_mode = EXCLUSIVE").fetchall()
        connection.execute("SELECT count(*) FROM sqlite_master").fetchall()
    except BaseException:
        connection.close()
        raise
    return connection


def _has(real: Path, suffix: str) -> bool:
    # False also in a folder that may not be searched, where Path.exists raises an error.
    return os.path.exists(f"{real}{suffix}")  # noqa: PTH110
