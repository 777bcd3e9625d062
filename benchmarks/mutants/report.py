"""The record of a run as Markdown: counts by target, and the reasons why mutants survive."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from benchmarks.mutants.mutant import Mutant

REASONS: Final = Path(__file__).parent / "survivors.toml"
UNEXPLAINED: Final = "**not explained yet**"


@dataclass(frozen=True, slots=True)
class Count:
    """Number of mutants of a target, those that survived, and the number of those that were not tried yet."""

    target: str
    mutants: int
    survived: Sequence[Mutant]
    untried: int = 0

    def row(self) -> str:
        """Return the row of the table."""
        killed = self.mutants - self.untried - len(self.survived)
        return f"| {self.target} | {self.mutants} | {killed} | {len(self.survived)} | {self.untried} |"


def reasons() -> Mapping[tuple[str, str], str]:
    """Return why mutants survive, by file name and change."""
    groups = tomllib.loads(REASONS.read_text("utf-8")).get("group", [])
    return {(group["file"], change.strip()): group["why"] for group in groups for change in group["changes"]}


def markdown(counts: Sequence[Count]) -> str:
    """Return the content of MUTANTS.md."""
    known = reasons()
    by_reason = dict[tuple[str, str], list[Mutant]]()
    for count in counts:
        for mutant in count.survived:
            why = known.get((mutant.file.name, mutant.change().strip()), UNEXPLAINED)
            by_reason.setdefault((mutant.file.name, why), []).append(mutant)
    survived = [mutant for one in counts for mutant in one.survived]
    total = Count("all", sum(one.mutants for one in counts), survived, sum(one.untried for one in counts))
    return "\n".join([
        "# Mutants",
        "",
        f"Measured by `python -m benchmarks.mutants` on {datetime.now(UTC).date()}.",
        "The program is changed in one place at a time, and a change that no test of its module notices survives.",
        "",
        "| changed | mutants | noticed | survived | not tried yet |",
        "|---|---|---|---|---|",
        *(one.row() for one in (*counts, total)),
        "",
        "## Why mutants survive",
        "",
        "| file | changes | why no test notices them |",
        "|---|---|---|",
        *(
            f"| {file} | {'<br>'.join(_shown(mutant) for mutant in mutants)} | {why} |"
            for (file, why), mutants in by_reason.items()
        ),
    ]) + "\n"  # fmt: skip


def _shown(mutant: Mutant) -> str:
    """Return the part of a line that is changed, with what it becomes."""
    lines = mutant.change().splitlines()
    before = " ".join(line[2:] for line in lines if line[0] == "-")
    after = " ".join(line[2:] for line in lines if line[0] == "+")
    first = next(
        (n for n, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), min(len(before), len(after))
    )
    last = next((n for n, (a, b) in enumerate(zip(before[::-1], after[::-1], strict=False)) if a != b), 0)
    last = min(last, len(before) - first, len(after) - first)
    start = before.rfind(" ", 0, max(0, first - 12)) + 1
    end_before, end_after = _end(before, len(before) - last), _end(after, len(after) - last)
    return f"{_code(before[start:end_before])} → {_code(after[start:end_after])}"


def _end(text: str, at: int) -> int:
    found = text.find(" ", at + 12)
    return len(text) if found < 0 else found


def _code(text: str) -> str:
    return f"`{text.strip()}`".replace("|", "\\|") if text.strip() else "nothing"
