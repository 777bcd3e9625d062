"""Benchmarks of the queue without an API: claim and settle with one and several processes, and in a full database."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measure import (
    PYTHON,
    Bench,
    Curve,
    Figure,
    MeasureError,
    Result,
    alternate,
    at_least,
    at_most,
    environ,
    medians,
    number,
    ratios,
    run,
)
from benchmarks.program import ingest, pending

PENDING = 2_000
"""Pending jobs in a database of finished ones."""


def measure(bench: Bench) -> Iterator[Result]:
    """Yield the figures about the store."""
    for processes, reach in ((1, 6.0), (4, 5.0)):
        yield settling(bench, processes, reach)
    yield from claiming(bench)


def settling(bench: Bench, processes: int, reach: float) -> Figure:
    """Return the ratio of jobs per second through our store to those with a transaction for each job."""
    bench.say(f"claim and settle, {processes} at once")
    counts = {"store": bench.size(20_000, 1_000), "raw": bench.size(2_000, 100)}

    def jobs_a_second(way: str) -> float:
        with pending(bench, counts[way]) as folder:
            return settle_all(way, folder / "artistjobs.db", processes, counts[way])

    found = alternate(bench.rounds, lambda: jobs_a_second("store"), lambda: jobs_a_second("raw"))
    ours, raw = medians(found)
    name = "one process" if processes == 1 else f"{processes} processes"
    return Figure(
        f"Jobs a second claimed and settled through the store, no API, `synchronous=FULL`, 2 KB answers, {name}",
        f"`sqlite3` alone, a transaction to claim and one to settle, same tables and settings, {name}",
        at_least(reach, " times"), ratios(found), f"{number(ours)} against {number(raw)} a second",
    )  # fmt: skip


def settle_all(
    way: str, database: Path | str, processes: int, jobs: int, script: str = "benchmarks.holders", *more: str
) -> float:
    """Settle all jobs with several processes; return the jobs per second from the first start to the last end."""
    command = [PYTHON, "-m", script, way, str(database), *more]
    pipe = subprocess.PIPE
    children = [subprocess.Popen(command, env=environ(), stdin=pipe, stdout=pipe, text=True) for _ in range(processes)]
    try:
        for child in children:
            assert child.stdout is not None
            child.stdout.readline()
        spans = _release_start(children)
    finally:
        for child in children:
            child.kill()
            child.wait()
    found = [(float(began), float(ended), int(count)) for began, ended, count in spans]
    if sum(count for _, _, count in found) != jobs:
        raise MeasureError(f"{way}: {found} are not {jobs} jobs settled")
    return jobs / (max(ended for _, ended, _ in found) - min(began for began, _, _ in found))


def _release_start(children: "list[subprocess.Popen[str]]") -> list[list[str]]:
    for child in children:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    return [child.communicate()[0].split() for child in children]


def claiming(bench: Bench) -> Iterator[Result]:
    """Yield the time of a claim by the number of finished jobs in the database."""
    counts = [10_000, 100_000, 1_000_000] if not bench.is_quick else [100, 1_000]
    databases = [finished(bench, count) for count in counts]
    bench.say("claims from full databases")
    found = alternate(bench.rounds, *(lambda path=path: claim_milliseconds(path) for path in databases))
    middle = medians(found)
    yield Figure(
        f"Claim of 64 jobs with {counts[-1]:,} finished jobs in the database", f"with {counts[0]:,}", at_most(1.2),
        ratios(found, -1, 0), f"{number(middle[-1])} ms against {number(middle[0])} ms, the commit included",
    )  # fmt: skip
    points = [(float(count), milliseconds) for count, milliseconds in zip(counts, middle, strict=True)]
    yield Curve(
        "claims", "Time of a claim of 64 jobs by finished jobs", "finished jobs", "milliseconds",
        {"claim": points},
        "Flat: an index over the pending jobs alone finds them, however many are done.",
    )  # fmt: skip


def claim_milliseconds(database: Path) -> float:
    return claims_milliseconds(str(database))[1]


def claims_milliseconds(*database: str) -> tuple[float, float]:
    """Return the durations of the first claim of a worker and of later ones; ``database`` may name its spool, too."""
    command = [PYTHON, "-m", "benchmarks.holders", "claim", *database]
    done = subprocess.run(command, env=environ(), check=False, capture_output=True, text=True)
    if done.returncode:
        raise MeasureError(f"claims ended with {done.returncode}:\n{done.stderr}")
    first, later = done.stdout.split()
    return float(first), float(later)


def finished(bench: Bench, count: int) -> Path:
    """Return a database of finished jobs with answers of 2 KB and some pending ones; it is created once."""
    database = bench.folder / f"finished-{count}" / "artistjobs.db"
    if not database.exists():
        bench.say(f"a database of {count:,} finished jobs")
        database.parent.mkdir()
        ingest(database.parent, count + PENDING)
        # In a process of its own, because later processes would inherit its peak memory.
        run([PYTHON, "-m", "benchmarks.finish", database, PENDING], database.parent)
    return database
