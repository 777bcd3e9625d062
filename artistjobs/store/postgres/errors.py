"""Translation of PostgreSQL's errors to one sentence with the remedy; a password is never part of it."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import errors

from artistjobs.errors import ArtistjobsError, StoreError, WrongUseError

REMEDY = "fix that and run the same command again: what was stored is kept."

_WRONG_USE = {
    "28P01": "the password is wrong; set PGPASSWORD, or add the server to ~/.pgpass.",
    "28000": "the server refuses this user or this way to connect; check user, sslmode and pg_hba.conf.",
    "3D000": "there is no such database; create it with createdb, or name another with --db.",
    "42501": "this role lacks a right that is needed; grant it, or let the owner of the tables run the command once.",
    "25006": "it is read-only, as a replica is; name the primary server with --db.",
}
"""Remedies by SQLSTATE for errors of the configuration; see the appendix "PostgreSQL Error Codes" of its manual."""

_TROUBLE = {
    "53100": "the disk of the server is full; make room and run the same command again: what was stored is kept.",
    "53200": f"the server is out of memory; {REMEDY}",
    "XX001": "it is damaged; restore it from a backup.",
    "XX002": "an index is damaged; rebuild it with REINDEX.",
}

_CONNECTION_CLASSES = ("08", "57")
"""Classes of SQLSTATE for a lost connection and for a server that stops or starts."""

_CONFLICTS = ("40001", "40P01")
"""Serialization failure and deadlock: the same transaction succeeds when it is repeated."""

_FULL = "53300"

_SUSPENDED = "25P03"
"""The server ended a session that did nothing within a transaction: this process was suspended."""


def is_away(error: BaseException) -> bool:
    """Return True if the server may come back: it restarts, it is full, or the connection was lost."""
    if isinstance(error, psycopg.Error) and error.sqlstate == _SUSPENDED:
        return True
    if not isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        return False
    code = error.sqlstate
    if code is None:
        return not any(part in str(error) for part in _FINAL_WITHOUT_CODE)
    return code == _FULL or (code[:2] in _CONNECTION_CLASSES and code != "57014")


_FINAL_WITHOUT_CODE = (
    "password authentication failed",
    "no password supplied",
    "does not exist",
    "could not translate host name",
    "failed to resolve host",
    "no pg_hba.conf entry",
    "certificate",
    "SSL is not enabled",
    "does not support SSL",
    "invalid",
    "definition of service",
    "service file",
    "could not open",
)
"""Parts of messages of libpq about a connection that will not succeed by itself; they have no SQLSTATE."""


def is_shortage(error: BaseException) -> bool:
    """Return True if the server lacks disk space or memory, which may pass."""
    return isinstance(error, psycopg.Error) and error.sqlstate in _SHORTAGES


_SHORTAGES = ("53100", "53200", "53400")


def is_conflict(error: BaseException) -> bool:
    """Return True if another transaction was in the way and the same one may be repeated."""
    return isinstance(error, psycopg.Error) and error.sqlstate in _CONFLICTS


@contextmanager
def translated(name: object) -> Iterator[None]:
    """Translate errors of psycopg to WrongUseError or StoreError."""
    try:
        yield
    except psycopg.Error as error:
        raise to_error(name, error) from error


def to_error(name: object, error: psycopg.Error) -> ArtistjobsError:
    """Return the error with one sentence for people."""
    code = error.sqlstate or _code_of(str(error))
    if code in _WRONG_USE:
        return WrongUseError(f"{name}: {_WRONG_USE[code]}")
    if code in _TROUBLE:
        return StoreError(f"{name}: {_TROUBLE[code]}")
    if code is None and (remedy := _remedy_of(str(error))) is not None:
        return WrongUseError(f"{name}: {remedy.format(reason_of(error))}")
    if code == _FULL:
        return StoreError(f"{name}: the server has no free connection; close others, or raise max_connections.")
    if is_away(error):
        return StoreError(f"{name}: the server cannot be reached ({reason_of(error)}); {REMEDY}")
    return StoreError(f"{name}: PostgreSQL reports {reason_of(error)!r}; {REMEDY}")


def _code_of(message: str) -> str | None:
    """Return the SQLSTATE of a failed connection, which libpq reports as text alone."""
    parts = {
        "password authentication failed": errors.InvalidPassword.sqlstate,
        "no password supplied": errors.InvalidPassword.sqlstate,
        "no pg_hba.conf entry": errors.InvalidAuthorizationSpecification.sqlstate,
        "too many c": _FULL,  # clients, or connections for a role or a database
        "remaining connection slots": _FULL,
    }
    found = next((code for part, code in parts.items() if part in message), None)
    if found is None and "database" in message and "does not exist" in message:
        return errors.InvalidCatalogName.sqlstate
    if found is None and "role" in message and "does not exist" in message:
        return errors.InvalidAuthorizationSpecification.sqlstate
    return found


def reason_of(error: psycopg.Error) -> str:
    """Return the message of an error without what libpq writes around it."""
    if (primary := error.diag.message_primary) is not None:
        return primary
    lines = str(error).strip().splitlines()
    return _AROUND.sub("", lines[0].strip()) if lines else type(error).__name__


_AROUND = re.compile(
    r"^(?:connection failed: |connection is bad: )*(?:connection to server .*? failed: )?(?:FATAL: +)?"
)


def _remedy_of(message: str) -> str | None:
    return next((remedy for parts, remedy in _REMEDIES if any(part in message for part in parts)), None)


_REMEDIES = (
    (
        ("translate host name", "resolve host"),
        "the name of the server is unknown; check it, and write @, / and : in a password as %40, %2F and %3A.",
    ),
    (("certificate", "SSL"), "TLS failed ({}); check sslmode and sslrootcert."),
    (("definition of service", "service file"), "{}; check the service and PGSERVICEFILE."),
    (("invalid",), "{}; check the URL of the database."),
)
"""Remedies for a connection that libpq refuses itself, by parts of its message, which is put in place of the braces."""
