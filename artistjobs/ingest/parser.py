"""Parser for CSV files of artists: it yields one row after another and accepts any bytes.

The README describes the format. These rules settle the remaining cases:

- A line ends at LF. A CR before it counts as white space at the end of a field and is trimmed.
- A field is quoted if only spaces and tabs follow its closing quote. If other text follows, and the closing quote
  is on the line of the opening quote, the field is taken literally and ends at the next comma. If the closing quote
  is on a later line, it counts as the opening quote of a later row, and the first quote never closes.
- A quote that never closes makes the row bad up to the line with that quote; parsing continues at the next line.
- All fields after the first are the data, joined by the commas between them.
- Name and data may have 1 MiB each, as written in the file but without the quotes around them.

Nearly all rows of real files fit on one line and have no doubled quotes. `_simple_row` parses those quickly
and rejects all others, which `_parse_row` parses completely. The module `source` opens the file.
"""

import re
from collections.abc import Callable, Iterator
from functools import partial
from io import BytesIO
from typing import BinaryIO

from artistjobs.core.job import Artist, BadLine
from artistjobs.ingest.read_buffer import ReadBuffer

FIELD_LIMIT = 1 << 20


# A name, its data, and the quotes and white space around them.
ROW_LIMIT = 2 * FIELD_LIMIT + (1 << 16)


# Less than FIELD_LIMIT: a simple row lies within one block, so it cannot be too long.
BLOCK_SIZE = 1 << 18


BEGINNING_LENGTH = 80


NO_NAME = "no artist name"


HAS_NUL = "a NUL character"


UNCLOSED = "a quote that never closes"


TOO_LONG = "a field over 1 MiB"


_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


# The possessive `*+` never backtracks, so the cost of a match is linear in its length. Doubled quotes are
# consumed in pairs: a search from an opening quote ends at the next odd run of quotes, and the next search
# starts there or later. So even a file with nothing but unclosed quotes takes linear time.
_QUOTED_FIELD = re.compile(rb'([ \t]*+)"((?:[^"]++|"")*+)(?:(")([ \t\r]*+)(,|\n|\Z)?)?')


_PLAIN_FIELD = re.compile(rb"([^,\n]*+)(,|\n|\Z)")


# White space as defined by `str.strip`, in UTF-8.
_SKIPPED_LINE = re.compile(
    rb"(?:[\t\v\f\r\x1c-\x20]|\xc2[\x85\xa0]|\xe1\x9a\x80|\xe2\x80[\x80-\x8a\xa8\xa9\xaf]|\xe2\x81\x9f|\xe3\x80\x80)*+"
    rb"(?:#|\n|\Z)"
)


_SIMPLE_ROW = re.compile(r'(?:[ \t]*+"([^"]*+)"[ \t]*+|([^",]*+))(?:,(?:[ \t]*+"([^"]*+)"[ \t]*+|([^"]*+)))?\r?\n?')


_artist: Callable[[tuple[int, str, str]], Artist] = partial(tuple.__new__, Artist)
"""Creates an artist from a tuple in half the time of the constructor."""


