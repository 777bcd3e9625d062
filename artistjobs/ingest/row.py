"""Grammar of one row of a file with separated fields: its fields, its limits, and what makes it bad.

The functions work on bytes in memory; ``parser`` reads them from a stream. docs/input.md describes the format, with the
comma as the separator. ``table`` has the rows of a table, in which each field belongs to a column.
These rules settle the remaining cases:

- A line ends at LF, at CR LF, or at a CR alone, also in turns.
- A field is quoted if only spaces and tabs follow its closing quote. If other text follows, and the closing quote
  is on the line of the opening quote, the field is taken literally and ends at the next comma. If the closing quote
  is on a later line, it counts as the opening quote of a later row, and the first quote never closes.
- A quote that never closes makes the row bad up to the line with that quote; parsing continues at the next line.
- All fields after the first are the data, joined by the commas between them. Empty fields at the end are padding.
- A line of nothing but commas and white space is blank.
- Name and data may have 1 MiB each, as written in the file but without the quotes around them.

Nearly all rows of real files fit on one line and have no doubled quotes. `simple_row` parses those quickly
and rejects all others, which `parse_row` parses completely.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from artistjobs.ingest.encoding import UTF8
from artistjobs.ingest.header import COLUMN_LENGTH, COLUMN_SPELLINGS

FIELD_LIMIT = 1 << 20


# A name, its data, and the quotes and white space around them.
ROW_LIMIT = 2 * FIELD_LIMIT + (1 << 16)


BEGINNING_LENGTH = 80


MAX_COLUMNS = 1 << 14
"""Maximum number of fields that are looked at in a header: as many as Excel has columns."""


NO_NAME = "no artist name"


HAS_NUL = "a NUL character"


NOT_TEXT = "not"
"""Beginning of the reason for a row with bytes that are no text; the encoding follows."""


UNCLOSED = "a quote that never closes"


TOO_LONG = "a field over 1 MiB"


# White space as defined by `str.strip`, in UTF-8, without line ends.
_WHITE = rb"[\t\v\f\x1c-\x20]|\xc2[\x85\xa0]|\xe1\x9a\x80|\xe2\x80[\x80-\x8a\xa8\xa9\xaf]|\xe2\x81\x9f|\xe3\x80\x80"


_EMPTY_FIELD = re.compile(rb"(?:%b|[\r\n])*+" % _WHITE)


_LINE_END = re.compile(rb"\r\n?|\n")


class Separator:
    """Separator of fields, and the patterns that contain it.

    The possessive ``*+`` never backtracks, so the cost of a match is linear in its length. Doubled quotes are consumed
    in pairs: a search from an opening quote ends at the next odd run of quotes, and the next search starts there or
    later. So even a file with nothing but unclosed quotes takes linear time.

    Attributes:
        text: The separator, one character of ASCII.
        byte: The same as a byte.
        quoted_field: What may be a quoted field: the space before it, what is inside, the closing quote, the space and
            the end of the field after it.
        plain_field: A field without quotes, and its end.
        skipped_line: A blank line or the beginning of a comment.
        simple_row: A row of one or two fields without doubled quotes.
        padding: The separator, and all characters that ``str.strip`` removes.

    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.byte = by = text.encode()
        space = rb"[ \t]" if text != "\t" else rb"\ "
        self.quoted_field = re.compile(rb'(%b*+)"((?:[^"]++|"")*+)(?:(")(%b*+)(%b|\r\n?|\n|\Z)?)?' % (space, space, by))
        self.plain_field = re.compile(rb"([^%b\r\n]*+)(%b|\r\n?|\n|\Z)" % (by, by))
        self.skipped_line = re.compile(rb"(?:%b)*+(?:#|(?:%b|%b)*+(?:[\r\n]|\Z))" % (_WHITE, _WHITE, by))
        quoted = rf'{space.decode()}*+"([^"]*+)"{space.decode()}*+'
        self.simple_row = re.compile(rf'(?:{quoted}|([^"{text}]*+))(?:{text}(?:{quoted}|([^"]*+)))?[\r\n]*+')
        self.padding = text + "".join(filter(str.isspace, map(chr, range(0x3001))))


@lru_cache
def separator(text: str) -> Separator:
    """Return a separator; its patterns are compiled once."""
    return Separator(text)


COMMA: Final = separator(",")


