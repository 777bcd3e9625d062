"""File locks between processes: a write lock, and a liveness lock per worker.

The operating system frees a lock when its process dies, however it dies. They are ``flock`` locks on files
beside the database, never on the database itself: closing any descriptor of that file would drop SQLite's own
locks. A lock belongs to the open file, so a reused process id does no harm, and a suspended process keeps its locks.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path


class WriteLock:
    """Write lock of a database, which processes of artistjobs get in turn.

    SQLite's own busy handler polls and favours the process that has just committed; with several busy
    processes one of them could wait for seconds. The file ``DATABASE-lock`` is never removed.
    """

    def __init__(self, database: Path) -> None:
        self._file = FileIO(f"{database}-lock", "a", opener=_ours)

    @contextmanager
    def __call__(self) -> Iterator[None]:
        """Wait for the lock and hold it for the context."""
        fcntl.flock(self._file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class LivenessLock:
    """Lock ``DATABASE-worker-N`` that a worker holds for as long as its process lives.

    The number of a worker is never reused, so a missing or unlocked file means that the worker is dead.
    """

    def __init__(self, database: Path, worker: int) -> None:
        self._path = _worker_file(database, worker)
        self._file = _open_locked(self._path)

    def end(self) -> None:
        """Release the lock and remove its file; a second call does nothing."""
        if not self._file.closed:
            with suppress(OSError):
                self._path.unlink()
            self.close()

    def close(self) -> None:
        """Release the lock and leave its file, as the death of the process does."""
        self._file.close()


@contextmanager
def lock_if_dead(database: Path, worker: int) -> Iterator[bool]:
    """Yield True if a worker is dead, and hold its lock so that no other process rescues its jobs meanwhile.

    The file of a dead worker is removed at the end of the context.
    """
    path = _worker_file(database, worker)
    with FileIO(path, "a", opener=_ours) as file:
        is_dead = _try_lock(file, fcntl.LOCK_EX)
        yield is_dead
        if is_dead:
            remove_liveness_lock(database, worker)


def remove_liveness_lock(database: Path, worker: int) -> None:
    """Remove the lock file of a dead worker."""
    _worker_file(database, worker).unlink(missing_ok=True)


def is_alive(database: Path, worker: int) -> bool:
    """Return True if the process of a worker lives; changes nothing."""
    try:
        with FileIO(_worker_file(database, worker)) as file:
            # A shared lock, so that two processes that check at the same time do not take each other for the worker.
            return not _try_lock(file, fcntl.LOCK_SH)
    except FileNotFoundError:
        return False


def _ours(path: str, flags: int) -> int:
    """Open a file that no other user may write, whatever the umask."""
    return os.open(path, flags, 0o644)


def _open_locked(path: Path) -> FileIO:
    while True:
        file = FileIO(path, "a", opener=_ours)
        # A blocking call: another process may hold the lock for a moment while it checks.
        fcntl.flock(file, fcntl.LOCK_EX)
        if _still_has_name(file, path):
            return file
        # The file was removed in between, so no other process would see a lock on it.
        file.close()


def _still_has_name(file: FileIO, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _worker_file(database: Path, worker: int) -> Path:
    return Path(f"{database}-worker-{worker}")


def _try_lock(file: FileIO, mode: int) -> bool:
    try:
        fcntl.flock(file, mode | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
