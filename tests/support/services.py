"""The simulated API with batches or background calls, as the tests of both ways to call use it."""

import sqlite3
from contextlib import closing
from dataclasses import replace

from conftest import write_artists

FAST = {"set": {"artistjobs.library.arguments.BATCH_SPEED": 1000.0}}
"""Changes in a program that a test launches, so that its waits are short."""


def write_files(folder, rows: int) -> None:
    """Write the artists and the prompt of a run."""
    write_artists(folder / "a.csv", rows)
    (folder / "p.txt").write_text("Who is {{ artist_name }}?", encoding="utf-8")


def use(api, **rules) -> None:
    """Let the simulated API answer without latency, by the given rules of its scenario."""
    api.scenario = replace(api.scenario, latency_seconds=0.0, **rules)


def select(folder, query: str) -> list[tuple]:
    """Return the rows of a query on the database of a folder."""
    with closing(sqlite3.connect(folder / "artistjobs.db")) as db:
        return db.execute(query).fetchall()


def states(folder) -> dict[str, int]:
    """Return the number of jobs by state."""
    return dict(select(folder, "SELECT state, count(*) FROM jobs GROUP BY state"))
