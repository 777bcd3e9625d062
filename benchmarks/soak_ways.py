"""Soak test of batches and the background: `python -m benchmarks.soak_ways WAY [--kills 100] [--workers 2] [--seed N]`.

WAY is `batch` or `background`. Several workers share one database; the simulated API runs the scenario `batch-storm`
or `background-storm` in a process of its own. Workers are killed at random times, one or all of them, and started
again, and rows are added while there are too few. At the end more runs finish the work, and the ledger of the simulated
account is compared with the database: no job lost, none paid for twice, every file at the service deleted or named in a
log.

A job of the background may be paid for again if its worker was killed while the reply to its creation was on the way,
or if the service no longer knew the response; these are counted. The exit code is 1 if any guarantee is broken.
"""

import argparse
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.soak import ROOT, Place, Process, simulated_api

KEY, SPEED = "sk-soak-0123456789", 300
PROGRAM = (
    f"import artistjobs.library.arguments as arguments; arguments.BATCH_SPEED = {SPEED}\n"
    "from artistjobs.__main__ import main\nmain()"
)
"""The program, with waits as short as in a rehearsal."""

ROWS_AT_ONCE, FEW = 30, 10
PAUSE_SECONDS = (0.0, 1.5)
ALL_AT_ONCE = 0.2
"""Share of kills that end all workers at once."""

UNPREPARED = 0.2
"""Share of kills that may come while the workers are starting."""

LAST_RUNS, PASSING = 30, (429, 500)
WAYS = {
    "batch": ("--batch",),
    "background": ("--background", "--max-workers", "16"),
}


@dataclass
class Ways(Place):
    """A folder, the processes in it, and the rows ingested so far."""

    rows: int = 0
    way: str = "batch"
    logs: int = 0

    def start(self, *arguments: object) -> Process:
        command = [sys.executable, "-c", PROGRAM, "-q", *map(str, arguments)]
        environment = os.environ | {
            "OPENAI_API_KEY": KEY,
            "OPENAI_BASE_URL": self.base_url,
            "OPENAI_MODEL": "gpt-5",
            "PYTHONPATH": str(ROOT),
        }
        nowhere = subprocess.DEVNULL
        return subprocess.Popen(
            command, cwd=self.folder, env=environment, stdin=nowhere, stdout=nowhere, stderr=nowhere
        )  # fmt: skip

    def work(self, *options: object) -> Process:
        """Start a worker, with a log of its own."""
        self.logs += 1
        return self.start("work", *WAYS[self.way], *options, "--log-file", f"{self.logs}.log")

    def add_rows(self) -> None:
        """Ingest new rows."""
        new = range(self.rows, self.rows + ROWS_AT_ONCE)
        (self.folder / "artists.csv").write_text("".join(f"Artist {number}\n" for number in new))
        if code := self.start("ingest", "artists.csv", "--prompt-file", "prompt.txt").wait():
            raise RuntimeError(f"an ingest ended with {code}")
        self.rows += ROWS_AT_ONCE

    def keep_at_work(self, count: int) -> None:
        """Add rows while there are few, and start workers for those that have ended."""
        if not self.rows or self.query("SELECT count(*) FROM jobs WHERE state = 'pending'") <= [(FEW,)]:
            self.add_rows()
        self.workers = [worker for worker in self.workers if worker.poll() is None]
        while len(self.workers) < count:
            self.workers.append(self.work())

    def wait_for_work(self) -> None:
        """Wait until a worker is registered, or all have ended."""
        running = "SELECT pid FROM workers WHERE kind = 'process' AND ended_at IS NULL"
        ours = {worker.pid for worker in self.workers}
        while any(worker.poll() is None for worker in self.workers):
            if ours & {pid for (pid,) in self.query(running)}:
                return
            time.sleep(0.02)

    def kill(self, lots: random.Random) -> None:
        """Kill one worker, or all of them."""
        victims = self.workers if lots.random() < ALL_AT_ONCE else [lots.choice(self.workers)]
        for worker in victims:
            worker.send_signal(signal.SIGKILL)
        for worker in victims:
            worker.wait()

    def files_at_service(self) -> set[str]:
        """Return the ids of the files that the service still has."""
        request = urllib.request.Request(
            f"{self.base_url}/files?limit=10000", headers={"Authorization": f"Bearer {KEY}"}
        )
        while True:
            try:
                with urllib.request.urlopen(request, timeout=60) as reply:
                    return {file["id"] for file in json.load(reply)["data"]}
            except urllib.error.HTTPError as error:
                if error.code not in PASSING:
                    raise

    def named(self) -> str:
        """Return all logs as one text."""
        return "\n".join(path.read_text() for path in self.folder.glob("*.log"))


