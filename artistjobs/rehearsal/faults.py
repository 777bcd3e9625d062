"""Replies of the faults: API errors, corrupted answers and broken connections."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from random import Random

from artistjobs.rehearsal.json_answer import json_format, misfit
from artistjobs.rehearsal.replies import ApiError, Body, Delivery, SimulatedReply, encode
from artistjobs.rehearsal.scenarios import Fault

_HTML_OK = b"<!doctype html><html><head><title>Welcome</title></head><body>Please sign in.</body></html>"


_HTML_BAD_GATEWAY = b"<html><head><title>502 Bad Gateway</title></head><body>upstream went away</body></html>"


_ERRORS: Mapping[Fault, ApiError] = {
    Fault.SERVER_ERROR: ApiError(
        500,
        "The server had an error while processing your request. Sorry about that!",
        type="server_error",
    ),
    Fault.BAD_GATEWAY: ApiError(502, "Bad gateway.", type="server_error"),
    Fault.UNAVAILABLE: ApiError(503, "Service unavailable.", type="server_error"),
    Fault.OVERLOADED: ApiError(
        503,
        "Our servers are currently overloaded. Please try again later.",
        code="server_is_overloaded",
        type="service_unavailable_error",
    ),
    Fault.REQUEST_TIMEOUT: ApiError(408, "Request timed out.", type="timeout"),
    Fault.CONFLICT: ApiError(409, "The resource was changed by another request.", type="conflict_error"),
    Fault.RATE_LIMITED: ApiError(429, "Rate limit reached for {model}.", code="rate_limit_exceeded", type="requests"),
    Fault.SLOW_DOWN: ApiError(429, "Your traffic rose too quickly: slow down.", code="slow_down", type="requests"),
    Fault.RESOURCE_UNAVAILABLE: ApiError(
        429, "No resources for this tier now.", code="resource_unavailable", type="resource_unavailable"
    ),
    Fault.NO_CREDIT: ApiError(
        429,
        "You exceeded your current quota, please check your plan and billing details.",
        code="insufficient_quota",
        type="insufficient_quota",
    ),
    Fault.SPEND_LIMIT: ApiError(
        429,
        "The organization has reached its spend limit.",
        code="organization_spend_limit_exceeded",
        type="billing_error",
    ),
    Fault.BAD_KEY: ApiError(401, "Incorrect API key provided.", code="invalid_api_key"),
    Fault.FORBIDDEN: ApiError(
        403, "You are not allowed to use this project.", code="forbidden", type="permission_error"
    ),
    Fault.MODEL_NOT_FOUND: ApiError(
        404, "The model '{model}' does not exist or you do not have access to it.", code="model_not_found"
    ),
    Fault.PROMPT_NOT_FOUND: ApiError(404, "Prompt with id '{prompt_id}' not found."),
    Fault.SAME_400: ApiError(400, "Unknown parameter: 'rehearsed'.", code="unknown_parameter", param="rehearsed"),
    Fault.ROW_400: ApiError(
        400, "Invalid prompt: it may violate the usage policy.", code="invalid_prompt", param="input"
    ),
    Fault.TOO_LARGE: ApiError(413, "The request is too large."),
    Fault.UNPROCESSABLE: ApiError(422, "The request cannot be processed."),
}


# Clients must understand both forms of Retry-After.
_SHORT_WAITS = ({"retry-after-ms": "300"}, {"retry-after": "1"})


def error_of(fault: Fault, body: Body | None = None) -> ApiError:
    """Return the API error of a fault, with the model and the prompt of ``body`` in its message.

    Raises KeyError if the fault is no API error.
    """
    error = _ERRORS[fault]
    prompt = body.get("prompt") if body else None
    prompt_id = prompt.get("id") if isinstance(prompt, dict) else None
    model = body.get("model") if body else None
    return replace(error, message=error.message.format(model=model, prompt_id=prompt_id))


def reply_without_answer(fault: Fault, body: Body, rng: Random) -> SimulatedReply | None:
    """Return the reply of a fault that needs no answer; None if the fault alters an answer."""
    if fault not in _ERRORS:
        return _PAGES.get(fault)
    headers = rng.choice(_SHORT_WAITS) if fault is Fault.RATE_LIMITED else {}
    return error_of(fault, body).reply(fault, headers)


_PAGES: Mapping[Fault, SimulatedReply] = {
    Fault.NOT_AN_OBJECT: SimulatedReply(name="not_an_object", content=b"[]"),
    Fault.NULL_BODY: SimulatedReply(name="null_body", content=b"null"),
    Fault.ERROR_OBJECT: SimulatedReply(name="error_object", content=_ERRORS[Fault.SERVER_ERROR].content()),
    Fault.EMPTY_BODY: SimulatedReply(name="empty_body"),
    Fault.HTML_OK: SimulatedReply(name="html_ok", content=_HTML_OK, content_type="text/html"),
    Fault.HTML_BAD_GATEWAY: SimulatedReply(
        name="html_bad_gateway", status=502, content=_HTML_BAD_GATEWAY, content_type="text/html"
    ),
    Fault.RESET: SimulatedReply(name="reset", manner=Delivery.RESET),
}


def reply_with_answer(answer: Body, fault: Fault | None) -> SimulatedReply:
    """Return the reply with ``answer``, altered by ``fault`` if it is given."""
    if fault is Fault.SCHEMA_MISMATCH and not _can_mismatch(answer):
        fault = None
    if fault in _SPOILERS:
        _SPOILERS[fault](answer)
    content = encode(answer)
    response_id = answer.get("id")
    return SimulatedReply(
        name=fault or str(answer["status"]),
        content=content[:-20] if fault is Fault.BROKEN_JSON else content,
        manner=_MANNERS.get(fault, Delivery.WHOLE),
        paid=fault not in _UNPAID,
        response_id=response_id if isinstance(response_id, str) else None,
    )


_MANNERS: Mapping[Fault | None, Delivery] = {Fault.CUT_BODY: Delivery.CUT, Fault.HANG: Delivery.HANG}


# A failed response is not charged, and one in progress is not charged yet.
_UNPAID = {Fault.FAILED_SERVER_ERROR, Fault.FAILED_INVALID_PROMPT, Fault.IN_PROGRESS}


def _message(answer: Body) -> dict[str, object]:
    match answer["output"]:
        case [*_, dict(message)]:
            return message
    raise TypeError("an answer ends in a message")


def _end_early(reason: str) -> Callable[[Body], None]:
    def spoil(answer: Body) -> None:
        message = _message(answer)
        match message["content"]:
            case [dict(part)]:
                part["text"] = part["text"][: len(part["text"]) // 2]
        message["status"] = "incomplete"
        answer.update(status="incomplete", completed_at=None, incomplete_details={"reason": reason})

    return spoil


def _fail(code: str, message: str) -> Callable[[Body], None]:
    def spoil(answer: Body) -> None:
        error = {"code": code, "message": message}
        answer.update(status="failed", completed_at=None, error=error, output=[], usage=None)

    return spoil


def _refuse(answer: Body) -> None:
    _message(answer)["content"] = [{"type": "refusal", "refusal": "I cannot help with that."}]


def _leave_in_progress(answer: Body) -> None:
    answer.update(status="in_progress", completed_at=None, output=[], usage=None)


def _can_mismatch(answer: Body) -> bool:
    asked = json_format(answer)
    return asked is not None and asked["type"] == "json_schema" and answer["status"] == "completed"


def _mismatch(answer: Body) -> None:
    asked = json_format(answer) or {}
    match _message(answer)["content"]:
        case [dict(part)]:
            part["text"] = misfit(part["text"], asked, Random(part["text"]))


def _drop_id(answer: Body) -> None:
    del answer["id"]


def _drop_status(answer: Body) -> None:
    del answer["status"]


_SPOILERS: Mapping[Fault | None, Callable[[Body], None]] = {
    Fault.INCOMPLETE: _end_early("max_output_tokens"),
    Fault.FILTERED: _end_early("content_filter"),
    Fault.REFUSAL: _refuse,
    Fault.FAILED_SERVER_ERROR: _fail("server_error", "The model failed to answer."),
    Fault.FAILED_INVALID_PROMPT: _fail("invalid_prompt", "The prompt was refused."),
    Fault.IN_PROGRESS: _leave_in_progress,
    Fault.SCHEMA_MISMATCH: _mismatch,
    Fault.MISSING_ID: _drop_id,
    Fault.MISSING_STATUS: _drop_status,
}
