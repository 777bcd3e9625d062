"""Benchmark of batches: CPU time and memory of `work --batch`, beside the same files read and written by hand."""

import importlib.util
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.measure import PYTHON, Bench, Figure, LeftOut, Result, Used, at_most, environ, number, run
from benchmarks.program import ARTISTJOBS, pending

MB = 1e6


def measure(bench: Bench) -> Iterator[Result]:
    """Yield the figures about batches."""
    jobs = bench.size(200_000, 400)
    if importlib.util.find_spec("orjson") is None:
        yield LeftOut("Batches", "the package orjson of the reference is not installed")
        return
    bench.say(f"batches of {jobs:,} jobs")
    with bench.place("api") as files:
        ours = _work(bench, jobs, files)
        reference = _by_hand(bench, jobs, files)
    yield Figure(
        f"CPU time of `work --batch` over {jobs:,} jobs",
        "the same rows, requests and results read and written with `orjson` and `sqlite3` alone, same tables",
        at_most(2, " times"), [ours.cpu_seconds / reference.cpu_seconds],
        f"{number(ours.cpu_seconds)} s against {number(reference.cpu_seconds)} s; one run, HTTP included",
    )  # fmt: skip
    yield Figure(f"Peak memory of `work --batch` over {jobs:,} jobs", "", at_most(120, " MB"), [ours.peak_bytes / MB])


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
