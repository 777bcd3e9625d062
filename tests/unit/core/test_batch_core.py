"""Lines of batches, their ids, and what a refusal for the token queue teaches."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artistjobs.core.batch import custom_id, job_of, learned_limit, line_of


@given(name=st.text())
def test_a_line_is_one_line_of_json_whatever_the_request_contains(name):
    line = line_of("1-1", {"model": "gpt-5", "input": name})

    assert line.count(b"\n") == 1
    assert json.loads(line)["body"] == {"model": "gpt-5", "input": name}


def test_a_line_takes_what_few_json_libraries_do():
    body = {"model": "m", "seed": 2**70, "temperature": 1e-05, "input": "\ud800 é"}

    assert json.loads(line_of("1-1", body))["body"] == body


def test_a_line_leaves_out_what_the_batch_api_refuses_and_keeps_the_order():
    body = {"model": "m", "service_tier": "flex", "reasoning": {"effort": "low"}, "stream": False, "background": True,
            "background_options": {}, "input": "x"}  # fmt: skip

    found = json.loads(line_of("1-1", body))

    assert list(found["body"]) == ["model", "reasoning", "input"]
    assert (found["method"], found["url"], found["custom_id"]) == ("POST", "/v1/responses", "1-1")


@given(job=st.integers(1, 2**63 - 1), attempt=st.integers(1, 99))
def test_the_id_of_a_line_names_its_job_and_attempt(job, attempt):
    assert job_of(custom_id(job, attempt)) == (job, attempt)
    assert len(custom_id(job, attempt)) <= 64


@pytest.mark.parametrize("text", ["", "3", "3-", "-1", "a-1", "1-b", "1-1-1", "٣-1", "1.0-1"])
def test_the_id_of_a_line_of_another_program_is_none_of_ours(text):
    assert job_of(text) is None


@given(refused=st.integers(1, 10**9), queued=st.integers(0, 10**9), told=st.none() | st.integers(1, 10**9))
def test_after_a_refusal_the_next_batch_is_smaller_or_waits(refused, queued, told):
    limit = learned_limit(refused=refused, queued=queued, told=told)

    assert 1 <= limit < refused + queued or refused == 1
    assert told is None or limit <= told
