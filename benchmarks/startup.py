"""Benchmarks of start-up: help, completion, status, the time to the first call."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.measure import PYTHON, Bench, Figure, Result, alternate, at_most, medians, number, ratios, run
from benchmarks.program import first_call_seconds, pending, server
from benchmarks.store import finished

WORKERS = 4
COMPLETION = {"_ARTISTJOBS_COMPLETE": "bash_complete", "COMP_WORDS": "artistjobs wo", "COMP_CWORD": "1"}
ROUNDS = 15
"""More rounds for processes that take tenths of a second, whose times vary."""


def measure(bench: Bench) -> Iterator[Result]:
    """Yield the figures about starting up."""
    rounds = bench.size(ROUNDS, 1)
    yield from light(bench, rounds)
    yield first_call(bench, bench.size(7, 1))
    yield status(bench, rounds)


def program() -> list[object]:
    """Return the installed command, or the module if the command is not installed."""
    script = Path(PYTHON).with_name("artistjobs")
    found = shutil.which(str(script))
    return [found] if found else [PYTHON, "-m", "artistjobs"]


def light(bench: Bench, rounds: int) -> Iterator[Result]:
    """Yield the time of commands that only need the options."""
    bench.say("help and completion")
    click = timed(bench, [PYTHON, "-c", "import click"])
    contenders = {"`--help`": timed(bench, [*program(), "--help"])}
    contenders["Completion of a command's name"] = timed(bench, program(), COMPLETION)
    found = alternate(rounds, *contenders.values(), click)
    for place, what in enumerate(contenders):
        yield Figure(
            what, '`python -c "import click"`', at_most(1.5), ratios(found, place, -1), _both(found, place, -1)
        )


def first_call(bench: Bench, rounds: int) -> Figure:
    """Return the ratio of the time from the start of `work` to the first call to that of importing the SDK."""
    bench.say("the first call")

    def ours() -> float:
        with server() as api, pending(bench, WORKERS) as folder:
            return first_call_seconds(folder, api, WORKERS)

    found = alternate(rounds, ours, timed(bench, [PYTHON, "-c", "import openai"]))
    return Figure(
        "From typing `work` to the first call on the wire", '`python -c "import openai"`', at_most(1.3),
        ratios(found), _both(found, 0, 1),
    )  # fmt: skip


def status(bench: Bench, rounds: int) -> Figure:
    """Return the time of `status` on a large database, less that of an empty process."""
    count = bench.size(1_000_000, 1_000)
    folder = finished(bench, count).parent
    bench.say(f"status of {count:,} jobs")
    found = alternate(
        rounds,
        timed(bench, [*program(), "status"], folder=folder),
        timed(bench, [PYTHON, "-c", "pass"]),
    )
    return Figure(
        f"`status` of {count:,} jobs, the whole process", "`python -c pass`", at_most(0.25, " s more"),
        [ours - empty for ours, empty in found], _both(found, 0, 1),
    )  # fmt: skip


def timed(
    bench: Bench, command: list[object], environment: dict[str, str] | None = None, folder: Path | None = None
) -> Callable[[], float]:
    """Return a function that runs a command and returns its duration in seconds."""
    where = folder or bench.folder
    return lambda: run(command, where, environment).seconds


def _both(found: list[tuple[float, ...]], ours: int, reference: int) -> str:
    middle = medians(found)
    return f"{number(middle[ours])} s against {number(middle[reference])} s"
