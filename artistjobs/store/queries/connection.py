"""Protocols of a connection to an SQL database: statements are named by their files in the ``sql/`` of a store."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeAlias

Parameters: TypeAlias = Mapping[str, object]


class RowMapping(Protocol):
    """A row by column name. The types of its values depend on the statement."""

    def __getitem__(self, column: str, /) -> Any:  # noqa: ANN401 - a statement may return any type
        """Return the value of a column."""

    def keys(self) -> Iterable[str]:
        """Return the names of the columns."""


class ReadConnection(Protocol):
    """Connection that reads. Its methods raise StoreError if the disk or the database fails."""

    @property
    def name(self) -> object:
        """Name of the database for messages, without a password."""

    def rows(self, statement: str, parameters: Parameters | None = None) -> Sequence[RowMapping]:
        """Return all rows of a reading statement."""

    def row(self, statement: str, parameters: Parameters | None = None) -> RowMapping | None:
        """Return the first row of a reading statement, None if it has none."""

    def stream(self, statement: str, parameters: Parameters | None = None) -> Iterator[Sequence[Any]]:
        """Yield the rows of a reading statement from one snapshot, in memory that does not grow with their number."""

    def snapshot(self) -> AbstractContextManager[object]:
        """Read one consistent state for as long as the context lasts."""

    def is_alive(self, worker: int, host: str, pid: int) -> bool:
        """Return True if the process of a worker that has not ended lives."""

    def find_by_artist_like(self, name: str, limit: int) -> Sequence[RowMapping]:
        """Return the rows of jobs whose artist has a similar name, the closest first."""


class WriteConnection(ReadConnection, Protocol):
    """Connection that also writes."""

    def execute_each(self, statement: str, rows: Sequence[Parameters]) -> None:
        """Execute a writing statement for each row, in one transaction that is on disk on return."""
