"""Adding jobs for the lines of a file that are staged, within the transaction of an ingest.

Most files have only new rows. So they are first added without a look whether some are known or repeated, and the unique
index of the keys tells if that was wrong.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final, NamedTuple

from psycopg.errors import InsufficientPrivilege, LockNotAvailable, UniqueViolation

from artistjobs.store.postgres.statements import Db, execute

_MANY: Final = 10_000
"""Number of lines from which it is faster to build the indexes of empty tables at once."""

_LOCK_SECONDS: Final = 0.2
"""Time to wait for the right to drop an index; a session that reads the table may keep it for long."""

_MEMORY: Final = "64MB"
"""Memory of a sort or a hash table of the server, which would otherwise use files for a million keys."""


class Asked(NamedTuple):
    """Jobs of a file: their number, the number of new ones, and the first and last id."""

    jobs: int
    added: int
    first: int | None
    last: int | None


def add_jobs(db: Db, prompt: int, header: int | None, good: int) -> Asked:
    """Add a job for each staged line that has none; ``good`` is the number of these lines."""
    last = execute(db, "last_job").fetchone()
    assert last is not None
    numbers = {"prompt": prompt, "header": header, "last_job": last["job"]}
    if not last["is_known"]:
        with suppress(UniqueViolation):
            _add_all(db, "jobs", "add_first_jobs", numbers, is_first=not last["job"] and good >= _MANY)
            return Asked(good, good, last["job"] + 1, last["job"] + good) if good else Asked(0, 0, None, None)
    _set(db, "work_mem", _MEMORY)
    added = execute(db, "add_jobs", numbers).rowcount
    span = execute(db, "staged_span").fetchone()
    assert span is not None
    return Asked(span["jobs"], added, span["first_job"], span["last_job"])


def add_lines(db: Db, ingest: int, header: int | None, asked: Asked, good: int) -> None:
    """Link each staged line to its job."""
    numbers: dict[str, object] = {"ingest": ingest, "first_job": asked.first, "header": header}
    if asked.added == good:
        _add_all(db, "ingest_lines", "add_new_lines", numbers, is_first=asked.first == 1 and good >= _MANY)
    else:
        execute(db, "add_lines", numbers)


def _add_all(db: Db, table: str, statement: str, numbers: dict[str, object], *, is_first: bool) -> None:
    """Add a row for each staged line. Raises UniqueViolation, with nothing changed, if one has a known key."""
    if is_first:
        with suppress(LockNotAvailable, InsufficientPrivilege), _indexed_afterwards(db, table):
            execute(db, statement, numbers)
            return
    with db.transaction():
        execute(db, statement, numbers)


@contextmanager
def _indexed_afterwards(db: Db, table: str) -> Iterator[None]:
    """Remove the indexes of an empty table and build them at the end of the context, in less than half the time.

    Raises:
        LockNotAvailable: if another session uses the table.
        InsufficientPrivilege: if the role does not own it.

    """
    with db.transaction():
        usual = db.execute("SELECT current_setting('lock_timeout') AS usual").fetchone()
        assert usual is not None
        indexes = execute(db, "indexes", {"table": table}).fetchall()
        _set(db, "lock_timeout", f"{_LOCK_SECONDS}s")
        for index in indexes:
            db.execute(index["removal"])
        _set(db, "lock_timeout", usual["usual"])
        yield
        for index in indexes:
            db.execute(index["definition"])


def _set(db: Db, setting: str, value: str) -> None:
    """Change a setting until the end of the transaction."""
    db.execute("SELECT set_config(%s, %s, true)", (setting, value))
