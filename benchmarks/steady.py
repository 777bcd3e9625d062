"""Steady state for a long time under faults: `python -m benchmarks.steady [--minutes 60] [--rate 200]`.

Three workers share one database and a limit of ``rate`` jobs a second. Each minute something happens to them. The
table says which share of the limit they reach again from half a minute after each event on, and how large log,
memory and the time of a commit become. It is written to benchmarks/STEADY.md.
"""

import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import click

from artistjobs.core.controls import Control
from artistjobs.store.sqlite.store import open_store
from benchmarks.measure import PYTHON, environ, number
from benchmarks.program import ARTISTJOBS, Server, ingest, server, start
from benchmarks.table import machine

WORKERS, CALLS_AT_ONCE, LATENCY_SECONDS = 3, 64, 0.2
EVENT_SECONDS, RECOVERED_AFTER, JUDGED_UNTIL = 60, 30, 58
REACH = 0.98
BURN = "import time, sys\nend = time.monotonic() + float(sys.argv[1])\nwhile time.monotonic() < end: pass"


@dataclass
class Work:
    """The folder, the workers in it, and the processes that disturb them."""

    folder: Path
    api: Server
    rate: int
    workers: "list[subprocess.Popen[bytes]]" = field(default_factory=list)
    others: "list[subprocess.Popen[bytes]]" = field(default_factory=list)
    deaths: int = 0

    @property
    def database(self) -> Path:
        return self.folder / "artistjobs.db"

    def keep_up(self) -> None:
        """Start workers in place of those that have ended."""
        self.workers = [worker for worker in self.workers if worker.poll() is None]
        self.others = [other for other in self.others if other.poll() is None]
        while len(self.workers) < WORKERS:
            command = [*ARTISTJOBS, "work", "--max-workers", CALLS_AT_ONCE, "--rpm", 60 * self.rate]
            self.workers.append(start(command, self.folder, self.api))

    def run_beside(self, *command: object) -> None:
        """Start a process that is not waited for."""
        nowhere = subprocess.DEVNULL
        self.others.append(
            subprocess.Popen(
                [str(part) for part in command], cwd=self.folder, env=environ(), stdout=nowhere, stderr=nowhere
            )
        )

    def end(self) -> None:
        """End all processes; the workers finish their calls."""
        for process in self.workers:
            process.send_signal(signal.SIGINT)
        for process in self.others:
            process.kill()
        for process in [*self.workers, *self.others]:
            process.wait()


# The events. Each receives the work and the random generator.


def kill(work: Work, lots: random.Random) -> None:
    lots.choice(work.workers).kill()
    work.deaths += 1


def kill_all(work: Work, _: random.Random) -> None:
    for worker in work.workers:
        worker.kill()
    work.deaths += len(work.workers)


def restart(work: Work, lots: random.Random) -> None:
    lots.choice(work.workers).send_signal(signal.SIGINT)


def suspend(work: Work, lots: random.Random) -> None:
    worker = lots.choice(work.workers)
    worker.send_signal(signal.SIGSTOP)
    time.sleep(5)
    worker.send_signal(signal.SIGCONT)


def burn_processors(work: Work, _lots: random.Random) -> None:
    for _ in range(2):
        work.run_beside(PYTHON, "-c", BURN, 20)


def hold_a_snapshot(work: Work, _: random.Random) -> None:
    """Read for 20 seconds, so that no checkpoint can take over the log meanwhile."""
    code = "import sqlite3, sys, time; db = sqlite3.connect('artistjobs.db'); db.execute('BEGIN'); "
    code += "db.execute('SELECT count(*) FROM workers').fetchall(); time.sleep(float(sys.argv[1]))"
    work.run_beside(PYTHON, "-c", code, 20)


def export(work: Work, _: random.Random) -> None:
    work.run_beside(*ARTISTJOBS, "export", "out.jsonl", "--no-text")


def ingest_more(work: Work, lots: random.Random) -> None:
    path = work.folder / "more.csv"
    path.write_text("".join(f"Artist {lots.getrandbits(64):x},added later\n" for _ in range(20_000)))
    work.run_beside(*ARTISTJOBS, "ingest", path.name, "--prompt-file", "prompt.txt")


EVENTS: Mapping[str, Callable[[Work, random.Random], None]] = {
    "a worker killed and started again": kill,
    "all workers killed and started again": kill_all,
    "a worker interrupted and started again": restart,
    "a worker suspended for 5 s": suspend,
    "two processes that burn all processors for 20 s": burn_processors,
    "a reader that holds a snapshot for 20 s": hold_a_snapshot,
    "an export of all answers": export,
    "an ingest of 20,000 rows": ingest_more,
}


@dataclass
class Seen:
    """What was measured: the share of the limit by event, and one value a second of the others."""

    recovered: dict[str, list[float]] = field(default_factory=dict)
    log_bytes: list[int] = field(default_factory=list)
    memory_bytes: list[int] = field(default_factory=list)
    commit_seconds: list[float] = field(default_factory=list)
    calls: float = 0.0
    seconds: float = 0.0


