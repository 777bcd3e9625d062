"""Request bodies are valid for the API, and a job's key identifies everything in its request."""

import itertools
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from sdk_types import ensure_request

from artistjobs.core.json_values import canonical_json
from artistjobs.core.prompt import (
    Prompt,
    job_keys,
    live_body,
    reads_instructions_last,
    request_builder,
    text_sha256,
    variables,
)
from artistjobs.errors import PromptError
from artistjobs.library.params import parse_params
from artistjobs.rehearsal.validation import check_request

SCHEMA_PARAM = {
    "type": "json_schema",
    "name": "artist",
    "strict": True,
    "schema": {"type": "object", "properties": {}, "required": [], "additionalProperties": False},
}
PARAMS = {
    "none": [],
    "effort": ["reasoning.effort=low"],
    "bound": ["max_output_tokens=800"],
    "format": [f"text.format={json.dumps(SCHEMA_PARAM)}"],
    "metadata": ["metadata.batch=seven"],
    "flex": ["service_tier=flex"],
    "temperature": ["temperature=0.5"],
}
WAYS = {
    "id": {"prompt_id": "pmpt_1"},
    "id-version": {"prompt_id": "pmpt_1", "version": "2"},
    "template": {"template": "About {{artist_name}}{% if artist_data %} ({{ artist_data }}){% endif %}"},
    "template-instructions": {
        "template": "About {{artist_name}}{% if artist_data %} ({{ artist_data }}){% endif %}",
        "instructions": "Be brief.",
    },
    "name-only": {"template": "Who is {{ artist_name }}?"},
}
ROWS = [("Nina Simone", "pianist"), ("Nina Simone", ""), ("Björk", "")]


def make_prompt(way="id", params="none", **fields):
    return Prompt(**{"model": "gpt-5", "params": canonical_json(parse_params(PARAMS[params])), **WAYS[way], **fields})


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("params", PARAMS)
@pytest.mark.parametrize("way", WAYS)
def test_every_request_has_the_types_that_the_sdk_declares(way, params, row):
    body = request_builder(make_prompt(way, params))(*row)

    ensure_request(body)
    assert check_request(body) is None


@pytest.mark.parametrize(
    "fields",
    [
        {"colour": "red"},
        {"prompt": {"id": "pmpt_1", "colour": "red"}},
        {"prompt": {"version": "2"}},
        {"prompt": {"id": "pmpt_1", "version": 2}},
        {"prompt": {"id": "pmpt_1", "variables": {"artist_name": 7}}},
        {"text": {"format": {"type": "json_schema", "schema": {}}}},
        {"max_output_tokens": "800"},
        {"metadata": {"year": 2026}},
        {"service_tier": "turbo"},
        {"stream": True},
    ],
)
def test_a_request_that_the_sdk_does_not_describe_is_found(fields):
    with pytest.raises((ValidationError, AssertionError)):
        ensure_request(request_builder(make_prompt("template"))("Nina Simone", "") | fields)


def test_two_jobs_have_the_same_key_exactly_if_their_requests_are_equal():
    prompts = [make_prompt(way, params, model=model) for way in WAYS for params in PARAMS for model in ("gpt-5", "o3")]

    sent = {}
    for prompt, row in itertools.product(prompts, ROWS):
        text = canonical_json(request_builder(prompt)(*row))
        sent.setdefault(text, set()).add(job_keys(prompt)(*row))

    keys = [key for keys in sent.values() for key in keys]
    assert all(len(keys) == 1 for keys in sent.values())
    assert len(set(keys)) == len(keys) == len(prompts) * len(ROWS) - 2 * len(PARAMS)


def test_data_that_a_template_leaves_out_is_no_part_of_the_key():
    key = job_keys(make_prompt("name-only"))

    assert key("Nina Simone", "pianist") == key("Nina Simone", "")
    assert not make_prompt("name-only").sends_artist_data
    assert make_prompt("template").sends_artist_data
    assert make_prompt("id").sends_artist_data


@given(*[st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))] * 4)
def test_different_rows_have_different_keys(name, data, other_name, other_data):
    key = job_keys(make_prompt())

    assert (key(name, data) == key(other_name, other_data)) == ((name, data) == (other_name, other_data))


def test_name_and_data_do_not_run_together():
    key = job_keys(make_prompt())

    assert key("ab", "c") != key("a", "bc")


