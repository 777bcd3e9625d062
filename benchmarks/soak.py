"""Soak test with random faults: `python -m benchmarks.soak [--seconds 120] [--workers 3] [--seed N]`.

Several workers share one database and call the simulated API, which runs the scenario `storm` in a process of its
own. Workers, ingests and exports are killed, stopped, continued, interrupted and started again at random.
At the end one more run finishes the work, and the guarantees are checked: no job lost, none exported
twice, and no call repeated unless it was in flight when its worker was killed or gave it up.

A call counts as repeated if it was made again although its answer arrived complete; an answer that the scenario
itself damages does not count. The exit code is 1 if any guarantee is broken.
"""

import argparse
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from artistjobs.worker.signals import ECHO_SECONDS

ROOT = Path(__file__).parents[1]
CALLS_AT_ONCE = 8
ROWS_A_SECOND = 40
PAUSE_SECONDS = (0.0, 0.5)
UNPREPARED = 0.2
"""Share of actions that happen even if no worker holds a job yet."""

LAST_RUNS = 5
DOCUMENTED = {"artists.csv", "artistjobs.db", "artistjobs.db-lock", "out.jsonl"}

Process = subprocess.Popen[bytes]


@dataclass
class Place:
    """A folder, the processes in it, and the latest action on each worker by process id."""

    folder: Path
    base_url: str
    rows: int
    done_to: dict[int, str] = field(default_factory=dict)
    workers: list[Process] = field(default_factory=list)
    stopped: list[Process] = field(default_factory=list)

    def start(self, *arguments: object) -> Process:
        command = [sys.executable, "-m", "artistjobs", "-q", *map(str, arguments)]
        environment = os.environ | {
            "OPENAI_API_KEY": "sk-soak-0123456789",
            "OPENAI_BASE_URL": self.base_url,
            "OPENAI_MODEL": "gpt-5",
            "OPENAI_PROMPT_ID": "pmpt_soak",
            "PYTHONPATH": str(ROOT),
        }
        nowhere = subprocess.DEVNULL
        return subprocess.Popen(
            command, cwd=self.folder, env=environment, stdin=nowhere, stdout=nowhere, stderr=nowhere,
            preexec_fn=_mind_interrupts,  # noqa: PLW1509 - there are no threads here
        )  # fmt: skip

    def run(self, *arguments: object) -> int:
        return self.start(*arguments).wait()

    def keep_at_work(self, count: int) -> None:
        self.workers = [worker for worker in self.workers if worker.poll() is None]
        while len(self.workers) < count:
            self.workers.append(self.start("work", "--max-workers", CALLS_AT_ONCE))

    def victim(self, lots: random.Random) -> Process:
        """Return a worker that holds jobs, if there is one."""
        busy = self.busy()
        return lots.choice([worker for worker in self.workers if worker.pid in busy] or self.workers)

    def busy(self) -> set[object]:
        """Return the ids of the processes that hold jobs."""
        rows = self.query("SELECT DISTINCT pid FROM workers JOIN jobs ON claimed_by = workers.id")
        return {pid for (pid,) in rows} & {worker.pid for worker in self.workers}

    def end(self) -> None:
        for worker in self.workers:
            worker.kill()
            worker.wait()

    def query(self, statement: str) -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(self.folder / "artistjobs.db", timeout=30)) as db:
            return db.execute(statement).fetchall()


def _mind_interrupts() -> None:
    # If this runs in the background, SIGINT may be ignored, and children inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)


# The random actions. Each receives the folder and the random generator, and returns the number of its attempts.


def kill_one(place: Place, lots: random.Random) -> int:
    return _signal(place, [place.victim(lots)], signal.SIGKILL, "killed")


def kill_all(place: Place, _lots: random.Random) -> int:
    return _signal(place, place.workers, signal.SIGKILL, "all killed at once")


def interrupt(place: Place, lots: random.Random) -> int:
    return _signal(place, [place.victim(lots)], signal.SIGINT, "interrupted")


def terminate(place: Place, lots: random.Random) -> int:
    return _signal(place, [place.victim(lots)], signal.SIGTERM, "terminated")


