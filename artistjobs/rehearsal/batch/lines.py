"""Lines of a batch: the validation of its file, and the result of each line."""

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random

from artistjobs.rehearsal.call_log import Call, Journal, request_key
from artistjobs.rehearsal.replies import Body, Delivery, SimulatedReply, encode, estimate_tokens
from artistjobs.rehearsal.scenarios import BatchRules
from artistjobs.rehearsal.service import Service

MAX_LINES, MAX_BYTES = 50_000, 200_000_000


ENDPOINT = "/v1/responses"


_REFUSED_FIELDS = ("stream", "background")


@dataclass(frozen=True, slots=True)
class Line:
    """One valid line: its custom id, and the request."""

    custom_id: str
    body: Mapping[str, object]
    raw: bytes


@dataclass(frozen=True, slots=True)
class InputFile:
    """The result of a validation: the number of lines, their model and input tokens, and the errors."""

    lines: int
    model: str
    tokens: int
    errors: list[Body]


def error(code: str, message: str, *, line: int | None = None, param: str | None = None) -> Body:
    """Return an entry of the errors of a batch."""
    return {"code": code, "message": message, "line": line, "param": param}


def validate(path: Path) -> InputFile:
    """Validate the file of a batch as the API does."""
    seen: set[str] = set()
    models: list[str] = []
    lines = tokens = 0
    errors: list[Body] = []
    with path.open("rb") as file:
        for lines, raw in enumerate(file, 1):
            tokens += estimate_tokens(len(raw))
            if found := _fault(raw, lines, seen, models):
                errors.append(found)
    if not lines:
        errors.append(error("empty_file", "The batch contains no requests."))
    if lines > MAX_LINES:
        errors.append(error("too_many_tasks", f"The batch contains too many requests; the maximum is {MAX_LINES}."))
    if path.stat().st_size > MAX_BYTES:
        errors.append(error("file_too_large", "The file is larger than 200 MB."))
    return InputFile(lines, models[0] if models else "", tokens, errors)


def _fault(raw: bytes, number: int, seen: set[str], models: list[str]) -> Body | None:
    try:
        value = json.loads(raw)
        body, custom_id, url = value["body"], value["custom_id"], value["url"]
        model = body.get("model")
    except (ValueError, KeyError, TypeError, AttributeError):
        return error("invalid_json_line", "This line is not parseable as valid JSON.", line=number)
    if custom_id in seen:
        return error("duplicate_custom_id", f"The custom_id '{custom_id}' occurs twice.", line=number)
    seen.add(custom_id)
    if url != ENDPOINT:
        return error("url_mismatch", f"The URL does not match the batch endpoint {ENDPOINT}.", line=number)
    if not model:
        return error("invalid_request", "Model parameter is required.", line=number, param="body.model")
    models[:] = models or [model]
    if model != models[0]:
        return error("model_mismatch", "All requests of a batch must use the same model.", line=number)
    return _refused_body(body, number)


def _refused_body(body: Body, number: int) -> Body | None:
    if "input" not in body:
        return error("invalid_request", "Missing required parameter: 'input'.", line=number, param="body.input")
    refused = next((name for name in _REFUSED_FIELDS if body.get(name)), None)
    if refused:
        return error("invalid_request", f"'{refused}' is not supported.", line=number, param=f"body.{refused}")
    return None


def read_lines(path: Path) -> Iterator[Line]:
    """Yield the lines of a valid file."""
    with path.open("rb") as file:
        for raw in file:
            value = json.loads(raw)
            yield Line(value["custom_id"], value["body"], raw)


class Results:
    """Answers lines and writes their results; every paid one is in the journal, the same as a live call."""

    def __init__(self, service: Service, journal: Journal, rules: BatchRules, rng: Random) -> None:
        self._service = service
        self._journal = journal
        self._rules = rules
        self._rng = rng

    def answer(self, line: Line) -> tuple[bool, bytes] | None:
        """Return the result of a line and whether it is a success; None if the line is lost without a trace."""
        if self._rng.random() < self._rules.missing_line:
            return None
        if self._rng.random() < self._rules.zero_status:
            return True, self._result(line, b'{"status_code":0,"request_id":"","body":null}')
        reply = self._reply(line)
        response = b'{"status_code":%d,"request_id":"req_%032x","body":%b}' % (
            reply.status, self._rng.getrandbits(128), reply.content,
        )  # fmt: skip
        return reply.status == 200, self._result(line, response)  # noqa: PLR2004

    def not_run(self, line: Line, code: str) -> bytes:
        """Return the result of a line that was not answered in time."""
        message = "This request was not executed in time." if code == "batch_expired" else "The batch was cancelled."
        return self._result(line, b"null", encode({"code": code, "message": message}))

    def _result(self, line: Line, response: bytes, error: bytes = b"null") -> bytes:
        return b'{"id":"batch_req_%024x","custom_id":%b,"response":%b,"error":%b}\n' % (
            self._rng.getrandbits(96), encode(line.custom_id), response, error,
        )  # fmt: skip

    def _reply(self, line: Line) -> SimulatedReply:
        arrival = self._journal.arrive(request_key(line.body), time.time())
        try:
            reply = _delivered(self._service.batch_reply(line.raw, dict(line.body), arrival))
            self._journal.answer(
                Call(
                    key=arrival.key, nth=arrival.nth, received_at=arrival.received_at, answered_at=time.time(),
                    name=reply.name, status=reply.status, paid=reply.paid, response_id=reply.response_id,
                    in_flight=arrival.in_flight, body=line.body,
                )
            )  # fmt: skip
        finally:
            self._journal.leave()
        return reply


def _delivered(reply: SimulatedReply) -> SimulatedReply:
    """Return a reply as a batch delivers it: what breaks a connection or is no JSON becomes an error of the server."""
    is_json = reply.manner is Delivery.WHOLE and reply.content.startswith(b"{") and reply.content.endswith(b"}")
    if is_json:
        return reply
    content = encode({"error": {"message": "The server had an error.", "type": "server_error", "code": None}})
    return SimulatedReply(name=reply.name, status=500, content=content)
