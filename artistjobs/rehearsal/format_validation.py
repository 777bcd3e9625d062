"""Validation of ``text.format`` as in the real API: name and schema are there, and a strict schema keeps the rules.

The messages are those of the API as users quote them (November 2026). Of the rules for strict schemas, those are
checked that people break most often: every object lists all of its properties as required and allows no other ones.
"""

import json
import re
from collections.abc import Iterator, Mapping

from artistjobs.rehearsal.replies import ApiError
from artistjobs.rehearsal.schema_values import validator_of

_SCHEMA = "text.format.schema"


def check_format(text: object) -> ApiError | None:
    """Return the error with which the API rejects the format in the field ``text``; None if it is valid."""
    asked = text.get("format") if isinstance(text, dict) else None
    if not isinstance(asked, dict):
        return None
    if asked.get("type") not in ("text", "json_object", "json_schema"):
        message = "Invalid value for 'text.format.type'. Supported values are: 'json_object', 'json_schema' and 'text'."
        return ApiError(400, message, "invalid_value", "text.format.type")
    if asked["type"] != "json_schema":
        return None
    absent = [name for name in ("name", "schema") if name not in asked]
    if absent:
        param = f"text.format.{absent[0]}"
        return ApiError(400, f"Missing required parameter: '{param}'.", "missing_required_parameter", param)
    return _check_name(asked["name"]) or _check_schema(asked)


def _check_name(name: object) -> ApiError | None:
    if isinstance(name, str) and re.fullmatch("[a-zA-Z0-9_-]{1,64}", name):
        return None
    message = "Invalid 'text.format.name': expected at most 64 letters, digits, underscores and dashes."
    return ApiError(400, message, "invalid_value", "text.format.name")


def _check_schema(asked: Mapping[str, object]) -> ApiError | None:
    schema = asked["schema"]
    if not isinstance(schema, dict):
        message = f"Invalid type for '{_SCHEMA}': expected an object."
        return ApiError(400, message, "invalid_type", _SCHEMA)
    try:
        validator_of(json.dumps(schema))
    except ValueError as error:
        return _invalid(asked, str(error).partition("\n")[0])
    fault = next(_strict_faults(schema, ()), None) if asked.get("strict") else None
    return _invalid(asked, fault) if fault else None


def _invalid(asked: Mapping[str, object], reason: str) -> ApiError:
    message = f"Invalid schema for response_format '{asked['name']}': {reason}"
    return ApiError(400, message, "invalid_json_schema", _SCHEMA)


def _strict_faults(schema: object, path: tuple[str, ...]) -> Iterator[str]:
    """Yield what makes a schema unfit for the strict mode."""
    if isinstance(schema, list):
        for number, inner in enumerate(schema):
            yield from _strict_faults(inner, (*path, str(number)))
    if not isinstance(schema, dict):
        return
    if schema.get("type") == "object":
        yield from _object_faults(schema, path)
    for keyword in ("properties", "$defs", "definitions"):
        inner = schema.get(keyword)
        for name, value in inner.items() if isinstance(inner, dict) else ():
            yield from _strict_faults(value, (*path, keyword, name))
    for keyword in ("items", "anyOf"):
        yield from _strict_faults(schema.get(keyword), (*path, keyword))


def _object_faults(schema: Mapping[str, object], path: tuple[str, ...]) -> Iterator[str]:
    properties, required = schema.get("properties"), schema.get("required")
    if schema.get("additionalProperties") is not False:
        yield f"In context={path}, 'additionalProperties' is required to be supplied and to be false."
    listed = required if isinstance(required, list) else []
    missing = [name for name in (properties if isinstance(properties, dict) else {}) if name not in listed]
    if missing:
        yield (
            f"In context={path}, 'required' is required to be supplied and to be an array including every key in "
            f"properties. Missing '{missing[0]}'."
        )
