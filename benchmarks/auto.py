"""Benchmark of `--max-workers auto` against services of a known capacity: `python -m benchmarks.auto`.

The program runs as a process of its own against the benchmark server in another one. Up to its capacity the server
takes the same time for each call; calls beyond it share it and take longer, or are refused. The reference is a run
with the best fixed number of calls in flight, which is the capacity.
"""

import argparse
import signal
import tempfile
import time
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.program import Server, ingest, server, start, work_command

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Sequence

SETTLED_SECONDS = 30.0
"""Time after which the number of calls in flight is to be found if a call takes a second."""


TOO_MANY = 1.3
"""Calls in flight, as a multiple of the capacity, that are too many if they stay."""


@dataclass(frozen=True)
class Case:
    """A service with a capacity, and the number of commands that use it."""

    capacity: int
    refuses: bool = False
    commands: int = 1
    sigma: float = 0.3

    @property
    def name(self) -> str:
        how = ", refuses more" if self.refuses else ""
        return f"{self.capacity} calls at once{how}" + (f", {self.commands} commands" if self.commands > 1 else "")


@dataclass(frozen=True)
class Found:
    """Result of a run: answers per second after 30 s, refusals and mean calls.

    ``seconds_above`` is the time above 1.3 times the capacity, ``longest_above`` its longest stretch.
    """

    per_second: float
    seconds_above: float
    longest_above: float
    refused: float
    in_flight: float


CASES = [
    Case(10), Case(100), Case(500), Case(10, refuses=True), Case(100, refuses=True), Case(500, refuses=True),
    Case(100, commands=2),
]  # fmt: skip


def run(case: Case, workers: int | str, latency: float, seconds: float, skip: float) -> Found:
    """Run the program for some seconds; rates and means leave out the first ``skip`` seconds."""
    refuse = ["--refuse"] if case.refuses else []
    rows = int(1.2 * case.capacity / latency * seconds) + 1000
    with (
        tempfile.TemporaryDirectory() as folder,
        server(latency, case.sigma, "--capacity", case.capacity, *refuse) as api,
    ):
        ingest(Path(folder), rows)
        running = [start(work_command(workers), Path(folder), api) for _ in range(case.commands)]
        try:
            wait_for_first_call(api)
            time.sleep(seconds)
            load = api.load()
        finally:
            end(running)
    return judged(case, load, seconds, skip)


def wait_for_first_call(api: Server) -> None:
    deadline = time.monotonic() + 30
    while not api.seen()["calls"] and time.monotonic() < deadline:
        time.sleep(0.05)


def end(running: "Sequence[subprocess.Popen[bytes]]") -> None:
    for process in running:
        process.send_signal(signal.SIGINT)
    for process in running:
        process.wait(timeout=60)


def judged(case: Case, load: dict[str, Any], seconds: float, skip: float) -> Found:
    step = load["step_seconds"]
    first, last = int(skip / step), int(seconds / step)
    answers, refused, in_flight = (load[name][:last] for name in ("answers", "refused", "in_flight"))
    above = [calls > TOO_MANY * case.capacity for calls in in_flight]
    return Found(
        per_second=sum(answers[first:]) / (seconds - skip),
        seconds_above=step * sum(above),
        longest_above=step * max((len(list(group)) for is_above, group in groupby(above) if is_above), default=0),
        refused=sum(refused) / max(1, sum(answers) + sum(refused)),
        in_flight=sum(in_flight[first:]) / max(1, len(in_flight[first:])),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Throughput of --max-workers auto beside the best fixed number.")
    parser.add_argument("--latency", type=float, default=1.0, help="median seconds of a call below the capacity")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long auto runs")
    parser.add_argument("--settled", type=float, default=SETTLED_SECONDS, help="seconds that rates leave out")
    parser.add_argument("--only", help="cases whose name holds this")
    given = parser.parse_args()
    skip = min(given.settled, given.seconds / 2)
    print(
        "| capacity | answers a second | of the best fixed number | in flight | above 1.3 of it | longest | refused |"
    )
    print("|---|---|---|---|---|---|---|", flush=True)
    for case in CASES:
        if given.only and given.only not in case.name:
            continue
        best = run(case, case.capacity // case.commands, given.latency, 10 + 10 * given.latency, 5 * given.latency)
        found = run(case, "auto", given.latency, given.seconds, skip)
        print(
            f"| {case.name} | {found.per_second:,.1f} | {found.per_second / best.per_second:.1%} | "
            f"{found.in_flight:,.0f} | {found.seconds_above:.1f} s | {found.longest_above:.1f} s | "
            f"{found.refused:.2%} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
