"""Comparison with other programs: the same API, the same rows, the same number of calls in flight.

Each is installed from PyPI into an environment of its own in the user's cache folder, and used as its own
documentation recommends. A program that cannot be installed or cannot call another address is left out with a reason.
"""

import os
import subprocess
import venv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.measure import Bench, Figure, LeftOut, MeasureError, Result, Section, Used, at_most, environ, number
from benchmarks.measure import run as run_command
from benchmarks.program import ARTISTJOBS, PROMPT, server, write_rows

SCRIPTS = Path(__file__).parent / "peer"
LONGEST_SECONDS = 120.0
SLOW_SECONDS = 15.0
"""A program that takes longer than this, in seconds, runs once and not in every round."""

MB = 1e6


@dataclass(frozen=True)
class Peer:
    """A program to compare with: its name on PyPI, its features, and the features it lacks."""

    name: str
    requirement: str
    script: str
    does: str


PEERS = [
    Peer(
        "flexllm", "flexllm", "flexllm_peer.py",
        "Chat Completions over its own HTTP client; texts and usage to a JSONL file that is flushed each second "
        "and never synced, whole input and all results in memory; a rerun skips what the file has.",
    ),
    Peer(
        "async-batch-llm", "async-batch-llm[openai]", "async_batch_llm_peer.py",
        "Responses API through the SDK; texts to SQLite in batches, by default with `synchronous=NORMAL`, which a "
        "power cut may take back; bounded memory with its stream; a rerun skips what is stored.",
    ),
    Peer(
        "bespokelabs-curator", "bespokelabs-curator", "curator_peer.py",
        "Chat Completions over its own HTTP client; whole responses to a JSONL file that is not synced, then a "
        "data set; a rerun of the same data set skips what the file has.",
    ),
]  # fmt: skip

LEFT_OUT = [
    LeftOut(
        "BatchLLM",
        "`batchllm` on PyPI runs models itself with vLLM over tables of one cloud, and cannot be pointed at an API",
    )
]
OURS = "artistjobs"
OURS_DOES = (
    "Responses API through the SDK; whole responses to SQLite, synced before a job counts as done; the same command "
    "again goes on, also after a power cut, and repeats no call that was answered."
)


@dataclass(frozen=True)
class Case:
    """Number of rows, latency, and number of calls in flight."""

    rows: int
    latency: float
    in_flight: int
    rounds: int

    def __str__(self) -> str:
        return f"{self.rows:,} rows, latency {self.latency * 1000:.0f} ms, {self.in_flight} in flight"


CASES = [Case(10_000, 0.02, 100, rounds=3), Case(3_000, 0.2, 64, rounds=1)]


