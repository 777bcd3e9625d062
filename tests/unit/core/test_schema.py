"""An answer is checked against the JSON Schema of its request, and what is wrong is named."""

import json

import pytest
from schemas import ARTIST, KAHLO
from sdk_types import ensure_request

from artistjobs.core.correction import MAX_REPEATED_CHARACTERS, correction
from artistjobs.core.json_values import canonical_json
from artistjobs.core.schema import (
    PROBLEMS_SHOWN,
    RejectedAnswer,
    answer_schema,
    compile_check,
    params_json,
    parse_answer,
)
from artistjobs.errors import PromptError

TREE = {"$ref": "#/$defs/N", "$defs": {"N": {"properties": {"in": {"$ref": "#/$defs/N"}}, "type": "object"}}}


def reason(value: object, schema=ARTIST) -> str | None:
    return compile_check(schema)(value if isinstance(value, str) else json.dumps(value))


@pytest.mark.parametrize("change", [{}, {"born": None}, {"works": []}, {"born": 1907.0}, {"further": True}])
def test_an_answer_that_fits_has_no_problem(change):
    assert reason(KAHLO | change) is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"born": "1907"}, 'born: "1907" is not of type "integer", or "1907" is not of type "null"'),
        ({"gender": "f"}, 'gender: "f" is not one of '),
        ({"works": [{"title": "a"}, {"year": 1}]}, 'works[1]: "title" is a required property'),
        ({"works": [{"title": 3}]}, 'works[0].title: 3 is not of type "string"'),
        ({"born": True}, "born: true is not of type"),
    ],
)
def test_a_problem_is_named_with_its_place(change, said):
    assert said in reason(KAHLO | change)


def test_a_property_that_is_missing_is_named():
    assert reason({"gender": "male", "born": 1}) == (
        'the answer does not fit the schema: "works" is a required property'
    )


@pytest.mark.parametrize(
    "text",
    [
        "", "none", "NaN", '{"a": NaN}', "Infinity", f"```json\n{json.dumps(KAHLO)}\n```", json.dumps(KAHLO) + " .",
        json.dumps(KAHLO)[:-1], '{"born": 1e999}', "[" * 300 + "]" * 300, "[" * 100_000, '{"born": ' + "9" * 5000 + "}",
    ],
)  # fmt: skip
def test_what_is_not_json_is_no_answer(text):
    assert reason(text).startswith("the answer is not JSON: ")


@pytest.mark.parametrize(
    ("form", "bad", "good"),
    [
        ("date", "1907", "1907-07-06"),
        ("date-time", "1907-07-06", "1907-07-06T08:30:00Z"),
        ("email", "nobody", "a@example.com"),
        ("uuid", "1", "0d1f1e1c-93a6-4b5f-a5a6-0d2f2f1f7f11"),
        ("a format of one's own", "anything", "anything"),
    ],
)
def test_formats_are_checked_and_unknown_ones_are_not(form, bad, good):
    check = compile_check({"type": "string", "format": form})

    assert check(json.dumps(good)) is None
    assert (check(json.dumps(bad)) is None) == (bad == good)


def test_a_long_list_of_problems_and_a_long_value_are_cut():
    many = {"type": "array", "items": {"type": "string"}}

    assert reason(list(range(100)), many).count(";") == PROBLEMS_SHOWN
    assert reason(list(range(100)), many).endswith("; and more")
    long = reason(json.dumps("x" * 10_000), ARTIST)
    assert len(long) < 300
    assert long.endswith('is not of type "object"')
    assert len(reason({"a" * 5_000: 1}, {"additionalProperties": {"type": "string"}})) < 400


def test_a_lone_surrogate_is_no_reason_to_stop():
    text = '{"gender": "female", "born": 1, "works": [{"title": "\\ud800"}]}'

    assert reason(text) is None
    assert parse_answer(text)["works"] == [{"title": "\ufffd"}]


