"""Probe of the disk after an error: SQLite reports many troubles of a disk as damage or as missing rights."""

import errno
import os
from pathlib import Path
from typing import Final

DISK_ERRORS: Final = frozenset(
    {
        errno.EIO, errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.ENODEV, errno.ENXIO, errno.ESTALE, errno.ENOTCONN,
        errno.ETIMEDOUT, errno.EMFILE, errno.ENFILE,
    }
)  # fmt: skip
"""Errors that no permission and no content of a file explains."""


def disk_error(database: Path) -> OSError | None:
    """Return the error that the disk of a database gives now, None if it works; the database itself is not touched.

    It opens the folder, and writes and syncs a file there that has no name, where the system has such files.
    """
    try:
        _try_folder(database.parent)
    except OSError as error:
        return error if error.errno in DISK_ERRORS else None
    return None


def _try_folder(folder: Path) -> None:
    os.close(os.open(folder, os.O_RDONLY | os.O_CLOEXEC))
    if not (nameless := getattr(os, "O_TMPFILE", 0)):
        return
    descriptor = os.open(folder, nameless | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        os.write(descriptor, bytes(4096))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
