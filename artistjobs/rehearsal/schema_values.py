"""Values that fit a JSON Schema, for simulated structured answers: random, but the same for the same generator.

The generator knows the keywords that people use for answers. ``write_value`` checks each value with jsonschema-rs and
draws again if a rarer keyword rejects it.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from random import Random
from typing import TYPE_CHECKING

from artistjobs.rehearsal.scalar_values import (
    NoValueError,
    Schema,
    count_of,
    match_pattern,
    write_integer,
    write_number,
    write_string,
)

if TYPE_CHECKING:
    from jsonschema_rs import Validator


_TRIES = 50


_DEEP = 3
"""Level from which optional values are left out, so that a schema that contains itself comes to an end."""


_LEVELS = 60
"""Level at which a schema that requires itself is given up."""


_MAX_ITEMS = 1000
"""Items of the longest array that is written."""


_OPTIONAL_SHARE = 0.8


_NULL_SHARE = 0.2


def write_value(schema: object, *, rng: Random, subject: str) -> object:
    """Return a value that fits a schema, with ``subject`` in its texts.

    Raises:
        NoValueError: if none is found.

    """
    validator = validator_of(json.dumps(schema))
    writer = _Writer(schema, rng, subject)
    for _ in range(_TRIES):
        try:
            value = writer.value(schema, "answer", 0)
        except NoValueError:
            continue
        if validator.is_valid(value):
            return value
    raise NoValueError("no value was found that fits the schema")


@lru_cache(maxsize=64)
def validator_of(schema: str) -> "Validator":
    """Return the validator of a schema, given as JSON. Raises ValueError if it is not a schema."""
    import jsonschema_rs

    return jsonschema_rs.validator_for(schema, validate_formats=True, offline=True)


class _Writer:
    """Generator of values for one schema, which its references point into."""

    def __init__(self, root: object, rng: Random, subject: str) -> None:
        self._root = root
        self._rng = rng
        self._writers: dict[str, Callable[[Schema, str, int], object]] = {
            "object": self._object,
            "array": self._array,
            "string": lambda schema, name, _: write_string(schema, rng, f"rehearsed {name} of {subject}"),
            "integer": lambda schema, _name, _: write_integer(schema, rng),
            "number": lambda schema, _name, _: write_number(schema, rng),
            "boolean": lambda _schema, _name, _: bool(rng.getrandbits(1)),
            "null": lambda _schema, _name, _: None,
        }

    def value(self, schema: object, name: str, level: int) -> object:
        """Return a value for a schema; ``name`` is that of its property. Raises NoValueError."""
        if level > _LEVELS or schema is False:
            raise NoValueError("nothing fits this schema")
        found = self._simple(schema if isinstance(schema, Mapping) else {}, level)
        if "const" in found:
            return found["const"]
        choices = found.get("enum")
        if isinstance(choices, Sequence) and not isinstance(choices, str):
            if not choices:
                raise NoValueError("an empty enum")
            return self._rng.choice(choices)
        return self._writers[self._type(found, level)](found, name, level)

    def _simple(self, schema: Schema, level: int, depth: int = 0) -> Schema:
        """Return a schema without references and combinations: one alternative is chosen, and all parts are merged."""
        if depth > _LEVELS:
            raise NoValueError("a reference refers to itself")
        rest = {key: value for key, value in schema.items() if key not in ("$ref", "anyOf", "oneOf", "allOf")}
        parts = list(_schemas(schema.get("allOf")))
        if isinstance(reference := schema.get("$ref"), str):
            parts.append(self._target(reference))
        groups = [_schemas(schema.get(keyword)) for keyword in ("anyOf", "oneOf")]
        parts += [self._alternative(alternatives, level) for alternatives in groups if alternatives]
        for part in parts:
            rest = _merged(self._simple(part, level, depth + 1), rest)
        return rest

    def _alternative(self, alternatives: Sequence[Schema], level: int) -> Schema:
        plain = [one for one in alternatives if one.get("type") == "null" or "$ref" not in one]
        if level >= _DEEP and plain:
            nulls = [one for one in plain if one.get("type") == "null"]
            return (nulls or plain)[0]
        others = [one for one in alternatives if one.get("type") != "null"]
        if len(others) < len(alternatives) and (not others or self._rng.random() < _NULL_SHARE):
            return {"type": "null"}
        return self._rng.choice(others)

    def _target(self, reference: str) -> Schema:
        target = self._root
        for part in reference.removeprefix("#").split("/")[1:]:
            key = part.replace("~1", "/").replace("~0", "~")
            if isinstance(target, Mapping):
                target = target.get(key)
            elif isinstance(target, list) and key.isdecimal() and int(key) < len(target):
                target = target[int(key)]
        if not isinstance(target, Mapping):
            raise NoValueError(f"{reference} is not in the schema")
        return target

    def _type(self, schema: Schema, level: int) -> str:
        types = schema.get("type")
        if isinstance(types, str):
            types = [types]
        if not isinstance(types, list):
            types = [next((kind for keyword, kind in _KEYWORDS.items() if keyword in schema), "string")]
        known = [kind for kind in types if kind in self._writers]
        if not known:
            raise NoValueError("an unknown type")
        if len(known) > 1 and "null" in known:
            if level >= _DEEP or self._rng.random() < _NULL_SHARE:
                return "null"
            known.remove("null")
        return str(self._rng.choice(known))

    def _object(self, schema: Schema, _name: str, level: int) -> object:
        properties, required = _mapping(schema.get("properties")), _texts(schema.get("required"))
        value = {
            name: self.value(inner, name, level + 1)
            for name, inner in properties.items()
            if name in required or (level < _DEEP and self._rng.random() < _OPTIONAL_SHARE)
        }
        others = schema.get("additionalProperties", schema.get("unevaluatedProperties"))
        for name in required:
            if name not in value:
                value[name] = self.value(self._pattern_schema(schema, name, others), name, level + 1)
        least = count_of(schema.get("minProperties"), 0)
        wanted = max(least, 2) if not properties and isinstance(others, Mapping) and level < _DEEP else least
        for name in self._new_names(schema):
            if len(value) >= wanted:
                break
            value.setdefault(name, self.value(self._pattern_schema(schema, name, others), name, level + 1))
        return value

    def _pattern_schema(self, schema: Schema, name: str, others: object) -> object:
        """Return the schema of a property that is not listed by its name."""
        for pattern, inner in _mapping(schema.get("patternProperties")).items():
            if re.search(pattern, name):
                return inner
        return others if others is not None else {"type": "string"}

    def _new_names(self, schema: Schema) -> Sequence[str]:
        patterns = list(_mapping(schema.get("patternProperties")))
        names = schema.get("propertyNames")
        if isinstance(names, Mapping):
            return [str(self.value({"type": "string", **names}, "name", 0)) for _ in range(20)]
        return (
            [match_pattern(self._rng, patterns[0]) for _ in range(20)]
            if patterns
            else [f"entry_{number}" for number in range(20)]
        )

    def _array(self, schema: Schema, name: str, level: int) -> object:
        first = schema.get("prefixItems", schema.get("items") if isinstance(schema.get("items"), list) else None)
        items = [self.value(inner, name, level + 1) for inner in first] if isinstance(first, list) else []
        inner = schema.get("additionalItems" if isinstance(schema.get("items"), list) else "items", {})
        if isinstance(schema.get("contains"), Mapping):
            items += [
                self.value(schema["contains"], name, level + 1) for _ in range(count_of(schema.get("minContains"), 1))
            ]
        least = count_of(schema.get("minItems"), 0)
        most = count_of(schema.get("maxItems"), max(least, 3) if inner is not False else least)
        wanted = self._rng.randint(min(least, most), min(most, least + 3)) if level < _DEEP else least
        if wanted > _MAX_ITEMS:
            raise NoValueError("an array that is too long")
        for _ in range(wanted + _TRIES):
            if len(items) >= wanted:
                break
            item = self.value(inner, name, level + 1)
            if not schema.get("uniqueItems") or item not in items:
                items.append(item)
        return items


_KEYWORDS = {
    "properties": "object", "required": "object", "additionalProperties": "object", "patternProperties": "object",
    "items": "array", "prefixItems": "array", "minItems": "array", "contains": "array",
    "minimum": "number", "maximum": "number", "exclusiveMinimum": "number", "exclusiveMaximum": "number",
    "multipleOf": "number",
}  # fmt: skip
"""Type of a schema that names none, by the first keyword that tells it."""


def _merged(first: Schema, second: Schema) -> dict[str, object]:
    """Return a schema with the constraints of two; where both set a keyword, the second one decides."""
    properties = {**_mapping(first.get("properties")), **_mapping(second.get("properties"))}
    required = [*_texts(first.get("required")), *_texts(second.get("required"))]
    merged = {**first, **second}
    return merged | ({"properties": properties} if properties else {}) | ({"required": required} if required else {})


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def _texts(value: object) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _schemas(value: object) -> Sequence[Schema]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []
