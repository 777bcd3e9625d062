"""Repair of almost correct JSON, so that a paid answer is not lost to a part of it that nobody reads."""

import json
import re
from typing import Final

from artistjobs.core.json_values import MAX_DEPTH, InvalidJson, Json, clean_text, finite, parse_json

_TOKENS: Final = re.compile(r'"(?:[^"\\]++|\\.)*+(?:"|\Z)|[\[{\]}]', re.DOTALL)
"""Strings and brackets. The end of the text also ends a string, or an open string would be scanned again and again."""


def repair_json(body: bytes) -> bytes | None:
    """Return the JSON value at the beginning of a body as strict JSON; None if there is no whole value.

    Python and other servers write NaN, raw control characters and invalid UTF-8 into JSON; some append bytes to it.
    A number that JSON does not have, or that is too long, becomes null, and so does a value nested deeper than
    ``MAX_DEPTH``. Invalid bytes become U+FFFD.
    """
    text = _without_depth(_decoded(body).lstrip())
    try:
        value, _ = _DECODER.raw_decode(text)
    except (ValueError, RecursionError):
        return None
    return clean_text(json.dumps(value, ensure_ascii=False, allow_nan=False)).encode()


def parse_or_repair(body: bytes) -> Json | InvalidJson:
    """Return the value of a body, repaired if necessary, or ``INVALID_JSON`` if it has none."""
    value = parse_json(body)
    if isinstance(value, InvalidJson) and (repaired := repair_json(body)) is not None:
        return parse_json(repaired)
    return value


def _integer(text: str) -> int | None:
    try:
        return int(text)
    except ValueError:  # more digits than Python converts
        return None


_DECODER: Final = json.JSONDecoder(
    strict=False, parse_constant=lambda _name: None, parse_int=_integer, parse_float=finite
)


def _decoded(body: bytes) -> str:
    try:
        return body.decode("utf-8-sig", "surrogatepass")
    except UnicodeDecodeError:
        return body.decode("utf-8-sig", "replace")


def _without_depth(text: str) -> str:
    """Return JSON text with null in place of each value that is nested too deeply."""
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return text
    kept: list[str] = []
    depth = copied = 0
    for token in _TOKENS.finditer(text):
        if token[0] in "[{":
            depth += 1
            if depth == MAX_DEPTH + 1:
                kept += (text[copied : token.start()], "null")
                copied = len(text)
        elif token[0] in "]}":
            depth -= 1
            if depth == MAX_DEPTH:
                copied = token.end()
    return "".join((*kept, text[copied:]))
