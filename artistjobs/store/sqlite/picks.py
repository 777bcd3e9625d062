"""Random choice among pending jobs, for a look at some rows of a file before the others are asked."""

import json
import sqlite3
from collections.abc import Mapping
from typing import Any, Final

from artistjobs.store.sqlite.read_connection import sql

PICKS_AT_ONCE: Final = 1000
"""Jobs that are picked in one scan of the pending jobs, which takes half a second for a million."""


class RandomPicks:
    """Picks random pending jobs, many at a time, and hands them out while they are pending."""

    def __init__(self) -> None:
        self._ids: list[int] = []

    def take(self, db: sqlite3.Connection, limit: int, parameters: Mapping[str, object]) -> list[Any]:
        """Return up to ``limit`` random claimable jobs, each as the values of a claim.

        Args:
            db: Connection that holds the write transaction, in which the jobs are claimed afterwards.
            limit: Largest number of jobs.
            parameters: Scope and moments, as for the statement ``claimable``.

        """
        found = self._claimable(db, limit, parameters)
        if len(found) < limit:
            self._pick(db, max(limit, PICKS_AT_ONCE), parameters, {job for job, *_ in found})
            found += self._claimable(db, limit - len(found), parameters)
        return found

    def _claimable(self, db: sqlite3.Connection, limit: int, parameters: Mapping[str, object]) -> list[Any]:
        found: list[Any] = []
        while self._ids and len(found) < limit:
            wanted = limit - len(found)
            picks, self._ids = self._ids[:wanted], self._ids[wanted:]
            ((text,),) = db.execute(sql("claimable_picks"), {**parameters, "picks": json.dumps(picks)}).fetchall()
            found += json.loads(text)
        return found

    def _pick(self, db: sqlite3.Connection, count: int, parameters: Mapping[str, object], taken: set[int]) -> None:
        # The jobs that were just taken are not claimed yet, so they may be picked again.
        rows = db.execute(sql("random_pending"), {**parameters, "count": count + len(taken)})
        self._ids = [job for (job,) in rows if job not in taken]
