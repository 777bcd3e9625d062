"""Kind of an error: whose fault it is, from its status, its code, the field that it names and its words.

A refusal is a row's fault only if it can be: moderation, a policy, or the length of a text. An error that names a field
of the request which all rows share, the key, the model or the account concerns every call. The codes come from OpenAI's
error-code guide, the words from the messages of other servers and proxies (as of November 2026).
"""

import re
from dataclasses import dataclass, replace
from typing import Final

from artistjobs.api.error_reply import ErrorReply
from artistjobs.core.attempt import FLEX_FULL_STATUS, FLEX_IS_FULL, ROW_CODES, FailureKind, is_policy_code

MONEY_CODES: Final = frozenset({
    "billing_hard_limit_reached", "budget_exceeded", "credit_balance_exhausted", "insufficient_credits",
    "insufficient_quota", "organization_spend_limit_exceeded", "organization_usage_limit_exceeded", "payment_required",
    "project_spend_limit_exceeded",
})  # fmt: skip
"""Error codes and types of an account without money. They do not pass by themselves."""


REQUEST_CODES: Final = frozenset({"missing_required_parameter", "unknown_parameter", "unsupported_parameter"})
"""Error codes about a field that this program sends, or leaves out, in every request."""


ACCOUNT_CODES: Final = frozenset({
    "account_deactivated", "invalid_api_key", "invalid_organization", "ip_not_authorized", "model_not_found",
    "prompt_not_found",
})  # fmt: skip
"""Error codes about the key, the account, the model or the prompt. A server may send one by mistake."""


ACCOUNT_STATUSES: Final = frozenset({401, 403, 404, 410})
"""Statuses that concern the key, the address, the model or the prompt, which are the same for every job.

410 may be what a stored prompt returns after OpenAI has ended stored prompts (2026-11-30).
"""


SHARED_FIELDS: Final = frozenset({
    "access_programs", "background", "background_options", "context_management", "conversation", "image", "include",
    "instructions", "max_completion_tokens", "max_output_tokens", "max_tokens", "max_tool_calls", "metadata", "model",
    "moderation", "parallel_tool_calls", "previous_response_id", "prompt", "prompt_cache_key", "prompt_cache_options",
    "prompt_cache_retention", "reasoning", "reasoning_effort", "response_format", "safety_identifier", "service_tier",
    "store", "stream", "stream_options", "temperature", "text", "tool_choice", "tools", "top_logprobs", "top_p",
    "truncation", "user",
})  # fmt: skip
"""Fields of a request that are the same for every job: all except the input. Some are names that proxies translate to.

The list has the fields of the SDK's request (3.57, November 2026).
"""


PAYMENT_REQUIRED: Final = 402


FIELD_STATUSES: Final = frozenset({400, 422, 501})
"""Statuses with which servers refuse a field of the request."""


FLAGGED_STATUSES: Final = frozenset({400, 403, 422, 451})
"""Statuses with which servers refuse the content of a request."""


RETRYABLE_STATUSES: Final = frozenset({408, 409, 425, 429, FLEX_FULL_STATUS, 499})
"""Client error statuses that another call may not meet."""


NOT_IMPLEMENTED: Final = frozenset({501, 505})
"""Server error statuses that do not pass: the server does not support the request."""


_MONEY: Final = re.compile(
    r"insufficient (credit|balance|funds|quota)|out of credits?\b|balance is too low"
    r"|exceeded (your|the|its) (current |monthly |daily )?quota|quota (has been |was |is )?(exceeded|exhausted)"
    r"|budget (has been |was |is )?exceeded|exceeded ?budget|over budget|crossed budget"
    r"|(reached|exceeded|over|hit)\b[^.]{0,60}(spend(ing)?|usage|billing) limit|used all available credits"
    r"|(spend(ing)?|billing) limit\b[^.]{0,40}(reached|exceeded)|payment required|any credits|monthly included credits",
    re.IGNORECASE,
)


_RATE: Final = re.compile(r"per (second|minute|hour)|(retry|try again) (in|after) \d|\b[rt]p[ms]\b", re.IGNORECASE)
"""Words of a limit on the rate of calls, which some servers also call a quota."""


_KEY: Final = re.compile(
    r"(incorrect|invalid|expired|unknown|missing|no) (api[ _-]?key|auth credentials|proxy server token)"
    r"|api[ _-]?key (is )?(not valid|invalid|expired|missing)|authentication error",
    re.IGNORECASE,
)


_MODEL: Final = re.compile(
    r"(invalid|unknown|unsupported|no such) model\b"
    r"|\bmodel\b[^.]{0,80} (not found|(does|do) not exist|not (available|supported)|not a valid model)",
    re.IGNORECASE,
)


_FLAGGED: Final = re.compile(
    r"\b(input|prompt|request|content|message|text)\b[^.]{0,60}\bflagged|content (management )?polic|contentpolicy"
    r"|usage (polic|guideline)|content[ _-]filter|safety (system|filter|polic)"
    r"|(blocked|refused|rejected|flagged|failed|violat)\w*\b[^.]{0,40}(moderation|guardrail)"
    r"|(moderation|guardrail)\b[^.]{0,40}(blocked|refused|rejected|flagged|failed|violat)",
    re.IGNORECASE,
)


