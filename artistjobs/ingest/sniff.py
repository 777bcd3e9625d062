"""Files that are evidently no rows of a name and its data. They are read all the same, for names may be anything."""

import json
import re

from artistjobs.core.job import Artist

_OTHER_HEADER = re.compile(r"\W*artist_name\W*?([\t;|])\W*artist_data\b", re.IGNORECASE)


_SEPARATORS = {"\t": "tabs", ";": "semicolons", "|": "bars"}


def wrong_format_hint(first: Artist) -> str | None:
    """Return what a file rather looks like, judged by its first row; None if it looks as it should."""
    if found := _OTHER_HEADER.match(first.name):
        return f"its header is parted by {_SEPARATORS[found[1]]}"
    if _is_json(first):
        return "its first line is JSON"
    return "its first line is parted by tabs" if "\t" in first.name else None


def _is_json(row: Artist) -> bool:
    if not row.name.startswith(("{", "[")):
        return False
    line = f"{row.name},{row.data}" if row.data else row.name
    if line in ("{", "["):
        return True  # a value that goes on in the next line
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


# In this order, for the mark of UTF-32, little end first, begins with that of UTF-16.
_WIDE_MARKS = {
    b"\xff\xfe\x00\x00": "UTF-32",
    b"\x00\x00\xfe\xff": "UTF-32",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}


def _wide_encoding(head: bytes) -> str | None:
    """Tell UTF-16 and UTF-32: by their marks, or because every other byte of plain text is NUL there."""
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