class _BadRowError(Exception):
    """Raised if a row is bad; `last` is a position on the last line that belongs to it."""

    def __init__(self, reason: str, last: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.last = last


class ArtistReader:
    """Parses a stream once, in constant memory. `lines` is the number of lines read so far, with skipped ones."""

    def __init__(self, stream: BinaryIO, *, block_size: int = BLOCK_SIZE) -> None:
        self.lines = 0
        self._window = ReadBuffer(stream, block_size)

    def __iter__(self) -> Iterator[Artist | BadLine]:
        self._window.drop(_BYTE_ORDER_MARK)
        rows = self._rows()
        first = next(rows, None)
        if first is not None and not _is_header(first):
            yield first
        yield from rows

    def _rows(self) -> Iterator[Artist | BadLine]:
        while self._window.fill():
            lines = self._window.whole_lines()
            yield from self._rows_of_block(lines) if lines else self._row_at_hand()

    def _rows_of_block(self, lines: bytes) -> Iterator[Artist | BadLine]:
        start = self._window.offset
        block = BytesIO(lines)
        for line in block:
            if row := _simple_row(line):
                self.lines = number = self.lines + 1
                yield _artist((number, *row))
            else:
                self._window.offset = start + block.tell() - len(line)
                yield from self._row_at_hand()
                # A row of several lines may end after this block; the loop then ends.
                block.seek(self._window.offset - start)
        self._window.offset = start + block.tell()

    def _row_at_hand(self) -> Iterator[Artist | BadLine]:
        if row := self._pass_row():
            yield row

    def _pass_row(self) -> Artist | BadLine | None:
        """Parse the next row completely and move past it; return None for a blank line or a comment."""
        window, line = self._window, self.lines + 1
        window.fill(ROW_LIMIT + 1)
        if _is_skipped(window.text, window.at):
            self._pass_lines(window.at)
            return None
        try:
            name, data, end = _parse_row(window.text, window.at)
        except _BadRowError as error:
            beginning = _beginning(window.text, window.at)
            self._pass_lines(error.last)
            return BadLine(line, error.reason, beginning)
        self._pass_lines(end - 1)
        return Artist(line, name, data)

    def _pass_lines(self, last: int) -> None:
        """Move past all lines up to the one at the position `last`."""
        window = self._window
        self.lines += window.text.count(b"\n", window.at, last) + 1
        window.at = last
        window.skip_line()


def _simple_row(line: bytes) -> tuple[str, str] | None:
    """Return name and data if the line is certainly a good row, else None."""
    try:
        text = line.decode()
    except UnicodeDecodeError:
        return None
    if '"' not in text:
        name, _, data = text.partition(",")
    elif match := _SIMPLE_ROW.fullmatch(text):
        quoted_name, plain_name, quoted_data, plain_data = match.groups("")
        name, data = quoted_name + plain_name, quoted_data + plain_data
    else:
        return None
    name = name.strip()
    if not name or name[0] == "#" or "\0" in text:
        return None
    return name, data.strip()


def _is_skipped(text: bytes, start: int) -> bool:
    stop = _stop(text, start)
    skipped = _SKIPPED_LINE.match(text, start, stop)
    return skipped is not None and (skipped.end() < stop or stop == len(text))


def _is_header(row: Artist | BadLine) -> bool:
    return isinstance(row, Artist) and row.name.lower() == "artist_name" and row.data.lower() in {"", "artist_data"}


def _beginning(text: bytes, start: int) -> str:
    # A character has at most four bytes.
    line, _, _ = text[start : start + 4 * BEGINNING_LENGTH].partition(b"\n")
    return line.decode(errors="replace").removesuffix("\r")[:BEGINNING_LENGTH]


def _stop(text: bytes, start: int) -> int:
    """Return the largest end of a row that begins at `start`; a row that reaches further is too long."""
    return min(start + ROW_LIMIT, len(text))


def _parse_row(text: bytes, start: int) -> tuple[str, str, int]:
    """Return name, data, and the start of the next row; raises _BadRowError."""
    name, data, end = _split_row(text, start)
    if reason := _fault(text[start:end], name, data):
        raise _BadRowError(reason, end - 1)
    return name.decode().strip(), data.decode().strip(), end


def _split_row(text: bytes, start: int) -> tuple[bytes, bytes, int]:
    stop = _stop(text, start)
    name, at, has_more = _next_field(text, start, stop)
    data = bytearray()
    while has_more:
        field, at, has_more = _next_field(text, at, stop)
        data += field + b"," if has_more else field
    return name, bytes(data), at


def _next_field(text: bytes, at: int, stop: int) -> tuple[bytes, int, bool]:
    """Return the field that begins at `at`, the position after it, and True if another field follows."""
    quoted = _QUOTED_FIELD.match(text, at, stop)
    if quoted and not _stands_as_it_is(quoted, at):
        before, inside, _, after, end = quoted.groups()
        return before + inside.replace(b'""', b'"') + after, quoted.end(), end == b","
    plain = _PLAIN_FIELD.match(text, at, stop)
    assert plain, "it matches no bytes too"
    if plain.end() == stop < len(text):
        raise _BadRowError(TOO_LONG, at)
    return plain[1], plain.end(), plain[2] == b","


def _stands_as_it_is(quoted: re.Match[bytes], at: int) -> bool:
    """Return True if a field that begins with a quote is not a quoted field; raises _BadRowError if it is invalid."""
    inside = quoted[2]
    if quoted.end() == quoted.endpos < len(quoted.string) or len(inside) > FIELD_LIMIT:
        has_long_line = b"\n" not in inside[:FIELD_LIMIT]
        raise _BadRowError(TOO_LONG if has_long_line else UNCLOSED, at)
    is_closed = quoted[5] is not None
    if quoted[3] is None or (not is_closed and b"\n" in inside):
        raise _BadRowError(UNCLOSED, at)
    return not is_closed


def _fault(row: bytes, name: bytes, data: bytes) -> str | None:
    if max(len(name), len(data)) > FIELD_LIMIT:
        return TOO_LONG
    if b"\0" in row:
        return HAS_NUL
    try:
        row.decode()
    except UnicodeDecodeError as error:
        return f"not UTF-8 (byte 0x{row[error.start]:02X} at {_place(row[: error.start])})"
    return None if name.decode().strip() else NO_NAME


def _place(before: bytes) -> str:
    above, newline, line = before.rpartition(b"\n")
    column = f"column {len(line.decode()) + 1}"
    return f"{column}, line {above.count(newline) + 2} of the row" if newline else column