def interrupt_twice(place: Place, lots: random.Random) -> int:
    worker = place.victim(lots)
    _signal(place, [worker], signal.SIGINT, "interrupted twice")
    time.sleep(ECHO_SECONDS + lots.uniform(0.0, 0.1))
    return _signal(place, [worker], signal.SIGINT, "interrupted twice")


def stop(place: Place, lots: random.Random) -> int:
    worker = place.victim(lots)
    place.stopped.append(worker)
    return _signal(place, [worker], signal.SIGSTOP, "stopped and continued")


def kill_an_ingest(place: Place, lots: random.Random) -> int:
    return _kill_soon(place.start("ingest", "artists.csv", "--strict"), lots)


def kill_an_export(place: Place, lots: random.Random) -> int:
    return _kill_soon(place.start("export", "--no-text"), lots)


FAULTS: dict[str, Callable[[Place, random.Random], int]] = {
    "killed": kill_one,
    "all killed at once": kill_all,
    "interrupted": interrupt,
    "terminated": terminate,
    "interrupted twice": interrupt_twice,
    "stopped and continued": stop,
    "an ingest killed": kill_an_ingest,
    "an export killed": kill_an_export,
}
SOFT = {"interrupted", "terminated", "interrupted twice"}
HARMLESS = {"interrupted", "terminated", "stopped and continued", "an ingest killed", "an export killed"}
"""Actions after which no call may be repeated."""


def _signal(place: Place, workers: Sequence[Process], number: int, name: str) -> int:
    for worker in workers:
        if worker.poll() is None:
            is_second = number != signal.SIGKILL and place.done_to.get(worker.pid) in SOFT
            place.done_to[worker.pid] = "interrupted twice" if is_second else name
            worker.send_signal(number)
    if number == signal.SIGKILL:
        # On a busy machine the end takes a while, in which another action would be recorded for a dead process.
        for worker in workers:
            worker.wait()
    return 1


def _kill_soon(process: Process, lots: random.Random) -> int:
    time.sleep(lots.uniform(0.15, 0.6))
    process.kill()
    process.wait()
    return 1


def storm(place: Place, seconds: float, workers: int, lots: random.Random) -> Counter[str]:
    """Perform random actions for ``seconds``; return the number of attempts of each."""
    tried: Counter[str] = Counter()
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        place.keep_at_work(workers)
        if lots.random() > UNPREPARED:
            wait_for_work(place, deadline, lots.randint(1, workers))
        time.sleep(lots.uniform(*PAUSE_SECONDS))
        for process in place.stopped:
            process.send_signal(signal.SIGCONT)
        place.stopped.clear()
        name = lots.choice(list(FAULTS))
        tried[name] += FAULTS[name](place, lots)
    for process in place.stopped:
        process.send_signal(signal.SIGCONT)
    return tried


def wait_for_work(place: Place, deadline: float, count: int) -> None:
    """Wait until ``count`` workers hold jobs."""
    while len(place.busy()) < count and time.monotonic() < deadline:
        place.keep_at_work(len(place.workers))
        time.sleep(0.02)


def finish(place: Place) -> int:
    """Finish the work by one more run, which retries failed jobs; return its exit code."""
    _signal(place, place.workers, signal.SIGKILL, "killed at the end")
    place.end()
    code = place.run("run", "artists.csv", "--max-workers", 64)
    for _ in range(LAST_RUNS):
        if code == 0:
            break
        # The scenario truncates some answers for good, and some rows were in flight at three deaths.
        code = place.run("run", "artists.csv", "--max-workers", 64, "--retry-failed")
    return code


@dataclass
class Verdict:
    """Result of a soak test. ``repeated`` and ``allowed`` count calls by the action on their worker."""

    lost: int
    repeated: Counter[str]
    allowed: Counter[str]
    broken: list[str]