class BadRowError(Exception):
    """Raised if a row is bad; `last` is a position on the last line that belongs to it."""

    def __init__(self, reason: str, last: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.last = last


def simple_row(line: bytes, by: Separator = COMMA) -> tuple[str, str] | None:
    """Return name and data if the line is certainly a good row and no header, else None."""
    try:
        text = line.decode()
    except UnicodeDecodeError:
        return None
    if '"' not in text:
        name, _, data = text.partition(by.text)
    elif match := by.simple_row.fullmatch(text):
        quoted_name, plain_name, quoted_data, plain_data = match.groups("")
        name, data = quoted_name + plain_name, quoted_data + plain_data
    else:
        return None
    name = name.strip()
    if not name or name[0] == "#" or "\0" in text or (len(name) == COLUMN_LENGTH and name.lower() in COLUMN_SPELLINGS):
        return None
    data = data.strip()
    if data and data[-1] == by.text:
        # Padding, unless the separators are within quotes.
        return (name, data.rstrip(by.padding)) if '"' not in text else None
    return name, data


def parse_row(text: bytes, start: int, encoding: str = UTF8, by: Separator = COMMA) -> tuple[str, str, int]:
    """Return name, data, and the start of the next row; raises BadRowError.

    ``encoding`` is that of the file, for the message about bytes that are no text in it.
    """
    name, data, end = _split_row(text, start, by)
    if reason := fault(text[start:end], (name, data), encoding):
        raise BadRowError(reason, end - 1)
    if not name.decode().strip():
        raise BadRowError(NO_NAME, end - 1)
    return name.decode().strip(), data.decode().strip(), end


def row_fields(text: bytes, by: Separator = COMMA) -> tuple[str, ...]:
    """Return the trimmed fields of the row at the beginning of a text, bad bytes as U+FFFD; none if a quote is open."""
    fields, at, has_more = list[str](), 0, True
    try:
        while has_more and len(fields) < MAX_COLUMNS:
            field, at, has_more = next_field(text, at, len(text), by)
            fields.append(field.decode(errors="replace").strip())
    except BadRowError:
        return ()
    return tuple(fields)


def row_end(text: bytes, start: int, by: Separator) -> int:
    """Return the end of the row that begins at ``start``, whatever is in it. Raises BadRowError if it is too long."""
    at, has_more = start, True
    while has_more:
        _, at, has_more = next_field(text, at, _stop(text, start), by)
    return at


def is_skipped(text: bytes, start: int, by: Separator = COMMA) -> bool:
    """Return True if the line is blank or a comment."""
    stop = _stop(text, start)
    skipped = by.skipped_line.match(text, start, stop)
    return skipped is not None and (skipped.end() < stop or stop == len(text))


def physical_line(text: bytes, start: int) -> bytes:
    """Return the line that begins at ``start``, without its end; at most so much of it as a row may have."""
    stop = _stop(text, start)
    end = _LINE_END.search(text, start, stop)
    return text[start : end.start() if end else stop]


def beginning(text: bytes, start: int) -> str:
    """Return the first characters of a line for people, bad bytes as U+FFFD."""
    # A character has at most four bytes.
    line = _LINE_END.split(text[start : start + 4 * BEGINNING_LENGTH], 1)[0]
    return line.decode(errors="replace")[:BEGINNING_LENGTH]


def _stop(text: bytes, start: int) -> int:
    """Return the largest end of a row that begins at `start`; a row that reaches further is too long."""
    return min(start + ROW_LIMIT, len(text))


def _split_row(text: bytes, start: int, by: Separator) -> tuple[bytes, bytes, int]:
    stop = _stop(text, start)
    name, at, has_more = next_field(text, start, stop, by)
    data, length = bytearray(), 0
    while has_more:
        field, at, has_more = next_field(text, at, stop, by)
        data += field
        if not _EMPTY_FIELD.fullmatch(field):
            length = len(data)  # the empty fields after the last other one are padding
        data += by.byte
    return name, bytes(data[:length]), at


def next_field(text: bytes, at: int, stop: int, by: Separator) -> tuple[bytes, int, bool]:
    """Return the field that begins at `at`, the position after it, and True if another field follows."""
    quoted = by.quoted_field.match(text, at, stop)
    if quoted and not _stands_as_it_is(quoted, at):
        before, inside, _, after, end = quoted.groups()
        return before + inside.replace(b'""', b'"') + after, quoted.end(), end == by.byte
    plain = by.plain_field.match(text, at, stop)
    assert plain, "it matches no bytes too"
    if plain.end() == stop < len(text):
        raise BadRowError(TOO_LONG, at)
    return plain[1], plain.end(), plain[2] == by.byte


def _stands_as_it_is(quoted: re.Match[bytes], at: int) -> bool:
    """Return True if a field that begins with a quote is not a quoted field; raises BadRowError if it is invalid."""
    inside = quoted[2]
    if quoted.end() == quoted.endpos < len(quoted.string) or len(inside) > FIELD_LIMIT:
        has_long_line = not _has_line_end(inside[:FIELD_LIMIT])
        raise BadRowError(TOO_LONG if has_long_line else UNCLOSED, at)
    is_closed = quoted[5] is not None
    if quoted[3] is None or (not is_closed and _has_line_end(inside)):
        raise BadRowError(UNCLOSED, at)
    return not is_closed


def _has_line_end(text: bytes) -> bool:
    return b"\n" in text or b"\r" in text


def fault(row: bytes, fields: Iterable[bytes], encoding: str) -> str | None:
    """Return the reason why a row cannot be stored: the length of a field, a NUL, or bytes that are no text."""
    if any(len(field) > FIELD_LIMIT for field in fields):
        return TOO_LONG
    if b"\0" in row:
        return HAS_NUL
    try:
        row.decode()
    except UnicodeDecodeError as error:
        return f"{NOT_TEXT} {encoding} (byte 0x{row[error.start]:02X} at {_place(row[: error.start])})"
    return None


def _place(before: bytes) -> str:
    *above, line = _LINE_END.split(before)
    column = f"column {len(line.decode()) + 1}"
    return f"{column}, line {len(above) + 1} of the row" if above else column
