"""A PostgreSQL server for the benchmarks, with databases that are copies of others."""

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from artistjobs.store.address import DatabaseUrl
from artistjobs.store.database import Database
from benchmarks.measure import Bench, Used, run
from benchmarks.program import ARTISTJOBS, ingest_again, prepare_rows
from tests.support.postgres import OwnServer, find_wheel, own_server

PENDING = 2_000
"""Pending jobs in a database of finished ones."""

SETTINGS = ("max_connections=400", "shared_buffers=256MB", "max_wal_size=4GB")
"""Settings beside the defaults: synced commits, and memory as on a small server."""


@contextmanager
def running(parent: Path | None, *, is_quick: bool) -> Iterator[OwnServer | None]:
    """Run a server with its data in a folder of ``parent``; None if there is no PostgreSQL here."""
    if find_wheel() is None:
        yield None
        return
    with own_server(*SETTINGS, *(["fsync=off"] if is_quick else []), parent=parent) as server:
        yield server


@dataclass(frozen=True)
class Databases:
    """The databases of a server by their names, and the folder of the benchmark."""

    server: OwnServer
    bench: Bench

    def url(self, name: str) -> str:
        """Return the URL of a database."""
        return f"{self.server.url.rpartition('/')[0]}/{name}"

    @property
    def spool(self) -> Path:
        """Folder for the spools of all workers."""
        return self.bench.folder / "spool"

    def environment(self, name: str) -> dict[str, str]:
        """Return the environment in which the program works on a database."""
        return {"ARTISTJOBS_DB": self.url(name), "ARTISTJOBS_SPOOL": str(self.spool)}

    def admin(self, statement: str) -> None:
        """Execute a statement about whole databases."""
        with psycopg.connect(self.server.url, autocommit=True) as db:
            db.execute(statement.encode())

    def execute(self, name: str, *statements: str) -> list[tuple[object, ...]]:
        """Execute statements in a database, each in a transaction of its own; return the rows of the last one."""
        with psycopg.connect(self.url(name), autocommit=True) as db:
            rows: list[tuple[object, ...]] = []
            for statement in statements:
                cursor = db.execute(statement.encode())
                rows = cursor.fetchall() if cursor.description else []
            return rows

    @contextmanager
    def copy(self, template: str, name: str = "work") -> Iterator[str]:
        """Lend a copy of a database under a name of its own."""
        self.create(name, template)
        try:
            yield name
        finally:
            self.drop(name)

    def create(self, name: str, template: str) -> None:
        """Create a copy of a database."""
        self.admin(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
        # Otherwise the next measurement would pay for pages that are still to be written.
        self.admin("CHECKPOINT")

    def drop(self, name: str) -> None:
        """Drop a database with all its sessions."""
        self.admin(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def empty(self, name: str) -> str:
        """Return a database that has its tables and no rows; it is created once."""
        if not self._exists(name):
            self.admin(f"CREATE DATABASE {name}")
            with Database(DatabaseUrl(self.url(name), spool=self.spool), None).open(create=True):
                pass
        return name

    def pending(self, rows: int) -> str:
        """Return a database of pending jobs; it is created once."""
        name = f"pending_{rows}"
        if not self._exists(name):
            self.admin(f"CREATE DATABASE {name}")
            with self.bench.place("ingest") as folder:
                self.ingest(name, prepare_rows(folder, rows))
            self.execute(name, "VACUUM ANALYZE")
        return name

    def ingest(self, name: str, file: Path) -> Used:
        """Add the jobs of a file with the command; return its use of resources."""
        return ingest_again(file.parent, file, self.environment(name))

    def command(self, name: str, folder: Path, *words: object) -> Used:
        """Run a command of the program on a database."""
        return run([*ARTISTJOBS, *words], folder, self.environment(name))

    def psql(self, name: str, folder: Path, *commands: str) -> float:
        """Run commands with psql; return the seconds that it took."""
        words: Sequence[object] = [word for command in commands for word in ("-c", command)]
        psql = self.server.program("psql")
        return run([psql, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", self.url(name), *words], folder).seconds

    def _exists(self, name: str) -> bool:
        with psycopg.connect(self.server.url, autocommit=True) as db:
            return bool(db.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchall())


def cpu_seconds(postmaster: int) -> float:
    """Return the CPU time of a server with all its present sessions."""
    children = subprocess.run(["ps", "-o", "pid=", "--ppid", str(postmaster)], capture_output=True, check=True)
    return sum(map(_scheduled, [postmaster, *map(int, children.stdout.split())]))


def _scheduled(pid: int) -> float:
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9
    except OSError:
        return 0.0
