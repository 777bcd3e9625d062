"""Spool of a worker: what the database may not have, in a file of this machine.

It has attempts, and the ids of responses that the service makes in the background. Every attempt is written to it
before the database commits it. The file is synced when the database is away. What the database has acknowledged stays
for a while, because a failover may forget what a server had committed. A file belongs to the process that has it
locked; a later start takes over the files of processes that are gone.
"""

import fcntl
import json
import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from artistjobs.core.attempt import Attempt
from artistjobs.store.models import Submission
from artistjobs.store.postgres.attempt_json import attempt_from_json, attempt_json

if TYPE_CHECKING:
    from io import FileIO

log = logging.getLogger(__name__)

KEPT_BYTES: Final = 16 * 2**20
"""Size from which a file is begun anew once the database has everything in it."""

SUFFIX = ".spool"


@dataclass(frozen=True, slots=True)
class Spooled:
    """An attempt in a spool, the number of the exchange in which the database was to get it, and its receipt."""

    number: int
    attempt: Attempt
    is_acknowledged: bool


@dataclass(frozen=True, slots=True)
class Owner:
    """Worker that wrote a spool: its number, and the token that no other worker has."""

    worker: int
    token: str


class SpoolFile:
    """Spool of one worker, which holds the lock of its file."""

    def __init__(self, folder: Path, owner: Owner) -> None:
        self.owner = owner
        self._path = folder / f"{owner.token}{SUFFIX}"
        self._file: FileIO | None = self._path.open("ab", buffering=0)
        fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self._is_complete = True
        self._submitted: dict[int, Submission] = {}
        self.acknowledged = 0
        self._begin()

    @property
    def folder(self) -> Path:
        """Folder of the file."""
        return self._path.parent

    def read(self, pending: Sequence[Attempt], number: int) -> "list[Spooled]":
        """Return everything in the file, or the attempts in memory if the disk did not take all of them."""
        if self._is_complete:
            return read_spool(self._path)
        return [Spooled(number, attempt, is_acknowledged=False) for attempt in pending]

    def add(self, number: int, attempts: Sequence[Attempt]) -> None:
        """Write attempts that belong to the exchange with this number."""
        for attempt in attempts:
            if attempt.calls:
                self._submitted.pop(attempt.claim.job, None)
        lines = [json.dumps({"number": number, "attempt": attempt_json(attempt)}) for attempt in attempts]
        self._write("".join(f"{line}\n" for line in lines).encode())

    def add_submission(self, submission: Submission) -> None:
        """Write a response that the service makes in the background, on disk on return."""
        self._submitted[submission.job] = submission
        self._write_submission(submission)
        self.sync()

    def read_submissions(self) -> "list[Submission]":
        """Return the responses that the service makes in the background for jobs of this worker."""
        return list(self._submitted.values())

    def acknowledge(self, number: int) -> None:
        """Write that the database has all exchanges up to this number."""
        self.acknowledged = number
        if self._file is not None and self._is_complete and self._file.tell() > KEPT_BYTES:
            with suppress(OSError):
                self._file.truncate(0)
                self._begin()
        self._write(b'{"acknowledged": %d}\n' % number)

    def sync(self) -> None:
        """Sync everything written to the disk."""
        try:
            if self._file is not None:
                os.fsync(self._file.fileno())
        except OSError as error:
            self._complain(error)

    def remove(self) -> None:
        """Remove the file: the database has everything."""
        with suppress(OSError):
            self._path.unlink()
        self.close()

    def close(self) -> None:
        """Release the file, as the death of the process does."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _begin(self) -> None:
        self._write(b'{"worker": %d, "token": "%s"}\n' % (self.owner.worker, self.owner.token.encode()))
        for submission in self._submitted.values():
            self._write_submission(submission)

    def _write_submission(self, submission: Submission) -> None:
        self._write(json.dumps({"submission": asdict(submission)}).encode() + b"\n")

    def _write(self, text: bytes) -> None:
        # A full disk must not end the work: the database takes the attempts, and until then they are in memory.
        try:
            if self._file is not None and text and self._file.write(text) != len(text):
                self._file.write(b"\n")
        except OSError as error:
            self._complain(error)

    def _complain(self, error: OSError) -> None:
        if self._is_complete:
            log.warning("%s cannot be written (%s); answers are kept in memory alone", self._path, error.strerror)
        self._is_complete = False


def read_spool(path: Path) -> list[Spooled]:
    """Return the attempts of a spool, the oldest first. A line that was cut off by a crash is left out."""
    found: list[tuple[int, Attempt]] = []
    acknowledged = 0
    for line in path.read_bytes().split(b"\n"):
        try:
            value = json.loads(line)
            if "acknowledged" in value:
                acknowledged = value["acknowledged"]
            elif "attempt" in value:
                found.append((value["number"], attempt_from_json(value["attempt"])))
        except (ValueError, KeyError, TypeError):
            continue
    return [Spooled(number, attempt, number <= acknowledged) for number, attempt in found]


def read_submissions(path: Path) -> list[Submission]:
    """Return the responses in the background of a spool that no attempt in it has ended."""
    found: dict[int, Submission] = {}
    for line in path.read_bytes().split(b"\n"):
        with suppress(ValueError, KeyError, TypeError):
            value = json.loads(line)
            if "submission" in value:
                submission = Submission(**value["submission"])
                found[submission.job] = submission
            elif "attempt" in value and value["attempt"]["calls"]:
                found.pop(value["attempt"]["claim"]["job"], None)
    return list(found.values())


def read_owner(path: Path) -> Owner | None:
    """Return the worker that wrote a spool, None if nothing was written."""
    with suppress(ValueError, KeyError, TypeError), path.open("rb") as file:
        value = json.loads(file.readline())
        return Owner(value["worker"], value["token"])
    return None


def spooled_answers(folder: Path) -> int:
    """Return the number of answers in a folder of spools that the database has not acknowledged."""
    count = 0
    for path in folder.glob(f"*{SUFFIX}"):
        with suppress(OSError):
            spooled = read_spool(path)
            count += sum(not one.is_acknowledged and one.attempt.answer is not None for one in spooled)
    return count


def orphans(folder: Path) -> Iterator[Path]:
    """Yield the path of each spool whose process is gone, and hold its lock meanwhile."""
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        with suppress(OSError), path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if path.exists():
                yield path
