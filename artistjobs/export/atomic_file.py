"""Atomic file write: the data goes to a new file beside the target, is synced to disk, and is then renamed.

The new file has a name of its own, so that no file of the user is overwritten, whatever its name is.
"""

import fcntl
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BufferedWriter, FileIO
from pathlib import Path
from stat import S_IMODE, S_IRGRP, S_IROTH, S_IRWXG, S_IRWXO
from typing import IO

from artistjobs.errors import StoreError
from artistjobs.export.write_behind import WriteBehindFile

_BUFFER_BYTES = 1 << 16


_MODE = 0o644
"""Mode of a new file, before the umask: no other user may write to it."""


_NAME_BYTES = 255
"""Longest name of a file, in bytes, on the file systems of Linux and macOS."""


_UNNAMED = "artistjobs"
"""Beginning of the name of a new file whose target has too long a name."""


@contextmanager
def atomic_write(output: Path, then: str = "artistjobs export", source: Path | None = None) -> Iterator[IO[bytes]]:
    """Open a file that replaces ``output`` when the block ends without an error.

    A device or a pipe is written directly. ``then`` is the command that the error message tells users to run after
    they have fixed the cause. If ``source`` is given, nobody may read the file who may not read ``source``.

    Raises:
        StoreError: if the file cannot be written; an older file at ``output`` is unchanged.
        BrokenPipeError: if ``output`` is a pipe whose reader is gone.

    """
    target = Path(os.path.realpath(output))
    try:
        if output.exists() and not output.is_file():
            # Opened by its given path: /dev/stdout may resolve to a pipe, which has no path in the file system.
            with output.open("wb", buffering=_BUFFER_BYTES) as device:
                yield device
            return
        _remove_abandoned(target)
        with _part_file(target, source) as (part, file):
            yield file
            _put_in_place(part, file, target)
    except BrokenPipeError:
        raise
    except OSError as error:
        reason = error.strerror or str(error)
        raise StoreError(f"{output} cannot be written: {reason}; fix the cause, then run: {then}") from error


def ensure_creatable(output: Path) -> None:
    """Raise OSError if no new file can be created beside ``output``; nothing is left there."""
    target = Path(os.path.realpath(output))
    with suppress(FileNotFoundError):
        target.lstat()  # raises OSError if the name is too long
    part, file = _new_file(target)
    file.close()
    part.unlink()


@contextmanager
def _part_file(target: Path, source: Path | None = None) -> Iterator[tuple[Path, "BufferedWriter[WriteBehindFile]"]]:
    """Open a new file beside ``target``, locked for as long as it is written; delete it after an error."""
    part, new = _new_file(target)
    with BufferedWriter(WriteBehindFile(new), _BUFFER_BYTES) as file:
        try:
            os.fchmod(new.fileno(), _mode_for(target, os.fstat(new.fileno()).st_gid, source))
            yield part, file
        except BaseException:
            part.unlink(missing_ok=True)
            raise


def _new_file(target: Path) -> tuple[Path, FileIO]:
    """Create a file beside ``target`` under a name that no file has, for this user alone, and lock it."""
    while True:
        part = target.with_name(f"{_beginning(target)}.{secrets.token_hex(8)}.part")
        file = FileIO(os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb")
        with suppress(OSError):  # some network file systems have no locks
            fcntl.flock(file, fcntl.LOCK_EX)
        if _is_still(part, file):
            return part, file
        file.close()  # another export has just taken it for an abandoned one


def _beginning(target: Path) -> str:
    longest = _NAME_BYTES - len(".0123456789abcdef.part")
    return target.name if len(os.fsencode(target.name)) <= longest else _UNNAMED


def _remove_abandoned(target: Path) -> None:
    """Remove the files of exports to the same target that were killed: nobody holds their locks."""
    name = re.compile(re.escape(_beginning(target)) + r"\.[0-9a-f]{16}\.part")
    for part in [part for part in target.parent.iterdir() if name.fullmatch(part.name)]:
        with suppress(OSError), FileIO(os.open(part, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC), "wb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            part.unlink()


def _is_still(part: Path, file: FileIO) -> bool:
    try:
        return os.path.samestat(part.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


def _mode_for(target: Path, group: int, source: Path | None) -> int:
    """Return the mode of a new file: that of the old one, but without rights for users who may not read ``source``."""
    try:
        mode = S_IMODE(target.stat().st_mode)
    except FileNotFoundError:
        os.umask(umask := os.umask(0))  # the only way to read it
        mode = _MODE & ~umask
    return mode if source is None else mode & ~_denied(source.stat(), group)


def mode_of_new_file(source: Path | None) -> int:
    """Return a mode that gives no rights to users who may not read ``source``, which may be missing or None."""
    if source is None:
        return _MODE
    try:
        found = source.stat()
    except OSError:
        return _MODE
    return _MODE & ~_denied(found, os.getegid())


def _denied(source: os.stat_result, group: int) -> int:
    """Return the bits of the group and of others in a mode, as far as they may not read ``source``."""
    # The members of another group are others to the source.
    group_may = source.st_mode & (S_IRGRP if group == source.st_gid else S_IROTH)
    return (0 if group_may else S_IRWXG) | (0 if source.st_mode & S_IROTH else S_IRWXO)


def _put_in_place(part: Path, file: "BufferedWriter[WriteBehindFile]", target: Path) -> None:
    file.flush()
    file.raw.flush()
    os.fsync(file.fileno())
    part.replace(target)
    # The rename survives a power cut only if the folder is synced too.
    folder = os.open(target.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
