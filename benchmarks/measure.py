"""Common parts of all benchmarks: resource usage of processes, alternating rounds, figures and their targets."""

import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import IO, TypeAlias

ROOT = Path(__file__).parents[1]
PYTHON = sys.executable
LONGEST_SECONDS = 900.0

RSS_UNIT = 1 if sys.platform == "darwin" else 1024
"""Bytes per unit of ``ru_maxrss``: macOS counts bytes, Linux KiB."""

LAST_BYTES = 2_000
LARGEST_BYTES = 60 * 2**20

Command: TypeAlias = Sequence[object]


class MeasureError(Exception):
    """Raised when a measured program fails."""


@dataclass(frozen=True)
class Used:
    """Resources used by a process and its children, from its start to its end.

    ``peak_bytes`` is the peak memory of the largest of them. ``is_late`` is True if it was killed after its time limit.
    """

    seconds: float
    cpu_seconds: float
    peak_bytes: int
    code: int
    is_late: bool = False


def run(
    command: Command,
    folder: Path,
    environment: Mapping[str, str] | None = None,
    *,
    stdout: IO[bytes] | None = None,
    longest: float = LONGEST_SECONDS,
) -> Used:
    """Run a command to its end in ``folder`` and return its resource usage. Raises MeasureError if it fails."""
    used, said = run_anyhow(command, folder, environment, stdout=stdout, longest=longest)
    if used.code:
        raise MeasureError(f"{' '.join(map(str, command))} ended with {used.code}:\n{said}")
    return used


def run_anyhow(
    command: Command,
    folder: Path,
    environment: Mapping[str, str] | None = None,
    *,
    stdout: IO[bytes] | None = None,
    longest: float = LONGEST_SECONDS,
) -> tuple[Used, str]:
    """Run a command to its end, also if it fails; return its resource usage and the end of its stderr."""
    said = folder / ".stderr"
    with said.open("wb") as stderr:
        started = time.monotonic()
        process = subprocess.Popen(
            [str(part) for part in command], cwd=folder, env=environ(environment),
            stdin=subprocess.DEVNULL, stdout=stdout or subprocess.DEVNULL, stderr=stderr,
        )  # fmt: skip
        used = reap(process, started, longest)
    return used, _end_of(said)


def _end_of(said: Path) -> str:
    # Only the end: a process inherits the peak memory of its parent, so the memory of this one must stay small.
    with said.open("rb") as file:
        file.seek(max(0, said.stat().st_size - LAST_BYTES))
        return file.read().decode(errors="replace")


def reap(process: "subprocess.Popen[bytes]", started: float, longest: float = LONGEST_SECONDS) -> Used:
    """Wait for a process and return its resource usage; it is killed after ``longest`` seconds."""
    if own_peak_bytes() > LARGEST_BYTES:
        process.kill()
        raise MeasureError("the memory of the benchmark itself has grown, and its children inherit its peak")
    late = threading.Timer(longest, process.kill)
    late.start()
    try:
        _, status, usage = os.wait4(process.pid, 0)
    except BaseException:
        process.kill()
        raise
    finally:
        is_late = not late.is_alive()
        late.cancel()
    process.returncode = os.waitstatus_to_exitcode(status)
    cpu_seconds = usage.ru_utime + usage.ru_stime
    return Used(time.monotonic() - started, cpu_seconds, usage.ru_maxrss * RSS_UNIT, process.returncode, is_late)


def own_peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * RSS_UNIT


_IRRELEVANT = ("OPENAI_", "ARTISTJOBS_", "PYTHONDONTWRITEBYTECODE")
"""Beginnings of variables that would change the result: an installed program has compiled modules."""


def environ(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment of a measured process: the own one without settings that would change the result."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith(_IRRELEVANT)}
    return {
        **ours,
        "PYTHONPATH": str(ROOT),
        "OPENAI_API_KEY": "sk-benchmark-0123456789",
        "OPENAI_MODEL": "gpt-5",
        **(more or {}),
    }


@dataclass(frozen=True)
class Reach:
    """Target of a figure: an upper or a lower bound."""

    bound: float
    is_upper: bool = True
    unit: str = ""

    def __str__(self) -> str:
        return f"{'≤' if self.is_upper else '≥'} {number(self.bound)}{self.unit}"

    def holds(self, measured: float) -> bool:
        return measured <= self.bound if self.is_upper else measured >= self.bound


def at_most(bound: float, unit: str = "") -> Reach:
    return Reach(bound, is_upper=True, unit=unit)


def at_least(bound: float, unit: str = "") -> Reach:
    return Reach(bound, is_upper=False, unit=unit)


@dataclass(frozen=True)
class Figure:
    """One row of the table: a measurement and its reference, with one value per round.

    ``part`` is the heading under which it stands, empty for the first table.
    """

    what: str
    reference: str
    reach: Reach
    measured: Sequence[float]
    note: str = ""
    part: str = ""

    @property
    def median(self) -> float:
        return median(self.measured)

    @property
    def is_reached(self) -> bool:
        return self.reach.holds(self.median)


@dataclass(frozen=True)
class LeftOut:
    """A row that could not be measured on this machine, and the reason."""

    what: str
    why: str


@dataclass(frozen=True)
class Curve:
    """A plot: named series of points, to be drawn as ``plots/NAME.svg``."""

    name: str
    title: str
    x: str
    y: str
    series: Mapping[str, Sequence[tuple[float, float]]]
    sentence: str
    log_x: bool = True
    log_y: bool = False


@dataclass(frozen=True)
class Section:
    """A part of the results outside the table: its heading, its text in Markdown, and the part to which it belongs."""

    heading: str
    text: str
    part: str = ""


Result: TypeAlias = Figure | LeftOut | Curve | Section


@dataclass(frozen=True)
class Bench:
    """Folder and extent of the measurements. ``rounds`` is the number of values per figure."""

    folder: Path
    is_quick: bool
    rounds: int
    only: frozenset[str] = frozenset()
    kept: dict[str, object] = field(default_factory=dict)

    def size(self, full: int, quick: int) -> int:
        return quick if self.is_quick else full

    def say(self, what: str) -> None:
        print(f"… {what}", file=sys.stderr, flush=True)

    @contextmanager
    def place(self, name: str) -> Iterator[Path]:
        """Yield a new folder, which is removed afterwards."""
        folder = self.folder / name
        folder.mkdir()
        try:
            yield folder
        finally:
            remove(folder)


def remove(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
    folder.rmdir()


def alternate(rounds: int, *contenders: Callable[[], float]) -> list[tuple[float, ...]]:
    """Run each contender once per round, and in every second round in the opposite order.

    A temporary load on the machine then slows all of them down; only values of the same round are compared.
    """
    found = []
    for round_number in range(rounds):
        order = range(len(contenders)) if round_number % 2 == 0 else reversed(range(len(contenders)))
        measured = {contender: contenders[contender]() for contender in order}
        found.append(tuple(measured[contender] for contender in range(len(contenders))))
    return found


def ratios(pairs: Sequence[Sequence[float]], over: int = 0, under: int = 1) -> list[float]:
    """Return the ratio of one contender to another for each round."""
    return [pair[over] / pair[under] for pair in pairs]


def medians(pairs: Sequence[Sequence[float]]) -> list[float]:
    """Return the median of each contender."""
    return [median(of_one) for of_one in zip(*pairs, strict=True)]


def number(value: float) -> str:
    """Return a number with three significant digits, or with all digits before the decimal point."""
    if value >= 1000 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"
