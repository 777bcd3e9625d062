"""Child processes that run a few lines of Python, for tests that need a second process."""

import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager

from paths import ROOT, SUPPORT

SECONDS = 60


@contextmanager
def child(script: str, *arguments: object) -> Iterator["subprocess.Popen[str]"]:
    """Start a process, which is killed at the end of the context; its stdin closes with this process."""
    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(script), *map(str, arguments)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(SUPPORT)])}
    process = subprocess.Popen(
        command, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def finish(process: "subprocess.Popen[str]") -> str:
    """Wait for a process to end with exit code 0, and return its output."""
    out, err = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, err
    return out


def receive(process: "subprocess.Popen[str]") -> str:
    """Wait for the next line that a process prints."""
    line = process.stdout.readline().strip()
    assert line, process.stderr.read()
    return line


def send(process: "subprocess.Popen[str]", line: str = "") -> None:
    process.stdin.write(line + "\n")
    process.stdin.flush()
