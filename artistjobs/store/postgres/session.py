"""Sessions with a PostgreSQL server, refused if the server cannot keep the promises of the store."""

import logging
from collections.abc import Mapping
from typing import Any

import psycopg
from psycopg.adapt import Loader
from psycopg.rows import dict_row

from artistjobs.errors import WrongUseError
from artistjobs.store.address import DatabaseUrl
from artistjobs.store.postgres.poolers import ensure_own_session, may_be_pooled
from artistjobs.store.postgres.statements import Db
from artistjobs.store.postgres.texts import Texts, TextsDumper

log = logging.getLogger(__name__)

OLDEST_SERVER = 14
"""Oldest supported major version of the server."""

_CONNECT_SECONDS = 10

_SETTINGS = {
    # A server drops the session of a host that is gone in about 10 s, and with it the session's locks.
    "tcp_keepalives_idle": "3",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
    "idle_in_transaction_session_timeout": "300s",
    "lock_timeout": "60s",
    "timezone": "UTC",
    "datestyle": "ISO",
    "client_min_messages": "warning",
}
"""Settings of a session. They are set by statements, since some poolers refuse them as startup parameters."""


def connect(url: DatabaseUrl) -> Db:
    """Connect to a server and check that it can keep the promises of the store.

    Raises:
        WrongUseError: if it is too old, a replica, a pooler in transaction mode, or does not wait for the disk.
        psycopg.Error: if it cannot be reached or refuses the connection.

    """
    connection = _connect(url)
    try:
        connection.adapters.register_loader("timestamptz", _TimestampLoader)
        connection.adapters.register_dumper(Texts, TextsDumper)
        set_all(connection, _SETTINGS)
        _ensure_suitable(connection, url)
    except BaseException:
        connection.close()
        raise
    return connection


def set_all(connection: Db, settings: Mapping[str, str]) -> None:
    """Change settings of a session in one statement."""
    if settings:
        changes = ", ".join(["set_config(%s, %s, false)"] * len(settings))
        words = [word for setting in settings.items() for word in setting]
        connection.execute(f"SELECT {changes}".encode(), words)


def _connect(url: DatabaseUrl) -> Db:
    try:
        return psycopg.connect(
            url.url,
            autocommit=True,
            row_factory=dict_row,
            connect_timeout=_CONNECT_SECONDS,
            tcp_user_timeout=5_000,
            keepalives_idle=3,
            keepalives_interval=2,
            keepalives_count=3,
            application_name="artistjobs",
        )
    except psycopg.ProgrammingError as error:
        raise WrongUseError("the URL of the database is invalid; write postgresql://USER@HOST:PORT/NAME.") from error


def _ensure_suitable(connection: Db, url: DatabaseUrl) -> None:
    if connection.info.server_version < OLDEST_SERVER * 10_000:
        raise WrongUseError(f"{url} runs PostgreSQL {connection.info.server_version // 10_000}; 14 or newer is needed.")
    row = connection.execute(
        "SELECT pg_is_in_recovery() AS is_replica, current_setting('synchronous_commit') AS sync,"
        " current_setting('default_transaction_read_only') = 'on' AS is_read_only,"
        " current_setting('server_encoding') AS encoding, inet_client_port() AS client_port"
    ).fetchone()
    assert row is not None
    if row["is_replica"] or row["is_read_only"]:
        raise WrongUseError(f"{url} is a replica or read-only; name the primary server with --db.")
    if row["encoding"] != "UTF8":
        raise WrongUseError(
            f"{url} stores text as {row['encoding']}; create a database with: createdb -E UTF8 -T template0 NAME"
        )
    if row["sync"] == "off":
        raise WrongUseError(
            f"{url} has synchronous_commit = off and would lose answers that were paid for; set it to on, "
            "for example: ALTER DATABASE NAME SET synchronous_commit = on."
        )
    if may_be_pooled(connection, row["client_port"]):
        connection.prepare_threshold = None  # prepared statements outlive their client in some poolers
        ensure_own_session(connection, url, lambda: _connect(url))
    if row["sync"] == "local":
        log.warning("%s has synchronous_commit = local: a failover to a replica may lose the latest answers", url)


class _TimestampLoader(Loader):
    """Loads a time with time zone as UTC text, such as ``2026-11-22T20:51:07.123Z``."""

    def load(self, data: Any) -> str:  # noqa: ANN401 - a buffer of the driver
        day, _, rest = bytes(data).decode().partition(" ")
        clock, _, fraction = rest.partition("+")[0].partition(".")
        return f"{day}T{clock}.{fraction:0<3}Z"
