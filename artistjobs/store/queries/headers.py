"""Names of the other columns of tables, by their number."""

from collections.abc import Sequence

from artistjobs.core.columns import Columns, cells_of, columns_of
from artistjobs.store.queries.connection import ReadConnection


class Headers:
    """Cache of column names: a database has few lists of them and many jobs."""

    def __init__(self, connection: ReadConnection) -> None:
        self._connection = connection
        self._names: dict[int, Sequence[str]] = {}

    def names(self, header: int) -> Sequence[str]:
        """Return the names of columns in the order of the file."""
        if header not in self._names:
            row = self._connection.row("header", {"header": header})
            assert row is not None
            self._names[header] = cells_of(row["names"])
        return self._names[header]

    def columns(self, header: int | None, cells: str | None) -> Columns:
        """Return stored values by name; without a header there are none."""
        return columns_of(self.names(header), cells_of(cells or "[]")) if header is not None else {}
