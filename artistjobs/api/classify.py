"""Judging a reply: an answer, or a failure and whose trouble it is.

What servers really send, and what each case means, was read from OpenAI's error-code guide and
found in the SDK's behaviour (openai 3.54, November 2026).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from artistjobs.api.reply import Reply, error_object, retry_after_seconds
from artistjobs.core.attempt import FLEX_IS_FULL, Answer, Failure, FailureKind, Usage
from artistjobs.core.json_values import InvalidJson, Json, clean_text, parse_json, text_of, whole_number

RUN_CODES = frozenset({
    "account_deactivated", "billing_hard_limit_reached", "credit_balance_exhausted", "insufficient_quota",
    "invalid_api_key", "invalid_organization", "ip_not_authorized", "missing_required_parameter",
    "model_not_found", "organization_spend_limit_exceeded", "organization_usage_limit_exceeded",
    "project_spend_limit_exceeded", "prompt_not_found", "unknown_parameter", "unsupported_parameter",
})  # fmt: skip
"""Codes of trouble that every job shares, whatever the status."""


SHARED_PARAMS = ("model", "service_tier", "temperature", "top_p", "text", "reasoning", "prompt")
"""Fields of the request that are the same for every job: a 400 about one of them is everyone's."""


FINAL_CODES = frozenset({"context_length_exceeded", "invalid_prompt", "string_above_max_length"})
"""Codes that are about what one row says, which another call would only repeat; so are all policy ones."""


SLOW_DOWN_CODES = frozenset({"rate_limit_exceeded", "slow_down"})
"""Codes that are about the rate of calls; with status 429 any code that is worth another call is, save one."""


TELLING_TYPES = frozenset({"insufficient_quota", FLEX_IS_FULL})
"""Types that stand for a code where there is none."""


MAX_MESSAGE_LENGTH = 2000
"""How many characters of a message are kept."""


MAX_CODE_LENGTH = 100
"""How many characters of a code or a type are kept."""


MAX_TOKENS = 2**40
"""What is said to have used more tokens than any model can: so that sums of them stay whole numbers."""


TOO_LARGE = "reply_too_large"
"""The fault of a reply that another call would only bring again."""


@dataclass(frozen=True, slots=True)
class Classification:
    """An answer, a failure, or both: an answer that is kept and yet is no success."""

    answer: Answer | None
    failure: Failure | None


def classify(reply: Reply) -> Classification:
    """Say what a reply is worth; never raises, whatever the server sent."""
    if reply.fault is not None:
        kind = FailureKind.PERMANENT if reply.fault == TOO_LARGE else FailureKind.RETRYABLE
        return Classification(None, _failure(reply, kind, reply.fault, reply.message))
    if reply.status is not None and 200 <= reply.status < 300:  # noqa: PLR2004
        return _classify_success(reply)
    return Classification(None, classify_error(reply))


def classify_error(reply: Reply) -> Failure:
    """Say whose trouble a reply with an error status is."""
    error = error_object(parse_json(reply.body))
    code, error_type, param = (text_of(error.get(name)) for name in ("code", "type", "param"))
    message = text_of(error.get("message")) or _moved(reply) or reply.beginning or f"HTTP {reply.status}"
    kind = _kind(reply.status or 0, code, error_type, param, message)
    code = code or (error_type if error_type in TELLING_TYPES else None) or f"http_{reply.status}"
    error_type = error_type and error_type[:MAX_CODE_LENGTH]
    return replace(_failure(reply, kind, code, message), type=error_type, param=param)


def _moved(reply: Reply) -> str | None:
    """Return where a redirect leads. It is not followed: key and rows go to the address that was named alone."""
    location = reply.headers.get("location") if (reply.status or 0) < 400 else None  # noqa: PLR2004
    return location and f"the server redirects to {location}, which is not followed; set OPENAI_BASE_URL to mend that"


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
    # A 404 is about the prompt, the model or the address: the same for every job.
    return status in (401, 402, 403, 404) or code in RUN_CODES or error_type == "insufficient_quota"


def _is_final(code: str | None) -> bool:
    return code is not None and (code in FINAL_CODES or code.endswith(("_policy", "_policy_violation")))


def _names_shared_field(param: str | None, message: str) -> bool:
    if message.startswith("Unknown prompt variables"):
        return True
    # ``prompt.variables.artist_name`` holds one row's text and may well be one row's trouble.
    if param is None or param.startswith("prompt.variables"):
        return False
    return param.split(".", maxsplit=1)[0].split("[", maxsplit=1)[0] in SHARED_PARAMS


def _classify_success(reply: Reply) -> Classification:
    if not reply.body.strip():
        return _no_answer(reply, "empty_body", "the reply has no body")
    value = parse_json(reply.body)
    if isinstance(value, InvalidJson):
        return _classify_broken(reply)
    if not isinstance(value, dict):
        return _no_answer(reply, "not_an_object", "the reply is no JSON object: ")
    if "output" not in value and "status" not in value:
        return _classify_stray_object(reply, value)
    return _classify_response(reply, value)


