"""Traces of files that were joined, as by ``cat a.csv b.csv``: byte-order marks and headers after the start."""

import re
from functools import lru_cache

BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@lru_cache
def _marked_header(by: bytes) -> re.Pattern[bytes]:
    pattern = rb'(?:\xef\xbb\xbf)++[ \t]*+"?artist[_ ]name"?[ \t]*+(?:%b[ \t]*+"?artist[_ ]data"?)?[ \t%b]*+\Z'
    return re.compile(pattern % (by, by), re.IGNORECASE)


def may_be_joined(text: bytes, header: bytes, by: bytes = b",") -> bool:
    """Return True if a text has a byte-order mark or this header in it; both are rare after the start of a file.

    A header of one column is not looked for: a row may well end with its name.
    """
    # One byte is searched for much faster than three.
    return (b"\xef" in text and BYTE_ORDER_MARK in text) or (by in header and header in text)


def joint(line: bytes, header: bytes, by: bytes = b",") -> int | None:
    """Return where in a line the header of another file begins, if the file before it had no last line end; else None.

    Either a byte-order mark comes before that header, or it is the header of this file, byte for byte.
    """
    if marked := _marked_header(by).search(line):
        at = marked.start()
    elif by in header and (end := line.rstrip(b" \t" + by)).endswith(header):
        at = len(end) - len(header)
        while line.endswith(BYTE_ORDER_MARK, 0, at):
            at -= len(BYTE_ORDER_MARK)
    else:
        return None
    # An odd number of quotes: the line ends within a quoted field.
    return at if at and line.count(b'"', 0, at) % 2 == 0 else None