def storm(place: Ways, kills: int, workers: int, lots: random.Random) -> None:
    """Kill workers at random times."""
    for _ in range(kills):
        place.keep_at_work(workers)
        if lots.random() > UNPREPARED:
            place.wait_for_work()
        time.sleep(lots.uniform(*PAUSE_SECONDS))
        place.kill(lots)


def finish(place: Ways) -> int:
    """Finish the work by more runs, which retry failed jobs; return the exit code of the last one."""
    place.end()
    code = -1
    for _ in range(LAST_RUNS):
        # The scenario fails some rows for good, and batches for a while.
        code = place.work("--retry-failed").wait()
        if code == 0:
            break
    return place.start("export", "--no-text").wait() or code


def judge(place: Ways, journal: Path, code: int) -> tuple[list[str], int, int]:
    """Compare the database with the ledger; return what is broken, and the calls repeated and allowed."""
    names = [json.loads(line)["artist_name"] for line in (place.folder / "out.jsonl").read_bytes().splitlines()]
    allowed = Counter(dict(_allowed(place)))
    repeated = Counter({name: times - 1 for name, times in _paid(journal).items() if times > 1})
    left = place.files_at_service()
    unnamed = [name for name in left if name not in place.named()]
    findings = {
        f"the last run ended with {code}": code,
        "rows are missing, doubled or out of order": names != [f"Artist {number}" for number in range(place.rows)],
        f"jobs were paid for twice: {dict(repeated - allowed)}": repeated - allowed,
        f"files are left at the service that no log names: {unnamed}": unnamed,
        "the database is not sound": place.query("PRAGMA integrity_check") != [("ok",)],
        "foreign keys lead nowhere": place.query("PRAGMA foreign_key_check"),
        "jobs are left running": place.query("SELECT 1 FROM jobs WHERE state = 'running'"),
        "batches are left open": place.query("SELECT 1 FROM batches WHERE state <> 'closed'"),
        "answers are left in the background": place.query("SELECT 1 FROM submissions"),
        "workers are left that have not ended": place.query("SELECT 1 FROM workers WHERE ended_at IS NULL"),
    }
    return [finding for finding, is_so in findings.items() if is_so], repeated.total(), allowed.total()


def _paid(journal: Path) -> Counter[str]:
    """Return how often each artist was answered in full; an answer that the scenario damages does not count."""
    paid: Counter[str] = Counter()
    for line in journal.read_bytes().splitlines():
        call = json.loads(line)
        found = re.search(r"Artist \d+", json.dumps(call["body"]["input"]))
        assert found is not None
        paid[found[0]] += call["name"] == "completed"
    return paid


def _allowed(place: Ways) -> list[tuple[str, int]]:
    """Return how often each artist may have been paid for again: never in a batch."""
    if place.way == "batch":
        return []
    rows = place.query(
        "SELECT artist_name, count(*) FROM attempts JOIN jobs ON jobs.id = job "
        "WHERE outcome = 'died' OR (outcome = 'released' AND calls > 0) OR attempts.error_code = 'response_lost' "
        "GROUP BY artist_name"
    )
    return [(str(name), int(str(times))) for name, times in rows]


def soak(way: str, kills: int, workers: int, seed: int) -> int:
    """Run the soak test, print the result and return the exit code."""
    with tempfile.TemporaryDirectory() as aside, tempfile.TemporaryDirectory() as folder:
        journal = Path(aside) / "journal.jsonl"
        with simulated_api(journal, seed, f"{way}-storm") as base_url:
            place = Ways(Path(folder), base_url, way=way)
            (place.folder / "prompt.txt").write_text("Who is {{ artist_name }}?")
            try:
                storm(place, kills, workers, random.Random(seed))
                code = finish(place)
            finally:
                place.end()
            broken, repeated, allowed = judge(place, journal, code)
    print("| way | kills | rows | calls repeated | allowed |\n|---|---|---|---|---|")
    print(f"| {way} | {kills} | {place.rows} | {repeated} | {allowed} |")
    print("".join(f"BROKEN: {finding}\n" for finding in broken), end="")
    return 1 if broken else 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Return the exit code: 1 if a guarantee was broken."""
    parser = argparse.ArgumentParser(description="Kills at random times amid batches or answers in the background.")
    parser.add_argument("way", choices=list(WAYS), help="how calls are made")
    parser.add_argument("--kills", type=int, default=100, help="how many there are")
    parser.add_argument("--workers", type=int, default=2, help="how many workers share the database")
    parser.add_argument("--seed", type=int, default=0, help="what chance follows from")
    given = parser.parse_args(arguments)
    return soak(given.way, given.kills, given.workers, given.seed)


if __name__ == "__main__":
    sys.exit(main())