def _classify_broken(reply: Reply) -> Classification:
    # The type is looked at only here: an answer that a proxy mislabels was paid for all the same.
    content_type = reply.headers.get("content-type", "")
    if "json" in content_type.lower():
        return _no_answer(reply, "broken_json", "the reply is no whole JSON: ")
    return _no_answer(reply, "not_json", f"expected JSON, got {content_type or 'no content type'}: ")


def _classify_stray_object(reply: Reply, value: dict[str, Json]) -> Classification:
    """Judge an object that is no response: often an error that a proxy sent with status 200."""
    error = error_object(value)
    code, error_type = text_of(error.get("code")), text_of(error.get("type"))
    message = text_of(error.get("message")) or f"the reply is no response: {reply.beginning}"
    kind = _kind(200, code, error_type, None, message)
    return Classification(None, _failure(reply, kind, code or "not_a_response", message))


def _classify_response(reply: Reply, value: dict[str, Json]) -> Classification:
    text, path, refusal = _read_output(value.get("output"))
    answer = Answer(
        text=text,
        text_path=path,
        response_id=text_of(value.get("id")),
        created=whole_number(value.get("created_at")),
        status=text_of(value.get("status")),
        model=text_of(value.get("model")),
        service_tier=text_of(value.get("service_tier")),
        usage=_read_usage(value.get("usage")),
        body=reply.body.decode("utf-8-sig", "replace"),
        request_id=reply.request_id,
    )
    return Classification(answer, _why_no_success(reply, value, answer, refusal))


def _why_no_success(reply: Reply, value: dict[str, Json], answer: Answer, refusal: str | None) -> Failure | None:
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
    if not answer.response_id:
        return _failure(reply, FailureKind.PERMANENT, "no_response_id", "the response has no id")
    if refusal is not None:
        return _failure(reply, FailureKind.PERMANENT, "refusal", refusal or "the model refused")
    return None


def _failed_response(reply: Reply, error: dict[str, Json]) -> Failure:
    code = text_of(error.get("code")) or "response_failed"
    message = text_of(error.get("message")) or "the response failed and gave no reason"
    return _failure(reply, _kind(200, code, None, None, message), code, message)


def _read_output(output: Json) -> tuple[str, str | None, str | None]:
    """Return the text of all output_text parts, the JSON path of it if it is one part, and a refusal."""
    texts: list[tuple[str, str]] = []
    refusal: str | None = None
    for path, part in _content_parts(output):
        if part.get("type") == "output_text" and isinstance(part.get("text"), str):
            texts.append((f"{path}.text", str(part["text"])))
        elif part.get("type") == "refusal":
            refusal = text_of(part.get("refusal")) or ""
    path_of_all = texts[0][0] if len(texts) == 1 else None
    return clean_text("".join(text for _, text in texts)), path_of_all, refusal


def _content_parts(output: Json) -> Iterator[tuple[str, dict[str, Json]]]:
    for i, item in enumerate(output if isinstance(output, list) else ()):
        if isinstance(item, dict) and item.get("type") == "message":
            content = item.get("content")
            for j, part in enumerate(content if isinstance(content, list) else ()):
                if isinstance(part, dict):
                    yield f"$.output[{i}].content[{j}]", part


def _read_usage(value: Json) -> Usage:
    usage = value if isinstance(value, dict) else {}
    into, out = usage.get("input_tokens_details"), usage.get("output_tokens_details")
    into, out = into if isinstance(into, dict) else {}, out if isinstance(out, dict) else {}
    return Usage(
        input_tokens=_tokens(usage.get("input_tokens")),
        cached_tokens=_tokens(into.get("cached_tokens")),
        cache_write_tokens=_tokens(into.get("cache_write_tokens")),
        output_tokens=_tokens(usage.get("output_tokens")),
        reasoning_tokens=_tokens(out.get("reasoning_tokens")),
        total_tokens=_tokens(usage.get("total_tokens")),
    )


def _tokens(value: Json) -> int | None:
    number = whole_number(value)
    return number if number is not None and number <= MAX_TOKENS else None


def _no_answer(reply: Reply, code: str, message: str) -> Classification:
    quoted = message + reply.beginning if message.endswith(": ") else message
    return Classification(None, _failure(reply, FailureKind.RETRYABLE, code, quoted))


def _failure(reply: Reply, kind: FailureKind, code: str, message: str) -> Failure:
    return Failure(
        kind=kind,
        # It stands in commands and on the screen, so it is made of what codes are made of.
        code=re.sub(r"[^\w.-]+", "_", code)[:MAX_CODE_LENGTH],
        message=clean_text(message)[:MAX_MESSAGE_LENGTH],
        status=reply.status,
        request_id=reply.request_id,
        retry_after_seconds=retry_after_seconds(reply) if kind is FailureKind.RETRYABLE else None,
        slow_down=kind is FailureKind.RETRYABLE and _is_about_rate(reply.status, code),
    )


def _is_about_rate(status: int | None, code: str) -> bool:
    return code != FLEX_IS_FULL and (status == 429 or code in SLOW_DOWN_CODES)  # noqa: PLR2004