def judge(place: Place, journal: Path, code: int) -> Verdict:
    """Compare the database with the log of the API."""
    names = [json.loads(line)["artist_name"] for line in (place.folder / "out.jsonl").read_bytes().splitlines()]
    wanted = [f"Artist {number}" for number in range(place.rows)]
    repeated, allowed, unexplained = _repeats(place, journal)
    litter = {file.name for file in place.folder.iterdir()} - DOCUMENTED
    findings = {
        f"the last run ended with {code}": code,
        "rows are missing, doubled or out of order in the export": names != wanted,
        f"{unexplained} calls were repeated that were not in flight at any death": unexplained,
        "the database is not sound": place.query("PRAGMA integrity_check") != [("ok",)],
        "foreign keys lead nowhere": place.query("PRAGMA foreign_key_check"),
        "jobs are left running": place.query("SELECT 1 FROM jobs WHERE state = 'running'"),
        "workers are left that have not ended": place.query("SELECT 1 FROM workers WHERE ended_at IS NULL"),
        f"files are left behind: {litter}": litter,
        "calls were repeated after what is harmless": any(repeated[name] for name in HARMLESS),
    }
    broken = [finding for finding, is_so in findings.items() if is_so]
    return Verdict(len(set(wanted) - set(names)), repeated, allowed, broken)


def _repeats(place: Place, journal: Path) -> tuple[Counter[str], Counter[str], int]:
    """Return the repeated calls, those in flight at each kind of end, and the repeats without a reason."""
    whole: Counter[object] = Counter()
    for line in journal.read_bytes().splitlines():
        call = json.loads(line)
        whole[call["body"]["prompt"]["variables"]["artist_name"]] += call["name"] == "completed"
    given_up = place.query(
        "SELECT artist_name, pid FROM attempts JOIN jobs ON jobs.id = job JOIN workers ON workers.id = attempts.worker "
        "WHERE outcome = 'died' OR (outcome = 'released' AND attempts.calls > 0)"
    )
    ends: dict[object, list[str]] = {}
    allowed: Counter[str] = Counter()
    for name, pid in given_up:
        what = place.done_to.get(int(str(pid)), "killed at the end")
        ends.setdefault(name, []).append(what)
        allowed[what] += 1
    repeated: Counter[str] = Counter()
    unexplained = 0
    for name, times in whole.items():
        causes = ends.get(name, [])[: max(0, times - 1)]
        repeated.update(causes)
        unexplained += max(0, times - 1 - len(causes))
    return repeated, allowed, unexplained


def report(tried: Counter[str], verdict: Verdict) -> str:
    """Return the table."""
    lines = ["| fault | times tried | jobs lost | calls repeated | allowed |", "|---|---|---|---|---|"]
    for name in [*FAULTS, "killed at the end"]:
        times = tried[name] or int(name == "killed at the end")
        lines.append(f"| {name} | {times} | {verdict.lost} | {verdict.repeated[name]} | {verdict.allowed[name]} |")
    return "\n".join([*lines, *(f"BROKEN: {finding}" for finding in verdict.broken)])


@contextmanager
def simulated_api(journal: Path, seed: int, scenario: str = "storm") -> Iterator[str]:
    """Run the server in a process of its own, which no action ends."""
    command = [sys.executable, "-m", "artistjobs.rehearsal", "--scenario", scenario, "--detail", "calls"]
    command += ["--journal", str(journal), "--seed", str(seed)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def soak(seconds: float, workers: int, seed: int) -> int:
    """Run the soak test, print the table and return the exit code."""
    lots = random.Random(seed)
    rows = int(ROWS_A_SECOND * seconds)
    with tempfile.TemporaryDirectory() as aside, tempfile.TemporaryDirectory() as folder:
        journal = Path(aside) / "journal.jsonl"
        with simulated_api(journal, seed) as base_url:
            place = Place(Path(folder), base_url, rows)
            (place.folder / "artists.csv").write_text("".join(f"Artist {number}\n" for number in range(rows)))
            try:
                place.run("ingest", "artists.csv")
                tried = storm(place, seconds, workers, lots)
                code = finish(place)
            finally:
                place.end()
        verdict = judge(place, journal, code)
    print(report(tried, verdict))
    print(f"{rows:,} rows, {workers} workers of {CALLS_AT_ONCE} calls at once, seed {seed}")
    return 1 if verdict.broken else 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Return the exit code: 1 if a guarantee was broken."""
    parser = argparse.ArgumentParser(description="Bad luck of every kind, and what is left of the promises.")
    parser.add_argument("--seconds", type=float, default=120.0, help="how long it goes on")
    parser.add_argument("--workers", type=int, default=3, help="how many workers share the database")
    parser.add_argument("--seed", type=int, default=0, help="what chance follows from")
    given = parser.parse_args(arguments)
    return soak(given.seconds, given.workers, given.seed)


if __name__ == "__main__":
    sys.exit(main())
