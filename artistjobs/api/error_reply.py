"""Error replies: one value from the shapes in which servers and proxies send errors.

OpenAI sends ``{"error": {"message", "type", "param", "code"}}``. OpenRouter and LiteLLM put the status into ``code``,
as a number or as text, and the cause into ``error_type`` or ``metadata``. xAI sends ``{"code", "error"}`` with two
texts, FastAPI sends ``{"detail"}``, gateways send ``{"message"}`` or ``{"errors": [...]}`` (as of November 2026).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from artistjobs.core.json_values import InvalidJson, Json, text_of, whole_number

ERROR_STATUSES: Final = range(400, 600)


STATUS_DIGITS: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorReply:
    """The parts of an error that a server sent; None for those that it left out.

    ``number`` is an HTTP status that the error itself contains. ``is_flagged`` is True if the server says that
    moderation refused the content of the request. ``asks_to_wait`` is True if it named a time for the next call.
    """

    code: str | None = None
    type: str | None = None
    param: str | None = None
    message: str | None = None
    number: int | None = None
    is_flagged: bool = False
    asks_to_wait: bool = False


def read_error_value(value: Json | InvalidJson) -> ErrorReply:
    """Return the parts of the error in a JSON value; all of them are None if it has no known shape."""
    if not isinstance(value, dict):
        return ErrorReply()
    error = value.get("error")
    if isinstance(error, dict):
        return _from_object(error, value)
    if isinstance(error, str):
        return _from_text(error, value)
    if "detail" in value:
        return _from_detail(value["detail"])
    errors = value.get("errors")
    if isinstance(errors, list) and errors and isinstance(errors[0], dict):
        return _from_object(errors[0], value)
    return _from_object(value, {}) if "message" in value else ErrorReply()


def _from_object(error: Mapping[str, Json], around: Mapping[str, Json]) -> ErrorReply:
    metadata = _object(error.get("metadata")) or _object(around.get("metadata"))
    error_type = _word(around.get("error_type")) or _word(error.get("error_type")) or _word(metadata.get("error_type"))
    code = _word(error.get("code"))
    if code == "invalid_prompt" and (error_type or _path(metadata)):
        # OpenRouter uses this code for every request that it does not accept.
        code = error_type or "invalid_request"
    return ErrorReply(
        code=code or error_type,
        type=_word(error.get("type")),
        param=_word(error.get("param")) or _path(metadata),
        message=text_of(error.get("message")),
        number=_status(error.get("code")) or _status(error.get("status")),
        is_flagged=_is_flagged(error, metadata),
    )


def _from_text(error: str, around: Mapping[str, Json]) -> ErrorReply:
    code = _word(around.get("code"))
    # xAI describes the code in words, which are no code to filter by.
    is_sentence = code is not None and " " in code
    message = f"{code}: {error}" if is_sentence else error
    return ErrorReply(
        code=None if is_sentence else code, message=text_of(message), number=_status(around.get("code")),
        type=_word(around.get("type")), param=_word(around.get("param")),
    )  # fmt: skip


def _from_detail(detail: Json) -> ErrorReply:
    """Return the error of FastAPI, whose detail is a text, or a list of fields with their faults."""
    if isinstance(detail, dict):
        return _from_object(detail, {})
    first = detail[0] if isinstance(detail, list) and detail else None
    if not isinstance(first, dict):
        return ErrorReply(message=text_of(detail))
    place = first.get("loc")
    names = [name for name in place if name != "body"] if isinstance(place, list) else []
    param = ".".join(str(name) for name in names) or None
    message = text_of(first.get("msg"))
    return ErrorReply(
        type=_word(first.get("type")), param=param, message=f"{param}: {message}" if param and message else message
    )


def _path(metadata: Mapping[str, Json]) -> str | None:
    """Return the field that OpenRouter's validation names in ``metadata.raw``."""
    raw = metadata.get("raw")
    first = raw[0] if isinstance(raw, list) and raw else None
    path = first.get("path") if isinstance(first, dict) else None
    return ".".join(str(name) for name in path) or None if isinstance(path, list) else None


def _is_flagged(error: Mapping[str, Json], metadata: Mapping[str, Json]) -> bool:
    provider = _object(error.get("provider_specific_fields"))
    inner = _object(error.get("innererror")) or _object(provider.get("innererror"))
    azure = inner.get("code") == "ResponsibleAIPolicyViolation" or "content_filter_result" in inner
    return azure or bool(metadata.get("reasons")) or "flagged_input" in metadata


def _object(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, dict) else {}


def _word(value: Json) -> str | None:
    """Return a text; None for a number written as text, and for Python's ``None`` written as text."""
    text = text_of(value)
    return None if text is None or text.isdecimal() or text in ("None", "null") else text


def _status(value: Json) -> int | None:
    """Return an error status, given as a number or as text."""
    is_text = isinstance(value, str) and len(value) == STATUS_DIGITS and value.isascii() and value.isdecimal()
    number = int(str(value)) if is_text else whole_number(value)
    return number if number in ERROR_STATUSES else None
