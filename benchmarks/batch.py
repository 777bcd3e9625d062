"""Benchmark of batches: CPU time and memory of `work --batch`, beside the same files read and written by hand."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.measure import PYTHON, Bench, Figure, Result, Used, at_most, environ, number, run
from benchmarks.program import ARTISTJOBS, pending

MB = 1e6


FEW = 100
"""Jobs of the runs whose CPU time is subtracted: starting Python and importing the SDK is no work on a batch."""


def measure(bench: Bench) -> Iterator[Result]:
    """Yield the figures about batches."""
    jobs = bench.size(200_000, 400)
    (our_start, start), (ours, reference) = _both(bench, FEW), _both(bench, jobs)
    seconds = [ours.cpu_seconds - our_start.cpu_seconds, reference.cpu_seconds - start.cpu_seconds]
    yield Figure(
        f"CPU time of `work --batch` over {jobs:,} jobs, beyond that over {FEW}",
        "the same rows, requests and results read and written with `orjson` and `sqlite3` alone, same tables",
        at_most(2, " times"), [seconds[0] / seconds[1]],
        f"{number(seconds[0])} s against {number(seconds[1])} s; one run, HTTP included",
    )  # fmt: skip
    yield Figure(f"Peak memory of `work --batch` over {jobs:,} jobs", "", at_most(120, " MB"), [ours.peak_bytes / MB])


def _both(bench: Bench, jobs: int) -> tuple[Used, Used]:
    """Return what the program and the reference use for the same jobs and results."""
    bench.say(f"batches of {jobs:,} jobs")
    with bench.place("api") as files:
        return _work(bench, jobs, files), _by_hand(bench, jobs, files)


def _work(bench: Bench, jobs: int, files: Path) -> Used:
    with pending(bench, jobs) as folder, _server(files) as base_url:
        return run([*ARTISTJOBS, "work", "--batch"], folder, {"OPENAI_BASE_URL": base_url})


def _by_hand(bench: Bench, jobs: int, files: Path) -> Used:
    with pending(bench, jobs) as folder:
        results = sorted(files.glob("results-*"))
        command = [PYTHON, "-m", "benchmarks.batch_reference", "artistjobs.db", "requests.jsonl", *results]
        return run(command, folder)


@contextmanager
def _server(files: Path) -> Iterator[str]:
    """Run the server in a process of its own; yield its base URL."""
    command = [PYTHON, "-m", "benchmarks.batch_server", str(files)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environ(), text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()
