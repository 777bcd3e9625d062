"""Client of ``launcher.py``: starts the program with injected faults in a folder."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from conftest import wait_until
from paths import ROOT, SUPPORT

SECONDS = 60


class Launcher:
    """The process that all others are forked from; ``shim`` is the library that intercepts its writes."""

    def __init__(self, said: Path, shim: Path | None) -> None:
        self.shim = shim
        self._said = said
        self._count = 0
        environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(SUPPORT)])}
        if shim:
            environment["LD_PRELOAD"] = str(shim)
        self._process = subprocess.Popen(
            [sys.executable, str(SUPPORT / "launcher.py")],
            env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip

    def start(self, folder: Path, environment: dict[str, str], arguments: tuple, wrong: dict) -> "Launched":
        self._count += 1
        said = [self._said / f"{self._count}.{stream}" for stream in ("out", "err")]
        order = {
            "folder": str(folder), "environment": environment, "arguments": [str(one) for one in arguments],
            "said": [str(path) for path in said], "wrong": wrong,
        }  # fmt: skip
        return Launched(self, self._ask(order), *said)

    def poll(self, pid: int) -> int | None:
        return self._ask({"poll": pid})

    def close(self) -> None:
        self._process.communicate()

    def _ask(self, order: dict):
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


@dataclass
class Launched:
    """A process that was started."""

    launcher: Launcher
    pid: int
    out_path: Path
    err_path: Path
    code: int | None = field(default=None, init=False)

    def poll(self) -> int | None:
        if self.code is None:
            self.code = self.launcher.poll(self.pid)
        return self.code

    def wait(self, seconds: float = SECONDS) -> int:
        wait_until(lambda: self.poll() is not None, seconds)
        return self.code

    def signal(self, number: int) -> None:
        """Send a signal; an ended process is not reaped before it is polled, so its id is not reused."""
        if self.code is None:
            os.kill(self.pid, number)

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Suspend all threads of the process within the context, so that it sees only the state after it."""
        self.signal(signal.SIGSTOP)
        wait_until(self._stands_still)
        yield
        self.signal(signal.SIGCONT)

    def _stands_still(self) -> bool:
        try:
            stats = [stat.read_text() for stat in Path(f"/proc/{self.pid}/task").glob("*/stat")]
        except OSError:  # a thread ended meanwhile
            return False
        return {stat.rpartition(")")[2].split()[0] for stat in stats} <= {"T"}

    def kill(self) -> None:
        self.signal(signal.SIGKILL)
        self.wait()

    @property
    def out(self) -> str:
        return self.out_path.read_text(encoding="utf-8") if self.out_path.exists() else ""

    @property
    def err(self) -> str:
        return self.err_path.read_text(encoding="utf-8") if self.err_path.exists() else ""


@dataclass
class World:
    """A folder and the environment of the processes in it."""

    launcher: Launcher
    folder: Path
    environment: dict[str, str]
    started: list[Launched] = field(default_factory=list)

    def start(self, *arguments: object, **wrong) -> Launched:
        process = self.launcher.start(self.folder, self.environment, arguments, wrong)
        self.started.append(process)
        return process

    def run(self, *arguments: object, **wrong) -> Launched:
        process = self.start(*arguments, **wrong)
        process.wait()
        return process

    def need_shim(self) -> None:
        if self.launcher.shim is None:
            pytest.skip("needs Linux and a C compiler for shim.c")

    def close(self) -> None:
        for process in self.started:
            if process.poll() is None:
                process.kill()


def build_shim(folder: Path) -> Path | None:
    """Compile ``shim.c`` and return the library; None if that is not possible on this machine."""
    compiler = shutil.which("cc")
    if sys.platform != "linux" or compiler is None:
        return None
    shim = folder / "shim.so"
    command = [compiler, "-shared", "-fPIC", "-O1", "-o", str(shim), str(SUPPORT / "shim.c"), "-ldl"]
    return shim if subprocess.run(command, capture_output=True).returncode == 0 else None
