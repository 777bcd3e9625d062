"""Life of workers: each holds a lock that dies with its process, and with nothing else.

A suspended process keeps its lock, and a reused process id has none. Something may remove the files under living
workers, such as a cleaner of temporary files: each worker makes its own anew, and until then others take it for alive
as long as its process has the database open.
"""

import fcntl
import logging
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from io import FileIO
from pathlib import Path
from time import monotonic
from typing import Final, NamedTuple

from artistjobs.store.call_notes import note_beat, note_call, suspected_in
from artistjobs.store.sqlite.holders import users
from artistjobs.store.sqlite.lock_files import create_lock_file, has_name, open_existing, try_lock
from artistjobs.store.sqlite.locks import WriteLock

log = logging.getLogger(__name__)


_SUFFIX: Final = "-worker-"
"""What the name of a worker's lock file has after that of the database, before the number of the worker."""


KEEP_SECONDS: Final = 1.0
"""Interval at which a worker checks that its lock file still has its name."""


GRACE_SECONDS: Final = 10.0
"""Seconds for which a worker whose lock file is missing counts as alive if its process cannot be seen."""


class WorkerProcess(NamedTuple):
    """A worker and its process, as the table ``workers`` records them; ``has_ended`` is 1 once its end is recorded."""

    worker: int
    host: str
    pid: int
    has_ended: int = 0


class LivenessLock:
    """Lock ``DATABASE-worker-N`` that a worker holds for as long as its process lives.

    The number of a worker is never reused. An unlocked file means that the worker is dead.
    """

    def __init__(self, database: Path, worker: int) -> None:
        self._database = database
        self._path = worker_file(database, worker)
        self._mutex = threading.Lock()
        # A file that lost its name stays open and locked: another process may be about to look at it.
        self._files = [_locked_file(self._path, database)]

    def renew(self) -> bool:
        """Make the file anew if it has lost its name; return True if it had. Raises OSError."""
        with self._mutex:
            if not self._files or has_name(self._files[-1], self._path):
                return False
            self._files.append(_locked_file(self._path, self._database))
            return True

    def note_call(self, job: int) -> None:
        """Write the job whose call begins or ends into the file, where it survives the process; any thread may."""
        self._write(lambda descriptor: note_call(descriptor, job))

    def beat(self) -> None:
        """Write the current time into the file, as that of the last sign of life."""
        self._write(note_beat)

    def _write(self, note: Callable[[int], None]) -> None:
        # A full disk must not end the work: without the text no row is suspected, unless it is alone.
        with self._mutex, suppress(OSError):
            if self._files:
                note(self._files[-1].fileno())

    def end(self) -> None:
        """Release the lock and remove its file; a second call does nothing."""
        with self._mutex, suppress(OSError):
            if self._files and has_name(self._files[-1], self._path):
                self._path.unlink()
        self.close()

    def close(self) -> None:
        """Release the lock and leave its file, as the death of the process does."""
        with self._mutex:
            while self._files:
                self._files.pop().close()


class LockKeeper:
    """Thread of a worker that checks once a second that its lock files still have their names.

    A thread of its own, because the one that writes may wait for a disk or for another process.
    """

    def __init__(self, life: LivenessLock, write_lock: WriteLock) -> None:
        self._life = life
        self._write_lock = write_lock
        self._ended = threading.Event()
        self._trouble: OSError | None = None
        self._thread = threading.Thread(target=self._run, name="lock keeper", daemon=True)
        self._thread.start()

    def ensure_kept(self) -> None:
        """Raise OSError if the lock file of the worker was removed and cannot be made anew."""
        if self._trouble is not None:
            raise self._trouble

    def close(self) -> None:
        """End the thread."""
        self._ended.set()
        self._thread.join(KEEP_SECONDS)

    def _run(self) -> None:
        while not self._ended.wait(KEEP_SECONDS):
            try:
                if self._life.renew():
                    log.warning("the lock file of this worker was removed and is made again; find what removes it")
                self._life.beat()
                self._write_lock.check_name()
                self._trouble = None
            except OSError as error:
                self._trouble = error


class DeathWatch:
    """Distinguishes dead workers from living ones for one process that rescues their jobs."""

    def __init__(self, database: Path, clock: Callable[[], float] = monotonic) -> None:
        self._database = database
        self._clock = clock
        self._missing_since: dict[int, float] = {}

    @contextmanager
    def lock_if_dead(self, process: WorkerProcess) -> Iterator[bool]:
        """Yield True if a worker is dead, and hold its lock so that no other process rescues its jobs meanwhile.

        The file of a dead worker is removed at the end of the context.
        """
        path = worker_file(self._database, process.worker)
        with ExitStack() as opened:
            try:
                file = opened.enter_context(open_existing(path))
            except (FileNotFoundError, PermissionError):
                yield self._is_long_gone(process)
                return
            is_dead = try_lock(file) and has_name(file, path)
            yield is_dead
            if is_dead and has_name(file, path):
                remove_worker_file(self._database, process.worker)

    def _is_long_gone(self, process: WorkerProcess) -> bool:
        """Return True if a worker is dead whose lock file is missing or not to be opened."""
        if process.has_ended:
            return True
        is_used = _uses(self._database, process)
        if is_used is not None:
            return not is_used
        now = self._clock()
        return now - self._missing_since.setdefault(process.worker, now) >= GRACE_SECONDS


def suspected_job(database: Path, worker: int) -> int | None:
    """Return the job that is suspected of the death of a worker; see ``call_notes``."""
    return suspected_in(worker_file(database, worker))


def remove_worker_file(database: Path, worker: int) -> None:
    """Remove the lock file of a dead worker; another user's file may have to stay, which does no harm."""
    with suppress(OSError):
        worker_file(database, worker).unlink()


def worker_files(database: Path) -> list[Path]:
    """Return the lock files of workers that exist, also those that have no name of a worker yet. Raises OSError."""
    return [file for file in database.parent.iterdir() if file.name.startswith(f"{database.name}{_SUFFIX}")]


def is_alive(database: Path, process: WorkerProcess) -> bool:
    """Return True if the process of a worker lives; changes nothing."""
    try:
        with open_existing(worker_file(database, process.worker)) as file:
            # A shared lock, so that two processes that check at the same time do not take each other for the worker.
            return not try_lock(file, fcntl.LOCK_SH)
    except (FileNotFoundError, PermissionError):
        return _uses(database, process) is True


def worker_file(database: Path, worker: int) -> Path:
    """Return the path of the lock file of a worker."""
    return Path(f"{database}{_SUFFIX}{worker}")


def _locked_file(path: Path, database: Path) -> FileIO:
    """Return a new file, locked before it gets its name, so that nobody sees it unlocked. Raises OSError."""
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    file = create_lock_file(new, database)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        new.rename(path)
    except BaseException:
        file.close()
        with suppress(OSError):
            new.unlink()
        raise
    return file


def _uses(database: Path, process: WorkerProcess) -> bool | None:
    """Return True if the process of a worker has the database open, None if that cannot be seen from here."""
    if process.host != socket.gethostname() or process.pid == os.getpid():
        # A process in another container; or the id, after a restart, is now our own.
        return None
    if (found := users(database)) is not None:
        return process.pid in found
    return None if _exists(process.pid) else False


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass  # it belongs to another user
    return True
