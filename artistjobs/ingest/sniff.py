"""Detection of wrong file formats: JSON, other separators, UTF-16 and UTF-32.

A file with a wrong separator or with JSON is only reported and still read, since a name may be any text.
"""

import json
import re
from collections.abc import Sequence

from artistjobs.core.job import Artist
from artistjobs.ingest.header import column_options, is_plain_header, is_table_header, looks_like_header

_OTHER_HEADER = re.compile(r"\W*artist_name\W*?([\t;|])\W*artist_data\b", re.IGNORECASE)


_SHOWN_LENGTH = 80


_SEPARATORS = {"\t": "tabs", ";": "semicolons", "|": "bars", ",": "commas"}


def wrong_format_hint(first: Artist) -> str | None:
    """Return a hint that a file has another format, judged by its first row; None if it looks right."""
    if found := _OTHER_HEADER.match(first.name):
        remedy = "; ".join(f"add {option}" for option in _option(found[1]))
        return f"its header is separated by {_SEPARATORS[found[1]]}{remedy and f' ({remedy})'}"
    if _is_json(first):
        return "its first line is JSON (add --input-format jsonl for JSON Lines)"
    return "its first line is separated by tabs (add --input-format tsv)" if "\t" in first.name else None


def header_hint(fields: Sequence[str], by: str = ",") -> str | None:
    """Return a hint that the first row is a header with other names or another separator, ``by`` is the one used."""
    found = _header_within(fields, by)
    if found is None:
        return None
    separator, cells = found
    shown, options = repr(separator.join(cells)[:_SHOWN_LENGTH]), " ".join(_options(separator, by, cells))
    if is_table_header(cells) or is_plain_header(cells):
        remedy = options and f"; add {options}"
        return f"{shown} is a header separated by {_SEPARATORS[separator]}, but is read as an artist{remedy}"
    return (
        f"{shown} looks like a header, but is read as an artist; if it is one, add {options}, or rename it to "
        "artist_name,artist_data, or put # before it"
    )


def header_options(fields: Sequence[str], by: str = ",") -> list[str]:
    """Return the options with which the first row would be read as a header; none if it does not look like one."""
    found = _header_within(fields, by)
    return [] if found is None else _options(found[0], by, found[1])


def _header_within(fields: Sequence[str], by: str) -> tuple[str, Sequence[str]] | None:
    """Return the separator and the cells of what looks like a header in the first row."""
    for separator in by, *_SEPARATORS:
        cells = fields if separator == by else fields[0].split(separator) if len(fields) == 1 else ()
        is_hidden = separator != by and len(cells) > 1 and (is_plain_header(cells) or is_table_header(cells))
        if is_hidden or looks_like_header(cells):
            return separator, cells
    return None


def _options(separator: str, by: str, cells: Sequence[str]) -> list[str]:
    names = [] if is_table_header(cells) or is_plain_header(cells) else column_options(cells)
    return [*(_option(separator) if separator != by else []), *names]


def _option(separator: str) -> list[str]:
    """Return the option with which a file with this separator is read."""
    names = {"\t": "tsv", ";": "semicolon", ",": "csv"}
    return [f"--input-format {names[separator]}"] if separator in names else []


def _is_json(row: Artist) -> bool:
    if not row.name.startswith(("{", "[")):
        return False
    line = f"{row.name},{row.data}" if row.data else row.name
    if line in ("{", "["):
        return True  # a value that continues on the next line
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


_FIRST_BYTES = 16


# The order matters: the mark of little-endian UTF-32 begins with that of UTF-16.
_WIDE_MARKS = {
    b"\xff\xfe\x00\x00": "UTF-32",
    b"\x00\x00\xfe\xff": "UTF-32",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}


def _wide_encoding(head: bytes) -> str | None:
    """Return the name of a UTF-16 or UTF-32 encoding, found by its mark or by its first NUL bytes; None for others."""
    head = head[:_FIRST_BYTES]
    for mark, encoding in _WIDE_MARKS.items():
        if head.startswith(mark):
            return encoding
    nuls = tuple(not any(head[first::4]) for first in range(4))
    match nuls if len(head) >= len(nuls) and any(head) else ():
        case (False, True, True, True):
            return "UTF-32LE"
        case (True, True, True, False):
            return "UTF-32BE"
        case (_, True, _, True):
            return "UTF-16LE"
        case (True, _, True, _):
            return "UTF-16BE"
    return None