def measure(work: Work, minutes: float, lots: random.Random) -> Seen:
    """Let something happen each minute, and measure meanwhile."""
    seen, names = Seen(), list[str]()
    work.keep_up()
    watch(work, seen, RECOVERED_AFTER)
    began, before = time.monotonic(), work.api.seen()["calls"]
    while time.monotonic() < began + 60 * minutes - 1:
        names = names or lots.sample(list(EVENTS), len(EVENTS))
        name, event_at = names.pop(), time.monotonic()
        EVENTS[name](work, lots)
        watch(work, seen, event_at + RECOVERED_AFTER - time.monotonic())
        judged_from, calls = time.monotonic(), work.api.seen()["calls"]
        watch(work, seen, event_at + JUDGED_UNTIL - time.monotonic())
        pace = (work.api.seen()["calls"] - calls) / (time.monotonic() - judged_from)
        seen.recovered.setdefault(name, []).append(pace / work.rate)
        print(f"{name}: {pace / work.rate:.1%}", file=sys.stderr, flush=True)
        watch(work, seen, event_at + EVENT_SECONDS - time.monotonic())
    seen.calls, seen.seconds = work.api.seen()["calls"] - before, time.monotonic() - began
    return seen


def watch(work: Work, seen: Seen, seconds: float) -> None:
    """Measure once a second for some seconds, and keep all workers running."""
    deadline = time.monotonic() + seconds
    with open_store(work.database) as store:
        while time.monotonic() < deadline:
            work.keep_up()
            began = time.monotonic()
            store.controls.set({Control.MAX_WORKERS: float(CALLS_AT_ONCE)})
            seen.commit_seconds.append(time.monotonic() - began)
            log = Path(f"{work.database}-wal")
            seen.log_bytes.append(log.stat().st_size if log.exists() else 0)
            seen.memory_bytes.append(max((resident(worker.pid) for worker in work.workers), default=0))
            time.sleep(max(0.0, min(deadline, began + 1) - time.monotonic()))


def resident(pid: int) -> int:
    """Return the memory of a process in bytes, 0 if it cannot be seen."""
    try:
        pages = Path(f"/proc/{pid}/statm").read_text().split()[1]
    except (OSError, IndexError):
        return 0
    return int(pages) * 4096


def report(work: Work, seen: Seen) -> str:
    """Return the tables."""
    lines = ["| event | times | share of the limit afterwards, median | least |", "|---|---|---|---|"]
    lines += [
        f"| {name} | {len(shares)} | {median(shares):.1%} | {min(shares):.1%} |"
        for name in EVENTS
        if (shares := seen.recovered.get(name))
    ]
    ordered = sorted(seen.commit_seconds)
    tenth = max(1, len(seen.memory_bytes) // 10)
    with closing(sqlite3.connect(work.database)) as db:
        ((done, repeated),) = db.execute(
            "SELECT count(*), (SELECT count(*) FROM answers) - count(*) FROM jobs WHERE state = 'done'"
        )
        is_sound = db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    facts = {
        "jobs a second over all, events included": f"{seen.calls / seen.seconds:.1f} of {work.rate}",
        "jobs done": f"{done:,}",
        "answers that were paid for and not used": f"{repeated:,}",
        "workers killed": f"{work.deaths:,}",
        "write-ahead log, median and largest": f"{mb(median(seen.log_bytes))} and {mb(max(seen.log_bytes))} MB",
        "memory of the largest worker, first and last tenth of the time":
            f"{mb(median(seen.memory_bytes[:tenth]))} and {mb(median(seen.memory_bytes[-tenth:]))} MB",
        "a commit of another process: median, 99 % and longest":
            " and ".join(f"{1e3 * ordered[int(share * (len(ordered) - 1))]:.1f}" for share in (0.5, 0.99, 1)) + " ms",
        "the database is sound": "yes" if is_sound else "NO",
    }  # fmt: skip
    return "\n".join([*lines, "", "| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in facts.items())])


def mb(count: float) -> str:
    return number(count / 1e6)


@click.command()
@click.option("--minutes", type=float, default=60.0, show_default=True)
@click.option("--rate", type=click.IntRange(min=1), default=200, show_default=True, help="Jobs a second.")
@click.option("--seed", type=int, default=0)
def main(minutes: float, rate: int, seed: int) -> None:
    """Measure a steady state under faults; the exit code is 1 if a median falls short of 98 %."""
    rows = int(rate * 60 * (minutes + 2))
    disk = Path("/var/tmp")
    with (
        tempfile.TemporaryDirectory(prefix="artistjobs-steady-", dir=disk if disk.is_dir() else None) as folder,
        server(LATENCY_SECONDS) as api,
    ):
        ingest(Path(folder), rows)
        work = Work(Path(folder), api, rate)
        try:
            seen = measure(work, minutes, random.Random(seed))
        finally:
            work.end()
        text = report(work, seen)
    title = f"# Steady state under faults\n\nMeasured by `python -m benchmarks.steady` on {datetime.now(UTC).date()}:"
    how = f"{minutes:.0f} minutes, {WORKERS} workers, one database, latency {LATENCY_SECONDS} s, {rate} jobs a second."
    (Path(__file__).parent / "STEADY.md").write_text(f"{title} {how}\n\n{machine()}\n\n{text}\n")
    print(text)
    sys.exit(any(median(shares) < REACH for shares in seen.recovered.values()))


if __name__ == "__main__":
    main()
