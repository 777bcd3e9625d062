"""Named steps of the PostgreSQL store, at which a test lets something happen.

``before NAME`` and ``after NAME`` are about a statement, by the name of its file, or ``heartbeat``. ``before commit of
NAME`` and ``after commit of NAME`` are about the commit of the transaction whose last statement that was; after the
commit its reply is lost. ``after commit of NAME alone`` is about a statement that is a transaction by itself.
"""

import threading
from collections.abc import Callable, Iterable
from functools import partialmethod
from pathlib import Path

import psycopg
import pytest

from artistjobs.store.postgres import liveness, statements

SQL = Path(statements.__file__).parent / "sql"


class Steps:
    """Watches all sessions of this process."""

    def __init__(self, patches: pytest.MonkeyPatch) -> None:
        self._armed: dict[str, Callable[[psycopg.Connection], None]] = {}
        texts = {file.stem: file.read_bytes() for file in SQL.glob("*.sql")}
        self._names = {statements._numbered(text)[0]: name for name, text in texts.items()}
        self._names |= {text: name for name, text in texts.items()} | {liveness._BEAT: "heartbeat"}
        self._last = threading.local()
        self._execute, self._exit = psycopg.Cursor.execute, psycopg.Transaction.__exit__
        # Functions, which become methods, and not the bound methods of this object.
        patches.setattr(psycopg.Cursor, "execute", partialmethod(_call, self._executed))
        patches.setattr(psycopg.Transaction, "__exit__", partialmethod(_call, self._exited))

    def at(self, steps: Iterable[str], happen: Callable[[psycopg.Connection], None]) -> None:
        """Let something happen once at each of some steps, when it is next reached."""
        self._armed |= dict.fromkeys(steps, happen)

    @property
    def missed(self) -> list[str]:
        """Steps that were not reached."""
        return sorted(self._armed)

    def _executed(self, cursor, query, *args, **options):
        name, connection = self._names.get(query), cursor.connection
        if name is None:
            return self._execute(cursor, query, *args, **options)
        self._last.name = name
        self._reach(f"before {name}", connection)
        self._execute(cursor, query, *args, **options)
        self._reach(f"after {name}", connection)
        is_commit = connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
        if is_commit and self._reach(f"after commit of {name} alone", connection):
            self._lose_reply(connection)
        return cursor

    def _exited(self, transaction, kind, error, trace):
        connection = transaction.connection
        name = getattr(self._last, "name", None)
        is_commit = kind is None and name is not None and transaction._outer_transaction
        if is_commit:
            self._reach(f"before commit of {name}", connection)
        result = self._exit(transaction, kind, error, trace)
        if is_commit and self._reach(f"after commit of {name}", connection):
            self._lose_reply(connection)
        return result

    @staticmethod
    def _lose_reply(connection: psycopg.Connection) -> None:
        connection.close()
        raise psycopg.OperationalError("the reply to the commit is lost")

    def _reach(self, step: str, connection: psycopg.Connection) -> bool:
        happen = self._armed.pop(step, None)
        if happen is not None:
            happen(connection)
        return happen is not None


def _call(instance, function, *args, **options):
    return function(instance, *args, **options)
