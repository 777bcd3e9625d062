"""Locks that the operating system frees when their process dies, however it dies.

They are ``flock`` locks on files beside the database, and never on the database itself: closing
any descriptor of that file would drop SQLite's own locks. A lock belongs to the open file, so a
reused process id fools nobody, and a stopped process keeps what it holds.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path


class WriteLock:
    """Lets one of our processes at a time write, in turn.

    SQLite's own busy handler polls and favours whoever has just committed; with several busy
    processes one of them could wait for seconds. The file is ``DATABASE-lock`` and stays.
    """

    def __init__(self, database: Path) -> None:
        self._file = FileIO(f"{database}-lock", "a", opener=_ours)

    @contextmanager
    def __call__(self) -> Iterator[None]:
        """Wait for our turn and hold it."""
        fcntl.flock(self._file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


class LivenessLock:
    """A lock that a worker holds for as long as its process lives: ``DATABASE-worker-N``.

    The number of a worker is never used again, so a file that is gone or free means a dead worker.
    """

    def __init__(self, database: Path, worker: int) -> None:
        self._path = _worker_file(database, worker)
        self._file = _open_locked(self._path)

    def end(self) -> None:
        """Give up the lock and its file; once more does nothing."""
        if not self._file.closed:
            with suppress(OSError):
                self._path.unlink()
            self.close()

    def close(self) -> None:
        """Give up the lock as death does: its file stays."""
        self._file.close()


@contextmanager
def lock_if_dead(database: Path, worker: int) -> Iterator[bool]:
    """Say whether a worker is dead, and as long as the context lasts keep others from saying so too.

    The file of a dead worker is removed at the end.
    """
    path = _worker_file(database, worker)
    with FileIO(path, "a", opener=_ours) as file:
        is_dead = _try_lock(file, fcntl.LOCK_EX)
        yield is_dead
        if is_dead:
            remove_liveness_lock(database, worker)


def remove_liveness_lock(database: Path, worker: int) -> None:
    """Remove the file of a worker that is certified dead."""
    _worker_file(database, worker).unlink(missing_ok=True)


def is_alive(database: Path, worker: int) -> bool:
    """Say whether a worker's process lives; changes nothing."""
    try:
        with FileIO(_worker_file(database, worker)) as file:
            # Shared, so that two who look at the same time do not take each other for the worker.
            return not _try_lock(file, fcntl.LOCK_SH)
    except FileNotFoundError:
        return False


def _ours(path: str, flags: int) -> int:
    """Open a file that, whatever the umask says, nobody else may write."""
    return os.open(path, flags, 0o644)


def _open_locked(path: Path) -> FileIO:
    while True:
        file = FileIO(path, "a", opener=_ours)
        # Blocking: somebody may be looking at this very moment, and lets go at once.
        fcntl.flock(file, fcntl.LOCK_EX)
        if _still_has_name(file, path):
            return file
        # Whoever held it before has removed it: nobody would find our lock there.
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
