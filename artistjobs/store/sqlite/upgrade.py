"""Upgrade of an older database: only while no worker of an earlier version works on it."""

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

from artistjobs.store.migration_files import in_use_error
from artistjobs.store.sqlite.liveness import WorkerProcess, is_alive
from artistjobs.store.sqlite.migrations import migrate, needs_migration
from artistjobs.store.sqlite.read_connection import sql

if TYPE_CHECKING:
    from sqlite_utils import Database


def upgrade(db: "Database", path: Path, name: Path) -> None:
    """Apply the missing migrations; the caller holds the write lock and an open transaction.

    Raises:
        StoreError: if a worker is alive, whose version would not understand the database afterwards.

    """
    if not needs_migration(db.conn, name):
        return  # another process has upgraded it meanwhile, and may already work on it
    if (worker := living_worker(db.conn, path)) is not None:
        raise in_use_error(name, worker.pid, worker.host)
    migrate(db)


def living_worker(db: sqlite3.Connection, path: Path) -> WorkerProcess | None:
    """Return a worker that is alive, None if there is none; the database may have any version or be new."""
    if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'workers'").fetchall():
        return None
    workers = [WorkerProcess(*row) for row in db.execute(sql("open_workers"))]
    return next((worker for worker in workers if is_alive(path, worker)), None)
