"""Classification of API replies: an answer, or a failure that is retryable, permanent or fatal.

A retryable failure allows another call, a permanent one fails the job, a fatal one stops the run.
The cases come from OpenAI's error-code guide and from the behaviour of the SDK (openai 3.54, November 2026).
"""

import re
from dataclasses import dataclass, replace

from artistjobs.api.error_kind import verdict_on
from artistjobs.api.error_reply import ErrorReply, read_error_value
from artistjobs.api.output import Output, output_types, read_output, read_usage
from artistjobs.api.reply import Reply, error_object, retry_after_seconds
from artistjobs.core.attempt import FLEX_FULL_STATUS, FLEX_IS_FULL, Answer, Failure, FailureKind
from artistjobs.core.json_repair import parse_or_repair, repair_json
from artistjobs.core.json_values import (
    InvalidJson,
    Json,
    clean_text,
    parse_body,
    parse_json,
    text_of,
    text_of_body,
    whole_number,
)
from artistjobs.core.pricing import UNPRICED, Billing

SLOW_DOWN_CODES = frozenset({"http_429", "rate_limit_exceeded", "slow_down"})
"""Error codes about the rate of calls. With status 429 every retryable code is, except that of the full flex tier."""


MAX_MESSAGE_LENGTH = 2000
"""Characters of an error message that are stored."""


MAX_CODE_LENGTH = 100
"""Characters of an error code or type that are stored."""


TOO_LARGE = "reply_too_large"
"""Fault of a reply over the size limit. It is permanent: another call would return the same."""


@dataclass(frozen=True, slots=True)
class Classification:
    """Result of a classification: an answer, a failure, or both if an answer is stored but is no success."""

    answer: Answer | None
    failure: Failure | None


def classify(reply: Reply, billing: Billing = UNPRICED) -> Classification:
    """Return the answer or failure in a reply, the answer with its cost; never raises, whatever the server sent."""
    if reply.fault is not None:
        kind = FailureKind.PERMANENT if reply.fault == TOO_LARGE else FailureKind.RETRYABLE
        return Classification(None, _failure(reply, kind, reply.fault, reply.message))
    if reply.status is not None and 200 <= reply.status < 300:  # noqa: PLR2004
        return _classify_success(reply, billing)
    return Classification(None, classify_error(reply))


def classify_error(reply: Reply) -> Failure:
    """Return the failure of a reply with an error status."""
    error = read_error_value(parse_or_repair(reply.body))
    message = error.message or _moved(reply) or reply.beginning or f"HTTP {reply.status}"
    return _failure_of(reply, error, message, f"http_{reply.status}")


def _failure_of(reply: Reply, error: ErrorReply, message: str, else_code: str) -> Failure:
    error = replace(error, asks_to_wait=retry_after_seconds(reply) is not None)
    verdict = verdict_on(reply.status or 0, error, message)
    # The type is the code of a full flex tier that has none; for an account without money, the verdict has it.
    code = verdict.code or (FLEX_IS_FULL if error.type == FLEX_IS_FULL else else_code)
    failure = _failure(reply, verdict.kind, code, message)
    error_type = error.type and error.type[:MAX_CODE_LENGTH]
    return replace(failure, type=error_type, param=error.param, is_doubtful=verdict.is_doubtful)


def _moved(reply: Reply) -> str | None:
    """Return the message for a redirect. It is not followed: key and rows go to the configured address alone."""
    location = reply.headers.get("location") if (reply.status or 0) < 400 else None  # noqa: PLR2004
    return location and f"the server redirects to {location}, which is not followed; set OPENAI_BASE_URL to fix that"


def _classify_success(reply: Reply, billing: Billing) -> Classification:
    if not reply.body.strip():
        return _no_answer(reply, "empty_body", "the reply has no body")
    value = parse_body(reply.body)
    if isinstance(value, InvalidJson):
        return _classify_repaired(reply, billing)
    if not isinstance(value, dict):
        return _no_answer(reply, "not_an_object", "the reply is not a JSON object: ")
    return _classify_object(reply, value, billing)


def _classify_object(reply: Reply, value: dict[str, Json], billing: Billing) -> Classification:
    if "output" not in value and "status" not in value:
        return _classify_stray_object(reply, value)
    return _classify_response(reply, value, billing)


def _classify_repaired(reply: Reply, billing: Billing) -> Classification:
    """Classify a body that is not JSON: a response with a fault in a part of it is still the answer."""
    repaired = repair_json(reply.body)
    value = parse_json(repaired) if repaired is not None else None
    if repaired is not None and isinstance(value, dict) and value.keys() & {"output", "status", "error"}:
        return _classify_object(replace(reply, body=repaired), value, billing)
    return _classify_broken(reply)


