"""Tables as they are copied from one store to another: their order, their columns, and a hash of their rows."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol, TypeAlias

from artistjobs.core.json_values import clean_text
from artistjobs.store.models import Kind

Row: TypeAlias = tuple[Any, ...]


Counted: TypeAlias = dict[str, int]
"""Number of rows by table."""


TABLES = (
    "texts", "prompts", "headers", "ingests", "workers", "jobs", "ingest_lines", "bad_lines", "attempts", "answers",
    "controls", "batches", "submissions",
)  # fmt: skip
"""All tables with rows for users, each after those that it refers to."""


NOT_COPIED = frozenset({"token", "backend", "exchanges", "changes", "unexplained", "text_apart", "text_json"})
"""Columns of one store only: they name a session, or say how a text is stored."""


_ORDER = {
    "texts": "sha256",
    "ingest_lines": "ingest, line",
    "bad_lines": "ingest, line",
    "controls": "name",
    "submissions": "job",
}


class Tables(Protocol):
    """All rows of a database, from one snapshot."""

    @property
    def kind(self) -> Kind:
        """Kind of its jobs."""

    def columns(self, table: str) -> list[str]:
        """Return the names of the columns of a table that are copied, in alphabetical order."""

    def rows(self, table: str) -> Iterator[Row]:
        """Yield the rows of a table with these columns, in the order of its key."""


class TableWriter(Tables, Protocol):
    """New database that is being filled, within one transaction."""

    def write(self, table: str, columns: Sequence[str], rows: Iterable[Row]) -> None:
        """Add rows to a table."""


class Digest:
    """Number of rows and hash of a table, while its rows pass."""

    def __init__(self) -> None:
        self.rows = 0
        self._hash = hashlib.sha256()

    def passing(self, rows: Iterable[Row], columns: Sequence[str], table: str) -> Iterator[Row]:
        """Yield rows as every store can hold them, and count them."""
        text = columns.index("text") if table == "answers" else None
        for row in rows:
            clean = tuple(value if place == text else storable(value) for place, value in enumerate(row))
            self.rows += 1
            self._hash.update(repr(clean).encode("utf-8", "backslashreplace"))
            yield clean

    def value(self) -> tuple[int, str]:
        """Return the number of rows and their hash."""
        return self.rows, self._hash.hexdigest()


def selecting(table: str, columns: Sequence[str]) -> str:
    """Return the statement that reads a table."""
    return f"SELECT {names_of(columns)} FROM {table} ORDER BY {_ORDER.get(table, 'id')}"  # noqa: S608 - no value


def names_of(columns: Iterable[str]) -> str:
    """Return the names of columns for a statement; some are words of SQL."""
    return ", ".join(f'"{name}"' for name in columns)


def storable(value: Any) -> Any:  # noqa: ANN401 - any value of a row
    """Return a value as every store can hold it: in a text, NUL and lone surrogates become U+FFFD."""
    if not isinstance(value, str):
        return value
    text = value.replace("\0", "\ufffd") if "\0" in value else value
    try:
        text.encode()
    except UnicodeEncodeError:
        return clean_text(text)
    return text
