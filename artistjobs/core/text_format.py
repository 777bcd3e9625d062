"""Field ``text.format`` of a request: made from a file with a JSON Schema, and strict if the API would accept that.

In strict mode the API guarantees the schema, but it rejects every request whose schema uses more than a part of JSON
Schema. Other schemas are sent without it. The rules are those of OpenAI's guide to structured outputs (November 2026).
"""

import re
from collections.abc import Iterator, Mapping

from artistjobs.core.json_values import Json, is_too_deep
from artistjobs.errors import PromptError

PLAIN_FORMATS = frozenset({"text", "json_object"})
"""Types of ``text.format`` that have no schema."""


MAX_NAME_LENGTH = 64
"""Characters that the name of a schema may have; they are letters, digits, ``_`` and ``-``."""


MAX_STRICT_LEVELS, MAX_STRICT_PROPERTIES = 10, 5000
"""Levels of nested objects and number of properties that a strict schema may have."""


NOT_STRICT = frozenset({
    "allOf", "oneOf", "not", "if", "then", "else", "dependentRequired", "dependentSchemas", "patternProperties",
    "propertyNames", "minProperties", "maxProperties", "unevaluatedProperties", "prefixItems", "contains",
    "minContains", "maxContains", "uniqueItems", "unevaluatedItems", "minLength", "maxLength", "default",
})  # fmt: skip
"""Keywords that a strict schema must not have."""


_WRAPPED = frozenset({"type", "name", "description", "strict", "schema"})


_TELLING = ("type", "anyOf", "$ref", "enum", "const")


def text_format(value: Json, name: str) -> dict[str, Json]:
    """Return the field ``text.format`` for a value: a JSON Schema, or a format that contains one.

    A format is accepted in the forms of the Responses API and of the Chat Completions API, and as name and schema
    alone, as OpenAI's prompt editor shows it. A format is not changed; a bare schema gets a name and ``strict``.

    Args:
        value: The value of a file or a parameter.
        name: Name of a schema without a title.

    Raises:
        PromptError: if it is neither.

    """
    if not isinstance(value, dict) or is_too_deep(value):
        raise PromptError("this is not a JSON Schema; write an object, such as the output of model_json_schema()")
    if value.get("type") in PLAIN_FORMATS:
        return value
    inner = value.get("json_schema")
    if value.get("type") == "json_schema" and isinstance(inner, dict):
        value = inner
    elif value.get("type") != "json_schema" and not (
        value.keys() <= _WRAPPED and isinstance(value.get("schema"), dict)
    ):
        return _wrapped(value, name)
    if not isinstance(value.get("schema"), dict):
        raise PromptError("this has no schema; write a JSON Schema, or a format with the key schema")
    return {"type": "json_schema", "name": _name(value, name), **value}


def strict_obstacle(schema: dict[str, Json]) -> str | None:
    """Return the first reason why the API would reject a schema in strict mode, None if it would accept it."""
    if schema.get("type") != "object":
        return "it is not an object"
    if sum(1 for _ in _properties(schema)) > MAX_STRICT_PROPERTIES:
        return f"it has more than {MAX_STRICT_PROPERTIES:,} properties"
    return next(_obstacles(schema, "it", 0), None)


def _wrapped(schema: dict[str, Json], name: str) -> dict[str, Json]:
    is_strict = strict_obstacle(schema) is None
    return {"type": "json_schema", "name": _name(schema, name), "schema": schema, "strict": is_strict}


def _name(value: Mapping[str, Json], name: str) -> str:
    title = value.get("name") or value.get("title")
    text = title if isinstance(title, str) and title else name
    return re.sub(r"[^a-zA-Z0-9_-]+", "_", text)[:MAX_NAME_LENGTH].strip("_") or "answer"


def _obstacles(schema: Json, place: str, level: int) -> Iterator[str]:
    """Yield the obstacles of a schema and of all schemas in it; ``place`` is its name for people."""
    if not isinstance(schema, dict):
        yield f"{place} is not an object"
        return
    if level > MAX_STRICT_LEVELS:
        yield f"it has more than {MAX_STRICT_LEVELS} levels"
        return
    yield from (f"{place} has {keyword}" for keyword in schema if keyword in NOT_STRICT)
    if "$ref" in schema and len(schema) > 1:
        yield f"{place} has keywords beside $ref"
    if not any(keyword in schema for keyword in _TELLING):
        yield f"{place} has no type"
    yield from _object_obstacles(schema, place)
    for inner, name, is_property in _inner_schemas(schema, place):
        yield from _obstacles(inner, name, level + is_property)


def _object_obstacles(schema: Mapping[str, Json], place: str) -> Iterator[str]:
    kind = schema.get("type")
    if kind != "object" and not (isinstance(kind, list) and "object" in kind):
        return
    if schema.get("additionalProperties") is not False:
        yield f"{place} allows additional properties"
    properties, required = schema.get("properties"), schema.get("required")
    listed = required if isinstance(required, list) else []
    yield from (
        f"{name} is optional" for name in (properties if isinstance(properties, dict) else {}) if name not in listed
    )


def _inner_schemas(schema: Mapping[str, Json], place: str) -> Iterator[tuple[Json, str, bool]]:
    """Yield the schemas in a schema, each with its name, and whether it is a property."""
    for keyword in ("properties", "$defs", "definitions"):
        inner = schema.get(keyword)
        for name, value in inner.items() if isinstance(inner, dict) else ():
            yield value, name, keyword == "properties"
    if "items" in schema:
        yield schema["items"], f"an item of {place}", False
    branches = schema.get("anyOf")
    for branch in branches if isinstance(branches, list) else ():
        yield branch, f"an alternative of {place}", False


def _properties(schema: Json) -> Iterator[str]:
    for value, name, is_property in _inner_schemas(schema, "") if isinstance(schema, dict) else ():
        if is_property:
            yield name
        yield from _properties(value)
