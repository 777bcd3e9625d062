"""Files that processes lock beside a database: made with the rights of the database, and known by their names.

Whoever may read a file may lock it. So that no other user can stop the work, a lock file is readable for those only
who may write the database. Lock files are never the database itself: closing any descriptor of that file would drop
SQLite's own locks.
"""

import fcntl
import os
import stat
from contextlib import suppress
from io import FileIO
from pathlib import Path

from artistjobs.errors import StoreError

_OWNER_ALONE = 0o600


def open_lock_file(path: Path, database: Path) -> FileIO:
    """Open a lock file beside a database, and create it if there is none.

    A file that more users could lock than may write the database is replaced, since one of them may hold it.

    Raises:
        StoreError: if it is not a file, or belongs to a user who has no part in the database.
        OSError: if it cannot be opened or created.

    """
    while True:
        with suppress(FileExistsError):
            return create_lock_file(path, database)
        with suppress(FileNotFoundError):  # removed in between
            file = _opened(path)
            _ensure_trusted(file, path, database)
            if not (_was_too_open(file, database) and _is_removed(path)):
                return file
            file.close()


def create_lock_file(path: Path, database: Path) -> FileIO:
    """Create a lock file with the owner, the group and the readers of a database. Raises OSError."""
    file = FileIO(path, "x", opener=lambda name, flags: os.open(name, flags, _OWNER_ALONE))
    with suppress(OSError):
        owner, own = database.stat(), os.fstat(file.fileno())
        if os.geteuid() == 0 and owner.st_uid != own.st_uid:
            os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
        elif owner.st_gid != own.st_gid:
            os.fchown(file.fileno(), -1, owner.st_gid)
    _set_mode(file, _wanted_mode(database))
    return file


def open_existing(path: Path) -> FileIO:
    """Open a lock file; a lock needs no right to write. Raises OSError."""
    return FileIO(path, opener=lambda name, flags: os.open(name, flags | os.O_NOFOLLOW | os.O_NONBLOCK))


def try_lock(file: FileIO, mode: int = fcntl.LOCK_EX) -> bool:
    """Lock a file unless another process has locked it; return True if that succeeded. Raises OSError."""
    try:
        fcntl.flock(file, mode | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def has_name(file: FileIO, path: Path) -> bool:
    """Return True if an open file still has its name, so that a lock on it is seen by others. Raises OSError."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _opened(path: Path) -> FileIO:
    try:
        return open_existing(path)
    except PermissionError as error:
        raise StoreError(
            f"{path} cannot be opened by you; let its owner run the command once, which gives the file the rights of "
            "the database, then run it again."
        ) from error


def _ensure_trusted(file: FileIO, path: Path, database: Path) -> None:
    found = os.fstat(file.fileno())
    if not stat.S_ISREG(found.st_mode):
        file.close()
        raise StoreError(f"{path} is not a file; remove it, then run the same command again.")
    if found.st_uid not in {os.geteuid(), 0, _owner(database)} and _wanted_mode(database) == _OWNER_ALONE:
        file.close()
        raise StoreError(
            f"{path} belongs to another user, who could stop all work with it; remove it, or move the database to a "
            "folder of your own."
        )


def _was_too_open(file: FileIO, database: Path) -> bool:
    """Set the mode of a lock file; return True if users could lock it so far who may not any more."""
    before, wanted = _mode(file), _wanted_mode(database)
    _set_mode(file, wanted)
    # A file system without modes leaves it as it was.
    return bool(before & ~wanted) and _mode(file) == wanted


def _is_removed(path: Path) -> bool:
    try:
        path.unlink()
    except FileNotFoundError:
        return True
    except OSError:  # another user's file in a folder that keeps its files
        return False
    return True


def _set_mode(file: FileIO, mode: int) -> None:
    if _mode(file) != mode:
        with suppress(OSError):  # only its owner may do that
            os.fchmod(file.fileno(), mode)


def _mode(file: FileIO) -> int:
    return stat.S_IMODE(os.fstat(file.fileno()).st_mode)


def _wanted_mode(database: Path) -> int:
    """Return the mode of a lock file: each class of users may read and write it that may write the database."""
    mode = _OWNER_ALONE
    with suppress(OSError):
        found = database.stat().st_mode
        mode |= 0o060 if found & stat.S_IWGRP else 0
        mode |= 0o006 if found & stat.S_IWOTH else 0
    return mode


def _owner(database: Path) -> int:
    try:
        return database.stat().st_uid
    except OSError:
        return os.geteuid()
