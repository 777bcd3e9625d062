"""Statements of the PostgreSQL store: SQL files by name, executed with parameters that PostgreSQL can store."""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeAlias

import psycopg

from artistjobs.store.queries.connection import Parameters
from artistjobs.store.queries.tables import storable

DbRow: TypeAlias = dict[str, Any]

Db: TypeAlias = "psycopg.Connection[DbRow]"

_REPEATED: Final = frozenset({"exchange", "queue_state", "controls", "holders", "count_by_state"})
"""Statements that every worker repeats, prepared at their first execution and not, as others, at their sixth."""


def execute(db: Db, statement: str, parameters: Parameters | None = None) -> "psycopg.Cursor[DbRow]":
    """Execute a statement, named by its file; text that PostgreSQL cannot store is cleaned."""
    text, names = _numbered(sql(statement))
    found = cleaned({name: (parameters or {})[name] for name in names})
    is_prepared = db.prepare_threshold is not None and statement in _REPEATED
    return psycopg.RawCursor(db).execute(text, list(found.values()), prepare=is_prepared or None)


def cleaned(parameters: Parameters) -> Mapping[str, object]:
    """Return parameters without lone surrogates and NUL characters, which become U+FFFD; lists become arrays."""
    return {name: storable(array(value) if isinstance(value, list) else value) for name, value in parameters.items()}


def array(values: Sequence[object]) -> str:
    """Return numbers or texts, or None for NULL, as the text of an array, whose type the statement names.

    psycopg finds what to escape by regular expressions, which takes longer than the server needs to store an answer.
    """
    kinds = set(map(type, values))
    if str not in kinds:
        return f"{{{','.join(map(str, values)).replace('None', 'NULL')}}}"
    if kinds == {str}:
        # One search for all texts, since few have anything to escape.
        plain = '"' + '","'.join(map(str, values)) + '"'
        if "\\" not in plain and plain.count('"') == 2 * len(values):
            return f"{{{plain}}}"
    return f"{{{','.join(map(_element, values))}}}"


def _element(value: object) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return str(value)


@cache
def sql(statement: str) -> bytes:
    """Return the text of a statement, named by its file."""
    return (Path(__file__).parent / "sql" / f"{statement}.sql").read_bytes()


@cache
def _numbered(text: bytes) -> tuple[bytes, tuple[str, ...]]:
    """Return a statement with numbers for its parameters, and their names.

    psycopg would do that again for each execution of a long statement.
    """
    names: dict[str, int] = {}

    def number(found: re.Match[bytes]) -> bytes:
        name = found[1]
        return b"%" if name is None else b"$%d" % names.setdefault(name.decode(), len(names) + 1)

    numbered = re.sub(rb"%(?:%|\((\w+)\)s)", number, text)
    return numbered, tuple(names)
