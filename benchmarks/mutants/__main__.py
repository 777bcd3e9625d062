"""Mutation testing: `python -m benchmarks.mutants [--only budget,claim] [--record FILE]`.

Each target is changed in one place at a time, and its tests run on each change. A change that no test notices survives:
a test is missing, code is superfluous, or the change makes no difference.
"""

import json
from pathlib import Path

import click

from benchmarks.mutants.mutant import Mutant
from benchmarks.mutants.report import Count, markdown, reasons
from benchmarks.mutants.targets import TARGETS, Target
from benchmarks.mutants.trial import Fate, try_mutants


class Record:
    """What became of mutants, kept in a file. Another run tries only those again that survived."""

    def __init__(self, path: Path) -> None:
        self._path = path
        lines = path.read_text("utf-8").splitlines() if path.exists() else []
        self._fates = {tuple(key): Fate(fate) for key, fate in map(json.loads, lines)}

    def left(self, target: Target) -> list[Mutant]:
        """Return the mutants of a target that no test has noticed yet."""
        return [mutant for mutant in target.mutants() if self.fate(mutant) is not Fate.KILLED]

    def fate(self, mutant: Mutant) -> Fate | None:
        """Return what became of a mutant, None if it was not tried."""
        return self._fates.get(_key(mutant))

    def add(self, mutant: Mutant, fate: Fate) -> None:
        """Record what became of a mutant."""
        with self._path.open("a", encoding="utf-8") as file:
            print(json.dumps([_key(mutant), fate.value]), file=file)


def _key(mutant: Mutant) -> tuple[str, str, str, int]:
    return mutant.file.name, mutant.kind, mutant.change(), mutant.number


@click.command()
@click.option("--only", metavar="NAMES", help="Targets to try, separated by commas; MUTANTS.md is then not written.")
@click.option("--record", "path", type=click.Path(path_type=Path), default=Path("mutants.jsonl"), show_default=True)
@click.option("--report", is_flag=True, help="Try nothing, and write MUTANTS.md from the record.")
def main(only: str | None, path: Path, *, report: bool) -> None:
    """Try each mutant of the targets, print those that survive, and write them to benchmarks/MUTANTS.md."""
    chosen = [target for target in TARGETS if only is None or target.name in only.split(",")]
    for target in chosen if not report else ():
        attempt(target, Record(path))
    counts = [count(target, Record(path)) for target in chosen]
    if only is None:
        (Path(__file__).parents[1] / "MUTANTS.md").write_text(markdown(counts), "utf-8")


def attempt(target: Target, record: Record) -> None:
    """Try the mutants of a target that no test has noticed yet."""
    if not try_mutants(target.tests, record.left(target), record.add):
        raise click.ClickException(f"the tests of {target.name} fail without a mutant")


def count(target: Target, record: Record) -> Count:
    """Return how many mutants survived, and print those without a reason."""
    mutants, known = list(target.mutants()), reasons()
    survived = [mutant for mutant in mutants if record.fate(mutant) is Fate.SURVIVED]
    for mutant in survived:
        if (mutant.file.name, mutant.change().strip()) not in known:
            click.echo(f"{mutant.file.name} {mutant.kind}\n{mutant.change()}")
    counted = Count(target.name, len(mutants), survived, sum(record.fate(mutant) is None for mutant in mutants))
    click.echo(counted.row())
    return counted


if __name__ == "__main__":
    main()
