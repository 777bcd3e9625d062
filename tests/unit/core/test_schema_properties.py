"""The top-level properties of a schema, with the type of their column."""

import pytest
from schemas import ARTIST

from artistjobs.core.schema_properties import schema_properties


def found(schema) -> dict:
    return {one.name: one.type for one in schema_properties(schema)}


def test_the_properties_of_a_pydantic_schema_are_in_its_order():
    assert list(found(ARTIST).items()) == [("gender", str), ("born", int), ("works", str)]


@pytest.mark.parametrize(
    ("schema", "kind"),
    [
        ({"type": "integer"}, int),
        ({"type": ["integer", "null"]}, int),
        ({"type": ["number", "integer"]}, float),
        ({"type": "boolean"}, bool),
        ({"anyOf": [{"type": "boolean"}, {"type": "null"}]}, bool),
        ({"anyOf": [{"type": "integer"}, {"type": "string"}]}, str),
        ({"type": "array", "items": {"type": "integer"}}, str),
        ({"type": "object"}, str),
        ({"enum": [1, 2, None]}, int),
        ({"enum": ["a", 1]}, str),
        ({"const": True}, bool),
        ({"enum": [[1]]}, str),
        ({"$ref": "#/$defs/Year"}, int),
        ({"allOf": [{"$ref": "#/$defs/Year"}], "default": 1}, int),
        ({"$ref": "#/$defs/Nobody"}, str),
        ({"$ref": "#/properties/a"}, str),
        ({}, str),
        (True, str),
    ],
)
def test_a_column_has_the_type_of_its_property(schema, kind):
    assert found({"properties": {"a": schema}, "$defs": {"Year": {"type": "integer"}}}) == {"a": kind}


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#/$defs/Artist", "$defs": {"Artist": ARTIST, **ARTIST["$defs"]}},
        {"allOf": [{"$ref": "#/definitions/a~1b"}], "definitions": {"a/b": ARTIST}, "$defs": ARTIST["$defs"]},
        {"anyOf": [ARTIST, {"properties": {"born": {"type": "integer"}}}], "$defs": ARTIST["$defs"]},
    ],
)
def test_the_properties_are_found_behind_references_and_combinations(schema):
    assert found(schema) == {"gender": str, "born": int, "works": str}


def test_a_property_of_two_types_in_two_alternatives_is_text():
    one, other = ({"properties": {"a": {"type": kind}}} for kind in ("integer", "string"))

    assert found({"oneOf": [one, other]}) == {"a": str}


@pytest.mark.parametrize(
    "schema", [True, {}, {"type": "array"}, {"$ref": "#"}, {"$ref": "#/$defs/x"}, {"properties": 3}]
)
def test_what_is_no_object_has_no_properties(schema):
    assert found(schema) == {}


def test_a_schema_that_refers_to_itself_many_times_comes_to_an_end():
    loop = {"anyOf": [{"$ref": f"#/$defs/{name}"} for name in "abcdefgh"]}

    assert found({"$defs": dict.fromkeys("abcdefgh", loop), **loop}) == {}
