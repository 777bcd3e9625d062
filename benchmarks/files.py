"""Benchmarks of ingest and export: time and memory, and how both grow with the number of rows."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.measure import (
    PYTHON,
    Bench,
    Curve,
    Figure,
    LeftOut,
    Result,
    Used,
    alternate,
    at_least,
    at_most,
    medians,
    number,
    ratios,
    run,
)
from benchmarks.program import ARTISTJOBS, PROMPT, ingest_again, write_rows
from benchmarks.store import finished

MB = 1e6
SQLITE_UTILS = [PYTHON, "-m", "sqlite_utils", "insert", "reference.db", "artists", "artists.csv", "--csv"]
EXPORT = [*ARTISTJOBS, "export", "out.jsonl", "--no-text"]
STATEMENT = """
SELECT json_object('artist_name', jobs.artist_name, 'artist_data', jobs.artist_data,
                   'request', json_object('prompt_file', prompts.prompt_file, 'prompt_sha256', prompts.prompt_sha256,
                                          'model', prompts.model,
                                          'variables', json_object('artist_name', jobs.artist_name,
                                                                   'artist_data', jobs.artist_data)),
                   'response_text', answers.text, 'response_id', answers.response_id, 'created', answers.created,
                   'error', NULL)
  FROM jobs JOIN prompts ON prompts.id = jobs.prompt JOIN answers ON answers.id = jobs.answer
 WHERE jobs.state = 'done' ORDER BY jobs.id
