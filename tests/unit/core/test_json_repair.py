"""Almost correct JSON is read without its faults; what has no whole value stays broken."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from artistjobs.core.json_repair import parse_or_repair, repair_json
from artistjobs.core.json_values import INVALID_JSON, MAX_DEPTH, InvalidJson, parse_body, parse_json


def nested(levels, innermost="1"):
    return '{"a":' * levels + innermost + "}" * levels


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'{"a": NaN, "b": [-Infinity, Infinity]}', {"a": None, "b": [None, None]}),
        (b'{"a": 1e999, "b": -1e999, "c": NaN}', {"a": None, "b": None, "c": None}),
        (b'{"a": ' + b"9" * 5000 + b', "b": 1}', {"a": None, "b": 1}),
        (b'{"a": "line\nline\t\0\x1b"}', {"a": "line\nline\t\0\x1b"}),
        (b'{"a": "\xff", "b": "\xc3\xa9"}', {"a": "\ufffd", "b": "é"}),
        (b'{"a": "\xed\xa0\x80", "b": NaN}', {"a": "\ufffd", "b": None}),
        (b'\xef\xbb\xbf \r\n{"a": NaN}', {"a": None}),
        (b'{"a": 1}\0\0\0', {"a": 1}),
        (b'{"a": 1}{"b": 2}', {"a": 1}),
        (b'{"a": 1}</html>', {"a": 1}),
        (b'{"a": "\xf0\x9f\x8e\xb8 {[\\"]}", "b": NaN}', {"a": '🎸 {["]}', "b": None}),
    ],
)
def test_a_fault_in_one_part_costs_that_part_alone(body, value):
    assert parse_json(body) is INVALID_JSON

    assert parse_or_repair(body) == value


def test_what_is_nested_too_deeply_becomes_null_and_the_rest_stays():
    deep, deeper = nested(MAX_DEPTH - 1), nested(100_000, '"]}[{"')
    body = f'{{"first": {deeper}, "kept": {deep}, "second": [{deeper}, 2], "last": "[{{"}}'.encode()

    value = parse_or_repair(body)

    assert list(value) == ["first", "kept", "second", "last"]
    assert value["kept"] == json.loads(deep)
    assert (value["second"][1], value["last"]) == (2, "[{")


@pytest.mark.parametrize(
    "body",
    [
        b"", b" ", b"<html>", b'{"a": 1', b'{"a": "b', b'{"a": NaN, "b": "cut', b"nothing", b"{'a': 1}", b'{"a": 1,}',
        b"[" * 100_000, b'{"a":' * 100_000, b'"' + b'\\"' * 200_000, b'[[["' * 1000 + b'\\"' * 200_000,
    ],
)  # fmt: skip
def test_what_has_no_whole_value_stays_broken(body):
    assert repair_json(body) is None
    assert parse_or_repair(body) is INVALID_JSON


@given(st.binary() | st.text().map(str.encode) | st.text(st.sampled_from('{}[]",:\\1eN ')).map(str.encode))
def test_what_is_repaired_is_json_whatever_the_bytes(body):
    repaired = repair_json(body)

    assert repaired is None or not isinstance(parse_json(repaired), InvalidJson)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@given(st.binary() | st.text().map(str.encode) | JSON.map(json.dumps).map(str.encode))
@example(nested(MAX_DEPTH + 1).encode())
@example(b'{"a": NaN}')
@example(b'"\\ud800"')
@example(b'\xef\xbb\xbf{"a": 1}')
@example(b"[1e999]")
@example(b"9" * 5000)
@example(b"[18446744073709551617]")
def test_a_body_has_the_same_value_whichever_parser_reads_it(body):
    assert rounded(parse_body(body)) == rounded(parse_json(body))


def rounded(value):
    """Return a JSON value with large integers as floats, which no code tells apart."""
    if isinstance(value, list):
        return [rounded(inner) for inner in value]
    if isinstance(value, dict):
        return {name: rounded(inner) for name, inner in value.items()}
    return float(value) if isinstance(value, int) and 2**53 < abs(value) < 2**1000 else value


@given(JSON)
def test_sound_json_keeps_its_value(value):
    body = json.dumps(value).encode()

    assert parse_json(repair_json(body)) == parse_or_repair(body) == value
