"""Export records: the JSON object of each final job, with its keys in a fixed order."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from artistjobs.core.attempt import SCHEMA_MISMATCH
from artistjobs.core.citations import citations_of
from artistjobs.core.columns import NO_COLUMNS, Columns
from artistjobs.core.job import Scope
from artistjobs.core.json_values import Json, finite, read_json, scalar
from artistjobs.core.prompt import Prompt, text_sha256, used_columns, variables
from artistjobs.core.schema import parse_answer
from artistjobs.core.timestamps import from_timestamp
from artistjobs.store.interface import Records
from artistjobs.store.models import ExportRow

Record: TypeAlias = dict[str, Json]


TextSink: TypeAlias = Callable[[Sequence[str]], None]
"""Receives the texts of jobs that are done, in groups."""


_encode = json.JSONEncoder(ensure_ascii=False, separators=(", ", ": "), allow_nan=False).encode


_COMMANDS = re.compile("[\x7f-\x9f\u2028\u2029]")
"""Characters that terminals interpret or that some readers take for line ends, although JSON allows them unescaped.

They are written as Unicode escapes, which every JSON reader decodes to the same text.
"""


class ByteSink(Protocol):
    """The target of the bytes of an export: a file, a pipe or a terminal."""

    def write(self, data: bytes, /) -> object:
        """Write all of ``data``."""


def make_record(row: ExportRow, request: Record, error: Mapping[str, object], sent: Columns = NO_COLUMNS) -> Record:
    """Return the record of a final job.

    ``request`` holds the fields that its prompt configuration determines, and ``sent`` the other columns that the
    request uses. ``error`` holds the error of its last attempt; it is used only if the job failed.
    """
    record: Record = {"artist_name": row.artist_name}
    if row.artist_data:
        record["artist_data"] = row.artist_data
    record["request"] = {**request, "variables": variables(row.artist_name, row.artist_data, sent)}
    # These failed answers have a text that was paid for and may be of use.
    has_text = row.state == "done" or row.status == "incomplete" or row.error_code == SCHEMA_MISMATCH
    record["response_text"] = row.text if has_text else None
    record["response_id"] = row.response_id if has_text else None
    record["created"] = _created(row) if has_text else None
    record["error"] = None if row.state == "done" else _error(row, error)
    return record


def add_details(record: Record, row: ExportRow, details: Mapping[str, object]) -> None:
    """Add the fields of a full record: the number of the job, and the usage, cost, body and citations of its answer.

    Without citations and tool calls the key ``citations`` is left out.
    """
    record["job_id"] = row.job
    record["model"] = scalar(details.get("model"))
    record["usage"] = {name: scalar(details[name]) for name in details if name.endswith("_tokens")} or None
    record["cost_usd"] = scalar(details.get("cost_usd"))
    record["seconds"] = scalar(details.get("seconds"))
    body = details.get("body")
    record["response"] = read_json(body, finite) if isinstance(body, str) else None
    if citations := citations_of(record["response"]):
        record["citations"] = citations


def record_line(record: Record) -> bytes:
    """Return a record as one line of JSON in UTF-8, with the line end."""
    return (json_text(record) + "\n").encode("utf-8", "replace")


def json_text(value: Json | Columns) -> str:
    """Return a value as JSON on one line, without characters that terminals interpret."""
    return without_commands(_encode(value))


def without_commands(text: str) -> str:
    """Return JSON with Unicode escapes for characters that other programs take for commands or line ends."""
    return _COMMANDS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


class RecordBuilder:
    """Builds the records of an export.

    It caches the fields of each prompt configuration, because an export has few of them and many jobs.
    """

    def __init__(self, records: Records, *, full: bool) -> None:
        self.is_full = full
        self.records = records
        self._prompts: dict[int, _PromptPart] = {}

    def request(self, number: int) -> Record:
        """Return the request fields of the prompt configuration ``number``: all except the variables."""
        return self._prompt(number).request

    def has_schema(self, number: int) -> bool:
        """Return True if the answers to the prompt configuration ``number`` are data that fits a schema."""
        return self._prompt(number).has_schema

    def sent(self, number: int, columns: Columns) -> Columns:
        """Return the columns of a row that a request with the prompt configuration ``number`` uses."""
        return used_columns(self._prompt(number).prompt, columns)

    def record(self, row: ExportRow) -> Record:
        """Return the record of a final job, read with its error or its details."""
        error = self.records.last_error(row.job) if row.state == "failed" else {}
        columns = NO_COLUMNS if row.header is None else self.records.columns(row.header, row.columns)
        record = make_record(row, self.request(row.prompt), error, self.sent(row.prompt, columns))
        if columns:
            record["columns"] = {**columns}
        if self.has_schema(row.prompt):
            record["data"] = answer_data(row.text or "") if row.state == "done" else None
        if self.is_full:
            add_details(record, row, self.records.details(row.job))
        return record

    def _prompt(self, number: int) -> "_PromptPart":
        if number not in self._prompts:
            prompt = self.records.prompt(number)
            self._prompts[number] = _PromptPart(prompt, shared_request(prompt), prompt.schema is not None)
        return self._prompts[number]


@dataclass(frozen=True, slots=True)
class _PromptPart:
    """Part of a record that its prompt configuration determines."""

    prompt: Prompt
    request: Record
    has_schema: bool


def answer_data(text: str) -> Json:
    """Return the value of a structured answer, None if it is not JSON: versions before the check accepted any text."""
    try:
        return parse_answer(text)
    except ValueError:
        return None


def iterate_records(records: Records, scope: Scope, states: Sequence[str], *, full: bool) -> Iterator[Record]:
    """Yield the record of each final job in the order of an export; memory does not grow with their number."""
    builder = RecordBuilder(records, full=full)
    for row in records.export(scope, states):
        yield builder.record(row)


def write_records(
    recorder: RecordBuilder,
    scope: Scope,
    states: Sequence[str],
    add: Callable[[Record], None],
    text_sink: TextSink | None,
) -> int:
    """Pass the record of each job to ``add`` and the text of each done job to ``say``; return the number of jobs."""
    count = 0
    for row in recorder.records.export(scope, states):
        add(recorder.record(row))
        count += 1
        if text_sink is not None and row.state == "done":
            text_sink([row.text or ""])
    return count


def shared_request(prompt: Prompt) -> Record:
    """Return the request fields that all jobs of a prompt configuration share: all except the variables."""
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
