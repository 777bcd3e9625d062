"""Write lock between processes, which get it in turn.

It is a ``flock`` lock: the operating system frees it when its process dies, however it dies. A suspended process keeps
it, so whoever waits names its holder.
"""

import fcntl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path
from typing import Final

from artistjobs.store.sqlite.lock_files import has_name, open_lock_file, try_lock
from artistjobs.store.sqlite.lock_wait import LockWait

LOOK_SECONDS: Final = 1.0
"""Interval at which a waiting process looks at the holder."""


class WriteLock:
    """Write lock of a database.

    SQLite's own busy handler polls and favours the process that has just committed; with several busy
    processes one of them could wait for seconds. The file ``DATABASE-lock`` is never removed by us.
    """

    def __init__(self, database: Path) -> None:
        self._database = database
        self._path = Path(f"{database}-lock")
        self._file = open_lock_file(self._path, database)
        self._has_lost_name = False
        self._mutex = threading.Lock()

    @contextmanager
    def __call__(self, wait: LockWait | None = None) -> Iterator[None]:
        """Hold the lock for the context, as ``acquire`` does."""
        self.acquire(wait)
        try:
            yield
        finally:
            self.release()

    def acquire(self, wait: LockWait | None = None) -> None:
        """Wait for the lock.

        Without ``wait`` this blocks in one call, which is fastest; another thread has to watch it. With ``wait`` it
        looks at the holder once a second, and Ctrl+C interrupts it.

        Raises:
            StoreError: if ``wait`` finds no hope.
            OSError: if the file of the lock was removed and cannot be made anew.

        """
        if self._has_lost_name:
            self._reopen()
        if wait is None:
            fcntl.flock(self._file, fcntl.LOCK_EX)
            return
        while True:
            if not try_lock(self._file):
                self._wait_in_thread(wait)
            if has_name(self._file, self._path):
                return
            self._reopen()

    def release(self) -> None:
        """Release the lock."""
        fcntl.flock(self._file, fcntl.LOCK_UN)

    def check_name(self) -> None:
        """Recreate the file before the next use if it was removed; any thread may call this."""
        with self._mutex:
            if not self._file.closed and not has_name(self._file, self._path):
                self._has_lost_name = True

    def close(self) -> None:
        """Close the file."""
        with self._mutex:
            self._file.close()

    def _reopen(self, *, closing: bool = True) -> None:
        with self._mutex:
            if closing:
                self._file.close()
            self._file = open_lock_file(self._path, self._database)
            self._has_lost_name = False

    def _wait_in_thread(self, wait: LockWait) -> None:
        """Wait in the kernel's queue, in a thread, since a blocking call knows no time limit."""
        waiting = _Waiting(self._file)
        try:
            while not waiting.is_granted.wait(LOOK_SECONDS):
                wait.poll()
        except BaseException:
            # Otherwise the thread that waits closes the file.
            self._reopen(closing=waiting.give_up())
            raise


class _Waiting:
    """A thread that waits for a lock on behalf of another."""

    def __init__(self, file: FileIO) -> None:
        self.is_granted = threading.Event()
        self._file = file
        self._mutex = threading.Lock()
        self._is_given_up = False
        threading.Thread(target=self._wait, name="lock", daemon=True).start()

    def give_up(self) -> bool:
        """Release the lock as soon as it is granted; return True if it has been granted already."""
        with self._mutex:
            self._is_given_up = True
            return self.is_granted.is_set()

    def _wait(self) -> None:
        with suppress(OSError):
            fcntl.flock(self._file, fcntl.LOCK_EX)
        with self._mutex:
            if self._is_given_up:
                self._file.close()
            else:
                self.is_granted.set()
