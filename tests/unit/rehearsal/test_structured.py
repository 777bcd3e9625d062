"""Structured answers of the simulated API fit the schema of the request, or deliberately do not."""

import json
from random import Random

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from schemas import ARTIST

from artistjobs.rehearsal.json_answer import json_format, misfit, write_json
from artistjobs.rehearsal.scalar_values import NoValueError
from artistjobs.rehearsal.scenarios import Fault
from artistjobs.rehearsal.schema_values import write_value
from artistjobs.rehearsal.validation import check_request

SCHEMAS = [
    ARTIST,
    {},
    {"type": "object"},
    {"type": ["string", "null"], "minLength": 200, "maxLength": 210},
    {"type": "string", "maxLength": 3},
    {"type": "string", "pattern": r"^[A-Z]{2}\d{4}-(oil|ink)$"},
    {"type": "integer", "exclusiveMinimum": 3, "exclusiveMaximum": 5},
    {"type": "integer", "minimum": 1900, "maximum": 1999, "multipleOf": 25},
    {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 0.001},
    {"type": "number", "maximum": -3},
    {"type": "number", "multipleOf": 0.5, "minimum": 0.7, "maximum": 1.2},
    {"type": "array", "items": {"enum": [1, 2, 3]}, "minItems": 3, "uniqueItems": True},
    {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "boolean"}], "items": False, "minItems": 2},
    {"type": "array", "contains": {"const": "oil"}},
    {"type": "array", "minItems": 60, "items": {"type": "null"}},
    {"type": "object", "additionalProperties": {"type": "integer"}},
    {"type": "object", "minProperties": 3, "additionalProperties": {"type": "boolean"}},
    {"type": "object", "patternProperties": {"^x_[a-z]{3}$": {"type": "integer"}}, "additionalProperties": False,
     "minProperties": 1},
    {"type": "object", "required": ["a", "b"], "properties": {"a": {"const": 1}}},
    {"allOf": [{"$ref": "#/$defs/a"}, {"properties": {"b": {"type": "integer"}}, "required": ["b"]}],
     "$defs": {"a": {"type": "object", "properties": {"a": {"type": "null"}}, "required": ["a"]}}},
    {"oneOf": [{"type": "string"}, {"type": "object", "properties": {"k": {"const": "x"}}, "required": ["k"]}]},
    {"$ref": "#/$defs/N", "$defs": {"N": {"type": "object", "required": ["name", "works"], "properties": {
        "name": {"type": "string"}, "works": {"type": "array", "items": {"$ref": "#/$defs/N"}}}}}},
    {"type": "object", "required": ["next"], "properties": {"next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}}},
    {"definitions": {"a/b": {"type": "integer"}}, "properties": {"x": {"$ref": "#/definitions/a~1b"}},
     "required": ["x"]},
    {"$schema": "http://json-schema.org/draft-07/schema#", "type": "array", "items": [{"type": "integer"}],
     "minItems": 1},
    *({"type": "string", "format": form} for form in (
        "date", "time", "date-time", "duration", "email", "hostname", "ipv4", "ipv6", "uri", "uri-reference", "iri",
        "uuid", "json-pointer", "regex", "uri-template", "idn-email", "idn-hostname", "iri-reference",
        "relative-json-pointer", "nobody-knows",
    )),
]  # fmt: skip


FORMATS = jsonschema.FormatChecker(set(jsonschema.FormatChecker.checkers) - {"time"})
"""Of a time that library expects no zone, which RFC 3339 requires."""


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda schema: json.dumps(schema)[:60])
def test_a_value_fits_its_schema(schema):
    for seed in range(20):
        value = write_value(schema, rng=Random(seed), subject="Frida Kahlo")

        jsonschema.validate(value, schema, format_checker=FORMATS)


SCALARS = st.sampled_from([
    {"type": "string"}, {"type": "integer", "minimum": 5}, {"type": "number"}, {"type": "boolean"}, {"type": "null"},
    {"enum": ["oil", 3, None]}, {"const": [1]}, {"type": ["integer", "null"]},
])  # fmt: skip
TREES = st.recursive(
    SCALARS,
    lambda inner: (
        st.builds(lambda items: {"type": "array", "items": items}, inner)
        | st.builds(lambda branches: {"anyOf": branches}, st.lists(inner, min_size=1, max_size=3))
        | st.builds(
            lambda properties, is_strict: {
                "type": "object", "properties": properties, "additionalProperties": not is_strict,
                "required": list(properties)[: 2 if not is_strict else None],
            },
            st.dictionaries(st.text(max_size=5), inner, max_size=4), st.booleans(),
        )
    ),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=30, deadline=None)
