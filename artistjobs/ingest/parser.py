"""Parser for CSV files of artists: it yields one row after another and accepts any bytes.

The module `row` has the grammar of a row, `source` opens the file. If the first row is the header, it is skipped.
Byte-order marks and headers that come again later are skipped too, with a notice: the file was joined from several.
"""

from collections.abc import Callable, Iterator
from functools import partial
from io import BytesIO
from typing import NamedTuple

from artistjobs.core.job import Artist, BadLine
from artistjobs.errors import InputError
from artistjobs.ingest.encoding import UTF8
from artistjobs.ingest.header import COLUMN_SPELLINGS, DATA, NAME, is_plain_header, is_table_header, shown_columns
from artistjobs.ingest.joined import BYTE_ORDER_MARK, joint, may_be_joined
from artistjobs.ingest.read_buffer import ByteStream, MixedLines, ReadBuffer, count_line_ends, has_lone_return
from artistjobs.ingest.row import (
    ROW_LIMIT,
    BadRowError,
    beginning,
    is_skipped,
    parse_row,
    physical_line,
    row_fields,
    simple_row,
)

# Less than FIELD_LIMIT: a simple row lies within one block, so it cannot be too long.
BLOCK_SIZE = 1 << 18


HEADER_LIMIT = 1 << 16
"""Number of bytes of the first row that are looked at to find a header."""


MAX_NOTICES = 20
"""Maximum number of notices that are kept; the others are counted."""


MARK_AGAIN = "skipped a byte-order mark"


MARK_WITHIN = "a byte-order mark within the line; if files were joined there, put a line break before it"


HEADER_AGAIN = "skipped the header, which comes again"


_artist: Callable[[tuple[int, str, str]], Artist] = partial(tuple.__new__, Artist)
"""Creates an artist from a tuple in half the time of the constructor."""


class Notice(NamedTuple):
    """Something that was skipped or is odd, although no row is bad: the number of its line, and what it is."""

    line: int
    text: str


class ArtistReader:
    """Parses a stream once, in constant memory.

    ``name`` and ``encoding`` stand for the file in messages; its text was converted to UTF-8 already.
    Iteration raises InputError at the header of a table, as the first row or later.

    Attributes:
        lines: Number of lines read so far, with skipped ones.
        first_row: Fields of the first row, also if it is the header; empty if there is none or it is bad.
        notices: The first notices, in the order of their lines.
        notice_count: Number of all notices.

    """

    def __init__(
        self, stream: ByteStream, *, name: str = "the file", encoding: str = UTF8, block_size: int = BLOCK_SIZE
    ) -> None:
        self.lines = 0
        self.first_row: tuple[str, ...] = ()
        self.notices: list[Notice] = []
        self.notice_count = 0
        self._name = name
        self._encoding = encoding
        self._header = b""
        self._window = ReadBuffer(stream, block_size)

    def __iter__(self) -> Iterator[Artist | BadLine]:
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
            if not is_skipped(window.text, window.at):
                break
            self._pass_lines(window.at)
        window.fill(HEADER_LIMIT)
        self.first_row = row_fields(window.text[window.at : window.at + HEADER_LIMIT])
        if self._is_header(self.first_row):
            self._header = physical_line(window.text, window.at).strip(b" \t,")
            window.fill(ROW_LIMIT + 1)
            self._pass_lines(parse_row(window.text, window.at)[2] - 1)

    def _is_header(self, fields: tuple[str, ...]) -> bool:
        if is_table_header(fields):
            raise InputError(
                f"{self._name}, line {self.lines + 1}: the header has the columns {shown_columns(fields)}, but only a "
                f"header {NAME},{DATA} can be read; keep these two columns, in this order."
            )
        return is_plain_header(fields)

    def _rows_of_block(self, lines: bytes) -> Iterator[Artist | BadLine]:
        start = self._window.offset
        block = MixedLines(lines) if has_lone_return(lines) else BytesIO(lines)
        parse = self._row_of_joined if may_be_joined(lines, self._header) else simple_row
        for line in block:
            if row := parse(line):
                self.lines = number = self.lines + 1
                yield _artist((number, *row))
            else:
                self._window.offset = start + block.tell() - len(line)
                yield from self._row_at_hand()
                # A row of several lines may end after this block; the loop then ends.
                block.seek(self._window.offset - start)
        self._window.offset = start + block.tell()

    def _row_of_joined(self, line: bytes) -> tuple[str, str] | None:
        return None if may_be_joined(line, self._header) else simple_row(line)

    def _row_at_hand(self) -> Iterator[Artist | BadLine]:
        if row := self._pass_row():
            yield row

    def _pass_row(self) -> Artist | BadLine | None:
        """Parse the next row completely and move past it; return None for a line without a row."""
        window = self._window
        window.fill(ROW_LIMIT + 1)
        self._pass_marks()
        if is_skipped(window.text, window.at):
            self._pass_lines(window.at)
            return None
        number, text, start = self.lines + 1, window.text, window.at
        end = self._joint()
        try:
            name, data, next_row = parse_row(text[:end], start, self._encoding)
        except BadRowError as error:
            self._pass_lines(end or error.last)
            return BadLine(number, error.reason, beginning(text, start))
        if name.lower() in COLUMN_SPELLINGS and self._is_header(row_fields(text[start:next_row])):
            self._note(number, HEADER_AGAIN)
            self._pass_lines(next_row - 1)
            return None
        self._pass_lines(end or next_row - 1)
        return Artist(number, name, data)

    def _joint(self) -> int | None:
        """Return where the header of another file begins in the next line, with a notice; None if it does not."""
        window = self._window
        line = physical_line(window.text, window.at)
        if not may_be_joined(line, self._header):
            return None
        end = joint(line, self._header)
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