"""


def measure(bench: Bench) -> Iterator[Result]:
    """Yield the figures about files."""
    counts = [10_000, 100_000, 300_000, 1_000_000] if not bench.is_quick else [1_000, 3_000, 5_000]
    taken = Taken({}, {})
    yield from ingesting(bench, counts[-1], taken)
    yield from ingesting_table(bench, counts[-1])
    yield from exporting(bench, counts[-1], taken)
    yield ingesting_again(bench, counts[-1])
    yield from growth(bench, counts, taken)


@dataclass
class Taken:
    """Time and memory of ingest and export by number of rows, for the plots."""

    ingest: dict[int, Used]
    export: dict[int, Used]


def ingesting(bench: Bench, rows: int, taken: Taken) -> Iterator[Result]:
    """Yield the speed and the memory of ingesting a file for the first time and a second time."""
    bench.say(f"ingest of {rows:,} rows")
    first = list[Used]()
    with bench.place("ingest") as folder:
        prepare(folder, rows)

        def ours() -> float:
            start_clean(*databases(folder))
            first.append(ingest_again(folder, folder / "artists.csv"))
            return first[-1].seconds

        def reference() -> float:
            start_clean(*databases(folder))
            return run([*SQLITE_UTILS, "--no-detect-types"], folder).seconds

        found = alternate(bench.rounds, ours, reference)
    taken.ingest[rows] = first[-1]
    speeds = [rows / seconds for seconds in medians(found)]
    what = f"Ingest of {rows:,} rows"
    yield Figure(
        what, "`sqlite-utils insert --csv --no-detect-types`", at_least(2.5, " times as fast"), ratios(found, 1, 0),
        f"{number(speeds[0])} against {number(speeds[1])} rows a second",
    )  # fmt: skip
    yield Figure(f"{what}: peak memory", "", at_most(100, " MB"), [used.peak_bytes / MB for used in first])


def ingesting_table(bench: Bench, rows: int) -> Iterator[Result]:
    """Yield the time and the memory of ingesting a table with two columns beside name and data."""
    bench.say(f"ingest of a table of {rows:,} rows")
    used, sizes = list[Used](), dict[str, int]()
    with bench.place("table") as folder:
        prepare(folder, rows)
        write_table(folder / "table.csv", rows)

        def ingested(name: str) -> float:
            start_clean(*databases(folder))
            found = ingest_again(folder, folder / name)
            sizes[name] = (folder / "artistjobs.db").stat().st_size
            if name == "table.csv":
                used.append(found)
            return found.cpu_seconds

        found = alternate(bench.rounds, lambda: ingested("table.csv"), lambda: ingested("artists.csv"))
        written = (folder / "table.csv").stat().st_size - (folder / "artists.csv").stat().st_size
    what = f"Ingest of a table of {rows:,} rows with two more columns"
    yield Figure(
        f"{what}: CPU time", "the same rows without them", at_most(1.3), ratios(found, 0, 1),
        f"{number(medians(found)[0])} s against {number(medians(found)[1])} s",
    )  # fmt: skip
    yield Figure(f"{what}: peak memory", "", at_most(100, " MB"), [one.peak_bytes / MB for one in used])
    grown = sizes["table.csv"] - sizes["artists.csv"]
    yield Figure(
        f"{what}: growth of the database", "their bytes in the file", at_most(1.5), [grown / written],
        f"{number(grown / MB)} MB against {number(written / MB)} MB",
    )  # fmt: skip


def ingesting_again(bench: Bench, rows: int) -> Figure:
    """Return the time of an ingest that finds the same file already ingested."""
    bench.say(f"the same {rows:,} rows again")
    with bench.place("again") as folder:
        prepare(folder, rows)
        first, *again = (ingest_again(folder, folder / "artists.csv").seconds for _ in range(1 + bench.rounds))
    return Figure(
        f"Ingest of the same unchanged file of {rows:,} rows again", "the first time", at_most(0.1),
        [seconds / first for seconds in again], f"{number(median(again))} s against {number(first)} s",
    )  # fmt: skip


def exporting(bench: Bench, rows: int, taken: Taken) -> Iterator[Result]:
    """Yield the speed and the memory of an export."""
    bench.say(f"export of {rows:,} answers")
    what = f"Export of {rows:,} answers of 2 KB to a file"
    folder, used = finished(bench, rows).parent, list[Used]()
    written = [folder / "out.jsonl", folder / "reference.jsonl"]
    shell = shutil.which("sqlite3")

    def ours() -> float:
        start_clean(*written)
        used.append(run(EXPORT, folder))
        return used[-1].seconds

    def reference() -> float:
        start_clean(*written)
        with (folder / "reference.jsonl").open("wb") as stdout:
            return run([shell, "-readonly", "artistjobs.db", STATEMENT], folder, stdout=stdout).seconds

    if shell:
        found = alternate(bench.rounds, ours, reference)
        speeds = [rows / seconds for seconds in medians(found)]
        yield Figure(
            what, "the command `sqlite3` printing `json_object(…)` of the same columns, not synced",
            at_least(1.0, " times as fast"), ratios(found, 1, 0),
            f"{number(speeds[0])} against {number(speeds[1])} answers a second",
        )  # fmt: skip
    else:
        ours()
        yield LeftOut(what, "the command `sqlite3` is not here")
    start_clean(*written)
    taken.export[rows] = used[-1]
    yield Figure(f"{what}: peak memory", "", at_most(100, " MB"), [each.peak_bytes / MB for each in used])


def growth(bench: Bench, counts: list[int], taken: Taken) -> Iterator[Result]:
    """Yield time and memory of ingest and export by number of rows, from one run each."""
    bench.say("ingest and export by rows")
    for count in counts:
        if count not in taken.ingest:
            with bench.place("growth") as folder:
                prepare(folder, count)
                taken.ingest[count] = ingest_again(folder, folder / "artists.csv")
            taken.export[count] = run(EXPORT, finished(bench, count).parent)
    names = {"ingest": taken.ingest, "export": taken.export}
    yield Curve(
        "files-time", "Time of ingest and export by rows", "rows", "seconds",
        {name: [(float(count), used[count].seconds) for count in counts] for name, used in names.items()},
        "Straight after a start of some tenths of a second, since each row costs the same however many there are.",
        log_y=True,
    )  # fmt: skip
    yield Curve(
        "files-memory", "Peak memory of ingest and export by rows", "rows", "MB",
        {name: [(float(count), used[count].peak_bytes / MB) for count in counts] for name, used in names.items()},
        "Flat once the page caches are full: rows stream through, and none is kept.",
    )  # fmt: skip


def prepare(folder: Path, rows: int) -> None:
    (folder / "prompt.txt").write_text(PROMPT)
    write_rows(folder / "artists.csv", rows)


def write_table(path: Path, rows: int) -> None:
    """Write the rows of ``write_rows`` with two more columns."""
    with path.open("w") as file:
        file.write("artist_name,artist_data,country,born\n")
        file.writelines(
            f"Artist {number},painter and printmaker; born {number} days ago,Mexico,{1800 + number % 200}\n"
            for number in range(rows)
        )


def start_clean(*leftovers: Path) -> None:
    """Remove files and sync, so that the next measurement does not pay for pages that this one has still to write."""
    for path in leftovers:
        path.unlink(missing_ok=True)
    os.sync()


def databases(folder: Path) -> list[Path]:
    return [*folder.glob("artistjobs.db*"), *folder.glob("reference.db*")]
