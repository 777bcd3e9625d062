"""Top-level properties of a JSON Schema, which become the columns of a table of answers."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from artistjobs.core.json_values import Json
from artistjobs.core.schema import Schema

ColumnType = type[str] | type[int] | type[float] | type[bool]


_TYPES: Mapping[str, ColumnType] = {"string": str, "integer": int, "number": float, "boolean": bool}


@dataclass(frozen=True, slots=True)
class SchemaProperty:
    """A property and the type of its column: ``str`` also for lists, objects and mixed types, which are JSON text."""

    name: str
    type: ColumnType


def schema_properties(schema: Schema) -> list[SchemaProperty]:
    """Return the properties of the values that fit a schema, in the order of the schema; none if it is no object."""
    found: dict[str, ColumnType] = {}
    for part in _parts(schema, schema, set()):
        properties = part.get("properties")
        for name, inner in properties.items() if isinstance(properties, dict) else ():
            kind = _column_type(inner, schema)
            found[name] = common_type(found[name], kind) if name in found else kind
    return [SchemaProperty(name, kind) for name, kind in found.items()]


def common_type(first: ColumnType, second: ColumnType) -> ColumnType:
    """Return the type of a column whose values have either type."""
    if first is second:
        return first
    return float if {first, second} == {int, float} else str


def _parts(schema: Json, root: Schema, followed: set[str]) -> Iterator[dict[str, Json]]:
    """Yield a schema and all schemas that it refers to or combines; each reference is followed once."""
    if not isinstance(schema, dict):
        return
    yield schema
    reference = schema.get("$ref")
    if isinstance(reference, str) and reference not in followed:
        followed.add(reference)
        yield from _parts(_target(reference, root), root, followed)
    for keyword in ("allOf", "anyOf", "oneOf"):
        branches = schema.get(keyword)
        for branch in branches if isinstance(branches, list) else ():
            yield from _parts(branch, root, followed)


def _target(reference: str, root: Schema) -> Json:
    target: Json = root
    for part in reference.removeprefix("#").split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(target, dict):
            target = target.get(key)
        elif isinstance(target, list) and key.isdecimal() and int(key) < len(target):
            target = target[int(key)]
        else:
            return None
    return target


def _column_type(schema: Json, root: Schema) -> ColumnType:
    kinds = {kind for part in _parts(schema, root, set()) for kind in _kinds(part)} - {"null"}
    if kinds == {"integer", "number"}:
        return float
    return _TYPES.get(kinds.pop(), str) if len(kinds) == 1 else str


def _kinds(schema: Mapping[str, Json]) -> Iterator[str]:
    """Yield the types that a schema names, or those of the values that it lists."""
    named = schema.get("type")
    if named is not None:
        yield from (str(kind) for kind in (named if isinstance(named, list) else [named]))
        return
    listed = schema.get("enum")
    values = listed if isinstance(listed, list) else [schema["const"]] if "const" in schema else []
    yield from map(_kind_of, values)


def _kind_of(value: Json) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    return {int: "integer", float: "number", str: "string"}.get(type(value), "other")
