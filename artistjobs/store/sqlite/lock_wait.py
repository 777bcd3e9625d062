"""A wait for the right to write: names the process that keeps others waiting, and ends a wait without hope."""

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Final

from artistjobs.errors import StoreError
from artistjobs.store.sqlite.holders import Process, flock_holder, transaction_holder

log = logging.getLogger(__name__)


SAY_SECONDS: Final = 3.0
"""Seconds of waiting after which the holder is named."""


BUSY_SHARE: Final = 0.2
"""Share of a processor that a holder must use to count as one that works."""


class LockWait:
    """One wait for the write lock of a database and for SQLite's own.

    A holder that works may take its time, such as an ingest of millions of rows. The wait ends if for ``patience``
    seconds the holder neither computes nor writes, because it is stopped, sleeps or is another program.
    """

    def __init__(self, database: Path, name: Path, patience: float, clock: Callable[[], float] = monotonic) -> None:
        self._database = database
        self._name = name
        self._patience = patience
        self._clock = clock
        self._started_at = self._hopeful_at = clock()
        self._seen = _State(self._started_at, None, ())
        self._told: tuple[int, bool] | None = None

    def poll(self) -> None:
        """Log who holds the lock once the wait is long; to be called once a second or so.

        Raises:
            StoreError: if the holder has done nothing for too long.

        """
        before, now = self._seen, _State(self._clock(), _holder(self._database), _written(self._database))
        self._seen = now
        if now.has_moved_since(before):
            self._hopeful_at = now.at
        if now.at - self._hopeful_at >= self._patience:
            raise StoreError(_locked(self._name, now.holder))
        told = (now.holder.pid, now.holder.is_stopped) if now.holder else (0, False)
        if now.at - self._started_at >= SAY_SECONDS and told != self._told:
            self._told = told
            log.warning("waiting, since another program keeps %s locked; %s", self._name, _remedy(now.holder))


@dataclass(frozen=True, slots=True)
class _State:
    """The holder of the lock at a moment, and sizes and times of the files that it writes."""

    at: float
    holder: Process | None
    written: tuple[int, ...]

    def has_moved_since(self, before: "_State") -> bool:
        if self.holder is None or before.holder is None or self.holder.pid != before.holder.pid:
            return self.holder != before.holder or self.written != before.written
        computed = self.holder.cpu_seconds - before.holder.cpu_seconds
        return self.written != before.written or computed > BUSY_SHARE * (self.at - before.at)


def locked_sentence(database: Path, name: Path) -> str:
    """Return the error message for a database that another process has kept locked for too long."""
    return _locked(name, _holder(database))


def _locked(name: Path, holder: Process | None) -> str:
    return (
        f"{name}: another program keeps it locked; {_remedy(holder)}, then run the same command again: "
        "what was stored is kept."
    )


def _written(database: Path) -> tuple[int, ...]:
    found: list[int] = []
    for file in (database, Path(f"{database}-wal")):
        with suppress(OSError):
            status = file.stat()
            found += status.st_size, status.st_mtime_ns
    return tuple(found)


def _holder(database: Path) -> Process | None:
    """Return the process that all others wait for: one of ours may hold the lock and itself wait for SQLite's."""
    return transaction_holder(database) or flock_holder(Path(f"{database}-lock"))


def _remedy(holder: Process | None) -> str:
    if holder is None:
        return "close that program"
    if holder.is_stopped:
        return f"continue {holder} with: kill -CONT {holder.pid}, or end it with: kill -KILL {holder.pid}"
    return f"close that program, {holder}"
