"""The record of a job as an export writes it: one JSON object a line, its keys in a fixed order."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeAlias

from artistjobs.core.job import Scope
from artistjobs.core.json_values import Json, finite, read_json, scalar
from artistjobs.core.prompt import Prompt, text_sha256, variables
from artistjobs.core.timestamps import from_timestamp
from artistjobs.store.interface import Records
from artistjobs.store.models import ExportRow

Record: TypeAlias = dict[str, Json]


TextSink: TypeAlias = Callable[[Sequence[str]], None]
"""Takes the texts of jobs that are done, some at a time."""


_encode = json.JSONEncoder(ensure_ascii=False, separators=(", ", ": "), allow_nan=False).encode


_COMMANDS = re.compile("[\x7f-\x9f\u2028\u2029]")
"""What some readers take for the end of a line, and what terminals take for commands and JSON has no escapes of its own
for. As numbers they mean the same to any JSON reader."""


class ByteSink(Protocol):
    """Where records go in the end: a file, a pipe or a terminal."""

    def write(self, data: bytes, /) -> object:
        """Take some bytes."""


def make_record(row: ExportRow, request: Record, error: Mapping[str, object]) -> Record:
    """Return the record of a final job.

    ``request`` is what it shares with others; ``error`` is what its last attempt says, used if it failed.
    """
    record: Record = {"artist_name": row.artist_name}
    if row.artist_data:
        record["artist_data"] = row.artist_data
    record["request"] = {**request, "variables": variables(row.artist_name, row.artist_data)}
    has_text = row.state == "done" or row.status == "incomplete"
    record["response_text"] = row.text if has_text else None
    record["response_id"] = row.response_id if has_text else None
    record["created"] = _created(row) if has_text else None
    record["error"] = None if row.state == "done" else _error(row, error)
    return record


def add_details(record: Record, row: ExportRow, details: Mapping[str, object]) -> None:
    """Append what a full record has besides: the number of the job, and all that is kept of its answer."""
    record["job_id"] = row.job
    record["model"] = scalar(details.get("model"))
    record["usage"] = {name: scalar(details[name]) for name in details if name.endswith("_tokens")} or None
    record["cost_usd"] = scalar(details.get("cost_usd"))
    record["seconds"] = scalar(details.get("seconds"))
    body = details.get("body")
    record["response"] = read_json(body, finite) if isinstance(body, str) else None


def record_line(record: Record) -> bytes:
    """Return a record as a line of UTF-8."""
    return (json_text(record) + "\n").encode("utf-8", "replace")


def json_text(value: Json) -> str:
    """Return JSON on one line, in which nothing is a command to a terminal or the end of a line."""
    return without_commands(_encode(value))


def without_commands(text: str) -> str:
    """Return JSON with escapes for the characters that may be commands or line ends to others."""
    return _COMMANDS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


class RecordBuilder:
    """Makes the records of an export. It remembers prompts: an export meets few of them, many times."""

    def __init__(self, records: Records, *, full: bool) -> None:
        self.is_full = full
        self.records = records
        self._requests: dict[int, Record] = {}

    def request(self, number: int) -> Record:
        """Return what the requests of all records have that were made in one way: all but the variables."""
        if number not in self._requests:
            self._requests[number] = shared_request(self.records.prompt(number))
        return self._requests[number]

    def record(self, row: ExportRow) -> Record:
        """Return the record of a row."""
        error = self.records.last_error(row.job) if row.state == "failed" else {}
        record = make_record(row, self.request(row.prompt), error)
        if self.is_full:
            add_details(record, row, self.records.details(row.job))
        return record


def write_records(
    recorder: RecordBuilder, scope: Scope, states: Sequence[str], add: Callable[[Record], None], say: TextSink | None
) -> int:
    """Hand on the record of each job, and its text if anybody wants it; return how many."""
    count = 0
    for row in recorder.records.export(scope, states):
        add(recorder.record(row))
        count += 1
        if say is not None and row.state == "done":
            say([row.text or ""])
    return count


def shared_request(prompt: Prompt) -> Record:
    """Return what the requests have in common that are made in one way: all but the variables."""
    request: Record = {}
    if prompt.template is None:
        request["prompt_id"] = prompt.prompt_id
        if prompt.version is not None:
            request["version"] = prompt.version
    else:
        request["prompt_file"] = prompt.template_file
        request["prompt_sha256"] = text_sha256(prompt.template)
    request["model"] = prompt.model
    return request


def _created(row: ExportRow) -> int | None:
    if row.created is not None:
        return row.created
    return int(from_timestamp(row.received_at)) if row.received_at else None


def _error(row: ExportRow, error: Mapping[str, object]) -> Record:
    return {
        "type": scalar(error.get("error_type")),
        "code": row.error_code,
        "message": scalar(error.get("error_message")),
        "status": scalar(error.get("http_status")),
        "attempts": row.attempts,
    }