@pytest.mark.parametrize(
    "change",
    [
        {"model": "o3"},
        {"prompt_id": "pmpt_2"},
        {"version": "1"},
        {"version": ""},
        {"params": '{"temperature":1}'},
        {"prompt_id": None, "template": "pmpt_1"},
        {"instructions": ""},
    ],
)
def test_each_part_of_what_is_sent_makes_another_key(change):
    assert replace(make_prompt(), **change).key != make_prompt().key


def test_a_templates_file_name_is_no_part_of_the_key():
    assert make_prompt("template", template_file="a.txt").key == make_prompt("template", template_file="b.txt").key


def test_the_order_of_parameters_makes_no_difference():
    one = parse_params(["a.x=1", "a.y=2", "b=3"])
    other = parse_params(["b=3", "a.y=2", "a.x=1"])

    keys = {replace(make_prompt(), params=canonical_json(params)).key for params in (one, other)}

    assert len(keys) == 1


def test_a_version_is_sent_as_text_and_only_if_given():
    with_version = request_builder(make_prompt("id-version"))("Nina Simone", "")
    without = request_builder(make_prompt("id"))("Nina Simone", "")

    assert with_version["prompt"]["version"] == "2"
    assert "version" not in without["prompt"]


def test_artist_data_is_sent_only_if_there_is_some():
    assert variables("Nina Simone", "") == {"artist_name": "Nina Simone"}
    assert variables("Nina Simone", "pianist") == {"artist_name": "Nina Simone", "artist_data": "pianist"}


def test_a_stored_prompt_gets_the_variables_and_no_input():
    body = request_builder(make_prompt("id"))("Nina Simone", "pianist")

    assert body == {"model": "gpt-5", "prompt": {"id": "pmpt_1", "variables": variables("Nina Simone", "pianist")}}


def test_a_template_is_filled_in_as_input_beside_the_instructions_as_they_are():
    body = request_builder(make_prompt("template-instructions"))("Nina Simone", "pianist")

    assert body == {"model": "gpt-5", "instructions": "Be brief.", "input": "About Nina Simone (pianist)"}


@pytest.mark.parametrize(
    "model", ["gpt-6.2-sol", "gpt-6.2-astra-law", "gpt-7", "openai/gpt-6.10-luna", "ft:gpt-6.2-sol:us"]
)
def test_instructions_are_the_first_message_for_models_that_read_them_last(model):
    prompt = make_prompt("template-instructions", model=model)
    body = request_builder(prompt)("Nina Simone", "pianist")

    assert body == {
        "model": model,
        "input": [
            {"role": "developer", "content": "Be brief."},
            {"role": "user", "content": "About Nina Simone (pianist)"},
        ],
    }
    ensure_request(body)


@pytest.mark.parametrize("model", ["gpt-6.1-sol", "gpt-6-luna", "gpt-5", "gpt-5.62", "o3", "rehearsal", "gpt-oss-120b"])
def test_other_models_get_the_field_instructions(model):
    assert not reads_instructions_last(model)


def test_the_message_of_instructions_changes_no_key_of_a_job():
    prompt = make_prompt("template-instructions", model="gpt-6.2-sol")

    # Computed before instructions were sent as a message.
    assert job_keys(prompt)("Nina Simone", "pianist").hex() == "6588bd16827d504ea914b19ca45504c4"


def test_a_live_body_forbids_a_stream():
    body = live_body(request_builder(make_prompt("template"))("Nina Simone", "pianist"))

    assert body["stream"] is False
    ensure_request(body)


def test_common_fields_come_first_in_the_body():
    body = request_builder(make_prompt("template-instructions", "effort"))("Nina Simone", "")

    assert list(body) == ["model", "reasoning", "instructions", "input"]


def test_requests_for_two_rows_do_not_share_their_parts():
    build = request_builder(make_prompt("id"))

    first, second = build("Nina Simone", ""), build("Björk", "")

    assert first["prompt"]["variables"] == {"artist_name": "Nina Simone"}
    assert second["prompt"]["variables"] == {"artist_name": "Björk"}


def test_a_row_that_cannot_be_rendered_is_a_prompt_error():
    build = request_builder(make_prompt(template="{{ 1 // (artist_name|length - 3) }}"))

    with pytest.raises(PromptError, match="cannot be filled in for this row"):
        build("Cat", "")
    assert build("Cats", "")["input"] == "1"


def test_a_text_has_the_sha_256_that_other_tools_give_it():
    # printf 'Björk\\n' | sha256sum
    assert text_sha256("Björk\n") == "4a28a15a08e83769706b2e0cf0383b37cfa909c04d7f7ac11fb0b1813e465837"
