"""Benchmarks of a long run: memory by jobs done, and the size of the database relative to its answers."""

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from statistics import median

from benchmarks.measure import Bench, Curve, Figure, Result, Used, at_most, number, reap
from benchmarks.program import Server, pending, server, start, work, work_command

MB = 1e6
WORKERS = 64
LOOK_SECONDS = 0.5


def measure(bench: Bench) -> Iterator[Result]:
    """Yield the figures about memory and disk."""
    few, many = bench.size(10_000, 100), bench.size(200_000, 400)
    bench.say(f"memory of {few:,} and {many:,} jobs")
    short = [_run(bench, few) for _ in range(bench.size(2, 1))]
    with server() as api, pending(bench, many) as folder:
        long, points = watched(folder, api)
        stored, size = sizes(folder / "artistjobs.db")
    middle = median(used.peak_bytes for used in short)
    yield Figure(
        f"Peak memory of `work` over {many:,} jobs", f"over {few:,} jobs", at_most(5, " MB more"),
        [(long.peak_bytes - used.peak_bytes) / MB for used in short],
        f"{number(long.peak_bytes / MB)} MB against {number(middle / MB)} MB; one long run",
    )  # fmt: skip
    yield Figure(
        f"Size of the database after {many:,} jobs", "bytes of the responses stored in it", at_most(1.4),
        [size / stored], f"{number(size / MB)} MB against {number(stored / MB)} MB",
    )  # fmt: skip
    yield Curve(
        "memory", "Peak memory of `work` by jobs done", "jobs done", "MB", {"work": points},
        "Flat: what is settled is forgotten.", log_x=False,
    )  # fmt: skip


def _run(bench: Bench, rows: int) -> Used:
    with server() as api, pending(bench, rows) as folder:
        return work(folder, api, WORKERS)


def watched(folder: Path, api: Server) -> tuple[Used, list[tuple[float, float]]]:
    """Work to the end; return the resource usage, and the peak memory by calls made so far."""
    points: list[tuple[float, float]] = []
    over, started = threading.Event(), time.monotonic()
    process = start(work_command(WORKERS), folder, api)

    def look() -> None:
        while not over.wait(LOOK_SECONDS):
            peak = peak_of(process.pid)
            if peak:
                points.append((api.seen()["calls"], peak / MB))

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        used = reap(process, started)
    finally:
        over.set()
        watcher.join()
    points.append((api.seen()["calls"], used.peak_bytes / MB))
    return used, points


def peak_of(pid: int) -> int:
    """Return the peak memory of a running process in bytes so far; 0 if the system does not report it."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")), 0)


def sizes(database: Path) -> tuple[int, int]:
    """Return the total size in bytes of the responses in a database, and of all its files."""
    with closing(sqlite3.connect(database)) as db:
        ((stored,),) = db.execute("SELECT sum(length(CAST(body AS BLOB))) FROM answers").fetchall()
    return int(stored), sum(path.stat().st_size for path in database.parent.glob(database.name + "*"))
