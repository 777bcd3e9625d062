"""Benchmark of rate limits: the share that is used, and the calls refused: `python -m benchmarks.pacing`.

The program runs as a process of its own against the simulated API in this process, which enforces the
limit. The shares leave out the first ten seconds, because the limit is unknown until the first reply.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from artistjobs.rehearsal import Call, Scenario, rehearsal
from artistjobs.rehearsal.replies import estimate_tokens
from artistjobs.rehearsal.server_thread import Rehearsal

LEFT_OUT_SECONDS = 10
REFUSED = "rate_limited", "rate_limit_exceeded"


@dataclass(frozen=True)
class Case:
    """One rate limit, and the options of the run that keeps to it."""

    name: str
    per_minute: int
    scenario: Scenario
    max_workers: int | str = 64
    options: Sequence[str] = ()
    processes: int = 1
    midway: Callable[[Rehearsal], None] = field(default=lambda _: None)
    per_minute_after: int | None = None
    unit: str = "requests"


@dataclass(frozen=True)
class Share:
    """Result of a case: shares from 0 to 1, and the calls that began in each second."""

    used: float
    refused: float
    refused_in_all: float
    calls: Sequence[int]


def scenario(**changes: object) -> Scenario:
    return replace(Scenario(name="limited", latency_seconds=0.2, latency_sigma=0.3), **changes)  # type: ignore[arg-type]


def halve(api: Rehearsal) -> None:
    limit = api.scenario.requests_per_minute or 0
    api.scenario = replace(api.scenario, requests_per_minute=limit // 2)


CASES = [
    Case("60 a minute", 60, scenario(requests_per_minute=60)),
    Case("600 a minute", 600, scenario(requests_per_minute=600)),
    Case("6,000 a minute", 6_000, scenario(requests_per_minute=6_000)),
    Case("30,000 a minute", 30_000, scenario(requests_per_minute=30_000), max_workers=256),
    Case("600 a minute, no bursts", 600, scenario(requests_per_minute=600, limit_window_seconds=1.0)),
    Case("6,000 a minute, no bursts", 6_000, scenario(requests_per_minute=6_000, limit_window_seconds=1.0)),
    Case("600 a minute by --rpm", 600, scenario(requests_per_minute=600), options=["--rpm", "600"]),
    Case("600 a minute, two workers", 600, scenario(requests_per_minute=600, limit_window_seconds=5.0), processes=2),
    Case("60,000 tokens a minute", 60_000, scenario(tokens_per_minute=60_000), unit="tokens"),
    Case(
        "600,000 tokens, no bursts",
        600_000,
        scenario(tokens_per_minute=600_000, limit_window_seconds=5.0),
        unit="tokens",
    ),
    Case("3,000, halved midway", 3_000, scenario(requests_per_minute=3_000), midway=halve, per_minute_after=1_500),
]


def run(case: Case, seconds: float) -> Share:
    """Run the program for some seconds, and count the calls at the API."""
    with tempfile.TemporaryDirectory() as folder, rehearsal(case.scenario) as api:
        prepare(
            Path(folder), rows=int(case.per_minute / 60 * seconds * (1.2 if case.unit == "requests" else 0.01)) + 600
        )
        workers = [start(Path(folder), api, case) for _ in range(case.processes)]
        try:
            wait_for_first_call(api)
            begun = time.time()
            time.sleep(seconds / 2)
            case.midway(api)
            time.sleep(seconds / 2)
        finally:
            end(workers)
        return measure(case, api, begun, seconds)


def prepare(folder: Path, rows: int) -> None:
    (folder / "a.csv").write_text("".join(f"Artist {number}\n" for number in range(rows)))
    command = [sys.executable, "-m", "artistjobs", "-q", "ingest", "a.csv", "--prompt-id", "pmpt_1"]
    subprocess.run(command, cwd=folder, check=True, env=environment("http://127.0.0.1:9/v1"), stderr=subprocess.DEVNULL)


def environment(base_url: str) -> dict[str, str]:
    root = str(Path(__file__).parents[1])
    return os.environ | {
        "OPENAI_API_KEY": "sk-benchmark-0123456789", "OPENAI_BASE_URL": base_url, "OPENAI_MODEL": "gpt-5",
        "PYTHONPATH": root,
    }  # fmt: skip


def start(folder: Path, api: Rehearsal, case: Case) -> "subprocess.Popen[bytes]":
    workers = str(case.max_workers if case.max_workers == "auto" else int(case.max_workers) // case.processes)
    command = [sys.executable, "-m", "artistjobs", "-q", "work", "--max-workers", workers, *case.options]
    return subprocess.Popen(command, cwd=folder, env=environment(api.base_url), stderr=subprocess.DEVNULL)


def wait_for_first_call(api: Rehearsal) -> None:
    deadline = time.monotonic() + 30
    while not api.journal.received and time.monotonic() < deadline:
        time.sleep(0.01)


def end(workers: "Sequence[subprocess.Popen[bytes]]") -> None:
    for worker in workers:
        worker.send_signal(signal.SIGINT)
    for worker in workers:
        worker.wait(timeout=60)


def measure(case: Case, api: Rehearsal, begun: float, seconds: float) -> Share:
    whole = [call for call in api.journal.calls if call.received_at < begun + seconds]
    counted = [call for call in whole if call.received_at >= begun + LEFT_OUT_SECONDS]
    answered = sum(charge(case, call) for call in counted if call.name == "completed")
    each_second = Counter(int(call.received_at - begun) for call in whole)
    return Share(
        used=answered / allowed(case, seconds),
        refused=sum(call.name in REFUSED for call in counted) / max(1, len(counted)),
        refused_in_all=sum(call.name in REFUSED for call in whole) / max(1, len(whole)),
        calls=[each_second[second] for second in range(int(seconds))],
    )


def charge(case: Case, call: Call) -> int:
    """Return the amount that a call consumed of the limit, computed as in the simulated API."""
    if case.unit == "requests":
        return 1
    return estimate_tokens(len(json.dumps(call.body, separators=(",", ":")))) + case.scenario.output_tokens


def allowed(case: Case, seconds: float) -> float:
    """Return the number of requests or tokens that the limit allows after the first ten seconds."""
    after = case.per_minute_after or case.per_minute
    return (seconds / 2 - LEFT_OUT_SECONDS) * case.per_minute / 60 + seconds / 2 * after / 60


def plot(shares: Sequence[tuple[Case, Share]]) -> str:
    """Return a plot of the calls in each second as SVG, with one row per case."""
    width, height = 640, 70
    rows = []
    for number, (case, share) in enumerate(shares):
        top = max(1, *share.calls)
        step = width / max(1, len(share.calls))
        points = " ".join(f"{step * i:.1f},{60 - 44 * calls / top:.1f}" for i, calls in enumerate(share.calls))
        rows.append(
            f'<g transform="translate(8,{number * height})"><text y="12" font-size="11">{case.name} '
            f"(most in a second: {top})</text>"
            f'<polyline fill="none" stroke="#06c" stroke-width="1.5" points="{points}"/></g>'
        )
    size = f'width="{width + 16}" height="{height * len(rows)}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif">{"".join(rows)}</svg>\n'


def main() -> None:
    parser = argparse.ArgumentParser(description="Share of rate limits used and refused.")
    parser.add_argument("--seconds", type=float, default=40.0, help="how long each limit is kept to")
    parser.add_argument("--only", help="cases whose name holds this")
    parser.add_argument("--max-workers", help="calls in flight in each case: a number, or auto")
    parser.add_argument("--plot", type=Path, help="where to write the plot, as SVG")
    given = parser.parse_args()
    shares = []
    print("| limit | used | refused | refused, first seconds included |\n|---|---|---|---|", flush=True)
    for case in CASES:
        if given.only and given.only not in case.name:
            continue
        if given.max_workers:
            case = replace(case, max_workers=given.max_workers)  # noqa: PLW2901
        share = run(case, given.seconds)
        shares.append((case, share))
        print(f"| {case.name} | {share.used:.1%} | {share.refused:.2%} | {share.refused_in_all:.2%} |", flush=True)
    if given.plot:
        given.plot.write_text(plot(shares))


if __name__ == "__main__":
    main()