def test_a_schema_that_contains_itself_is_checked_to_its_depth():
    assert reason({"in": {"in": {}}}, TREE) is None
    assert "in.in" in reason({"in": {"in": 1}}, TREE)


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"type": "strin"}, "strin"),
        ({"$ref": "http://127.0.0.1:9/x.json"}, "127.0.0.1"),
        ({"$ref": "file:///etc/passwd"}, "passwd"),
        ({"$ref": "other.json"}, "other.json"),
        ({"$ref": "#/$defs/Nobody"}, "Nobody"),
        ({"pattern": "(["}, "(["),
        ({"$schema": "http://json-schema.org/draft-03/schema#"}, "draft-03"),
        ({"required": "born"}, "born"),
    ],
)
def test_what_is_no_schema_or_is_elsewhere_is_refused(schema, said):
    with pytest.raises(PromptError, match="not a JSON Schema that can be checked") as refused:
        compile_check(schema)

    assert said in str(refused.value)


@pytest.mark.parametrize("text", ["a" * 40 + "b", "a" * 5_000])
def test_a_pattern_that_is_hard_to_match_ends(text):
    compile_check({"type": "string", "pattern": "^(a|aa)+$"})(json.dumps(text))


def test_the_schema_of_a_request_is_found():
    asked = {"text": {"format": {"type": "json_schema", "name": "a", "schema": ARTIST}, "verbosity": "low"}}

    assert answer_schema(asked) == ARTIST
    for other in ({}, {"text": "x"}, {"text": {}}, {"text": {"format": {"type": "json_object"}}}):
        assert answer_schema(other) is None


def test_a_schema_keeps_the_order_of_its_properties_and_the_other_fields_are_sorted():
    schema = {"type": "object", "properties": {"reasoning": {"type": "string"}, "answer": {"type": "null"}}}
    asked = {"type": "json_schema", "schema": schema, "name": "a"}
    fields = {"user": '\0"schema"', "text": {"verbosity": "low", "format": asked}, "max_output_tokens": 9}

    text = params_json(fields)

    assert json.loads(text) == fields
    assert list(json.loads(text)) == ["max_output_tokens", "text", "user"]
    assert list(answer_schema(json.loads(text))["properties"]) == ["reasoning", "answer"]
    assert params_json(dict(reversed(fields.items()))) == text


def test_fields_without_a_schema_are_canonical_as_ever():
    fields = {"b": {"y": 1, "x": [2]}, "a": "é", "text": {"format": {"type": "text"}}}

    assert params_json(fields) == canonical_json(fields)


REJECTED = RejectedAnswer('{"born": "1907"}', "the answer does not fit the schema: born: …")


@pytest.mark.parametrize(
    ("asked", "before"),
    [
        ({"input": "Who?"}, [{"role": "user", "content": "Who?"}]),
        ({"input": [{"role": "developer", "content": "Be brief."}]}, [{"role": "developer", "content": "Be brief."}]),
        ({"prompt": {"id": "pmpt_1", "variables": {"artist_name": "Frida Kahlo"}}}, []),
    ],
)
def test_a_correction_repeats_the_conversation_and_says_what_was_wrong(asked, before):
    body = {"model": "gpt-5", **asked}

    corrected = correction(body, REJECTED)

    *first, answer, complaint = corrected["input"]
    assert first == before
    assert answer == {"role": "assistant", "content": REJECTED.text}
    assert complaint["role"] == "user"
    assert REJECTED.reason in complaint["content"]
    assert {name: corrected[name] for name in body if name != "input"} == {
        k: v for k, v in body.items() if k != "input"
    }


@pytest.mark.parametrize("asked", [{"input": "Who?"}, {"prompt": {"id": "pmpt_1"}}])
def test_a_correction_is_a_request_that_the_sdk_describes(asked):
    ensure_request(correction({"model": "gpt-5", **asked}, REJECTED))


def test_a_correction_repeats_no_endless_answer():
    corrected = correction({"input": "Who?"}, RejectedAnswer("x" * 10_000_000, "it is not JSON"))

    assert len(corrected["input"][1]["content"]) == MAX_REPEATED_CHARACTERS
