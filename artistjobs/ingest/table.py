"""Rows of a table with separated fields: each field belongs to the column of its header cell.

Fields follow the grammar of ``row``. A row may have fewer fields than the header, and then the last columns are empty.
One with more fields is bad, because a separator without quotes has shifted its columns; empty fields are padding.
"""

import csv
import re
from collections.abc import Callable, Sequence
from operator import itemgetter

from artistjobs.ingest.columns import Fields, TableHeader
from artistjobs.ingest.row import NO_NAME, BadRowError, Separator, fault, next_field

ROW_LIMIT = 1 << 22
"""Largest size of a row in bytes."""


_MENTIONS = tuple(
    spelling.encode() for name in ("artist_name", "artist name") for spelling in (name, name.upper(), name.title())
)


_WIDE_SPACES = (*map(str.encode, "\x85\xa0\u1680\u205f\u3000"), b"\xe2\x80")
"""White space that is not ASCII, in UTF-8; the last one begins many characters, some of which are white space."""


def mentions_header(text: bytes) -> bool:
    """Return True if a text contains ``artist_name`` in one of its usual spellings, as the header of a table does."""
    return any(spelling in text for spelling in _MENTIONS)


class TableRows:
    """Parser of the rows below one header.

    Most blocks of real files are clean: no field is quoted or has white space around it, and no character has to be
    escaped in JSON. Their rows are parsed in half the time that ``simple`` takes; ``parse`` parses any row.
    """

    def __init__(self, header: TableHeader, by: Separator, encoding: str) -> None:
        self.header = header
        self._by = by
        self._encoding = encoding
        self._width = len(header.fields)
        self._heading = header.fields[header.name_at]
        self._clean = _clean_parser(header, by.text)
        # A tab is white space beside other separators.
        self._escaped = re.compile(
            rb'["\\\x00-\x08\x0b\x0c\x0e-\x1f]' if by.text == "\t" else rb'["\\\x00-\x09\x0b\x0c\x0e-\x1f]'
        )
        self._unclean = (by.byte + b" ", b" " + by.byte, b"\n ", b" \n", b"\r ", b" \r")
        quoted = rf'"(?:[^"\r\n]|"")*+"(?:(?!{by.text})[ \t])*+'
        plain = rf'[^"\r\n{by.text}]*+'
        self._well_quoted = re.compile(rf"(?:{quoted}|{plain})(?:{by.text}(?:{quoted}|{plain}))*+[\r\n]*+")

    def parser_for(self, lines: bytes) -> Callable[[bytes], Fields | None]:
        """Return the quickest parser for the lines of a block."""
        return self._clean if self._is_clean(lines) else self.simple

    def simple(self, line: bytes) -> Fields | None:
        """Return name, data and values if the line is certainly a good row and no header, else None."""
        try:
            text = line.decode()
            fields = text.split(self._by.text) if '"' not in text else self._quoted_fields(text)
        except (UnicodeDecodeError, csv.Error):
            return None
        if len(fields) != self._width or "\0" in text:
            return None
        row = self.header.row([*map(str.strip, fields)])
        name = row[0]
        return None if not name or name == self._heading or fields[0].lstrip()[:1] == "#" else row

    def parse(self, text: bytes, start: int) -> tuple[list[str], int]:
        """Return the fields of a row, as many as the header has, and the start of the next row. Raises BadRowError."""
        stop = min(start + ROW_LIMIT, len(text))
        found, at, has_more = list[bytes](), start, True
        while has_more:
            field, at, has_more = next_field(text, at, stop, self._by)
            found.append(field)
        if reason := fault(text[start:at], found, self._encoding):
            raise BadRowError(reason, at - 1)
        fields = [field.decode().strip() for field in found]
        if any(fields[self._width :]):
            raise BadRowError(f"{len(fields)} fields, but the header has {self._width} columns", at - 1)
        fields = fields[: self._width] + [""] * (self._width - len(fields))
        if not fields[self.header.name_at]:
            raise BadRowError(NO_NAME, at - 1)
        return fields, at

    def _is_clean(self, lines: bytes) -> bool:
        if lines[:1] == b" " or any(mark in lines for mark in self._unclean):
            return False
        if not lines.isascii() and any(space in lines for space in _WIDE_SPACES):
            return False
        return self._escaped.search(lines) is None

    def is_heading(self, fields: Sequence[str]) -> bool:
        """Return True if these are the fields of the header."""
        return tuple(fields) == self.header.fields

    def _quoted_fields(self, text: str) -> list[str]:
        if not self._well_quoted.fullmatch(text):
            return []
        return next(csv.reader((text,), delimiter=self._by.text))


def _clean_parser(header: TableHeader, by: str) -> Callable[[bytes], Fields | None]:
    """Return a function that parses a line of a clean block if it is certainly a good row and no header.

    Local variables are read faster than attributes, and a slice is picked faster than fields one by one.
    """
    width, name_at, data_at = len(header.fields), header.name_at, header.data_at
    heading, places = header.fields[name_at], header.cells_at
    is_slice = bool(places) and places == list(range(places[0], places[-1] + 1))
    pick = itemgetter(slice(places[0], places[-1] + 1)) if is_slice else itemgetter(*places or [name_at])

    def clean(line: bytes) -> Fields | None:
        try:
            fields = line.decode().rstrip("\r\n").split(by)
        except UnicodeDecodeError:
            return None
        if len(fields) != width:
            return None
        name = fields[name_at]
        if not name or name == heading or fields[0][:1] == "#":
            return None
        data = "" if data_at is None else fields[data_at]
        return name, data, '["' + '","'.join(pick(fields)) + '"]' if places else "[]"

    return clean