_NAMED_FIELD: Final = re.compile(
    r"(?:[`'\"]|\b(?:argument not supported|parameters?|argument supplied|field|property)[:=]? )([a-z_]+)"
    r"(?:[.\[=][^`'\"]*)?[`'\"]|\b(?:argument not supported|argument supplied|parameter): ([a-z_]+)\b",
    re.IGNORECASE,
)


_REFUSED_FIELD: Final = re.compile(
    r"not supported|unsupported|unknown|unrecogni[sz]ed|unexpected|not (allowed|permitted)|must be (set|false|true)",
    re.IGNORECASE,
)


ERROR_FROM: Final = 400


CLIENT_ERRORS: Final = range(400, 500)


FLAGGED: Final = "input_flagged"
"""Code of a refusal by moderation for which the server has no code."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Kind of an error, a code for it if the server sent none, and whether it may pass although it seems final."""

    kind: FailureKind
    code: str | None = None
    is_doubtful: bool = False


def verdict_on(status: int, error: ErrorReply, text: str) -> Verdict:
    """Return the verdict on an error that was sent with ``status``; its code is the server's if that is telling.

    ``text`` is the message, or the beginning of a body that has no message, such as a page of a gateway.
    """
    status = error.number if error.number is not None and status < ERROR_FROM else status
    for rule in (_of_money, _of_content, _of_request, _of_words, _of_account):
        if verdict := rule(status, error, text):
            return verdict if verdict.code else replace(verdict, code=error.code or _code_of_status(status, error))
    return Verdict(_kind_of_status(status), error.code or _code_of_status(status, error))


def _of_money(status: int, error: ErrorReply, text: str) -> Verdict | None:
    if told := next((word for word in (error.code, error.type) if word in MONEY_CODES), None):
        return Verdict(FailureKind.FATAL, told)
    if status == PAYMENT_REQUIRED:
        return Verdict(FailureKind.FATAL)
    if status in CLIENT_ERRORS and not error.asks_to_wait and _MONEY.search(text) and not _RATE.search(text):
        return Verdict(FailureKind.FATAL, "insufficient_quota", is_doubtful=True)
    return None


def _of_content(status: int, error: ErrorReply, _text: str) -> Verdict | None:
    if error.code is not None and (is_policy_code(error.code) or error.code == "content_filter"):
        return Verdict(FailureKind.PERMANENT)
    return Verdict(FailureKind.PERMANENT, FLAGGED) if error.is_flagged and status in FLAGGED_STATUSES else None


def _of_request(status: int, error: ErrorReply, _text: str) -> Verdict | None:
    if error.code in REQUEST_CODES:
        return Verdict(FailureKind.FATAL)
    if error.code == "context_length_exceeded":
        return Verdict(FailureKind.PERMANENT)
    # A stored prompt contains the text of the row, so OpenAI names it for a text that it does not accept.
    is_about_text = error.code == "invalid_prompt" and _field(error.param) == "prompt"
    if status in FIELD_STATUSES and not is_about_text and _names_shared_field(error):
        return Verdict(FailureKind.FATAL)
    return Verdict(FailureKind.PERMANENT) if error.code in ROW_CODES else None


def _of_words(status: int, error: ErrorReply, text: str) -> Verdict | None:
    # Not in a page: the filter of a network refuses every call with one.
    if status in FLAGGED_STATUSES and _FLAGGED.search(error.message or ""):
        return Verdict(FailureKind.PERMANENT, FLAGGED)
    if status not in CLIENT_ERRORS or status in RETRYABLE_STATUSES:
        return None
    if error.code is None and _KEY.search(text):
        return Verdict(FailureKind.FATAL, "invalid_api_key", is_doubtful=True)
    if error.code is None and _MODEL.search(text):
        return Verdict(FailureKind.FATAL, "model_not_found", is_doubtful=True)
    return None


def _of_account(status: int, error: ErrorReply, _text: str) -> Verdict | None:
    if error.code in ACCOUNT_CODES or status in ACCOUNT_STATUSES:
        return Verdict(FailureKind.FATAL, is_doubtful=True)
    return None


def _names_shared_field(error: ErrorReply) -> bool:
    """Return True if an error names a field that all requests share, by its parameter or in its message."""
    message = error.message or ""
    if message.startswith("Unknown prompt variables"):
        return True
    if error.param is not None:
        # ``prompt.variables.artist_name`` holds the text of one row, so its failure concerns that row alone.
        return not error.param.startswith("prompt.variables") and _field(error.param) in SHARED_FIELDS
    if not _REFUSED_FIELD.search(message):
        return False
    names = {name.lower() for found in _NAMED_FIELD.finditer(message) for name in found.groups() if name}
    return bool(names & SHARED_FIELDS)


def _field(param: str | None) -> str:
    return (param or "").split(".", maxsplit=1)[0].split("[", maxsplit=1)[0]


def _kind_of_status(status: int) -> FailureKind:
    is_server_error = (status >= 500 and status not in NOT_IMPLEMENTED) or status < ERROR_FROM  # noqa: PLR2004
    return FailureKind.RETRYABLE if status in RETRYABLE_STATUSES or is_server_error else FailureKind.PERMANENT


def _code_of_status(status: int, error: ErrorReply) -> str | None:
    if status == FLEX_FULL_STATUS:
        return FLEX_IS_FULL
    # The number is the server's only word on the cause if the status is another one.
    return f"http_{status}" if error.number == status else None
