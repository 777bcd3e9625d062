"""Writing completed jobs as JSON Lines, whole or not at all, and their texts to a stream."""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from artistjobs.errors import StoreError, WrongUseError
from artistjobs.job import Scope
from artistjobs.record import add_details, make_record, prompt_finder, record_line
from artistjobs.store import Records

STATES = {"done": ("done",), "failed": ("failed",), "all": ("done", "failed")}
"""What ``--state`` asks for; jobs that are not final have no record."""

_BUFFER_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportConfig:
    """Which jobs to export, and how much of each."""

    scope: Scope = Scope()  # noqa: RUF009 - frozen
    states: Sequence[str] = STATES["done"]
    full: bool = False


Say = Callable[[str], None]


def export_to_file(records: Records, config: ExportConfig, output: Path, say: Say | None) -> int:
    """Write the records to ``output``, which appears whole or not at all; return how many.

    The text of each successful job goes to ``say``, in the same order, if there is one.

    Raises:
        WrongUseError: if there can be no such file.
        StoreError: if the disk fails; an older file is left as it was.

    """
    with _whole_file(output) as file:
        return _write(records, config, file, say)


def export_to_stream(records: Records, config: ExportConfig, stream: IO[bytes]) -> int:
    """Write the records to a stream; return how many."""
    count = _write(records, config, stream, None)
    stream.flush()
    return count


def refuse_unwritable(output: Path, database: Path, *others: Path | None) -> None:
    """Raise WrongUseError if ``output`` can be no file, or is one that is needed.

    Those are the database with the files beside it, and ``others``. It is said before money is
    spent rather than after.
    """
    if str(output) == "-":
        raise WrongUseError("an export to stdout is made with: artistjobs export -")
    _refuse_needed(Path(os.path.realpath(output)), Path(os.path.realpath(database)), others)
    if output.is_dir():
        raise WrongUseError(f"{output} is a folder; name a file for the export.")
    if not output.parent.is_dir():
        raise WrongUseError(f"there is no folder {output.parent} for the export; make it or name another file.")


def _refuse_needed(target: Path, database: Path, others: Sequence[Path | None]) -> None:
    if target == database or target.name.startswith(
        tuple(database.name + end for end in ("-wal", "-shm", "-lock", "-worker"))
    ):
        raise WrongUseError(f"{target.name} is the database or belongs to it; name another file for the export.")
    if any(other is not None and Path(os.path.realpath(other)) == target for other in others):
        raise WrongUseError(f"{target.name} is what is read for this run; name another file for the export.")


def _write(records: Records, config: ExportConfig, file: IO[bytes], say: Say | None) -> int:
    find, count = prompt_finder(records.prompt), 0
    for row in records.export(config.scope, config.states):
        error = records.last_error(row.job) if row.state == "failed" else {}
        record = make_record(row, find(row.prompt), error)
        if config.full:
            add_details(record, row, records.details(row.job))
        file.write(record_line(record))
        count += 1
        if say is not None and row.state == "done":
            say(row.text or "")
    return count


@contextmanager
def _whole_file(output: Path) -> Iterator[IO[bytes]]:
    """Give a file to write, which takes the place of ``output`` once it is complete and synced."""
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
        raise StoreError(f"{output} cannot be written: {reason}; mend that, then run: artistjobs export") from error


@contextmanager
def _part_file(target: Path) -> Iterator[tuple[Path, IO[bytes]]]:
    """Give the file beside ``target`` that is being written: ``TARGET.part``, held by one export at a time."""
    part = target.with_name(target.name + ".part")
    with _lock_new(part) as file:
        try:
            yield part, file
        except BaseException:
            part.unlink(missing_ok=True)
            raise


def _lock_new(part: Path) -> IO[bytes]:
    while True:
        file = os.fdopen(os.open(part, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644), "wb", _BUFFER_BYTES)
        fcntl.flock(file, fcntl.LOCK_EX)
        if _is_still(part, file):
            file.truncate(0)  # what a killed export left
            return file
        file.close()  # another export was here, and has put its file in place


def _is_still(part: Path, file: IO[bytes]) -> bool:
    try:
        return os.path.samestat(part.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


def _put_in_place(part: Path, file: IO[bytes], target: Path) -> None:
    file.flush()
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
