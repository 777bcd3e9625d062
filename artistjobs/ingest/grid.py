"""Reader of rows that are cells already, as in Excel and Parquet files."""

from collections.abc import Iterable, Iterator, Sequence

from artistjobs.core.job import Artist, BadLine, Row, TableArtist
from artistjobs.ingest.cells import cell_fault, cell_text
from artistjobs.ingest.columns import ChosenColumns, TableHeader, table_header
from artistjobs.ingest.header import DATA, NAME, is_plain_header, is_table_header
from artistjobs.ingest.row import BEGINNING_LENGTH, NO_NAME
from artistjobs.ingest.rows import Notice

HEADER_AGAIN = "skipped the header, which comes again"


class GridReader:
    """Reads numbered rows of values once; rows without any value are skipped.

    ``name`` stands for the file in messages. ``heading`` are the names of the columns if the format has them, None if
    the first row may be a header. Iteration raises InputError if the header cannot be used.

    Attributes:
        lines: Number of the last row read.
        first_row: Fields of the header or the first row.
        notices: A notice if the header comes again.
        notice_count: Number of all notices.
        has_fixed_columns: True: the header tells all columns.

    """

    has_fixed_columns = True

    def __init__(
        self,
        rows: Iterable[tuple[int, Sequence[object]]],
        *,
        name: str,
        chosen: ChosenColumns,
        heading: Sequence[str] | None = None,
    ) -> None:
        self.lines = 0
        self.first_row: tuple[str, ...] = tuple(heading or ())
        self.notices: list[Notice] = []
        self.notice_count = 0
        self._rows = rows
        self._name = name
        self._chosen = chosen
        self._header: TableHeader | None = None
        self._table: TableHeader | None = None
        if heading is not None:
            self._set_header(table_header(heading, chosen, name))

    @property
    def headings(self) -> Sequence[str]:
        """Cells of the header, once the first row is read."""
        return self._header.fields if self._header else ()

    @property
    def columns(self) -> Sequence[str]:
        """Names of all columns, once the first row is read."""
        return self._table.names if self._table else (NAME, DATA)

    @property
    def cell_names(self) -> Sequence[str]:
        """Names of the cells of a row, once the first row is read."""
        return self._table.cell_names if self._table else ()

    def __iter__(self) -> Iterator[Row]:
        for number, values in self._rows:
            self.lines = number
            fields = [*map(cell_text, values)]
            if any(fields) and not self._is_header(fields):
                yield self._row(fields)

    def _is_header(self, fields: list[str]) -> bool:
        if not self.first_row:
            self.first_row = tuple(fields)
            if self._chosen or is_table_header(fields) or is_plain_header(fields):
                self._set_header(table_header(fields, self._chosen, f"{self._name}, row {self.lines}"))
            return self._header is not None
        is_again = tuple(fields) == self.first_row if self._table or self._chosen else is_plain_header(fields)
        if is_again:
            self.notice_count += 1
            if self.notice_count == 1:
                self.notices.append(Notice(self.lines, HEADER_AGAIN))
        return is_again

    def _set_header(self, header: TableHeader) -> None:
        self._header = header
        if not header.is_plain:
            self._table = header

    def _row(self, fields: list[str]) -> Row:
        if reason := next(filter(None, map(cell_fault, fields)), None):
            return self._bad(fields, reason)
        if self._table is None:
            name, *rest = fields
            return Artist(self.lines, name, ",".join(rest).rstrip(",")) if name else self._bad(fields, NO_NAME)
        width = len(self._table.fields)
        name, data, cells = self._table.row(fields[:width] + [""] * (width - len(fields)))
        return TableArtist(self.lines, name, data, cells) if name else self._bad(fields, NO_NAME)

    def _bad(self, fields: Sequence[str], reason: str) -> BadLine:
        text = ",".join(field[:BEGINNING_LENGTH] for field in fields)[:BEGINNING_LENGTH]
        return BadLine(self.lines, reason, text.encode(errors="replace").decode())
