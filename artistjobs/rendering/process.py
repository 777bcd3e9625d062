"""Parent's side of the process that renders templates: starts it, asks it, and replaces it when it ends."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from signal import SIG_BLOCK, SIG_SETMASK, pthread_sigmask
from threading import Lock
from typing import TYPE_CHECKING, Final

from artistjobs.core.columns import NO_COLUMNS, Columns
from artistjobs.errors import PromptError, RunStoppedError
from artistjobs.rendering.protocol import CPU_SECONDS, IGNORED_SIGNALS, READY, TIME_SIGNAL

if TYPE_CHECKING:
    from subprocess import Popen

_ROOT = str(Path(__file__).parents[2])


_COMMAND: Final = (
    # -P: a file in the working directory must not replace a module of the same name.
    sys.executable or "", "-P", "-c",
    f"import sys; sys.path.append({_ROOT!r}); from artistjobs.rendering.child import main; main()",
)  # fmt: skip


_TRIES = 2
"""Processes that a row may end before it counts as the cause."""


class RenderProcess:
    """A child process that renders one template at a time; the first request starts it.

    ``render`` may be called from any thread, and waits for its turn. ``close`` may be called meanwhile.
    ``cpu_seconds`` is the CPU time that one rendering may take.
    """

    def __init__(self, cpu_seconds: float = CPU_SECONDS) -> None:
        self._cpu_seconds = cpu_seconds
        self._process: Popen[bytes] | None = None
        self._is_closed = False
        self._change = Lock()
        self._turn = Lock()

    def render(self, template: str, name: str, data: str, columns: Columns = NO_COLUMNS) -> str:
        """Return the template rendered for a row; ``columns`` are those that it uses.

        Raises:
            PromptError: if it cannot be rendered, or takes too much time or memory.
            RunStoppedError: if no process can be started, or ``close`` was called.

        """
        request = json.dumps([template, name, data, columns]).encode() + b"\n"
        with self._turn:
            return self._rendered(request)

    def close(self) -> None:
        """End the process; a rendering that is under way fails."""
        with self._change:
            self._is_closed = True
            if self._process is not None:
                self._process.kill()
        with self._turn:
            self._discard()

    def _rendered(self, request: bytes) -> str:
        code = 0
        for _ in range(_TRIES):
            line = self._ask(request)
            if line.endswith(b"\n"):
                return _text_of(line)
            code = self._discard()
            if code == -TIME_SIGNAL:
                raise _refused(f"it takes more than {self._cpu_seconds:g} s of CPU time")
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        raise _refused(f"it ends the process that renders it ({how})")

    def _ask(self, request: bytes) -> bytes:
        """Return the line that answers a request; it is incomplete if the process has ended."""
        process = self._running()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(request)
            process.stdin.flush()
        except BrokenPipeError:  # it ended after the last answer
            self._discard()
            return self._ask(request)
        return process.stdout.readline()

    def _running(self) -> "Popen[bytes]":
        with self._change:
            if self._is_closed:
                raise RunStoppedError("the program is ending; run the same command again.")
            if self._process is None:
                self._process = _started(self._cpu_seconds)
            return self._process

    def _discard(self) -> int:
        """End the process, if there is one, and return its exit code."""
        with self._change:
            process, self._process = self._process, None
        return _ended(process) if process is not None else 0


def _ended(process: "Popen[bytes]") -> int:
    """End a process and return its exit code; its own end takes precedence."""
    process.kill()
    with suppress(BrokenPipeError), process:  # closes its pipes and waits for it
        pass
    return process.wait()


def _started(cpu_seconds: float) -> "Popen[bytes]":
    # A late import: most templates need no process.
    import subprocess

    try:
        with _signals_blocked():
            process = subprocess.Popen(  # noqa: S603
                (*_COMMAND, str(cpu_seconds)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            )
    except OSError as error:
        raise _cannot_start(str(error.strerror)) from error
    assert process.stdout is not None
    if process.stdout.readline() != READY:
        code = _ended(process)
        raise _cannot_start(f"signal {-code}" if code < 0 else f"exit code {code}")
    return process


def _cannot_start(reason: str) -> RunStoppedError:
    return RunStoppedError(
        f"the process that renders templates cannot be started ({reason}); "
        "free some memory, processes or file descriptors, then run the same command again."
    )


def _refused(reason: str) -> PromptError:
    return PromptError(f"the template cannot be filled in for this row: {reason}")


@contextmanager
def _signals_blocked() -> Iterator[None]:
    """Block the signals of a terminal while a process starts, which would end it before it can ignore them."""
    before = pthread_sigmask(SIG_BLOCK, IGNORED_SIGNALS)
    try:
        yield
    finally:
        pthread_sigmask(SIG_SETMASK, before)


def _text_of(line: bytes) -> str:
    reply = json.loads(line)
    if "error" in reply:
        raise PromptError(str(reply["error"]))
    return str(reply["text"])
