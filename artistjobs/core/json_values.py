"""JSON as values: read without trusting it, written in one form."""

import json
import math
from collections.abc import Callable, Iterable
from typing import Final, TypeAlias

Json: TypeAlias = bool | int | float | str | list["Json"] | dict[str, "Json"] | None


class InvalidJson:
    """What reading a body gives that is no JSON."""


INVALID_JSON: Final = InvalidJson()


MAX_DEPTH = 200
"""Levels of nesting that a body may have: Python and SQLite each give up at some more, and not at the same."""


def parse_json(body: bytes) -> Json | InvalidJson:
    """Return what a body holds, or ``BROKEN`` if it is not one whole JSON value."""
    try:
        # Python passes lone surrogates on, raw and escaped: whoever takes a text out makes it clean.
        text = body.decode("utf-8-sig", "surrogatepass")
        value = read_json(text)
    except (ValueError, RecursionError):  # not UTF-8 is a ValueError too
        return INVALID_JSON
    return INVALID_JSON if text.count("[") + text.count("{") > MAX_DEPTH and _is_too_deep(value) else value


def read_json(text: str, number: Callable[[str], float | None] = float) -> Json:
    """Return the value of a JSON text; ``number`` reads what has a fraction or an exponent.

    Raises:
        ValueError: if the text is no JSON, or ``number`` refuses one.
        RecursionError: if it is nested too deeply.

    """
    value: Json = json.loads(text, parse_constant=_reject_constant, parse_float=number)
    return value


def finite(text: str) -> float | None:
    """Return a number, None if it is past all floats: Python reads 1e999 as infinity, for which JSON has no word."""
    number = float(text)
    return number if math.isfinite(number) else None


def scalar(value: object) -> bool | int | float | str | None:
    """Return a value that JSON has as it is, None for any other."""
    return value if isinstance(value, str | int | float) else None


def clean_text(text: str) -> str:
    """Return ``text`` with lone surrogates as U+FFFD, so that it can be stored and sent as UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def text_of(value: Json) -> str | None:
    """Return a JSON string that is not empty, else None."""
    return clean_text(value) if isinstance(value, str) and value else None


def whole_number(value: Json) -> int | None:
    """Return a JSON number that is not negative as a whole one, else None."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    # Past 2**53 a number cannot be told from its neighbours in JSON, and is no count of anything.
    return int(value) if 0 <= value < 2**53 else None


def _is_too_deep(value: Json) -> bool:
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
    # Python reads NaN and Infinity, JSON has neither, and SQLite would refuse the body later.
    raise ValueError(name)


def canonical_json(value: Json) -> str:
    """Return JSON that is the same for the same value, fit for hashing and storing."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
