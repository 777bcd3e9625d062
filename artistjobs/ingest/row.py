"""Grammar of one row of a CSV file of artists: its fields, its limits, and what makes it bad.

The functions work on bytes in memory; ``parser`` reads them from a stream. The README describes the format.
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


# The possessive `*+` never backtracks, so the cost of a match is linear in its length. Doubled quotes are
# consumed in pairs: a search from an opening quote ends at the next odd run of quotes, and the next search
# starts there or later. So even a file with nothing but unclosed quotes takes linear time.
_QUOTED_FIELD = re.compile(rb'([ \t]*+)"((?:[^"]++|"")*+)(?:(")([ \t]*+)(,|\r\n?|\n|\Z)?)?')


_PLAIN_FIELD = re.compile(rb"([^,\r\n]*+)(,|\r\n?|\n|\Z)")


_SKIPPED_LINE = re.compile(rb"(?:%b)*+(?:#|(?:%b|,)*+(?:[\r\n]|\Z))" % (_WHITE, _WHITE))


_EMPTY_FIELD = re.compile(rb"(?:%b|[\r\n])*+" % _WHITE)


_LINE_END = re.compile(rb"\r\n?|\n")


_SIMPLE_ROW = re.compile(r'(?:[ \t]*+"([^"]*+)"[ \t]*+|([^",]*+))(?:,(?:[ \t]*+"([^"]*+)"[ \t]*+|([^"]*+)))?[\r\n]*+')


_PADDING = "," + "".join(filter(str.isspace, map(chr, range(0x3001))))
"""A comma, and all characters that `str.strip` removes."""


class BadRowError(Exception):
    """Raised if a row is bad; `last` is a position on the last line that belongs to it."""

    def __init__(self, reason: str, last: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.last = last


def simple_row(line: bytes) -> tuple[str, str] | None:
    """Return name and data if the line is certainly a good row and no header, else None."""
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
    if not name or name[0] == "#" or "\0" in text or (len(name) == COLUMN_LENGTH and name.lower() in COLUMN_SPELLINGS):
        return None
    data = data.strip()
    if data and data[-1] == ",":
        # Padding, unless the commas are within quotes.
        return (name, data.rstrip(_PADDING)) if '"' not in text else None
    return name, data


def parse_row(text: bytes, start: int, encoding: str = UTF8) -> tuple[str, str, int]:
    """Return name, data, and the start of the next row; raises BadRowError.

    ``encoding`` is that of the file, for the message about bytes that are no text in it.
    """
    name, data, end = _split_row(text, start)
    if reason := _fault(text[start:end], name, data, encoding):
        raise BadRowError(reason, end - 1)
    return name.decode().strip(), data.decode().strip(), end


def row_fields(text: bytes) -> tuple[str, ...]:
    """Return the trimmed fields of the row at the beginning of a text, bad bytes as U+FFFD; none if a quote is open."""
    fields, at, has_more = list[str](), 0, True
    try:
        while has_more and len(fields) < MAX_COLUMNS:
            field, at, has_more = _next_field(text, at, len(text))
            fields.append(field.decode(errors="replace").strip())
    except BadRowError:
        return ()
    return tuple(fields)


def is_skipped(text: bytes, start: int) -> bool:
    """Return True if the line is blank or a comment."""
    stop = _stop(text, start)
    skipped = _SKIPPED_LINE.match(text, start, stop)
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


def _split_row(text: bytes, start: int) -> tuple[bytes, bytes, int]:
    stop = _stop(text, start)
    name, at, has_more = _next_field(text, start, stop)
    data, length = bytearray(), 0
    while has_more:
        field, at, has_more = _next_field(text, at, stop)
        data += field
        if not _EMPTY_FIELD.fullmatch(field):
            length = len(data)  # the empty fields after the last other one are padding
        data += b","
    return name, bytes(data[:length]), at


def _next_field(text: bytes, at: int, stop: int) -> tuple[bytes, int, bool]:
    """Return the field that begins at `at`, the position after it, and True if another field follows."""
    quoted = _QUOTED_FIELD.match(text, at, stop)
    if quoted and not _stands_as_it_is(quoted, at):
        before, inside, _, after, end = quoted.groups()
        return before + inside.replace(b'""', b'"') + after, quoted.end(), end == b","
    plain = _PLAIN_FIELD.match(text, at, stop)
    assert plain, "it matches no bytes too"
    if plain.end() == stop < len(text):
        raise BadRowError(TOO_LONG, at)
    return plain[1], plain.end(), plain[2] == b","


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


def _fault(row: bytes, name: bytes, data: bytes, encoding: str) -> str | None:
    if max(len(name), len(data)) > FIELD_LIMIT:
        return TOO_LONG
    if b"\0" in row:
        return HAS_NUL
    try:
        row.decode()
    except UnicodeDecodeError as error:
        return f"{NOT_TEXT} {encoding} (byte 0x{row[error.start]:02X} at {_place(row[: error.start])})"
    return None if name.decode().strip() else NO_NAME


def _place(before: bytes) -> str:
    *above, line = _LINE_END.split(before)
    column = f"column {len(line.decode()) + 1}"
    return f"{column}, line {len(above) + 1} of the row" if above else column
