"""Copy of a whole database from one store to another, checked by counts and hashes."""

from collections.abc import Callable

from artistjobs.core.job import EVERYTHING
from artistjobs.errors import StoreError, WrongUseError
from artistjobs.store.database import Database
from artistjobs.store.interface import Reader
from artistjobs.store.queries.tables import TABLES, Counted, Digest, Tables, TableWriter


def transfer(source: Database, target: Database) -> Counted:
    """Copy everything in a database to another one that is new or empty, in one transaction.

    Raises:
        WrongUseError: if a worker is alive, or the target has jobs.
        StoreError: if the source was changed meanwhile, or the copy is not equal to the source; nothing is copied then.

    """
    with source.reader() as reader:
        before = _state(reader)
        if any(run.is_alive for run in reader.records.workers()):
            raise WrongUseError(
                f"a worker is running on {source.path}; wait until it ends or stop it with Ctrl+C, then copy again."
            )
        if (spool := reader.spool()) is not None:
            raise WrongUseError(f"{spool.folder} has answers for {source.path}; store them first with: artistjobs work")

    def ensure_unchanged() -> None:
        with source.reader() as reader:
            if _state(reader) != before:
                raise StoreError(f"{source.path} was changed meanwhile; nothing was copied, copy again.")

    with source.tables() as tables:
        return target.fill(lambda writer: copy_tables(tables, writer, ensure_unchanged), tables.kind)


def copy_tables(source: Tables, target: TableWriter, ensure_unchanged: Callable[[], None]) -> Counted:
    """Copy all tables and compare what was written with what was read. Raises StoreError if they differ."""
    digests = {table: Digest() for table in TABLES}
    for table, digest in digests.items():
        columns = source.columns(table)
        target.write(table, columns, digest.passing(source.rows(table), columns, table))
    for table, digest in digests.items():
        _compare(target, table, source.columns(table), digest)
    ensure_unchanged()
    return {table: digest.rows for table, digest in digests.items()}


def _compare(target: TableWriter, table: str, columns: list[str], expected: Digest) -> None:
    found = Digest()
    if target.columns(table) != columns:
        raise StoreError(f"the table {table} has other columns there; use one version of artistjobs for both.")
    for _ in found.passing(target.rows(table), columns, table):
        pass
    if found.value() != expected.value():
        raise StoreError(f"the copy of the table {table} is not equal to it; nothing was copied.")


def _state(reader: Reader) -> tuple[object, ...]:
    """Return what tells whether a database was changed: its runs, ingests, settings and the states of its jobs."""
    queries, records = reader.job_queries, reader.records
    return queries.runs(1), len(queries.ingests()), queries.control_changes(), records.counts(EVERYTHING)
