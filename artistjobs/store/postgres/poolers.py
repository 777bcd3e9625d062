"""Recognition of a pooler in transaction mode: there two clients share one session, and with it their locks.

A worker whose lock another client shares cannot be told from a dead one, and temporary tables and settings get lost. In
session mode a pooler does no harm.
"""

import socket
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

import psycopg

from artistjobs.errors import WrongUseError

if TYPE_CHECKING:
    from collections.abc import Callable

    from artistjobs.store.postgres.statements import Db

_OTHERS = 2
"""Further clients of the test. A pooler hands out its idle session that was used last, or each of them in turn."""


def may_be_pooled(connection: "Db", client_port: int | None) -> bool:
    """Return False if the server itself is at the other end of a connection.

    Args:
        connection: The connection.
        client_port: The port of the client as the server sees it, None for a socket of the file system.

    """
    with socket.socket(fileno=connection.fileno()) as own:
        try:
            name = own.getsockname()
        finally:
            own.detach()
    # On a socket of the file system both ends have no port, with and without a pooler.
    return not (isinstance(name, tuple) and name[1] == client_port)


def ensure_own_session(connection: "Db", url: object, connect: "Callable[[], Db]") -> None:
    """Raise WrongUseError if another client may get the session of a connection between two of its transactions."""
    try:
        is_shared = _is_shared(connection, connect)
    except psycopg.Error as error:
        if "pooling mode" not in str(error):
            raise
        is_shared = True  # a pooler in statement mode refuses transactions
    if is_shared:
        raise WrongUseError(
            f"{url} is a pooler in transaction mode, in which no worker can keep a lock; "
            "name the direct address of the server, or one of the pooler in session mode."
        )


def _is_shared(connection: "Db", connect: "Callable[[], Db]") -> bool:
    own = _backend(connection)
    with ExitStack() as opened:
        for _ in range(_OTHERS):
            other = opened.enter_context(closing(connect()))
            # An open transaction keeps its session, in every mode of a pooler.
            other.execute("BEGIN")
            if _backend(other) == own:
                return True
        return _backend(connection) != own


def _backend(connection: "Db") -> int:
    row = connection.execute("SELECT pg_backend_pid() AS pid").fetchone()
    assert row is not None
    return int(row["pid"])
