"""Records as JSON Lines, written quickly: nearly every job is ordinary, and its text need not be read.

The text of an ordinary job stands in the body of its answer just as a record has it, escapes and all, so it
is passed on as it is. `record` makes the lines of all other jobs, and would make the same ones of these.
"""

import json
import re
from collections.abc import Sequence

from artistjobs.job import Scope
from artistjobs.record import Record, Recorder, Say, Sink, json_text, record_line, without_commands, write_records
from artistjobs.store import Quoted

_WRITTEN_AT_ONCE = 1 << 18
"""Bytes handed on together: enough to be quick, few enough to weigh nothing."""

_LINE_BYTES = 512
"""What a line is reckoned at besides its text."""

_EMPTY = b'""'

_CONTROL = re.compile(b"\xc2[\x80-\x9f]").search
_LINE_END = re.compile(b"\xe2\x80[\xa8\xa9]").search


class Lines:
    """Writes a line for each job."""

    def __init__(self, recorder: Recorder, file: Sink) -> None:
        self._recorder = recorder
        self._file = file
        self._requests: dict[int, bytes] = {}
        self._pieces: list[bytes] = []
        self._bytes = 0

    def write(self, scope: Scope, states: Sequence[str], say: Say | None) -> int:
        """Write the jobs and say their texts; return how many."""
        if self._recorder.is_full:
            return write_records(self._recorder, scope, states, self.add_record, say)
        count, texts = 0, list[bytes]()
        for row in self._recorder.records.export_quoted(scope, states):
            text = self.add(row)
            count += 1
            if say is not None:
                if text is not None:
                    texts.append(text)
                # With the lines that have just been written, all at once: each alone would take twice the time.
                if texts and not self._pieces:
                    _say_all(texts, say)
        if say is not None and texts:
            _say_all(texts, say)
        return count

    def add(self, row: Quoted) -> bytes | None:
        """Write a job, soon; return its text in JSON if it is done."""
        _, prompt, name, data, text, response_id, created = row
        if text is None or created is None:
            return self._add_with_care(row)
        artist = (
            b'"artist_name": %b' % name if data == _EMPTY else b'"artist_name": %b, "artist_data": %b' % (name, data)
        )
        request = self._requests.get(prompt) or self._remember_request(prompt)
        self._pieces += (
            b'{%b, "request": {%b, "variables": {%b}}, "response_text": ' % (artist := _clean(artist), request, artist),
            text if text.isascii() or not _has_commands(text) else _rewritten(text),
            b', "response_id": %b, "created": %d, "error": null}\n' % (_clean(response_id), created),
        )
        self._count(len(text) + _LINE_BYTES)
        return text

    def add_record(self, record: Record) -> None:
        """Write a record, soon."""
        line = record_line(record)
        self._pieces.append(line)
        self._count(len(line))

    def end(self) -> None:
        """Write what is left."""
        lines = b"".join(self._pieces)
        if _has_other_escapes(lines):
            # Of the pieces of a line, only a text on its own begins with a quote.
            lines = b"".join([_rewritten(piece) if piece.startswith(b'"') else piece for piece in self._pieces])
        self._file.write(lines)
        self._pieces.clear()
        self._bytes = 0

    def drop(self) -> None:
        """Do nothing: what is left goes with the file."""

    def _count(self, size: int) -> None:
        self._bytes += size
        if self._bytes > _WRITTEN_AT_ONCE:
            self.end()

    def _add_with_care(self, row: Quoted) -> bytes | None:
        job, _, _, data, *_ = row
        # A line may have data of its own, which is not sent.
        exported = self._recorder.records.exported(job)._replace(artist_data=json.loads(data))
        self.add_record(self._recorder.record(exported))
        return json.dumps(exported.text or "").encode() if exported.state == "done" else None

    def _remember_request(self, number: int) -> bytes:
        self._requests[number] = request = record_line(self._recorder.request(number)).rstrip()[1:-1]
        return request


def _say_all(texts: list[bytes], say: Say) -> None:
    """Say texts given in JSON, one after another, and forget them."""
    say(json.loads(b"[%b]" % b",".join(texts)))
    texts.clear()


def _clean(ours: bytes) -> bytes:
    """Return JSON that the database wrote, with the escapes that it leaves out."""
    if (ours.isascii() and b"\x7f" not in ours) or (text := ours.decode()).isprintable():
        return ours
    return without_commands(text).encode()


def _rewritten(text: bytes) -> bytes:
    """Return a JSON string as we write it."""
    return json_text(json.loads(text)).encode()


# Most texts are cleared by searches for one byte, which are as fast as memory can be read, or by one through many
# lines at once. Searches for an escape begin at the end, since Python's from the end are quicker.


def _has_other_escapes(lines: bytes) -> bool:
    """Tell whether anything may be written in another way by us: without an escape, or with one."""
    return lines.rfind(b"\\u") >= 0 or b"\x7f" in lines or (b"/" in lines and lines.rfind(b"\\/") >= 0)


def _has_commands(text: bytes) -> bool:
    """Tell whether a text holds characters beyond ASCII that we escape."""
    has_line_end = (b"\xa8" in text or b"\xa9" in text) and _LINE_END(text)
    return bool(has_line_end or (b"\xc2" in text and _CONTROL(text)))
