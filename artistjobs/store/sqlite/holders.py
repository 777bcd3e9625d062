"""Processes that hold locks on the files of a database, as Linux lists them in ``/proc/locks``.

Elsewhere there is no such list. A process in another container is not in it.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

LOCKS, PROCESSES = Path("/proc/locks"), Path("/proc")


WRITE_BYTE = 120
"""Byte of the file ``-shm`` that SQLite locks for a write transaction: https://sqlite.org/walformat.html."""


@dataclass(frozen=True, slots=True)
class Process:
    """Process that holds a lock; ``cpu_seconds`` is the processor time that it has used so far."""

    pid: int
    name: str
    is_stopped: bool
    cpu_seconds: float

    def __str__(self) -> str:
        """Return the process as a message names it."""
        return f"process {self.pid} ({self.name}{', stopped' if self.is_stopped else ''})"


class _Lock(NamedTuple):
    kind: str
    is_exclusive: bool
    pid: int
    inode: int
    first: int
    last: int


def flock_holder(file: Path) -> Process | None:
    """Return the process that holds the ``flock`` of a file, None if there is none or it cannot be seen."""
    pids = [lock.pid for lock in _locks_on(file) if lock.kind == "FLOCK"]
    return process(pids[0]) if pids else None


def transaction_holder(database: Path) -> Process | None:
    """Return the process that keeps others from a write transaction in SQLite, None if there is none to be seen."""
    log_index = Path(f"{database}-shm")
    pids = [lock.pid for lock in _locks_on(log_index) if lock.kind == "POSIX" and lock.first <= WRITE_BYTE <= lock.last]
    # Without a write-ahead log, or in SQLite's exclusive mode, the lock is on the database itself.
    pids += [lock.pid for lock in _locks_on(database) if lock.kind == "POSIX" and lock.is_exclusive]
    return process(pids[0]) if pids else None


def users(database: Path) -> frozenset[int] | None:
    """Return the ids of the processes that have a database open, None if this system does not list them.

    A connection to a database with a write-ahead log holds a lock on the file for as long as it is open.
    """
    if not LOCKS.exists():
        return None
    return frozenset(lock.pid for lock in _locks_on(database) if lock.kind == "POSIX")


def process(pid: int) -> Process | None:
    """Return what ``/proc`` tells about a process, None if it is gone or cannot be seen."""
    folder = PROCESSES / str(pid)
    try:
        before, _, after = (folder / "stat").read_text("utf-8", "replace").rpartition(")")
        arguments = (folder / "cmdline").read_text("utf-8", "replace").split("\0")
    except OSError:
        return None
    # The numbers of the fields are in proc(5): state is the third, utime and stime are the 14th and the 15th.
    fields = after.split()
    is_ours = any(Path(argument).name == "artistjobs" for argument in arguments)
    name = "artistjobs" if is_ours else before.partition("(")[2]
    ticks = int(fields[11]) + int(fields[12])
    return Process(pid, "".join(filter(str.isprintable, name)), fields[0] in "Tt", ticks / os.sysconf("SC_CLK_TCK"))


def _locks_on(file: Path) -> Iterator[_Lock]:
    """Yield the locks on a file; on some file systems the list names another device than ``stat``, but one inode."""
    try:
        inode = file.stat().st_ino
        lines = LOCKS.read_text("ascii", "replace").splitlines()
    except OSError:
        return
    for line in lines:
        if (lock := _parsed(line)) is not None and lock.inode == inode:
            yield lock


def _parsed(line: str) -> _Lock | None:
    """Return a lock from a line; None for a process that waits for one, and for lines in another form."""
    match line.split():
        case [_, ("FLOCK" | "POSIX") as kind, _, access, pid, where, first, last] if int(pid) > 0:
            return _Lock(kind, access == "WRITE", int(pid), int(where.rpartition(":")[2]), int(first), _end(last))
    return None


def _end(last: str) -> int:
    return 2**63 if last == "EOF" else int(last)