@given(TREES, st.integers(0, 1000))
def test_a_value_fits_any_schema_of_the_usual_keywords(schema, seed):
    jsonschema.validate(write_value(schema, rng=Random(seed), subject="Prince"), schema)


@pytest.mark.parametrize(
    "schema",
    [
        False,
        {"type": "string", "minLength": 5, "maxLength": 3},
        {"enum": []},
        {"type": "object", "required": ["a"], "properties": {"a": {"$ref": "#"}}},
        {"$ref": "#"},
        {"type": "array", "minItems": 10**9},
        {"type": "string", "minLength": 10**9},
        {"pattern": "(?=a)b"},
    ],
)  # fmt: skip
def test_a_schema_that_nothing_fits_comes_to_an_end(schema):
    with pytest.raises(NoValueError):
        write_value(schema, rng=Random(1), subject="x")


def asking(schema, **changes) -> dict:
    asked = {"type": "json_schema", "name": "artist", "schema": schema, **changes}
    return {"model": "gpt-5", "input": "Who is Frida Kahlo?", "text": {"format": asked}}


@pytest.mark.parametrize("schema", [ARTIST, {"type": "integer"}, {"type": "array", "items": {"type": "string"}}, {}])
def test_a_misfit_does_not_fit(schema):
    asked = json_format(asking(schema))
    for seed in range(40):
        text = misfit(write_json(asking(schema), asked, key=str(seed)), asked, Random(seed))
        try:
            value = json.loads(text)
        except ValueError:
            continue
        assert not jsonschema.Draft202012Validator(schema).is_valid(value)


STRICT = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        (asking({"type": "strin"}), "invalid_json_schema", "strin"),
        (asking(ARTIST, strict=True), "invalid_json_schema", "'additionalProperties' is required"),
        (asking({**STRICT, "required": []}, strict=True), "invalid_json_schema", "Missing 'a'"),
        (asking({"type": "object", "properties": {}, "additionalProperties": False, "$defs": {"b": {"type": "object"}}},
                strict=True), "invalid_json_schema", "('$defs', 'b')"),
        (asking(STRICT, name="with spaces"), "invalid_value", "name"),
        (asking("text"), "invalid_type", "object"),
        (asking(STRICT, type="object"), "invalid_value", "text.format.type"),
    ],
)  # fmt: skip
def test_a_format_that_the_api_rejects_is_rejected(body, code, said):
    error = check_request(body)

    assert (error.status, error.code) == (400, code)
    assert said in error.message
    assert error.param.startswith("text.format")


@pytest.mark.parametrize("body", [asking(STRICT, strict=True), asking(ARTIST, strict=False), asking(ARTIST)])
def test_a_format_that_the_api_accepts_is_accepted(body):
    assert check_request(body) is None


async def ask(api, body):
    import openai

    async with openai.AsyncOpenAI(base_url=api.base_url, api_key="any", max_retries=0) as client:
        return await client.responses.create(**body)


async def test_an_answer_to_a_request_with_a_schema_is_json_and_the_same_each_time(api):
    first, second = await ask(api, asking(ARTIST)), await ask(api, asking(ARTIST))

    jsonschema.validate(json.loads(first.output_text), ARTIST)
    assert first.output_text == second.output_text


async def test_an_answer_in_json_mode_is_an_object(api):
    body = asking(ARTIST) | {"text": {"format": {"type": "json_object"}}}

    assert isinstance(json.loads((await ask(api, body)).output_text), dict)


async def test_an_answer_that_max_output_tokens_cuts_is_incomplete(api):
    cut = await ask(api, asking(ARTIST) | {"max_output_tokens": 16})

    assert (cut.status, cut.incomplete_details.reason) == ("incomplete", "max_output_tokens")
    assert api.journal.names() == {"incomplete": 1}
    assert api.journal.paid_calls == 1


async def test_a_mismatch_is_one_for_requests_with_a_schema_alone(api):
    api.script = lambda body, nth: Fault.SCHEMA_MISMATCH

    wrong = await ask(api, asking(ARTIST, strict=False))
    plain = await ask(api, {"model": "gpt-5", "input": "Who?"})

    with pytest.raises((ValueError, jsonschema.ValidationError)):
        jsonschema.validate(json.loads(wrong.output_text), ARTIST)
    assert (wrong.status, plain.status) == ("completed", "completed")
    assert api.journal.names() == {"schema_mismatch": 1, "completed": 1}
