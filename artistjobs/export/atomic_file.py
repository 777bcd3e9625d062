"""A file that appears whole or not at all: written beside its place, synced, renamed."""

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
    """Give a file to write, which takes the place of ``output`` once it is complete and synced.

    ``then`` is the command to run once what was in the way is mended.
    """
    target = Path(os.path.realpath(output))
    try:
        if output.exists() and not output.is_file():
            # Not by its real path: that of /dev/stdout may lead to a pipe, which has none.
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
        raise StoreError(f"{output} cannot be written: {reason}; mend that, then run: {then}") from error


@contextmanager
def _part_file(target: Path) -> Iterator[tuple[Path, "BufferedWriter[WriteBehindFile]"]]:
    """Give the file beside ``target`` that is being written: ``TARGET.part``, held by one export at a time."""
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
            file.truncate(0)  # what a killed export left
            return WriteBehindFile(file)
        file.close()  # another export was here, and has put its file in place


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
    # The rename itself is on disk only once the folder is.
    folder = os.open(target.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
