"""Classification of API replies: an answer, or a failure that is retryable, permanent or fatal.

A retryable failure allows another call, a permanent one fails the job, a fatal one stops the run.
The cases come from OpenAI's error-code guide and from the behaviour of the SDK (openai 3.54, November 2026).
"""

import re
from dataclasses import dataclass, replace

from artistjobs.api.output import Output, output_types, read_output, read_usage
from artistjobs.api.reply import Reply, error_object, retry_after_seconds
from artistjobs.core.attempt import FLEX_IS_FULL, Answer, Failure, FailureKind
from artistjobs.core.json_repair import parse_or_repair, repair_json
from artistjobs.core.json_values import InvalidJson, Json, clean_text, parse_json, text_of, whole_number

RUN_CODES = frozenset({
    "account_deactivated", "billing_hard_limit_reached", "credit_balance_exhausted", "insufficient_quota",
    "invalid_api_key", "invalid_organization", "ip_not_authorized", "missing_required_parameter",
    "model_not_found", "organization_spend_limit_exceeded", "organization_usage_limit_exceeded",
    "project_spend_limit_exceeded", "prompt_not_found", "unknown_parameter", "unsupported_parameter",
})  # fmt: skip
"""Error codes that make a failure fatal, whatever the status: every job would fail with them."""


SHARED_PARAMS = ("model", "service_tier", "temperature", "top_p", "text", "reasoning", "prompt")
"""Fields of the request that are the same for every job: a 400 about one of them is fatal."""


FINAL_CODES = frozenset({"context_length_exceeded", "invalid_prompt", "string_above_max_length"})
"""Error codes about the content of one row: permanent, since another call would fail too. So are policy codes."""


SLOW_DOWN_CODES = frozenset({"rate_limit_exceeded", "slow_down"})
"""Error codes about the rate of calls. With status 429 every retryable code is, except that of the full flex tier."""


TELLING_TYPES = frozenset({"insufficient_quota", FLEX_IS_FULL})
"""Error types that serve as the code if the error has none."""


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


def classify(reply: Reply) -> Classification:
    """Return the answer or failure in a reply; never raises, whatever the server sent."""
    if reply.fault is not None:
        kind = FailureKind.PERMANENT if reply.fault == TOO_LARGE else FailureKind.RETRYABLE
        return Classification(None, _failure(reply, kind, reply.fault, reply.message))
    if reply.status is not None and 200 <= reply.status < 300:  # noqa: PLR2004
        return _classify_success(reply)
    return Classification(None, classify_error(reply))


def classify_error(reply: Reply) -> Failure:
    """Return the failure of a reply with an error status."""
    error = error_object(parse_or_repair(reply.body))
    code, error_type, param = (text_of(error.get(name)) for name in ("code", "type", "param"))
    message = text_of(error.get("message")) or _moved(reply) or reply.beginning or f"HTTP {reply.status}"
    kind = _kind(reply.status or 0, code, error_type, param, message)
    code = code or (error_type if error_type in TELLING_TYPES else None) or f"http_{reply.status}"
    error_type = error_type and error_type[:MAX_CODE_LENGTH]
    return replace(_failure(reply, kind, code, message), type=error_type, param=param)


def _moved(reply: Reply) -> str | None:
    """Return the message for a redirect. It is not followed: key and rows go to the configured address alone."""
    location = reply.headers.get("location") if (reply.status or 0) < 400 else None  # noqa: PLR2004
    return location and f"the server redirects to {location}, which is not followed; set OPENAI_BASE_URL to fix that"


def _kind(status: int, code: str | None, error_type: str | None, param: str | None, message: str) -> FailureKind:
    if _is_shared(status, code, error_type):
        return FailureKind.FATAL
    if _is_final(code):
        return FailureKind.PERMANENT
    if status == 400 and _names_shared_field(param, message):  # noqa: PLR2004
        return FailureKind.FATAL
    if status in (408, 409, 429) or status >= 500 or status < 400:  # noqa: PLR2004
        return FailureKind.RETRYABLE
    return FailureKind.PERMANENT


def _is_shared(status: int, code: str | None, error_type: str | None) -> bool:
    # A 404 concerns the prompt, the model or the address, which are the same for every job.
    return status in (401, 402, 403, 404) or code in RUN_CODES or error_type == "insufficient_quota"


def _is_final(code: str | None) -> bool:
    return code is not None and (code in FINAL_CODES or code.endswith(("_policy", "_policy_violation")))


def _names_shared_field(param: str | None, message: str) -> bool:
    if message.startswith("Unknown prompt variables"):
        return True
    # ``prompt.variables.artist_name`` holds the text of one row, so its failure concerns that row alone.
    if param is None or param.startswith("prompt.variables"):
        return False
    return param.split(".", maxsplit=1)[0].split("[", maxsplit=1)[0] in SHARED_PARAMS


def _classify_success(reply: Reply) -> Classification:
    if not reply.body.strip():
        return _no_answer(reply, "empty_body", "the reply has no body")
    value = parse_json(reply.body)
    if isinstance(value, InvalidJson):
        return _classify_repaired(reply)
    if not isinstance(value, dict):
        return _no_answer(reply, "not_an_object", "the reply is not a JSON object: ")
    return _classify_object(reply, value)


def _classify_object(reply: Reply, value: dict[str, Json]) -> Classification:
    if "output" not in value and "status" not in value:
        return _classify_stray_object(reply, value)
    return _classify_response(reply, value)


def _classify_repaired(reply: Reply) -> Classification:
    """Classify a body that is not JSON: a response with a fault in a part of it is still the answer."""
    repaired = repair_json(reply.body)
    value = parse_json(repaired) if repaired is not None else None
    if repaired is not None and isinstance(value, dict) and value.keys() & {"output", "status", "error"}:
        return _classify_object(replace(reply, body=repaired), value)
    return _classify_broken(reply)


def _classify_broken(reply: Reply) -> Classification:
    # The content type is checked only here: an answer with a wrong type from a proxy was paid for too.
    content_type = reply.headers.get("content-type", "")
    if "json" in content_type.lower():
        return _no_answer(reply, "broken_json", "the reply is not complete JSON: ")
    return _no_answer(reply, "not_json", f"expected JSON, got {content_type or 'no content type'}: ")


def _classify_stray_object(reply: Reply, value: dict[str, Json]) -> Classification:
    """Classify an object that is not a response: often an error that a proxy sent with status 200."""
    error = error_object(value)
    code, error_type = text_of(error.get("code")), text_of(error.get("type"))
    message = text_of(error.get("message")) or f"the reply is not a response: {reply.beginning}"
    kind = _kind(200, code, error_type, None, message)
    return Classification(None, _failure(reply, kind, code or "not_a_response", message))


def _classify_response(reply: Reply, value: dict[str, Json]) -> Classification:
    output = read_output(value.get("output"))
    answer = Answer(
        text=output.text,
        text_path=output.text_path,
        response_id=text_of(value.get("id")),
        created=whole_number(value.get("created_at")),
        status=text_of(value.get("status")),
        model=text_of(value.get("model")),
        service_tier=text_of(value.get("service_tier")),
        usage=read_usage(value.get("usage")),
        body=reply.body.decode("utf-8-sig", "replace"),
        request_id=reply.request_id,
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
    return _failure(reply, _kind(200, code, None, None, message), code, message)


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
    return code != FLEX_IS_FULL and (status == 429 or code in SLOW_DOWN_CODES)  # noqa: PLR2004
