"""Deaths of workers: their jobs are freed by any machine, and their own machine knows which of these is suspected."""

from collections import Counter
from dataclasses import dataclass
from functools import partial

from artistjobs.core.job import DEATHS_MAX
from artistjobs.store.call_notes import suspected_in
from artistjobs.store.postgres.connection import Connection
from artistjobs.store.postgres.liveness import try_lock_dead
from artistjobs.store.postgres.local_files import LocalFiles
from artistjobs.store.postgres.statements import Db, execute


@dataclass(frozen=True, slots=True)
class Deaths:
    """Frees the jobs of dead workers, and blames the job whose call began or ended last."""

    connection: Connection
    local: LocalFiles

    def rescue(self, worker: int) -> Counter[str]:
        """Free the jobs of a worker if it is dead; return them by their new states, or ``living``."""
        found = self.connection.in_transaction(partial(self._rescue, worker=worker))
        if not found["living"]:
            self.local.remove_notes(worker)
        return found

    def explain(self, living: int | None) -> int:
        """Blame the jobs suspected of deaths on this machine that other machines found; return how many failed by it.

        ``living`` is the worker that asks.
        """
        noted = [worker for worker in self.local.noted_workers() if worker != living]
        ended = self.connection.rows("ends_of_workers", {"workers": noted}) if noted else []
        failed = 0
        for row in ended:
            if row["unexplained"]:
                failed += self.connection.in_transaction(partial(self._explain, worker=row["worker"]))
            self.local.remove_notes(row["worker"])
        return failed

    def _rescue(self, db: Db, worker: int) -> Counter[str]:
        if not try_lock_dead(db, worker):
            return Counter(living=1)
        row: dict[str, object] = {"worker": worker, "ending": "died"}
        execute(db, "free_submitted", row)
        is_alone = execute(db, "record_deaths", row).rowcount == 1
        notes = self.local.notes_of(worker)
        blamed = {"worker": worker, "deaths_max": DEATHS_MAX, "suspect": suspected_in(notes), "is_alone": is_alone}
        freed = execute(db, "rescue", blamed).fetchall()
        if freed and not is_alone and not notes.exists():
            execute(db, "leave_unexplained", row)
        for statement in ("end_worker", "leave_batches"):
            execute(db, statement, row)
        return Counter(found["state"] for found in freed)

    def _explain(self, db: Db, worker: int) -> int:
        suspect = suspected_in(self.local.notes_of(worker))
        if not execute(db, "explain", {"worker": worker}).rowcount or suspect is None:
            return 0
        row = {"worker": worker, "suspect": suspect, "deaths_max": DEATHS_MAX}
        return sum(found["state"] == "failed" for found in execute(db, "blame", row))
