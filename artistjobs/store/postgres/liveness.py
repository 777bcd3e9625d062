"""Liveness of workers: a session advisory lock and a heartbeat, each with a connection of its own.

A worker is dead if its heartbeat is older than ``DEAD_SECONDS`` by the clock of the server and its lock is free. The
lock alone is not enough, because it is lost for a moment when the connection breaks. The heartbeat alone is not
enough, because a suspended or slow process is alive. A lock that is still held after ``HALF_OPEN_SECONDS`` without a
heartbeat belongs to a session of a host that is gone, or to a process that was suspended for too long: the session is
ended, which frees the lock.
"""

import logging
from contextlib import ExitStack, suppress
from threading import Event, Thread
from time import monotonic
from typing import TYPE_CHECKING, Any

import psycopg

from artistjobs.store.call_notes import note_beat, note_call

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from artistjobs.store.postgres.statements import Db

log = logging.getLogger(__name__)

DEAD_SECONDS = 15.0
HALF_OPEN_SECONDS = 60.0
HEARTBEAT_SECONDS = 2.0
CLOSE_SECONDS = 1.0
FAIL_STOP_SECONDS = 5.0
"""Age in seconds of the last heartbeat from which a worker makes no new call."""

# The first key of the locks names the schema, because advisory locks are shared by all schemas of a database.
_TRY_LOCK = "SELECT pg_try_advisory_lock(hashtext('artistjobs:' || current_schema()), %s::int) AS is_locked"
_TRY_LOCK_OF_DEAD = (
    "SELECT pg_try_advisory_xact_lock(hashtext('artistjobs:' || current_schema()), %s::int) AS is_locked"
)
_HOLDER = """
SELECT pid FROM pg_locks
 WHERE locktype = 'advisory' AND granted AND objsubid = 2
   AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
   AND classid = (hashtext('artistjobs:' || current_schema())::bigint & 4294967295)::oid AND objid = %s::bigint::oid
"""
_AGE = "SELECT extract(epoch FROM clock_timestamp() - seen_at)::float8 AS age FROM workers WHERE id = %s"
# A heartbeat waits for a process that is about to take the worker for dead, and then finds it ended.
_AGE_LOCKED = f"{_AGE} FOR UPDATE"
_BEAT = "UPDATE workers SET seen_at = clock_timestamp(), backend = pg_backend_pid() WHERE id = %s AND ended_at IS NULL"


class Liveness:
    """Lock and heartbeat of one worker, kept by a thread on a connection of its own.

    ``is_dead`` is True once another process has taken the worker for dead and freed its jobs.
    """

    def __init__(self, connect: "Callable[[], Db]", worker: int, notes: "Path") -> None:
        self.is_dead = False
        self._connect = connect
        self._worker = worker
        self._ended = Event()
        self._has_lock = False
        self._beat_at = monotonic()
        self._notes = notes.open("wb", buffering=0)
        with ExitStack() as unborn:
            unborn.callback(self._notes.close)
            self._db = self._session()
            unborn.callback(self._db.close)
            self._beat()
            unborn.pop_all()
        self._thread = Thread(target=self._keep, name="heartbeat", daemon=True)
        self._thread.start()

    def is_certain(self) -> bool:
        """Return True if the last heartbeat is recent, so that no other process takes this worker for dead."""
        return not self.is_dead and monotonic() - self._beat_at < FAIL_STOP_SECONDS

    def may_reach_server(self) -> bool:
        """Return True if the heartbeat has lately reached the server."""
        return self.is_dead or self.is_certain()

    def note_call(self, job: int) -> None:
        """Write the job whose call begins or ends to the notes, which survive the process; any thread may."""
        with suppress(OSError, ValueError):  # a full disk must not end the work; or closed meanwhile
            note_call(self._notes.fileno(), job)

    def close(self) -> None:
        """Stop the heartbeat and free the lock."""
        self._notes.close()
        self._ended.set()
        self._thread.join(CLOSE_SECONDS)
        with suppress(psycopg.Error):
            # The server notices a closed connection a moment later.
            self._db.execute("SELECT pg_advisory_unlock_all()")
        with suppress(psycopg.Error):
            self._db.close()

    def _keep(self) -> None:
        while not self._ended.wait(HEARTBEAT_SECONDS) and not self.is_dead:
            try:
                if self._db.closed or self._db.broken:
                    self._has_lock = False
                    self._db = self._session()
                self._beat()
            except Exception as error:  # noqa: BLE001 - the thread goes on until the worker ends
                log.debug("no heartbeat: %s", error)
                with suppress(psycopg.Error):
                    self._db.close()

    def _session(self) -> "Db":
        db = self._connect()
        # A heartbeat that a crash of the server forgets is followed by another one; nothing has to wait for the disk.
        db.execute("SET synchronous_commit = off")
        if db.prepare_threshold is not None:
            db.prepare_threshold = 0  # each statement is repeated for as long as the worker lives
        return db

    def _beat(self) -> None:
        sent = monotonic()
        self.is_dead = self._db.execute(_BEAT, (self._worker,)).rowcount == 0
        if self.is_dead:
            return
        self._beat_at = sent
        # An earlier session of this worker may still hold the lock, or a process that looks whether it is free.
        self._has_lock = self._has_lock or bool(_value(self._db, _TRY_LOCK, self._worker, "is_locked"))
        with suppress(OSError, ValueError):
            note_beat(self._notes.fileno())


def is_alive(db: "Db", worker: int) -> bool:
    """Return True if a worker's heartbeat is recent, or its lock is held and not half-open; changes nothing."""
    age = _value(db, _AGE, worker, "age")
    if age is None:
        return False
    if age <= DEAD_SECONDS:
        return True
    return age <= HALF_OPEN_SECONDS and _value(db, _HOLDER, worker, "pid") is not None


def try_lock_dead(db: "Db", worker: int) -> bool:
    """Take the lock of a worker if it is dead, within a transaction; return False if it is alive.

    The session that holds a half-open lock is ended; its lock is free at the next try.
    """
    age = _value(db, _AGE, worker, "age")
    if age is None or age <= DEAD_SECONDS:
        return False
    if _value(db, _TRY_LOCK_OF_DEAD, worker, "is_locked"):
        # Another process may have rescued the jobs, or the worker may have come back, between the two checks.
        return (_value(db, _AGE_LOCKED, worker, "age") or 0.0) > DEAD_SECONDS
    if age > HALF_OPEN_SECONDS and (pid := _value(db, _HOLDER, worker, "pid")) is not None:
        with suppress(psycopg.errors.InsufficientPrivilege):
            db.execute("SELECT pg_terminate_backend(%s)", (pid,))
    return False


def _value(db: "Db", statement: str, worker: int, column: str) -> Any:  # noqa: ANN401 - of any column
    row = db.execute(statement, (worker,)).fetchone()
    return row[column] if row else None
