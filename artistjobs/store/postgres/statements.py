"""Statements of the PostgreSQL store: SQL files by name, executed with parameters that PostgreSQL can store."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from artistjobs.store.queries.connection import Parameters
from artistjobs.store.queries.tables import storable

if TYPE_CHECKING:
    import psycopg

DbRow: TypeAlias = dict[str, Any]

Db: TypeAlias = "psycopg.Connection[DbRow]"


def execute(db: Db, statement: str, parameters: Parameters | None = None) -> "psycopg.Cursor[DbRow]":
    """Execute a statement, named by its file; text that PostgreSQL cannot store is cleaned."""
    return db.execute(sql(statement), cleaned(parameters or {}))


def cleaned(parameters: Parameters) -> Mapping[str, object]:
    """Return parameters without lone surrogates and NUL characters, which become U+FFFD."""
    return {
        name: list(map(storable, value)) if isinstance(value, list) else storable(value)
        for name, value in parameters.items()
    }


@cache
def sql(statement: str) -> bytes:
    """Return the text of a statement, named by its file."""
    return (Path(__file__).parent / "sql" / f"{statement}.sql").read_bytes()