@dataclass
class Entry:
    """One program in one case, with the resource usage of its runs."""

    name: str
    start: Callable[[Case], Used]
    runs: list[Used] = field(default_factory=list)
    trouble: str = ""

    def middle(self, of: Callable[[Used], float]) -> float:
        return sorted(of(used) for used in self.runs)[len(self.runs) // 2]


def measure(bench: Bench) -> Iterator[Result]:
    """Yield the comparison; a quick run yields nothing, because it installs nothing."""
    if bench.is_quick:
        return
    yield from LEFT_OUT
    contenders: dict[str, Callable[[Case], Used]] = {OURS: lambda case: run_ours(bench, case)}
    for peer in PEERS:
        bench.say(f"installing {peer.name}")
        python = installed(peer)
        if python is None:
            yield LeftOut(peer.name, "it cannot be installed here")
        else:
            contenders[peer.name] = lambda case, peer=peer, python=python: run_peer(bench, peer, python, case)  # type: ignore[misc]
    tables = []
    for case in CASES:
        entries = compete(bench, contenders, case)
        tables.append(table(case, entries))
        yield from figures(case, entries)
    yield Section("Beside other programs", "\n\n".join([*tables, described()]))


def compete(bench: Bench, contenders: dict[str, Callable[[Case], Used]], case: Case) -> list[Entry]:
    """Run all programs in turn, the quick ones more often."""
    entries = [Entry(name, start) for name, start in contenders.items()]
    for round_number in range(case.rounds):
        for entry in entries if round_number % 2 == 0 else reversed(entries):
            if entry.trouble or (entry.runs and entry.runs[0].seconds > SLOW_SECONDS):
                continue
            bench.say(f"{entry.name}, {case}")
            try:
                entry.runs.append(entry.start(case))
            except MeasureError as error:
                entry.trouble = str(error)
    return entries


def run_ours(bench: Bench, case: Case) -> Used:
    with server(case.latency) as api, bench.place("ours") as folder:
        write_rows(folder / "artists.csv", case.rows)
        (folder / "prompt.txt").write_text(PROMPT)
        command = [*ARTISTJOBS, "run", "artists.csv", "--prompt-file", "prompt.txt", "--max-workers", case.in_flight]
        used = run_command(command, folder, {"OPENAI_BASE_URL": api.base_url}, longest=LONGEST_SECONDS)
        _check(api.seen()["calls"], case)
        return used


def run_peer(bench: Bench, peer: Peer, python: Path, case: Case) -> Used:
    with server(case.latency) as api, bench.place("peer") as folder:
        write_rows(folder / "artists.csv", case.rows)
        command = [python, SCRIPTS / peer.script, api.base_url, "artists.csv", case.in_flight]
        environment = {"PYTHONPATH": "", "HOME": str(folder), "OPENAI_BASE_URL": api.base_url}
        used = run_command(command, folder, environment, longest=LONGEST_SECONDS)
        _check(api.seen()["calls"], case)
        return used


def _check(calls: float, case: Case) -> None:
    if calls < case.rows:
        raise MeasureError(f"only {calls:,.0f} of {case.rows:,} rows were called for")


def cache_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "artistjobs-benchmarks"


def installed(peer: Peer) -> Path | None:
    """Return the Python of a peer's own environment, which is created if needed; None if that fails."""
    folder = cache_folder() / peer.name
    python, stamp = folder / "bin" / "python", folder / "installed"
    if stamp.exists():
        return python
    try:
        venv.create(folder, clear=True, with_pip=True)
        subprocess.run(
            [python, "-m", "pip", "install", "--quiet", peer.requirement],
            check=True, capture_output=True, timeout=600, env=environ({"PYTHONPATH": ""}),
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    stamp.touch()
    return python


def version(name: str) -> str:
    if name == OURS:
        from artistjobs.core.version import __version__

        return __version__
    look_up = f"from importlib.metadata import version; print(version({name!r}))"
    python = cache_folder() / name / "bin" / "python"
    return subprocess.run([python, "-c", look_up], check=True, capture_output=True, text=True).stdout.strip()


MEASURES: dict[str, Callable[[Used], float]] = {
    "Wall time": lambda used: used.seconds,
    "CPU": lambda used: used.cpu_seconds,
    "Peak memory": lambda used: used.peak_bytes,
}


def figures(case: Case, entries: Sequence[Entry]) -> Iterator[Figure]:
    """Yield the ratio of our figure to the best of all others, for each measurement."""
    ours, *others = entries
    others = [entry for entry in others if entry.runs]
    if not ours.runs or not others:
        return
    for name, of in MEASURES.items():
        best = min(others, key=lambda entry: entry.middle(of))
        measured = [of(used) / best.middle(of) for used in ours.runs]
        yield Figure(
            f"{name} of `run`: {case}", f"the best of {len(others)} others: {best.name}", at_most(1.0), measured
        )


def table(case: Case, entries: Sequence[Entry]) -> str:
    """Return the resource usage of each program as Markdown."""
    lines = [f"**{case}**", "", "| program | wall time | CPU a row | peak memory | runs |", "|---|---|---|---|---|"]
    for entry in entries:
        title = f"{entry.name} {version(entry.name)}"
        if not entry.runs:
            why = "was stopped" if "ended with -9" in entry.trouble else "failed"
            lines.append(f"| {title} | {why} after at most {LONGEST_SECONDS:.0f} s | | | |")
            continue
        seconds, cpu, peak = (entry.middle(of) for of in MEASURES.values())
        lines.append(
            f"| {title} | {number(seconds)} s | {number(cpu / case.rows * 1e3)} ms | {number(peak / MB)} MB "
            f"| {len(entry.runs)} |"
        )
    return "\n".join(lines)


def described() -> str:
    """Return the features of each program as a list."""
    lines = [f"- **{peer.name}**: {peer.does}" for peer in PEERS]
    return "\n".join([f"- **{OURS}**: {OURS_DOES}", *lines])
