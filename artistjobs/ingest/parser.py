"""Read artists from the bytes of a CSV file: one after another, whatever the bytes are.

What a row is, is told by the specification, §3. Where that is silent:

- A line ends at LF. A CR before it is white space at the end of a field, and goes when that is trimmed.
- A field is quoted if only spaces and tabs follow its closing quote. If other text follows, and on the line
  of the opening quote, the field is taken as it stands and ends at the next comma. If the closing quote is
  on a later line, it is rather the opening quote of a later row, and the one looked at never closes.
- A quote that never closes costs the row up to the line with that quote; reading goes on at the next line.
- All fields past the first are the data, joined by the commas that stood between them.
- Name and data may have 1 MiB each, as they stand in the file but without the quotes around them.

Nearly all rows of real files fit on one line and have no doubled quotes. `_simple_row` reads those quickly
and declines all others, which `_parse_row` reads with care. Opening the file is left to `source`.
"""

import re
from collections.abc import Callable, Iterator
from functools import partial
from io import BytesIO
from typing import BinaryIO

from artistjobs.core.job import Artist, BadLine
from artistjobs.ingest.read_buffer import ReadBuffer

FIELD_LIMIT = 1 << 20


# A name, its data, and some room for the quotes and blanks around them.
ROW_LIMIT = 2 * FIELD_LIMIT + (1 << 16)


# Less than FIELD_LIMIT, so that a simple row, which lies within a block, cannot be too long.
BLOCK_SIZE = 1 << 18


BEGINNING_LENGTH = 80


NO_NAME = "no artist name"


HAS_NUL = "a NUL character"


UNCLOSED = "a quote that never closes"


TOO_LONG = "a field over 1 MiB"


_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


# The possessive `*+` never goes back, so a match costs what it passes over and no more. Doubled quotes are
# passed in pairs: a search from an opening quote ends at the next odd number of quotes in a row, and the next
# search can only begin there or later. So a file with nothing but unclosed quotes still takes linear time.
_QUOTED_FIELD = re.compile(rb'([ \t]*+)"((?:[^"]++|"")*+)(?:(")([ \t\r]*+)(,|\n|\Z)?)?')


_PLAIN_FIELD = re.compile(rb"([^,\n]*+)(,|\n|\Z)")


# White space as `str.strip` has it, in UTF-8.
_SKIPPED_LINE = re.compile(
    rb"(?:[\t\v\f\r\x1c-\x20]|\xc2[\x85\xa0]|\xe1\x9a\x80|\xe2\x80[\x80-\x8a\xa8\xa9\xaf]|\xe2\x81\x9f|\xe3\x80\x80)*+"
    rb"(?:#|\n|\Z)"
)


_SIMPLE_ROW = re.compile(r'(?:[ \t]*+"([^"]*+)"[ \t]*+|([^",]*+))(?:,(?:[ \t]*+"([^"]*+)"[ \t]*+|([^"]*+)))?\r?\n?')


_artist: Callable[[tuple[int, str, str]], Artist] = partial(tuple.__new__, Artist)
"""Makes an artist of its values, in half the time."""


class _BadRowError(Exception):
    """Raised where a row turns out to be bad; `last` is a position on the last line that this costs."""

    def __init__(self, reason: str, last: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.last = last


class ArtistReader:
    """Reads a stream, once. `lines` is the number of lines passed so far, skipped ones too."""

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
                # A row of several lines may have led past the block, where there is nothing to read.
                block.seek(self._window.offset - start)
        self._window.offset = start + block.tell()

    def _row_at_hand(self) -> Iterator[Artist | BadLine]:
        if row := self._pass_row():
            yield row

    def _pass_row(self) -> Artist | BadLine | None:
        """Read the next row with care and pass it; None is a blank line or a comment."""
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
        """Pass all lines up to the one that has the position `last`."""
        window = self._window
        self.lines += window.text.count(b"\n", window.at, last) + 1
        window.at = last
        window.skip_line()


def _simple_row(line: bytes) -> tuple[str, str] | None:
    """Return name and data if the line is a good row beyond doubt."""
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
    # No character has more than four bytes.
    line, _, _ = text[start : start + 4 * BEGINNING_LENGTH].partition(b"\n")
    return line.decode(errors="replace").removesuffix("\r")[:BEGINNING_LENGTH]


def _stop(text: bytes, start: int) -> int:
    """Return how far a row that begins at `start` may go; if the text goes on there, the row is too long."""
    return min(start + ROW_LIMIT, len(text))


def _parse_row(text: bytes, start: int) -> tuple[str, str, int]:
    """Return name, data, and where the next row begins."""
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
    """Return the field that begins at `at`, the position behind its end, and whether another one follows."""
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
    """Tell whether a field that begins with a quote is no quoted one. Raises if it is neither."""
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
