"""A JSON Schema becomes the format of a request, strict where the API would accept that."""

import copy

import pytest
from schemas import ARTIST

from artistjobs.core.text_format import strict_obstacle, text_format
from artistjobs.errors import PromptError

STRICT = {
    "type": "object",
    "properties": {
        "gender": {"enum": ["female", "male"]},
        "born": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
        "works": {"type": "array", "items": {"$ref": "#/$defs/Work"}},
    },
    "required": ["gender", "born", "works"],
    "additionalProperties": False,
    "$defs": {
        "Work": {
            "type": "object",
            "properties": {"title": {"type": "string", "description": "as in the catalogue"}},
            "required": ["title"],
            "additionalProperties": False,
        }
    },
}


def test_a_bare_schema_gets_a_name_and_is_strict_where_it_can_be():
    assert text_format(STRICT, "artist") == {
        "type": "json_schema", "name": "artist", "schema": STRICT, "strict": True,
    }  # fmt: skip
    assert text_format(ARTIST, "file") == {
        "type": "json_schema", "name": "Artist", "schema": ARTIST, "strict": False,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"type": "json_schema", "name": "a", "schema": STRICT}, {"name": "a"}),
        ({"type": "json_schema", "name": "a", "schema": STRICT, "strict": True}, {"name": "a", "strict": True}),
        ({"type": "json_schema", "schema": STRICT}, {"name": "file"}),
        ({"name": "a", "strict": True, "schema": STRICT}, {"name": "a", "strict": True}),
        ({"type": "json_schema", "json_schema": {"name": "a", "schema": STRICT}}, {"name": "a"}),
    ],
)
def test_a_format_in_any_of_its_forms_keeps_what_it_says(value, expected):
    assert text_format(value, "file") == {"type": "json_schema", "schema": STRICT, **expected}


@pytest.mark.parametrize("kind", ["text", "json_object"])
def test_a_format_without_a_schema_is_kept(kind):
    assert text_format({"type": kind}, "file") == {"type": kind}


def test_a_schema_whose_properties_look_like_a_format_is_a_schema():
    schema = {"type": "object", "properties": {"name": {"type": "string"}, "schema": {"type": "string"}}}

    assert text_format(schema, "file")["schema"] == schema


@pytest.mark.parametrize(
    "value", [[], "text", 3, None, True, {"type": "json_schema"}, {"type": "json_schema", "schema": 1}]
)
def test_what_is_no_schema_is_refused(value):
    with pytest.raises(PromptError):
        text_format(value, "file")


@pytest.mark.parametrize(
    ("title", "name"), [("Küche & Co", "K_che_Co"), ("x" * 100, "x" * 64), ("…", "answer"), (3, "file"), ("", "file")]
)
def test_a_name_has_only_characters_that_the_api_accepts(title, name):
    assert text_format({**STRICT, "title": title}, "file")["name"] == name


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (["additionalProperties"], True, "it allows additional properties"),
        (["required"], ["gender", "born"], "works is optional"),
        (["properties", "gender", "default"], "male", "gender has default"),
        (["$defs", "Work", "additionalProperties"], None, "Work allows additional properties"),
        (["$defs", "Work", "required"], [], "title is optional"),
        (["$defs", "Work", "properties", "title", "maxLength"], 9, "title has maxLength"),
        (["properties", "born", "anyOf"], [{"type": "integer"}, {"allOf": []}], "an alternative of born has allOf"),
        (["properties", "works", "items", "description"], "a work", "an item of works has keywords beside $ref"),
        (["properties", "gender"], {"description": "any"}, "gender has no type"),
        (["properties", "gender"], True, "gender is not an object"),
        (["type"], "array", "it is not an object"),
    ],
)
def test_a_schema_that_the_api_would_reject_in_strict_mode_is_told(path, value, said):
    schema = copy.deepcopy(STRICT)
    inner = schema
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = value

    assert strict_obstacle(STRICT) is None
    assert strict_obstacle(schema) == said


def test_a_schema_that_is_too_deep_or_too_wide_is_not_strict():
    deep: dict = {"type": "string"}
    for _ in range(12):
        deep = {"type": "object", "properties": {"a": deep}, "required": ["a"], "additionalProperties": False}
    names = [f"p{number}" for number in range(5001)]
    wide = {
        "type": "object", "properties": {name: {"type": "string"} for name in names}, "required": names,
        "additionalProperties": False,
    }  # fmt: skip

    assert "levels" in strict_obstacle(deep)
    assert "properties" in strict_obstacle(wide)
