"""JSON values: strict parsing of untrusted text, and one canonical form for writing."""

import json
import math
from codecs import BOM_UTF8
from collections.abc import Callable, Iterable
from typing import Final, TypeAlias

import orjson

Json: TypeAlias = bool | int | float | str | list["Json"] | dict[str, "Json"] | None


class InvalidJson:
    """Type of ``INVALID_JSON``, the result of parsing a body that is not JSON."""


INVALID_JSON: Final = InvalidJson()


MAX_DEPTH = 200
"""Levels of nesting that a body may have. Python and SQLite have higher limits, which differ from each other."""


def parse_json(body: bytes) -> Json | InvalidJson:
    """Return the value of a body, or ``INVALID_JSON`` if it is not one whole JSON value."""
    try:
        # Python keeps lone surrogates, raw and escaped. Code that takes a text out calls ``clean_text``.
        text = text_of_body(body, "surrogatepass")
        value: Json = _decode(text)
    except (ValueError, RecursionError):  # UnicodeDecodeError is a ValueError too
        return INVALID_JSON
    return INVALID_JSON if text.count("[") + text.count("{") > MAX_DEPTH and is_too_deep(value) else value


def text_of_body(body: bytes, errors: str = "replace") -> str:
    """Return the text of a body without a byte-order mark; ``errors`` says what becomes of invalid UTF-8."""
    # The codec that removes the mark is written in Python, and takes four times as long.
    return body.decode("utf-8-sig" if body.startswith(BOM_UTF8) else "utf-8", errors)


def parse_body(body: bytes) -> Json | InvalidJson:
    """Return the value of a body as ``parse_json`` does, in a third of the time; a large integer may become a float."""
    try:
        value: Json = orjson.loads(body)
    except (ValueError, RecursionError):
        return parse_json(body)
    return parse_json(body) if body.count(b"[") + body.count(b"{") > MAX_DEPTH else value


def read_json(text: str, number: Callable[[str], float | None] = float) -> Json:
    """Return the value of a JSON text; ``number`` parses numbers with a fraction or an exponent.

    Raises:
        ValueError: if the text is not JSON, or ``number`` rejects a number.
        RecursionError: if it is nested too deeply.

    """
    value: Json = json.loads(text, parse_constant=_reject_constant, parse_float=number)
    return value


def finite(text: str) -> float | None:
    """Return a number, None if it overflows: Python parses 1e999 as infinity, which JSON cannot express."""
    number = float(text)
    return number if math.isfinite(number) else None


def scalar(value: object) -> bool | int | float | str | None:
    """Return a value that is a JSON scalar, None for any other."""
    return value if isinstance(value, str | int | float) else None


def clean_text(text: str) -> str:
    """Return ``text`` with lone surrogates as U+FFFD, so that it can be stored and sent as UTF-8."""
    if text.isascii():  # Python knows that of each text, so nothing has to be encoded
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def text_of(value: Json) -> str | None:
    """Return a JSON string that is not empty, without lone surrogates; None for any other value."""
    return clean_text(value) if isinstance(value, str) and value else None


def whole_number(value: Json) -> int | None:
    """Return a JSON number as an integer; None if it is negative, too large or no number."""
    if type(value) is not int and not isinstance(value, float):
        return None
    # From 2**53 on, JSON numbers are not exact, and no count is that large.
    return int(value) if 0 <= value < 2**53 else None


def clean_value(value: Json) -> Json:
    """Return a JSON value with lone surrogates in its texts and keys as U+FFFD."""
    cleaned: Json = json.loads(clean_text(json.dumps(value, ensure_ascii=False)))
    return cleaned


def is_too_deep(value: Json) -> bool:
    """Return True if a value has more than ``MAX_DEPTH`` levels."""
    level = [value]
    for _ in range(MAX_DEPTH):
        inside = (inner for outer in level for inner in _inside(outer))
        level = [inner for inner in inside if isinstance(inner, list | dict)]
        if not level:
            return False
    return True


def _inside(value: Json) -> Iterable[Json]:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()


def _reject_constant(name: str) -> float:
    # Python accepts NaN and Infinity. JSON has neither, and SQLite would reject the body later.
    raise ValueError(name)


# A decoder for each call would take a fifth of the time of parsing an answer.
_decode = json.JSONDecoder(parse_constant=_reject_constant).decode


def canonical_json(value: Json) -> str:
    """Return JSON text that is the same for equal values, for hashes and storage."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
