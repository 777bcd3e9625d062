"""JSON Lines export: one record per line, with a fast path that copies the JSON text of an answer unparsed.

The fast path serves jobs that are done and whose answer holds its text as one JSON string: it copies that string,
escapes included. ``records.py`` builds the lines of all other jobs. Both paths produce the same bytes.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence

from artistjobs.core.columns import Columns
from artistjobs.core.job import Scope
from artistjobs.core.json_values import Json
from artistjobs.export.records import (
    ByteSink,
    Record,
    RecordBuilder,
    TextSink,
    answer_data,
    json_text,
    record_line,
    without_commands,
    write_records,
)
from artistjobs.export.table import Table
from artistjobs.store.models import RawExportRow

_WRITTEN_AT_ONCE = 1 << 18
"""Bytes of lines that are written in one call: large enough for speed, small enough for constant memory."""


_LINE_BYTES = 512
"""Estimated bytes of a line besides its text."""


_EMPTY = b'""'


_CONTROL = re.compile(b"\xc2[\x80-\x9f]").search


class JsonLinesWriter:
    """Writes one line of JSON per job."""

    def __init__(self, recorder: RecordBuilder, file: ByteSink, chosen: Sequence[str] = ()) -> None:
        self._recorder = recorder
        self._table = Table(recorder, chosen) if chosen else None
        self._file = file
        self._requests: dict[int, bytes] = {}
        self._structured: set[int] = set()

    def write(self, scope: Scope, states: Sequence[str], text_sink: TextSink | None) -> int:
        """Write the jobs of a scope and pass their texts to ``say``; return the number of jobs."""
        if self._table is not None:
            self._table.begin(scope)
        if self._recorder.is_full or self._table is not None:
            return write_records(self._recorder, scope, states, self._write_record, text_sink)
        count = 0
        for rows in _some_at_a_time(self._recorder.records.export_raw(scope, states)):
            texts = self.add(rows)
            if text_sink is not None and texts:
                # One call for all texts takes half the time of one call per text.
                text_sink(json.loads(b"[%b]" % b",".join(texts)))
            count += len(rows)
        return count

    def add(self, rows: Sequence[RawExportRow]) -> list[bytes]:
        """Write a group of jobs; return the texts of those that are done, as JSON strings."""
        texts: list[bytes] = []
        lines = [self._line(row, texts) for row in rows]
        whole = b"".join(lines)
        if _has_other_escapes(whole):
            whole = b"".join(map(self._rewritten, rows, lines))
        if _has_commands(whole):
            whole = without_commands(whole.decode()).encode()
        self._file.write(whole)
        return texts

    def close(self) -> None:
        """Check the chosen columns even if there was no record: each group of lines is written at once."""
        if self._table is not None:
            self._table.columns  # noqa: B018 - raises if one of them does not exist

    def abort(self) -> None:
        """Do nothing: nothing is buffered, and JSON Lines has no end mark."""

    def _line(self, row: RawExportRow, texts: list[bytes]) -> bytes:
        """Return the line of a job with its text as stored, and append the text to ``texts``.

        The escapes in the text may still differ from those that this program writes.
        """
        if row[4] is None or row[6] is None:
            return self._line_with_care(row, texts)
        texts.append(row[4])
        return self._line_with(row, row[4], row[6])

    def _rewritten(self, row: RawExportRow, line: bytes) -> bytes:
        """Return the line of a job with the escapes of its text as this program writes them.

        Lines that were built from a parsed record are returned unchanged.
        """
        return line if row[4] is None or row[6] is None else self._line_with(row, _rewritten(row[4]), row[6])

    def _line_with(self, row: RawExportRow, text: bytes, created: int) -> bytes:
        prompt, name, data, response_id, header, cells = row[1], row[2], row[3], row[5], row[7], row[8]
        artist = (
            b'"artist_name": %b' % name if data == _EMPTY else b'"artist_name": %b, "artist_data": %b' % (name, data)
        )
        request = self._requests.get(prompt) or self._remember_request(prompt)
        sent, rest = artist, b""
        if header is not None:
            columns = self._recorder.records.columns(header, cells)
            rest = b', "columns": ' + _json(columns)
            if used := self._recorder.sent(prompt, columns):
                sent += b", " + _json(used)[1:-1]
        if prompt in self._structured:
            rest += _data_part(text)
        return (
            b'{%b, "request": {%b, "variables": {%b}}, "response_text": %b, "response_id": %b, "created": %d, '
            b'"error": null%b}\n'
        ) % (artist, request, sent, text, response_id, created, rest)

    def _line_with_care(self, row: RawExportRow, texts: list[bytes]) -> bytes:
        job, _, _, data, _, _, _, header, cells = row
        # The input line may hold data that the prompt does not use, so it is taken from the row.
        line = {"artist_data": json.loads(data), "header": header, "columns": cells}
        exported = self._recorder.records.exported(job)._replace(**line)
        if exported.state == "done":
            texts.append(json.dumps(exported.text or "").encode())
        return record_line(self._recorder.record(exported))

    def _write_record(self, record: Record) -> None:
        self._file.write(record_line(record if self._table is None else self._table.row(record)))

    def _remember_request(self, number: int) -> bytes:
        self._requests[number] = request = record_line(self._recorder.request(number)).rstrip()[1:-1]
        if self._recorder.has_schema(number):
            self._structured.add(number)
        return request


def _data_part(text: bytes) -> bytes:
    """Return the part of a line with the value of a structured answer, whose text is a JSON string."""
    return b', "data": ' + _json(answer_data(json.loads(text)))


def _json(value: Json | Columns) -> bytes:
    return json_text(value).encode("utf-8", "replace")


def _some_at_a_time(rows: Iterable[RawExportRow]) -> Iterator[list[RawExportRow]]:
    some, size = list[RawExportRow](), 0
    for row in rows:
        some.append(row)
        size += len(row[4] or b"") + _LINE_BYTES
        if size > _WRITTEN_AT_ONCE:
            yield some
            some, size = [], 0
    yield some


def _rewritten(text: bytes) -> bytes:
    """Return a JSON string with the escapes that this program writes."""
    return json_text(json.loads(text)).encode()


# Searches for a few bytes check many lines at the speed of memory. Searches for an escape use rfind, which is faster
# than find in CPython.


def _has_other_escapes(lines: bytes) -> bool:
    """Return True if a text may contain escapes that this program would write differently."""
    return lines.rfind(b"\\u") >= 0 or (b"/" in lines and lines.rfind(b"\\/") >= 0)


def _has_commands(lines: bytes) -> bool:
    """Return True if there are characters that this program escapes although JSON allows them unescaped."""
    if b"\x7f" in lines:
        return True
    if lines.isascii():
        return False
    has_line_end = lines.find(b"\xe2\x80\xa8") >= 0 or lines.find(b"\xe2\x80\xa9") >= 0
    return has_line_end or (b"\xc2" in lines and _CONTROL(lines) is not None)