def _classify_broken(reply: Reply) -> Classification:
    # The content type is checked only here: an answer with a wrong type from a proxy was paid for too.
    content_type = reply.headers.get("content-type", "")
    if "json" in content_type.lower():
        return _no_answer(reply, "broken_json", "the reply is not complete JSON: ")
    return _no_answer(reply, "not_json", f"expected JSON, got {content_type or 'no content type'}: ")


def _classify_stray_object(reply: Reply, value: dict[str, Json]) -> Classification:
    """Classify an object that is not a response: often an error that a proxy sent with status 200."""
    error = read_error_value(value)
    message = error.message or f"the reply is not a response: {reply.beginning}"
    return Classification(None, _failure_of(reply, error, message, "not_a_response"))


def _classify_response(reply: Reply, value: dict[str, Json], billing: Billing) -> Classification:
    output, usage, body = read_output(value.get("output")), read_usage(value.get("usage")), text_of_body(reply.body)
    model, service_tier = text_of(value.get("model")), text_of(value.get("service_tier"))
    answer = Answer(
        text=output.text,
        text_path=output.text_path,
        response_id=text_of(value.get("id")),
        created=whole_number(value.get("created_at")),
        status=text_of(value.get("status")),
        model=model,
        service_tier=service_tier,
        usage=usage,
        body=body,
        request_id=reply.request_id,
        cost_usd=billing.answer_usd(model, service_tier, usage, body),
        way=billing.way,
    )
    return Classification(answer, _why_no_success(reply, value, answer, output))


def _why_no_success(reply: Reply, value: dict[str, Json], answer: Answer, output: Output) -> Failure | None:
    if answer.status == "incomplete":
        details = value.get("incomplete_details")
        reason = text_of(details.get("reason")) if isinstance(details, dict) else None
        return _failure(
            reply, FailureKind.PERMANENT, "incomplete", f"the answer is incomplete: {reason or 'no reason given'}"
        )
    if answer.status == "failed":
        return _failed_response(reply, error_object(value))
    if answer.status != "completed":
        return _failure(
            reply,
            FailureKind.PERMANENT,
            "not_completed",
            f"the response's status is {answer.status!r}, not 'completed'",
        )
    return _why_no_text(reply, value, answer, output)


def _why_no_text(reply: Reply, value: dict[str, Json], answer: Answer, output: Output) -> Failure | None:
    if not answer.response_id:
        return _failure(reply, FailureKind.PERMANENT, "no_response_id", "the response has no id")
    if output.refusal is not None:
        return _failure(reply, FailureKind.PERMANENT, "refusal", output.refusal or "the model refused")
    if not output.text.strip():
        message = f"the response has no text, only {output_types(value.get('output'))}"
        return _failure(reply, FailureKind.PERMANENT, "empty_answer", message)
    return None


def _failed_response(reply: Reply, error: dict[str, Json]) -> Failure:
    code = text_of(error.get("code")) or "response_failed"
    message = text_of(error.get("message")) or "the response failed and gave no reason"
    verdict = verdict_on(reply.status or 0, ErrorReply(code=code), message)
    return replace(_failure(reply, verdict.kind, code, message), is_doubtful=verdict.is_doubtful)


def _no_answer(reply: Reply, code: str, message: str) -> Classification:
    quoted = message + reply.beginning if message.endswith(": ") else message
    return Classification(None, _failure(reply, FailureKind.RETRYABLE, code, quoted))


def _failure(reply: Reply, kind: FailureKind, code: str, message: str) -> Failure:
    return Failure(
        kind=kind,
        # The code appears in commands and on the screen, so other characters are replaced.
        code=re.sub(r"[^\w.-]+", "_", code)[:MAX_CODE_LENGTH],
        message=clean_text(message)[:MAX_MESSAGE_LENGTH],
        status=reply.status,
        request_id=reply.request_id,
        retry_after_seconds=retry_after_seconds(reply) if kind is FailureKind.RETRYABLE else None,
        slow_down=kind is FailureKind.RETRYABLE and _is_about_rate(reply.status, code),
    )


def _is_about_rate(status: int | None, code: str) -> bool:
    return code != FLEX_IS_FULL and status != FLEX_FULL_STATUS and (status == 429 or code in SLOW_DOWN_CODES)  # noqa: PLR2004
