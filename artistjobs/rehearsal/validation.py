"""Validation of requests as in the real API: unknown fields, wrong types and values, missing parameters.

The table has the name and type of every field that the SDK describes (3.57, November 2026), with more detail for fields
in which mistakes are common. The contents of tools and messages are not checked otherwise; those of formats are checked
in ``format_validation``.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from artistjobs.rehearsal.format_validation import check_format
from artistjobs.rehearsal.replies import ApiError

_TYPE_NAMES = {
    bool: "a boolean",
    int: "an integer",
    float: "a number",
    str: "a string",
    list: "an array",
    dict: "an object",
}


_VARIABLE_TYPES = ("input_text", "input_image", "input_file")


_METADATA_PAIRS, _METADATA_KEY, _METADATA_VALUE = 16, 64, 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """The constraints on the value of a field; fields are nullable by default."""

    types: tuple[type, ...]
    nullable: bool = True
    choices: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    longest: int | None = None


_FLAG = Field(types=(bool,))


_COUNT = Field(types=(int,))


_TEXT = Field(types=(str,))


_OBJECT = Field(types=(dict,))


_ARRAY = Field(types=(list,))


_TEXT_OR_OBJECT = Field(types=(str, dict))


_FIELDS: Mapping[str, Field] = {
    "access_programs": _OBJECT,
    "background": _FLAG,
    "background_options": _OBJECT,
    "context_management": _ARRAY,
    "conversation": _TEXT_OR_OBJECT,
    "image": _OBJECT,
    "include": _ARRAY,
    "input": Field(types=(str, list)),
    "instructions": _TEXT,
    "max_output_tokens": Field(types=(int,), low=16),
    "max_tool_calls": _COUNT,
    "metadata": _OBJECT,
    "model": Field(types=(str,), nullable=False),
    "moderation": _OBJECT,
    "parallel_tool_calls": _FLAG,
    "previous_response_id": _TEXT,
    "prompt": _OBJECT,
    "prompt_cache_key": _TEXT,
    "prompt_cache_options": _OBJECT,
    "prompt_cache_retention": Field(types=(str,), choices=("in_memory", "24h")),
    "reasoning": _OBJECT,
    "safety_identifier": Field(types=(str,), longest=64),
    "service_tier": Field(types=(str,), choices=("auto", "default", "flex", "scale", "priority", "fast", "ultrafast")),
    "store": _FLAG,
    "stream": _FLAG,
    "stream_options": _OBJECT,
    "temperature": Field(types=(int, float), low=0, high=2),
    "text": _OBJECT,
    "tool_choice": _TEXT_OR_OBJECT,
    "tools": _ARRAY,
    "top_logprobs": Field(types=(int,), low=0, high=20),
    "top_p": Field(types=(int, float), low=0, high=1),
    "truncation": Field(types=(str,), choices=("auto", "disabled")),
    "user": _TEXT,
}


_PROMPT_FIELDS: Mapping[str, Field] = {
    "id": Field(types=(str,), nullable=False),
    "version": _TEXT,
    "variables": _OBJECT,
}


_REASONING_FIELDS: Mapping[str, Field] = {
    "effort": Field(types=(str,), choices=("none", "minimal", "low", "medium", "high", "xhigh", "max")),
    "summary": Field(types=(str,), choices=("auto", "concise", "detailed")),
}


_TEXT_FIELDS: Mapping[str, Field] = {
    "format": _OBJECT,
    "verbosity": Field(types=(str,), choices=("low", "medium", "high")),
}


# A request must have at least one of these.
_SUBJECTS = ("input", "prompt", "previous_response_id", "conversation")


def check_request(body: Mapping[str, object]) -> ApiError | None:
    """Return the error with which the API rejects a request body; None if it is valid."""
    return (
        _check_fields(body, _FIELDS)
        or _check_presence(body)
        or _check_prompt(body.get("prompt"))
        or _check_metadata(body.get("metadata"))
        or _check_known(body.get("reasoning"), "reasoning", _REASONING_FIELDS)
        or _check_known(body.get("text"), "text", _TEXT_FIELDS)
        or check_format(body.get("text"))
    )


def _check_fields(values: Mapping[str, object], fields: Mapping[str, Field], prefix: str = "") -> ApiError | None:
    for name, value in values.items():
        param = prefix + name
        field = fields.get(name)
        if field is None:
            return ApiError(400, f"Unknown parameter: '{param}'.", "unknown_parameter", param)
        error = _check_value(value, field, param)
        if error:
            return error
    return None


def _check_known(value: object, name: str, fields: Mapping[str, Field]) -> ApiError | None:
    """Check the fields of an object that are in ``fields``; ignore all others."""
    if not isinstance(value, dict):
        return None
    return _check_fields({key: value[key] for key in fields if key in value}, fields, f"{name}.")


def _check_value(value: object, field: Field, param: str) -> ApiError | None:
    if value is None and field.nullable:
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # JSON has only one number type: 16.0 is an integer
    if type(value) not in field.types:
        return _wrong_type(param, field.types, value)
    if field.choices and value not in field.choices:
        listed = ", ".join(f"'{choice}'" for choice in field.choices)
        return _wrong_value(param, f"Supported values are: {listed}.", "invalid_value")
    if isinstance(value, int | float):
        return _check_range(value, field, param)
    if field.longest is not None and isinstance(value, str) and len(value) > field.longest:
        return _wrong_value(param, f"Expected at most {field.longest} characters.", "string_above_max_length")
    return None


def _check_range(value: float, field: Field, param: str) -> ApiError | None:
    if field.low is not None and value < field.low:
        return _wrong_value(param, f"Expected a value >= {field.low}.", "integer_below_min_value")
    if field.high is not None and value > field.high:
        return _wrong_value(param, f"Expected a value <= {field.high}.", "integer_above_max_value")
    return None


def _check_presence(body: Mapping[str, object]) -> ApiError | None:
    if "model" not in body:
        return _missing("model")
    if all(body.get(name) is None for name in _SUBJECTS):
        return _missing("input")
    return None


def _check_prompt(prompt: object) -> ApiError | None:
    if not isinstance(prompt, dict):
        return None
    error = _check_fields(prompt, _PROMPT_FIELDS, "prompt.")
    if error:
        return error
    if "id" not in prompt:
        return _missing("prompt.id")
    return _check_variables(prompt.get("variables") or {})


def _check_variables(variables: Mapping[str, object]) -> ApiError | None:
    for name, value in variables.items():
        if isinstance(value, dict):
            if value.get("type") not in _VARIABLE_TYPES:
                listed = ", ".join(f"'{choice}'" for choice in _VARIABLE_TYPES)
                return _wrong_value(
                    f"prompt.variables.{name}.type", f"Supported values are: {listed}.", "invalid_value"
                )
        elif not isinstance(value, str):
            return _wrong_type(f"prompt.variables.{name}", (str, dict), value)
    return None


def _check_metadata(metadata: object) -> ApiError | None:
    if not isinstance(metadata, dict):
        return None
    if len(metadata) > _METADATA_PAIRS:
        return _wrong_value("metadata", f"Expected at most {_METADATA_PAIRS} pairs.", "object_above_max_properties")
    pair = Field(types=(str,), nullable=False, longest=_METADATA_VALUE)
    for key, value in metadata.items():
        if len(key) > _METADATA_KEY:
            return _wrong_value(
                "metadata", f"Expected keys of at most {_METADATA_KEY} characters.", "string_above_max_length"
            )
        error = _check_value(value, pair, f"metadata.{key}")
        if error:
            return error
    return None


def _missing(param: str) -> ApiError:
    return ApiError(400, f"Missing required parameter: '{param}'.", "missing_required_parameter", param)


def _wrong_value(param: str, remedy: str, code: str) -> ApiError:
    return ApiError(400, f"Invalid value for '{param}'. {remedy}", code, param)


def _wrong_type(param: str, expected: tuple[type, ...], value: object) -> ApiError:
    wanted = " or ".join(_TYPE_NAMES[kind] for kind in expected)
    found = _TYPE_NAMES.get(type(value), "null")
    message = f"Invalid type for '{param}': expected {wanted}, but got {found} instead."
    return ApiError(400, message, "invalid_type", param)
