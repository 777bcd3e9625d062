"""Parser for files with separated fields: it yields one row after another and accepts any bytes.

The modules `row` and `table` have the grammar of a row, `source` opens the file. If the first row is a header, it is
skipped; if it is that of a table, it gives the fields of a row their columns.
Byte-order marks and headers that come again later are skipped too, with a notice: the file was joined from several.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from io import BytesIO

from artistjobs.core.job import Artist, BadLine, Row, TableArtist
from artistjobs.errors import InputError
from artistjobs.ingest.columns import ChosenColumns, table_header
from artistjobs.ingest.encoding import UTF8
from artistjobs.ingest.header import COLUMN_SPELLINGS, DATA, NAME, is_plain_header, is_table_header, shown_columns
from artistjobs.ingest.joined import BYTE_ORDER_MARK, joint, may_be_joined
from artistjobs.ingest.read_buffer import ByteStream, MixedLines, ReadBuffer, count_line_ends, has_lone_return
from artistjobs.ingest.row import (
    COMMA,
    MAX_COLUMNS,
    ROW_LIMIT,
    BadRowError,
    Separator,
    beginning,
    is_skipped,
    parse_row,
    physical_line,
    row_end,
    row_fields,
    simple_row,
)
from artistjobs.ingest.rows import Notice
from artistjobs.ingest.table import ROW_LIMIT as TABLE_ROW_LIMIT
from artistjobs.ingest.table import TableRows, mentions_header

# Less than FIELD_LIMIT: a simple row lies within one block, so it cannot be too long.
BLOCK_SIZE = 1 << 18


HEADER_LIMIT = 1 << 18
"""Number of bytes of the first row that are looked at to find a header."""


MAX_NOTICES = 20
"""Maximum number of notices that are kept; the others are counted."""


MARK_AGAIN = "skipped a byte-order mark"


MARK_WITHIN = "a byte-order mark within the line; if files were joined there, put a line break before it"


HEADER_AGAIN = "skipped the header, which comes again"


_artist: Callable[[tuple[object, ...]], Artist] = partial(tuple.__new__, Artist)
"""Creates an artist from a tuple in half the time of the constructor."""


_table_artist: Callable[[tuple[object, ...]], TableArtist] = partial(tuple.__new__, TableArtist)


class ArtistReader:
    """Parses a stream once, in constant memory.

    ``name`` and ``encoding`` stand for the file in messages; its text was converted to UTF-8 already. ``by`` separates
    its fields. ``chosen`` are the columns with name and data; with some chosen, the first row is a header in any case.
    Iteration raises InputError if the header cannot be used, or if another one comes later.

    Attributes:
        lines: Number of lines read so far, with skipped ones.
        first_row: Fields of the first row, also if it is the header; empty if there is none or it is bad.
        notices: The first notices, in the order of their lines.
        notice_count: Number of all notices.
        has_fixed_columns: True: the header tells all columns.

    """

    has_fixed_columns = True

    def __init__(
        self,
        stream: ByteStream,
        *,
        name: str = "the file",
        encoding: str = UTF8,
        block_size: int = BLOCK_SIZE,
        by: Separator = COMMA,
        chosen: ChosenColumns = ChosenColumns(),  # noqa: B008 - frozen
    ) -> None:
        self.lines = 0
        self.first_row: tuple[str, ...] = ()
        self.notices: list[Notice] = []
        self.notice_count = 0
        self._name = name
        self._encoding = encoding
        self._by = by
        self._chosen = chosen
        self._header = b""
        self._headings: tuple[str, ...] = ()
        self._table: TableRows | None = None
        self._window = ReadBuffer(stream, block_size)

    @property
    def headings(self) -> Sequence[str]:
        """Cells of the header, once the first row is read."""
        return self._headings

    @property
    def columns(self) -> Sequence[str]:
        """Names of all columns, once the first row is read."""
        return self._table.header.names if self._table else (NAME, DATA)

    @property
    def cell_names(self) -> Sequence[str]:
        """Names of the cells of a row, once the first row is read."""
        return self._table.header.cell_names if self._table else ()

    def __iter__(self) -> Iterator[Row]:
        self._window.drop(BYTE_ORDER_MARK)
        self._read_header()
        while self._window.fill():
            lines = self._window.whole_lines()
            yield from self._rows_of_block(lines) if lines else self._row_at_hand()

    def _read_header(self) -> None:
        """Skip the lines before the first row, and the row itself if it is the header."""
        window = self._window
        while window.fill():
            if not window.whole_lines():
                window.fill(ROW_LIMIT + 1)
            self._pass_marks()
            if not is_skipped(window.text, window.at, self._by):
                break
            self._pass_lines(window.at)
        window.fill(HEADER_LIMIT)
        self.first_row = row_fields(window.text[window.at : window.at + HEADER_LIMIT], self._by)
        if self.first_row and self._begins_with_header(self.first_row):
            self._header = physical_line(window.text, window.at).strip(b" \t" + self._by.byte)
            self._pass_lines(self._header_end() - 1)

    def _header_end(self) -> int:
        window = self._window
        window.fill(ROW_LIMIT + 1)
        with suppress(BadRowError):
            end = row_end(window.text, window.at, self._by)
            if end - window.at <= HEADER_LIMIT and len(self.first_row) < MAX_COLUMNS:
                return end
        raise InputError(
            f"{self._name}, line {self.lines + 1}: the header is longer than {HEADER_LIMIT >> 10} KiB or has more than "
            f"{MAX_COLUMNS:,} columns; leave some columns out."
        )

    def _begins_with_header(self, fields: tuple[str, ...]) -> bool:
        """Return True if the first row is a header; that of a table is kept."""
        if not self._chosen and not is_table_header(fields) and not is_plain_header(fields):
            return False
        header = table_header(fields, self._chosen, f"{self._name}, line {self.lines + 1}")
        self._headings = header.fields
        if not header.is_plain or (not self._chosen and is_table_header(fields)):
            self._table = TableRows(header, self._by, self._encoding)
        return True

    def _is_header_again(self, fields: Sequence[str]) -> bool:
        """Return True if a later row is the header of this file. Raises InputError if it is another one."""
        if self._table is not None and self._table.is_heading(fields):
            return True
        if self._table is None and is_plain_header(fields):
            return True
        if is_table_header(fields) or is_plain_header(fields):
            raise InputError(
                f"{self._name}, line {self.lines + 1}: the header has the columns {shown_columns(fields)}, but the "
                "file begins with others; ingest each file by itself."
            )
        return False

    def _rows_of_block(self, lines: bytes) -> Iterator[Row]:
        start = self._window.offset
        block = MixedLines(lines) if has_lone_return(lines) else BytesIO(lines)
        make = _artist if self._table is None else _table_artist
        parse = self._parse_with_care if self._needs_care(lines) else self._simple_parser(lines)
        for line in block:
            if row := parse(line):
                self.lines = number = self.lines + 1
                yield make((number, *row))
            else:
                self._window.offset = start + block.tell() - len(line)
                yield from self._row_at_hand()
                # A row of several lines may end after this block; the loop then ends.
                block.seek(self._window.offset - start)
        self._window.offset = start + block.tell()

    def _simple_parser(self, lines: bytes) -> Callable[[bytes], tuple[object, ...] | None]:
        """Return the parser of simple rows for the lines of a block."""
        if self._table is not None:
            return self._table.parser_for(lines)
        return simple_row if self._by is COMMA else partial(simple_row, by=self._by)

    def _needs_care(self, lines: bytes) -> bool:
        """Return True if there may be a header or a byte-order mark in a text."""
        if may_be_joined(lines, self._header, self._by.byte):
            return True
        return self._table is not None and mentions_header(lines)

    def _parse_with_care(self, line: bytes) -> tuple[object, ...] | None:
        return None if self._needs_care(line) else self._simple_parser(line)(line)

    def _row_at_hand(self) -> Iterator[Row]:
        if row := self._pass_row():
            yield row

    def _pass_row(self) -> Row | None:
        """Parse the next row completely and move past it; return None for a line without a row."""
        window = self._window
        window.fill((ROW_LIMIT if self._table is None else TABLE_ROW_LIMIT) + 1)
        self._pass_marks()
        if is_skipped(window.text, window.at, self._by):
            self._pass_lines(window.at)
            return None
        number, text, start = self.lines + 1, window.text, window.at
        end = self._joint()
        try:
            row, next_row = self._parsed(number, text[:end], start)
        except BadRowError as error:
            self._pass_lines(end or error.last)
            return BadLine(number, error.reason, beginning(text, start))
        if row is None:
            self._note(number, HEADER_AGAIN)
        self._pass_lines(end or next_row - 1)
        return row

    def _parsed(self, number: int, text: bytes, start: int) -> tuple[Artist | TableArtist | None, int]:
        """Return a row and the start of the next one, None for the header of this file. Raises BadRowError."""
        if self._table is not None:
            fields, next_row = self._table.parse(text, start)
            is_header = self._is_header_again(fields)
            return None if is_header else TableArtist(number, *self._table.header.row(fields)), next_row
        name, data, next_row = parse_row(text, start, self._encoding, self._by)
        is_chosen = self._header and physical_line(text, start).strip(b" \t" + self._by.byte) == self._header
        if is_chosen or (
            name.lower() in COLUMN_SPELLINGS and self._is_header_again(row_fields(text[start:next_row], self._by))
        ):
            return None, next_row
        return Artist(number, name, data), next_row

    def _joint(self) -> int | None:
        """Return where the header of another file begins in the next line, with a notice; None if it does not."""
        window = self._window
        line = physical_line(window.text, window.at)
        if not may_be_joined(line, self._header, self._by.byte):
            return None
        end = joint(line, self._header, self._by.byte)
        if end is not None:
            self._note(self.lines + 1, HEADER_AGAIN)
            return window.at + end
        if BYTE_ORDER_MARK in line:
            self._note(self.lines + 1, MARK_WITHIN)
        return None

    def _pass_marks(self) -> None:
        """Move past byte-order marks at the beginning of a line."""
        window = self._window
        if window.text.startswith(BYTE_ORDER_MARK, window.at):
            self._note(self.lines + 1, MARK_AGAIN)
            while window.drop(BYTE_ORDER_MARK):
                pass

    def _pass_lines(self, last: int) -> None:
        """Move past all lines up to the one at the position `last`."""
        window = self._window
        self.lines += count_line_ends(window.text, window.at, last) + 1
        window.at = last
        window.skip_line()

    def _note(self, line: int, text: str) -> None:
        self.notice_count += 1
        if len(self.notices) < MAX_NOTICES:
            self.notices.append(Notice(line, text))
