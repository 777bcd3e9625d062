"""Dry run on PostgreSQL: count the jobs that a file would add, compared with a database that is not changed.

The keys are collected in a temporary table on the server, so that memory does not grow with their number. A database
without tables is compared as an empty one.
"""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager

from artistjobs.core.job import JobState
from artistjobs.core.prompt import Prompt
from artistjobs.core.statistics import AnswerStats, stats_of
from artistjobs.errors import WrongUseError
from artistjobs.store.address import DatabaseUrl
from artistjobs.store.models import Counts, FileJobs, Kind, wrong_kind_message
from artistjobs.store.postgres.errors import translated
from artistjobs.store.postgres.migrations import is_new, missing
from artistjobs.store.postgres.session import connect
from artistjobs.store.postgres.statements import Db, execute, sql

_NO_JOBS = {state.value: 0 for state in JobState}


class PostgresFilePreview:
    """Counter of job keys that looks them up in a database if it has tables."""

    def __init__(self, db: Db, name: object, *, has_database: bool) -> None:
        self._db = db
        self._name = name
        self._has_database = has_database
        execute(db, "preview_table")

    @property
    def has_database(self) -> bool:
        """True if there are jobs to compare with."""
        return self._has_database

    def add(self, keys: Sequence[bytes]) -> None:
        """Add the keys of some more rows."""
        with translated(self._name), self._db.cursor().copy(sql("preview_add")) as copy:
            copy.set_types(["bytea"])
            for key in keys:
                copy.write_row((key,))

    def asked(self) -> FileJobs:
        """Return the number of distinct jobs, and how many of them the database has in each state."""
        with translated(self._name):
            row = execute(self._db, "preview_distinct").fetchone()
            found = execute(self._db, "preview_states").fetchall() if self.has_database else []
        states = {known["state"]: known["jobs"] for known in found}
        return FileJobs(distinct=row["jobs"] if row else 0, known=Counts(**_NO_JOBS | states))

    def measured(self, prompt: Prompt) -> AnswerStats | None:
        """Return statistics of the latest answers to the same prompt, None if there are none."""
        if not self.has_database:
            return None
        with translated(self._name):
            rows = execute(self._db, "measured", {"key": prompt.key}).fetchall()
        if not rows:
            return None
        into, out, cost, seconds = (
            stats_of(row[name] for row in rows) for name in ("input_tokens", "output_tokens", "cost_usd", "seconds")
        )
        return AnswerStats(answers=len(rows), input_tokens=into, output_tokens=out, cost_usd=cost, seconds=seconds)


@contextmanager
def open_preview(url: DatabaseUrl, kind: Kind) -> Iterator[PostgresFilePreview]:
    """Open a preview of a file; missing tables are not created.

    Raises:
        WrongUseError: if the database holds the other kind, or the server cannot be used.
        StoreError: if it cannot be read.

    """
    with translated(url):
        db = connect(url)
    with closing(db):
        with translated(url):
            missing(db, url)  # raises an error for tables of another program or of a later version
            has_database = not is_new(db)
            row = execute(db, "kind").fetchone() if has_database else None
            if row is not None and Kind(row["kind"]) is not kind:
                raise WrongUseError(wrong_kind_message(url, Kind(row["kind"])))
            preview = PostgresFilePreview(db, url, has_database=has_database)
        yield preview
