"""Cost of each command by the number of jobs: `python -m benchmarks.growth [--largest N]`.

With ``--largest`` it writes the table to benchmarks/GROWTH.md. A database of 10,000,000 jobs needs 40 GB of disk.
"""

import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from math import log
from pathlib import Path

import click

from benchmarks.measure import PYTHON, Bench, Result, Section, number, run
from benchmarks.program import ARTISTJOBS, PROMPT, first_call_seconds, ingest_again, server, write_rows
from benchmarks.store import PENDING, claim_milliseconds, settle_all
from benchmarks.table import machine

FAILED_EACH = 100
"""One of so many jobs has failed."""

ROUNDS = 3
"""The least of so many values of a command that takes less than a second."""

HEADING = "Cost by number of jobs"
ANSWER = "answers of 2 KB, one job in 100 failed, 2,000 jobs pending"


@dataclass(frozen=True)
class Measure:
    """A measured command; ``value`` returns its cost in a folder whose database has jobs, in ``unit``."""

    name: str
    unit: str
    value: Callable[[Path], float]


def measure(bench: Bench) -> Iterator[Result]:
    """Yield the table of costs by number of jobs."""
    counts = [10_000, 100_000, 1_000_000] if not bench.is_quick else [200, 400]
    yield Section(HEADING, table(counts, costs(bench, counts)))


def costs(bench: Bench, counts: list[int]) -> Mapping[str, list[float]]:
    """Return the costs by name, each with a value for each number of jobs."""
    found: dict[str, list[float]] = {"ingest": [], **{one.name: [] for one in MEASURES}}
    for count in counts:
        bench.say(f"commands with {count:,} jobs")
        with bench.place("growth") as folder:
            found["ingest"].append(fill(folder, count))
            for one in MEASURES:
                found[one.name].append(one.value(folder))
    return found


def fill(folder: Path, count: int) -> float:
    """Make a database of finished jobs and some pending ones; return the CPU seconds of the ingest."""
    (folder / "prompt.txt").write_text(PROMPT)
    used = ingest_again(folder, write_rows(folder / "artists.csv", count + PENDING))
    # In a process of its own, because later processes would inherit its peak memory.
    run([PYTHON, "-m", "benchmarks.finish", "artistjobs.db", PENDING, FAILED_EACH], folder)
    return used.cpu_seconds


def cpu_seconds(*command: object) -> Callable[[Path], float]:
    """Return the function that runs a command and returns its CPU seconds, the least of some rounds if they are few."""

    def measured(folder: Path) -> float:
        found = run([*ARTISTJOBS, *command], folder).cpu_seconds
        rounds = ROUNDS if found < 1 else 1
        return min([found, *(run([*ARTISTJOBS, *command], folder).cpu_seconds for _ in range(rounds - 1))])

    return measured


def claim(folder: Path) -> float:
    """Return the milliseconds of a claim of 64 jobs, its commit included."""
    return min(claim_milliseconds(folder / "artistjobs.db") for _ in range(ROUNDS))


def start_of_work(folder: Path) -> float:
    """Return the seconds from the start of `work` to its first call."""
    return min(_first_call(folder) for _ in range(ROUNDS))


def _first_call(folder: Path) -> float:
    with server() as api:  # it knows its own first call
        return first_call_seconds(folder, api, 1, "--limit", 1)


def settle(folder: Path) -> float:
    """Return the milliseconds to claim and settle a job: all that the first calls left pending."""
    return 1e3 / settle_all("store", folder / "artistjobs.db", 1, PENDING - ROUNDS)


MEASURES = (
    Measure("export", "CPU s", cpu_seconds("export", "out.jsonl", "--no-text")),
    Measure("failures", "CPU s", cpu_seconds("failures")),
    Measure("report", "CPU s", cpu_seconds("report", "report.html")),
    Measure("status", "CPU s", cpu_seconds("status")),
    Measure("claim of 64 jobs", "ms", claim),
    Measure("start of `work` to the first call", "s", start_of_work),
    Measure("claim and settle a job", "ms", settle),
)


def exponent(counts: list[int], values: list[float]) -> float:
    """Return the exponent of the growth between the two largest numbers of jobs: 0 is flat, 1 is linear."""
    return log(values[-1] / values[-2]) / log(counts[-1] / counts[-2])


def table(counts: list[int], found: Mapping[str, list[float]]) -> str:
    """Return the costs as a table, with the exponent of each."""
    units = {"ingest": "CPU s", **{one.name: one.unit for one in MEASURES}}
    head = [
        f"| what | {' | '.join(f'{count:,} jobs' for count in counts)} | exponent |", "|---" * (len(counts) + 2) + "|",
    ]  # fmt: skip
    rows = [
        f"| {name} ({units[name]}) | {' | '.join(map(number, values))} | {exponent(counts, values):.2f} |"
        for name, values in found.items()
    ]
    sentence = (
        f"The database has {ANSWER}. The exponent is that of the last two columns: 0 is flat, 1 is linear in the "
        "number of jobs. `failures` lists them all. `report` reads the row of every answer, which costs more in the "
        "kernel once the database is larger than memory."
    )
    return "\n".join([*head, *rows, "", sentence])


@click.command()
@click.option("--largest", type=click.IntRange(min=100_000), default=10_000_000, show_default=True, metavar="N")
def main(largest: int) -> None:
    """Measure the costs up to a number of jobs, and write them to benchmarks/GROWTH.md."""
    counts = [largest // 1000, largest // 100, largest // 10, largest]
    disk = Path("/var/tmp")
    with tempfile.TemporaryDirectory(prefix="artistjobs-growth-", dir=disk if disk.is_dir() else None) as folder:
        text = table(counts, costs(Bench(Path(folder), is_quick=False, rounds=1), counts))
    title = f"# {HEADING}\n\nMeasured by `python -m benchmarks.growth` on {datetime.now(UTC).date()}.\n\n{machine()}"
    (Path(__file__).parent / "GROWTH.md").write_text(f"{title}\n\n{text}\n")
    with suppress(BrokenPipeError):
        print(text, file=sys.stdout)


if __name__ == "__main__":
    main()
