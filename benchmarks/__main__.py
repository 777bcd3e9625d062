"""All benchmarks in one run: `python -m benchmarks [--quick] [--only NAME[,NAME]]`."""

import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import click

from benchmarks import batch, calls, files, growth, memory, peers, plots, postgres, shares, startup, store, table
from benchmarks.measure import Bench, Curve, Figure, LeftOut, MeasureError, Result, Section

AREAS: Mapping[str, Callable[[Bench], Iterator[Result]]] = {
    "calls": calls.measure,
    "shares": shares.measure,
    "startup": startup.measure,
    "store": store.measure,
    "files": files.measure,
    "growth": growth.measure,
    "memory": memory.measure,
    "postgres": postgres.measure,
    "batch": batch.measure,
    "peers": peers.measure,
}
HERE = Path(__file__).parent
ROUNDS = 5

ON_DISK = Path("/var/tmp")
"""A folder that survives a reboot and is therefore on a disk; /tmp may be in memory, where syncing costs nothing."""


def read_areas(_context: click.Context, _parameter: click.Parameter, names: str | None) -> list[str]:
    """Return the requested areas, or all areas if none is named."""
    asked = names.split(",") if names else list(AREAS)
    if unknown := [name for name in asked if name not in AREAS]:
        raise click.BadParameter(f"there is no {', '.join(unknown)}; there are {', '.join(AREAS)}")
    return asked


@click.command()
@click.option("--quick", is_flag=True, help="Everything in small, to see that it works; its figures mean nothing.")
@click.option("--only", metavar="NAME[,NAME]", callback=read_areas, help=f"Some of: {', '.join(AREAS)}.")
@click.option("--rounds", type=click.IntRange(min=1), default=ROUNDS, show_default=True, help="Values of each figure.")
@click.option("--part", metavar="HEADING", help="Write the figures as this part of benchmarks/RESULTS.md.")
def main(*, quick: bool, only: list[str], rounds: int, part: str | None) -> None:
    """Measure the cost of the program against references.

    A whole run writes benchmarks/RESULTS.md and its plots, and exits with 1 if a figure misses its target. A run of
    `--only postgres` replaces the part about PostgreSQL.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # the temporary folder is then removed
    started = time.monotonic()
    where = ON_DISK if ON_DISK.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="artistjobs-benchmarks-", dir=where) as folder:
        bench = Bench(Path(folder), is_quick=quick, rounds=1 if quick else rounds)
        results, troubles = measure(bench, only)
    seconds = time.monotonic() - started
    if not quick and len(only) == len(AREAS):
        write(bench, results, seconds)
    elif not quick and not troubles and (part := part or (postgres.PART if only == ["postgres"] else None)):
        of_part = [replace(one, part=part) for one in results if isinstance(one, Figure | Section)]
        write_part(part, of_part, table.measured_by(f"python -m benchmarks --only {','.join(only)}", seconds))
    print(f"{time.monotonic() - started:.0f} s", file=sys.stderr)
    sys.exit(troubles or (not quick and not all(figure.is_reached for figure in results if isinstance(figure, Figure))))


def measure(bench: Bench, areas: list[str]) -> tuple[list[Result], bool]:
    """Measure some areas; return the results, and True if an area failed."""
    results: list[Result] = []
    has_failed = False
    for area in areas:
        try:
            for result in AREAS[area](bench):
                table.tell(result, is_quick=bench.is_quick)
                results.append(result)
        except MeasureError as error:
            # The results of the other areas are kept.
            has_failed = True
            print(error, file=sys.stderr)
            results.append(LeftOut(area, "it failed"))
    return results, has_failed


def write(bench: Bench, results: list[Result], seconds: float) -> None:
    """Write RESULTS.md and its plots."""
    (HERE / "plots").mkdir(exist_ok=True)
    for result in results:
        if isinstance(result, Curve):
            (HERE / "plots" / f"{result.name}.svg").write_text(plots.svg(result))
    (HERE / "RESULTS.md").write_text(table.markdown(bench, results, seconds))


def write_part(name: str, results: Sequence[Result], said: str) -> None:
    """Replace one part of RESULTS.md; ``said`` tells how it was measured."""
    path = HERE / "RESULTS.md"
    path.write_text(table.with_part(path.read_text(), name, table.part_of(name, results, said)))


if __name__ == "__main__":
    main()
