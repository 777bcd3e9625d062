"""``--param KEY=VALUE`` becomes fields of the request, or one sentence with a remedy."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artistjobs.core.json_values import canonical_json
from artistjobs.errors import PromptError
from artistjobs.library.params import OWN_FIELDS, parse_params


@pytest.mark.parametrize(
    ("assignments", "fields"),
    [
        ([], {}),
        (["max_output_tokens=800"], {"max_output_tokens": 800}),
        (["temperature=0.5"], {"temperature": 0.5}),
        (["store=false"], {"store": False}),
        (["store=null"], {"store": None}),
        (["service_tier=flex"], {"service_tier": "flex"}),
        (['user="7"'], {"user": "7"}),
        (["user=007"], {"user": "007"}),
        (["user=a=b=c"], {"user": "a=b=c"}),
        (["user="], {"user": ""}),
        (["user= x "], {"user": " x "}),
        (["user=True"], {"user": "True"}),
        (["user=NaN"], {"user": "NaN"}),
        (["user=-Infinity"], {"user": "-Infinity"}),
        (["user=1e999"], {"user": "1e999"}),
        (['user={"a": NaN}'], {"user": '{"a": NaN}'}),
        (["user=" + "[" * 100_000], {"user": "[" * 100_000}),
        (["include=[1,2]"], {"include": [1, 2]}),
        (["reasoning.effort=low"], {"reasoning": {"effort": "low"}}),
        (["reasoning.effort=low", "reasoning.summary=auto"], {"reasoning": {"effort": "low", "summary": "auto"}}),
        (["a.b.c.d=1"], {"a": {"b": {"c": {"d": 1}}}}),
        ([" reasoning . effort =low"], {"reasoning": {"effort": "low"}}),
        (["metadata.my key=1"], {"metadata": {"my key": 1}}),
        (
            ['text={"verbosity":"low"}', "text.format.type=text"],
            {"text": {"verbosity": "low", "format": {"type": "text"}}},
        ),
    ],
)
def test_assignments_become_fields(assignments, fields):
    assert parse_params(assignments) == fields


@pytest.mark.parametrize("assignment", ["", "effort", "=x", " =x", ".=x", "a.=x", ".a=x", "a..b=x", "a. .b=x"])
def test_an_invalid_assignment_is_refused(assignment):
    with pytest.raises(PromptError, match=r"is not KEY=VALUE; write it like reasoning\.effort=low"):
        parse_params([assignment])


@pytest.mark.parametrize("suffix", ["=x", ".id=x", " =x", " .id=x"])
@pytest.mark.parametrize("field", OWN_FIELDS)
def test_a_field_that_the_program_sets_is_refused_with_the_remedy(field, suffix):
    with pytest.raises(PromptError) as refusal:
        parse_params([field + suffix])

    assert str(refusal.value) == f"--param {field} is set by artistjobs itself: {OWN_FIELDS[field]}."


@pytest.mark.parametrize(
    ("field", "option"),
    [
        ("model", "--model"),
        ("prompt", "--prompt-id"),
        ("input", "--prompt-file"),
        ("instructions", "--instructions-file"),
    ],
)
def test_the_refusal_names_the_option(field, option):
    with pytest.raises(PromptError, match=option):
        parse_params([f"{field}=x"])


@pytest.mark.parametrize(
    "assignments",
    [
        ["a=1", "a=1"],
        ["a.b=1", "a.b=2"],
        ["a.b=1", "a={}"],
        ['a={"b":1}', "a.b=2"],
        ["a=1", "a.b=2"],
        ["a=text", "a.b.c=2"],
        ["a=null", "a.b=2"],
    ],
)
def test_two_values_for_one_key_are_refused(assignments):
    with pytest.raises(PromptError, match="give it once"):
        parse_params(assignments)


def test_a_file_of_json_is_read_as_json(tmp_path):
    (tmp_path / "schema.json").write_text('\ufeff{"type": "json_schema"}\n', "utf-8")

    assert parse_params([f"text.format=@{tmp_path}/schema.json"]) == {"text": {"format": {"type": "json_schema"}}}


def test_a_file_of_text_is_read_as_it_is(tmp_path):
    (tmp_path / "note.txt").write_text("@note: Björk\n", "utf-8")

    assert parse_params([f"metadata.note=@{tmp_path}/note.txt"]) == {"metadata": {"note": "@note: Björk\n"}}


def test_text_that_begins_with_an_at_sign_can_be_quoted():
    assert parse_params(['user="@me"']) == {"user": "@me"}


@pytest.mark.parametrize(
    ("name", "reason"), [("none.json", "No such file"), (".", "Is a directory"), ("latin", "UTF-8")]
)
def test_a_file_that_cannot_be_read_is_refused(tmp_path, name, reason):
    (tmp_path / "latin").write_bytes(b"\xe9")

    with pytest.raises(PromptError, match=rf"--param user: cannot read .*{reason}.*; use a file"):
        parse_params([f"user=@{tmp_path}/{name}"])


@pytest.mark.parametrize("assignment", ['user="\\ud800"', "user=\udcff", "us\udcffer=x", 'user={"\\ud800":1}'])
def test_invalid_unicode_is_refused(assignment):
    with pytest.raises(PromptError, match="not Unicode text"):
        parse_params([assignment])


@given(*[st.text(st.characters() | st.sampled_from("\ud800.=@"))] * 2)
def test_any_assignment_is_refused_or_can_be_stored(key, value):
    try:
        params = parse_params([f"{key}={value}"])
    except PromptError:
        return

    assert json.loads(canonical_json(params).encode()) == params


def test_canonical_json_does_not_depend_on_the_order_of_keys():
    assert canonical_json({"b": {"y": 1, "x": "é"}, "a": []}) == '{"a":[],"b":{"x":"é","y":1}}'
