"""Diagnosis of a PostgreSQL server and of the files about its database on this machine."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import Final

import psycopg

from artistjobs.core.findings import Finding, Level, finding_of
from artistjobs.core.formatting import count_text
from artistjobs.errors import ArtistjobsError, NoDatabaseError, StoreError
from artistjobs.store.address import DatabaseUrl
from artistjobs.store.place import free_space
from artistjobs.store.postgres.connection import Connection
from artistjobs.store.postgres.local_files import DEFAULT_SPOOL

CLOCK_SECONDS: Final = 5.0
"""Difference between two clocks in seconds from which it is worth a warning; artistjobs corrects it by itself."""


def diagnose(url: DatabaseUrl, *, deep: bool) -> Iterator[Finding]:
    """Yield the findings about a server, without waiting for one that is away; ``deep`` checks its rows, too."""
    yield Finding(Level.OK, "psycopg", f"psycopg {psycopg.__version__}")
    spool = (url.spool or DEFAULT_SPOOL).expanduser()
    yield free_space(next(folder for folder in (spool, *spool.parents) if folder.is_dir()))
    try:
        with closing(Connection(replace(url, wait_seconds=0.0), create=False)) as connection:
            yield from _server(connection, deep=deep)
    except NoDatabaseError:
        yield Finding(Level.OK, "server", "it can be used")
    except ArtistjobsError as error:
        yield finding_of("server", error)


def _server(connection: Connection, *, deep: bool) -> Iterator[Finding]:
    version = connection.db.info.parameter_status("server_version") or "of unknown version"
    yield Finding(Level.OK, "server", f"PostgreSQL {version}")
    ahead = connection.to_server(0.0)
    text = f"{abs(ahead):,.1f} s {'ahead of' if ahead > 0 else 'behind'} this machine"
    if abs(ahead) < CLOCK_SECONDS:
        yield Finding(Level.OK, "server clock", text)
    else:
        yield Finding(
            Level.WARN, "server clock", f"{text}; set both clocks, for example with chrony or systemd-timesyncd"
        )
    if not deep:
        yield Finding(Level.OK, "integrity", "not checked; add --deep")
        return
    yield _references(connection)
    row = connection.db.execute("SELECT current_setting('data_checksums') AS checksums").fetchone()
    if row is not None and row["checksums"] == "on":
        yield Finding(Level.OK, "integrity", "the server checks every page that it reads; pg_amcheck reads them all")
    else:
        text = "the server has no page checksums, so it does not notice damage of the disk; turn on data checksums"
        yield Finding(Level.WARN, "integrity", text)


def _references(connection: Connection) -> Finding:
    """Return the finding about references between rows, most of which the tables do not check by themselves."""
    row = connection.row("lost_references")
    if row is None or not row["orphans"]:
        return Finding(Level.OK, "references", "every reference of the database is sound")
    text = f"{count_text(row['orphans'], 'reference')} to rows that are missing; restore a backup with pg_restore"
    return Finding(Level.FAIL, "references", text, StoreError.exit_code)
