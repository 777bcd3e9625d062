"""Structured answers of the simulated API: JSON that fits the format of the request, or that deliberately does not."""

import json
from collections.abc import Mapping
from random import Random

from artistjobs.rehearsal.answer_text import subject_of
from artistjobs.rehearsal.scalar_values import NoValueError
from artistjobs.rehearsal.schema_values import validator_of, write_value

_encode = json.JSONEncoder(ensure_ascii=False).encode


def json_format(body: Mapping[str, object]) -> Mapping[str, object] | None:
    """Return the field ``text.format`` of a request or a response if it asks for JSON, else None."""
    text = body.get("text")
    asked = text.get("format") if isinstance(text, dict) else None
    return asked if isinstance(asked, dict) and asked.get("type") in ("json_schema", "json_object") else None


def write_json(body: Mapping[str, object], asked: Mapping[str, object], *, key: str) -> str:
    """Return the JSON text that answers a request; ``key`` determines it. It fits the schema if a value is found."""
    subject = subject_of(body)
    if asked.get("type") == "json_object":
        return _encode({"artist": subject, "rehearsed": True})
    try:
        value = write_value(asked.get("schema"), rng=Random(key), subject=subject)
    except NoValueError:
        value = {"rehearsed": f"no value was found that fits the schema, for {subject}"}
    return _encode(value)


def misfit(text: str, asked: Mapping[str, object], rng: Random) -> str:
    """Return a text that resembles a structured answer and does not fit its schema."""
    validator = validator_of(json.dumps(asked.get("schema")))
    value = json.loads(text)
    wrong = [one for one in _variants(value) if not validator.is_valid(one)]
    if wrong and rng.random() < 0.75:  # noqa: PLR2004
        return _encode(rng.choice(wrong))
    fenced = f"Here is the answer:\n```json\n{text}\n```"
    # Half of a number may be a number, but half of an object is never JSON.
    return rng.choice((fenced, text[: len(text) // 2])) if isinstance(value, dict) else fenced


def _variants(value: object) -> list[object]:
    """Return values that differ from ``value`` in one property."""
    if not isinstance(value, dict):
        return [[value], {"answer": value}, None]
    missing = [{key: inner for key, inner in value.items() if key != name} for name in value]
    wrong = [{**value, name: {"wrong": inner}} for name, inner in value.items()]
    return [*missing, *wrong, {**value, "unasked": "a property that nobody asked for"}, [value]]
