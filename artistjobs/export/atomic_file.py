"""Atomic file write: the data goes to ``TARGET.part``, is synced to disk, and is then renamed to its target."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedWriter, FileIO
from pathlib import Path
from typing import IO

from artistjobs.errors import StoreError
from artistjobs.export.write_behind import WriteBehindFile

_BUFFER_BYTES = 1 << 16


@contextmanager
def atomic_write(output: Path, then: str = "artistjobs export") -> Iterator[IO[bytes]]:
    """Open a file that replaces ``output`` when the block ends without an error.

    A device or a pipe is written directly. ``then`` is the command that the error message tells users to run after
    they have fixed the cause.

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
        with _part_file(target) as (part, file):
            yield file
            _put_in_place(part, file, target)
    except BrokenPipeError:
        raise
    except OSError as error:
        reason = error.strerror or str(error)
        raise StoreError(f"{output} cannot be written: {reason}; fix the cause, then run: {then}") from error


@contextmanager
def _part_file(target: Path) -> Iterator[tuple[Path, "BufferedWriter[WriteBehindFile]"]]:
    """Open ``TARGET.part`` beside ``target``, locked by one export at a time; delete it after an error."""
    part = target.with_name(target.name + ".part")
    with _lock_new(part) as behind, BufferedWriter(behind, _BUFFER_BYTES) as file:
        try:
            yield part, file
        except BaseException:
            part.unlink(missing_ok=True)
            raise


def _lock_new(part: Path) -> WriteBehindFile:
    while True:
        file = FileIO(os.open(part, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644), "wb")
        fcntl.flock(file, fcntl.LOCK_EX)
        if _is_still(part, file):
            file.truncate(0)  # an export that was killed may have left data
            return WriteBehindFile(file)
        file.close()  # another export has renamed this file to its target meanwhile


def _is_still(part: Path, file: FileIO) -> bool:
    try:
        return os.path.samestat(part.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


def _put_in_place(part: Path, file: "BufferedWriter[WriteBehindFile]", target: Path) -> None:
    file.flush()
    file.raw.flush()
    os.fsync(file.fileno())
    if target.exists():
        shutil.copymode(target, part)
    part.replace(target)
    # The rename survives a power cut only if the folder is synced too.
    folder = os.open(target.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
