"""Objects of the Files and Batch APIs in replies: batches, pages of lists, and the lines of result files."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Final

from artistjobs.api.redact import Redact
from artistjobs.api.reply import Reply
from artistjobs.core.batch import METADATA_KEY
from artistjobs.core.json_values import InvalidJson, Json, parse_json, text_of, whole_number

FINAL_STATUSES: Final = frozenset({"completed", "failed", "expired", "cancelled"})
"""Statuses of a batch that do not change. An unknown status is taken for one of a batch in progress."""


MAX_LINE_BYTES: Final = 64 * 2**20
"""Longest line of a result file that is read; the longest answers have some megabytes."""


@dataclass(frozen=True, slots=True)
class BatchError:
    """Reason why the service failed a whole batch."""

    code: str | None
    message: str
    line: int | None
    param: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteBatch:
    """Batch as the service describes it. Times are in seconds after the epoch; counts are None if it sent none."""

    id: str
    status: str
    input_file_id: str | None = None
    uuid: str | None = None
    output_file_id: str | None = None
    error_file_id: str | None = None
    total: int | None = None
    completed: int | None = None
    failed: int | None = None
    errors: tuple[BatchError, ...] = ()
    created_at: int | None = None
    expires_at: int | None = None
    finalizing_at: int | None = None

    @property
    def is_final(self) -> bool:
        """True if its status will not change."""
        return self.status in FINAL_STATUSES


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """File as the service describes it."""

    id: str
    filename: str | None
    size: int | None
    created_at: int | None


@dataclass(frozen=True, slots=True)
class BatchLine:
    """Line of a result file: the reply to a request, None if the service did not make it."""

    custom_id: str
    reply: Reply | None


def batch_in(reply: Reply) -> RemoteBatch | None:
    """Return the batch of a reply, None if it has none."""
    return _batch(_object(reply))


def file_id_in(reply: Reply) -> str | None:
    """Return the id of the file of a reply, None if it has none."""
    value = _object(reply)
    return text_of(value.get("id")) if value.get("object", "file") == "file" else None


def batches_in(reply: Reply) -> list[RemoteBatch] | None:
    """Return the batches of a page, None if the reply is none."""
    page = _page(reply)
    return None if page is None else [batch for value in page if (batch := _batch(value)) is not None]


def files_in(reply: Reply) -> list[RemoteFile] | None:
    """Return the files of a page, None if the reply is none."""
    page = _page(reply)
    if page is None:
        return None
    return [
        RemoteFile(
            file_id,
            text_of(value.get("filename")),
            whole_number(value.get("bytes")),
            whole_number(value.get("created_at")),
        )
        for value in page
        if (file_id := text_of(value.get("id"))) is not None
    ]


def has_more(reply: Reply) -> bool:
    """Return True if there is another page after this one."""
    return _object(reply).get("has_more") is True


def _object(reply: Reply) -> dict[str, Json]:
    is_success = reply.fault is None and reply.status is not None and 200 <= reply.status < 300  # noqa: PLR2004
    value: Json | InvalidJson = parse_json(reply.body) if is_success else None
    return value if isinstance(value, dict) else {}


def _page(reply: Reply) -> list[dict[str, Json]] | None:
    data = _object(reply).get("data")
    return [value for value in data if isinstance(value, dict)] if isinstance(data, list) else None


def _batch(value: dict[str, Json]) -> RemoteBatch | None:
    batch_id, status = text_of(value.get("id")), text_of(value.get("status"))
    if batch_id is None or status is None:
        return None
    counts, metadata = _dict(value.get("request_counts")), _dict(value.get("metadata"))
    return RemoteBatch(
        id=batch_id,
        status=status,
        input_file_id=text_of(value.get("input_file_id")),
        uuid=text_of(metadata.get(METADATA_KEY)),
        output_file_id=text_of(value.get("output_file_id")),
        error_file_id=text_of(value.get("error_file_id")),
        total=whole_number(counts.get("total")),
        completed=whole_number(counts.get("completed")),
        failed=whole_number(counts.get("failed")),
        errors=tuple(_errors(value.get("errors"))),
        created_at=whole_number(value.get("created_at")),
        expires_at=whole_number(value.get("expires_at")),
        finalizing_at=whole_number(value.get("finalizing_at")),
    )


def _errors(value: Json) -> Iterator[BatchError]:
    data = _dict(value).get("data")
    for error in data if isinstance(data, list) else ():
        if isinstance(error, dict):
            yield BatchError(
                code=text_of(error.get("code")),
                message=text_of(error.get("message")) or "the service gave no reason",
                line=whole_number(error.get("line")),
                param=text_of(error.get("param")),
            )


def _dict(value: Json) -> dict[str, Json]:
    return value if isinstance(value, dict) else {}


def read_lines(file: IO[bytes], redact: Redact, received_at: float) -> Iterator[BatchLine]:
    """Yield the lines of a result file, without the key; a line that is none of a result is left out.

    Args:
        file: The file, read from its current position on, line by line.
        redact: Removes the key.
        received_at: Time of the replies, in seconds after the epoch.

    """
    while raw := file.readline(MAX_LINE_BYTES):
        if (line := _line(redact(raw), received_at)) is not None:
            yield line


_BODY: Final = re.compile(rb'"body":\s*')


_END: Final = re.compile(rb'\}\s*,\s*"error":\s*null\s*\}\s*$')


_USUAL: Final = re.compile(
    rb'\{"id":\s*"[\w-]*",\s*"custom_id":\s*"([\w-]+)",\s*"response":\s*'
    rb'\{"status_code":\s*([1-9]\d{2}),\s*"request_id":\s*"([\w-]+)",\s*"body":\s*'
)
"""Beginning of a line as the API writes it, up to the body."""


_LONGEST_END: Final = 64
"""Bytes from the end of a line in which its end is looked for; a search through all of it would take longer."""


def _line(raw: bytes, received_at: float) -> BatchLine | None:
    usual, end = _USUAL.match(raw), _END.search(raw, max(0, len(raw) - _LONGEST_END))
    if usual is not None and end is not None:
        body = raw[usual.end() : end.start()]
        if body.startswith(b"{") and body.endswith(b"}"):
            custom_id, status, request_id = usual.groups()
            headers = {"content-type": "application/json", "x-request-id": request_id.decode()}
            reply = Reply(status=int(status), headers=headers, body=body, received_at=received_at)
            return BatchLine(custom_id.decode(), reply)
    return _unusual_line(raw, received_at)


def _unusual_line(raw: bytes, received_at: float) -> BatchLine | None:
    begin, end = _BODY.search(raw), _END.search(raw)
    if begin is not None and end is not None and begin.end() < end.start():
        # The body is kept as the service wrote it, and is parsed only once, where the reply is classified.
        frame = parse_json(raw[: begin.end()] + b"null" + raw[end.start() :])
        body = raw[begin.end() : end.start()]
        if isinstance(frame, dict) and body.startswith(b"{") and body.endswith(b"}"):
            return _result(frame, body, received_at)
    value = parse_json(raw)
    if not isinstance(value, dict):
        return None
    content = _dict(value.get("response")).get("body")
    return _result(value, json.dumps(content, ensure_ascii=False).encode("utf-8", "surrogatepass"), received_at)


def _result(frame: dict[str, Json], body: bytes, received_at: float) -> BatchLine | None:
    custom_id = text_of(frame.get("custom_id"))
    if custom_id is None:
        return None
    response = _dict(frame.get("response"))
    status = whole_number(response.get("status_code"))
    if not status:
        # Not made: expired, cancelled, or with the status 0.
        return BatchLine(custom_id, None)
    request_id = text_of(response.get("request_id"))
    headers = {"content-type": "application/json", **({"x-request-id": request_id} if request_id else {})}
    return BatchLine(custom_id, Reply(status=status, headers=headers, body=body, received_at=received_at))
