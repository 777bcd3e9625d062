"""JSON Schemas of answers: the schema that a request contains, and the check of an answer against it.

The check uses jsonschema-rs, imported only when a schema is compiled. Formats such as ``date`` are checked too.
Definitions outside the schema are never fetched.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, TypeAlias

from artistjobs.core.formatting import truncate
from artistjobs.core.json_values import (
    MAX_DEPTH,
    Json,
    canonical_json,
    clean_value,
    finite,
    is_too_deep,
    read_json,
)
from artistjobs.errors import PromptError

if TYPE_CHECKING:
    from jsonschema_rs import ValidationError, Validator

Schema: TypeAlias = dict[str, Json] | bool


PROBLEMS_SHOWN = 5
"""Problems of one answer that a message lists."""


PROBLEM_CHARACTERS = 200
"""Characters of one problem in a message: it quotes the value, which may be a long text."""


PATH_CHARACTERS = 100
"""Characters of the path of a value in a message."""


BRANCHES_SHOWN = 3
"""Alternatives of an ``anyOf`` or a ``oneOf`` whose problems a message quotes."""


Check = Callable[[str], str | None]
"""Returns the reason why the text of an answer does not fit its schema, None if it fits."""


@dataclass(frozen=True, slots=True)
class RejectedAnswer:
    """Text of an answer that did not fit the schema, and the reason."""

    text: str
    reason: str


def answer_schema(params: Mapping[str, Json]) -> Schema | None:
    """Return the schema in the field ``text.format`` of a request, None if the request asks for no schema."""
    text = params.get("text")
    asked = text.get("format") if isinstance(text, dict) else None
    if not isinstance(asked, dict) or asked.get("type") != "json_schema":
        return None
    schema = asked.get("schema")
    return schema if isinstance(schema, dict | bool) else None


def params_json(params: Mapping[str, Json]) -> str:
    """Return further fields of a request as canonical JSON, in which only a schema keeps the order of its keys.

    A model writes the properties of an answer in the order of the schema, so the order is part of the request.
    """
    schema, text = answer_schema(params), params.get("text")
    if schema is None or not isinstance(text, dict) or not isinstance(asked := text.get("format"), dict):
        return canonical_json(dict(params))
    fields = json.loads(canonical_json({**params, "text": {**text, "format": {**asked, "schema": None}}}))
    fields["text"]["format"]["schema"] = schema  # takes the place of the null
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def compile_check(schema: Schema) -> Check:
    """Return the check of an answer's text against a schema; a check of a usual answer takes a few microseconds.

    Raises:
        PromptError: if this is not a JSON Schema, or refers to a definition outside of it.

    """
    validator = _validator(schema)

    def check(text: str) -> str | None:
        try:
            value = parse_answer(text)
        except ValueError as error:
            return f"the answer is not JSON: {error}"
        problems = _problems(validator, value)
        return f"the answer does not fit the schema: {'; '.join(problems)}" if problems else None

    return check


def parse_answer(text: str) -> Json:
    """Return the JSON value of an answer's text, without lone surrogates.

    Raises:
        ValueError: with the reason, if it is not one JSON value, is too deep, or has a number that is too large.

    """
    try:
        value = read_json(text, _number)
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    if text.count("[") + text.count("{") > MAX_DEPTH and is_too_deep(value):
        raise ValueError(_TOO_DEEP)
    # Only an escape can stand for a lone surrogate, which neither the validator nor a file accepts.
    return clean_value(value) if "\\u" in text else value


_TOO_DEEP = f"it has more than {MAX_DEPTH} levels"


def _number(text: str) -> float:
    if (number := finite(text)) is None:
        raise ValueError(f"the number {truncate(text)} is too large")
    return number


def _validator(schema: Schema) -> "Validator":
    import jsonschema_rs

    try:
        return jsonschema_rs.validator_for(schema, validate_formats=True, offline=True)
    except (ValueError, RecursionError) as error:
        reason = error.message if isinstance(error, jsonschema_rs.ValidationError) else str(error)
        raise PromptError(f"this is not a JSON Schema that can be checked: {truncate(reason, 300)}") from error


def _problems(validator: "Validator", value: Json) -> list[str]:
    if validator.is_valid(value):
        return []
    found = [_problem(error) for error in islice(validator.iter_errors(value), PROBLEMS_SHOWN + 1)]
    return found if len(found) <= PROBLEMS_SHOWN else [*found[:PROBLEMS_SHOWN], "and more"]


def _problem(error: "ValidationError") -> str:
    place = truncate(_place(error.instance_path), PATH_CHARACTERS)
    message = _message(error)
    # The middle is left out: it quotes the value, and the end says what is wrong with it.
    half = PROBLEM_CHARACTERS // 2
    text = message if len(message) <= 2 * half else f"{message[:half]}…{message[-half:]}"
    return f"{place}: {text}" if place else text


def _message(error: "ValidationError") -> str:
    """Return the message of an error; that of an ``anyOf`` names the problem of each alternative."""
    branches: Sequence[Sequence[ValidationError]] = getattr(error.kind, "context", None) or ()
    messages = dict.fromkeys(branch[0].message for branch in branches if branch)
    return ", or ".join(list(messages)[:BRANCHES_SHOWN]) or error.message


def _place(path: Sequence[str | int]) -> str:
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")
