"""Records as JSON Lines, written quickly: nearly every row is ordinary, and its text need not be read.

The text of an ordinary row stands in the body of its answer just as a record has it, escapes and all, so it
is passed on as it is. `record` makes the lines of all other rows, and would make the same ones of these.
"""

import re
from json.encoder import encode_basestring

from artistjobs.record import Recorder, Sink, record_line
from artistjobs.store import Exported

_WRITTEN_AT_ONCE = 1 << 18
"""Bytes handed on together: enough to be quick, few enough to weigh nothing."""

_LINE_BYTES = 512
"""What a line is reckoned at besides its text."""

_CONTROL = re.compile(b"\xc2[\x80-\x9f]").search
_LINE_END = re.compile(b"\xe2\x80[\xa8\xa9]").search


class Lines:
    """Writes a line for each row."""

    wants_quoted = True

    def __init__(self, recorder: Recorder, file: Sink) -> None:
        self._recorder = recorder
        self._file = file
        self._requests: dict[int, str] = {}
        self._pieces: list[bytes] = []
        self._bytes = 0

    def add(self, row: Exported) -> None:
        """Write a row, soon."""
        pieces = None if self._recorder.is_full else self._ordinary(row)
        self._pieces += pieces or (record_line(self._recorder.record(row)),)
        self._bytes += len(row.quoted or b"") + _LINE_BYTES
        if self._bytes > _WRITTEN_AT_ONCE:
            self.end()

    def drop(self) -> None:
        """Do nothing: what is left goes with the file."""

    def end(self) -> None:
        """Write what is left."""
        self._file.write(b"".join(self._pieces))
        self._pieces.clear()
        self._bytes = 0

    def _ordinary(self, row: Exported) -> tuple[bytes, bytes, bytes] | None:
        """Return the line of a row in three pieces if the row is ordinary, else None."""
        quoted, response_id, created = row.quoted, row.response_id, row.created
        if quoted is None or response_id is None or created is None or _is_odd(quoted):
            return None
        artist = f'"artist_name": {encode_basestring(row.artist_name)}'
        if row.artist_data:
            artist += f', "artist_data": {encode_basestring(row.artist_data)}'
        if not (artist.isprintable() and response_id.isprintable()):
            return None
        request = self._requests.get(row.prompt) or self._remember_request(row.prompt)
        head = f'{{{artist}, "request": {{{request}, "variables": {{{artist}}}}}, "response_text": '
        tail = f', "response_id": {encode_basestring(response_id)}, "created": {created}, "error": null}}\n'
        return head.encode(), quoted, tail.encode()

    def _remember_request(self, number: int) -> str:
        line = record_line(self._recorder.request(number))
        self._requests[number] = request = line.decode().rstrip()[1:-1]
        return request


def _is_odd(quoted: bytes) -> bool:
    """Tell whether a JSON string may be written in another way by us: other escapes, or characters that we escape.

    Most texts are cleared by searches for one byte, which are as fast as memory can be read. Searches for an
    escape begin at the end, since Python's from the end are quicker.
    """
    if quoted.rfind(b"\\u") >= 0 or (b"/" in quoted and b"\\/" in quoted) or b"\x7f" in quoted:
        return True
    if quoted.isascii():
        return False
    has_line_end = (b"\xa8" in quoted or b"\xa9" in quoted) and _LINE_END(quoted)
    return bool(has_line_end or (b"\xc2" in quoted and _CONTROL(quoted)))
