"""Files that are evidently no rows of a name and its data. They are read all the same, for names may be anything."""

import json
import re

from artistjobs.artists import Artist

_OTHER_HEADER = re.compile(r"\W*artist_name\W*?([\t;|])\W*artist_data\b", re.IGNORECASE)
_SEPARATORS = {"\t": "tabs", ";": "semicolons", "|": "bars"}


def suspicion(first: Artist) -> str | None:
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
