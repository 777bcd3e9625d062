"""Texts and numbers that fit a JSON Schema, for simulated structured answers."""

import math
import re
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from random import Random

Schema = Mapping[str, object]


_MAX_LENGTH = 1_000_000
"""Characters of the longest text that is written."""


class NoValueError(Exception):
    """Raised when no value is found that fits a schema."""


def write_string(schema: Schema, rng: Random, text: str) -> str:
    """Return a text that matches the pattern, the format or the length of a schema, else ``text``.

    Raises:
        NoValueError: if there is none for the pattern, or it would be too long.

    """
    if isinstance(pattern := schema.get("pattern"), str):
        return match_pattern(rng, pattern)
    if (form := _FORMATS.get(str(schema.get("format")))) is not None:
        return form(rng)
    least = count_of(schema.get("minLength"), 0)
    if least > _MAX_LENGTH:
        raise NoValueError("a text that is too long")
    return text.ljust(least, ".")[: count_of(schema.get("maxLength"), max(least, len(text)))]


def match_pattern(rng: Random, pattern: str) -> str:
    """Return a text that matches a regular expression. Raises NoValueError if none is found."""
    from rstr import Rstr

    try:
        return str(Rstr(rng).xeger(pattern))
    except (re.error, ValueError, KeyError, AttributeError, IndexError) as error:
        raise NoValueError(f"no text for the pattern {pattern}") from error


def write_integer(schema: Schema, rng: Random) -> int:
    """Return an integer within the bounds of a schema. Raises NoValueError if there is none."""
    low, high, step = _bounds(schema, 1)
    return int(_multiple(low, high, step if step == int(step) else 1.0, rng))


def write_number(schema: Schema, rng: Random) -> float:
    """Return a number within the bounds of a schema. Raises NoValueError if there is none."""
    low, high, step = _bounds(schema, 0)
    if "multipleOf" in schema:
        return _multiple(low, high, step, rng)
    value = rng.uniform(low, high)
    return rounded if low < (rounded := round(value, 2)) < high else value


def count_of(value: object, default: int) -> int:
    """Return the number of a keyword such as ``minItems``, ``default`` if it is missing."""
    return int(value) if isinstance(value, int | float) else default


def _moment(rng: Random) -> datetime:
    return datetime(1900, 1, 1, tzinfo=UTC) + timedelta(seconds=rng.randrange(3_900_000_000))


_FORMATS: Mapping[str, Callable[[Random], str]] = {
    "date": lambda rng: f"{_moment(rng):%Y-%m-%d}",
    "time": lambda rng: f"{_moment(rng):%H:%M:%SZ}",
    "date-time": lambda rng: f"{_moment(rng):%Y-%m-%dT%H:%M:%SZ}",
    "duration": lambda rng: f"P{rng.randint(1, 90)}D",
    "email": lambda rng: f"artist{rng.randrange(1000)}@example.com",
    "idn-email": lambda rng: f"artist{rng.randrange(1000)}@example.com",
    "hostname": lambda rng: f"host{rng.randrange(1000)}.example.com",
    "idn-hostname": lambda rng: f"host{rng.randrange(1000)}.example.com",
    "ipv4": lambda rng: f"192.0.2.{rng.randrange(256)}",
    "ipv6": lambda rng: f"2001:db8::{rng.randrange(65536):x}",
    "uri": lambda rng: f"https://example.com/{rng.randrange(1000)}",
    "uri-reference": lambda rng: f"/artists/{rng.randrange(1000)}",
    "iri": lambda rng: f"https://example.com/{rng.randrange(1000)}",
    "iri-reference": lambda rng: f"/artists/{rng.randrange(1000)}",
    "uri-template": lambda _rng: "https://example.com/{artist}",
    "uuid": lambda rng: str(uuid.UUID(int=rng.getrandbits(128), version=4)),
    "json-pointer": lambda rng: f"/works/{rng.randrange(10)}",
    "relative-json-pointer": lambda rng: f"{rng.randrange(3)}/works",
    "regex": lambda _rng: "^[a-z]+$",
}


def _multiple(low: float, high: float, step: float, rng: Random) -> float:
    first, last = math.ceil(low / step), math.floor(high / step)
    if first > last:
        raise NoValueError("no number between the bounds")
    return rng.randint(first, last) * step


def _bounds(schema: Schema, gap: int) -> tuple[float, float, float]:
    """Return the lowest and the highest value, and the step between values; ``gap`` separates an exclusive bound."""
    lows = [low for low in (_float(schema.get("minimum")), _above(schema, "exclusiveMinimum", gap)) if low is not None]
    highs = [
        one for one in (_float(schema.get("maximum")), _above(schema, "exclusiveMaximum", -gap)) if one is not None
    ]
    low = max(lows) if lows else min(0.0, *highs) if highs else 0.0
    high = min(highs) if highs else max(low, 0.0) + 100
    return low, high, _float(schema.get("multipleOf")) or 1.0


def _above(schema: Schema, keyword: str, gap: int) -> float | None:
    bound = _float(schema.get(keyword))
    if bound is None or not gap:
        return bound
    return math.floor(bound) + gap if gap > 0 else math.ceil(bound) + gap


def _float(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
