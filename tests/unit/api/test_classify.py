"""Every reply is an answer or a failure of the right kind, and classification never raises an error."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artistjobs.api.classify import classify
from artistjobs.api.reply import Reply
from artistjobs.core.attempt import FailureKind, Usage, Way
from artistjobs.core.pricing import Billing

JSON_HEADERS = {"content-type": "application/json", "x-request-id": "req_1"}
PLAIN_USAGE = {
    "input_tokens": 10,
    "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 2},
    "output_tokens": 20,
    "output_tokens_details": {"reasoning_tokens": 5},
    "total_tokens": 30,
}


def make_message(*texts):
    return {"type": "message", "content": [{"type": "output_text", "text": text} for text in texts]}


def make_response(**fields):
    whole = {
        "id": "resp_1",
        "created_at": 1_800_000_000.7,
        "status": "completed",
        "model": "gpt-5-2025-08-07",
        "service_tier": "default",
        "output": [{"type": "reasoning", "summary": []}, make_message("An answer.")],
        "usage": PLAIN_USAGE,
        **fields,
    }
    return {name: value for name, value in whole.items() if value != "left out"}


def judge_ok(value, *, status=200, headers=JSON_HEADERS):
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return classify(Reply(status=status, headers=headers, body=body))


def judge_error(status, headers=JSON_HEADERS, **error):
    classification = judge_ok({"error": {"message": "It went wrong.", **error}}, status=status, headers=headers)
    assert classification.answer is None
    return classification.failure


def test_a_completed_response_is_an_answer_with_all_its_parts():
    classification = judge_ok(make_response())

    answer = classification.answer
    assert classification.failure is None
    assert (answer.text, answer.text_path) == ("An answer.", "$.output[1].content[0].text")
    assert (answer.response_id, answer.created, answer.status) == ("resp_1", 1_800_000_000, "completed")
    assert (answer.model, answer.service_tier, answer.request_id) == ("gpt-5-2025-08-07", "default", "req_1")
    assert answer.usage == Usage(
        input_tokens=10,
        cached_tokens=4,
        cache_write_tokens=2,
        output_tokens=20,
        reasoning_tokens=5,
        total_tokens=30,
    )
    assert json.loads(answer.body) == make_response()


def test_an_answer_has_its_way_and_its_cost():
    reply = Reply(status=200, headers=JSON_HEADERS, body=json.dumps(make_response()).encode())
    billing = Billing(Way.BACKGROUND, lambda _model, _tier, usage: usage.input_tokens + usage.output_tokens / 10)

    answer = classify(reply, billing).answer

    assert (answer.way, answer.cost_usd) == (Way.BACKGROUND, 12.0)
    assert judge_ok(make_response()).answer.way is Way.LIVE


@pytest.mark.parametrize(("status", "is_answer"), [(199, False), (200, True), (299, True), (300, False)])
def test_only_a_status_of_success_has_an_answer(status, is_answer):
    assert (judge_ok(make_response(), status=status).answer is not None) == is_answer


# --- error replies

RUN, JOB, CALL = FailureKind.FATAL, FailureKind.PERMANENT, FailureKind.RETRYABLE


@pytest.mark.parametrize(
    ("kind", "status", "error"),
    [
        (RUN, 401, {"code": "invalid_api_key"}),
        (RUN, 401, {"code": "ip_not_authorized"}),
        (RUN, 401, {}),
        (RUN, 402, {}),
        (RUN, 403, {"code": None, "type": "permission_error"}),
        (RUN, 404, {"code": None, "message": "Prompt with id 'pmpt_1' not found."}),
        (RUN, 404, {"code": "model_not_found"}),
        (RUN, 400, {"code": "model_not_found", "param": "model"}),
        (RUN, 429, {"code": None, "type": "insufficient_quota"}),
        (RUN, 429, {"code": "insufficient_quota"}),
        (RUN, 429, {"code": "credit_balance_exhausted"}),
        (RUN, 429, {"code": "organization_spend_limit_exceeded"}),
        (RUN, 429, {"code": "project_spend_limit_exceeded"}),
        (RUN, 429, {"code": "organization_usage_limit_exceeded"}),
        (RUN, 400, {"code": "unknown_parameter", "param": "txet"}),
        (RUN, 400, {"code": "missing_required_parameter", "param": "prompt.variables.genre"}),
        (RUN, 400, {"code": "unsupported_parameter", "param": "top_k"}),
        (RUN, 400, {"code": None, "param": "service_tier"}),
        (RUN, 400, {"code": None, "param": "temperature"}),
        (RUN, 400, {"code": "invalid_json_schema", "param": "text.format.schema"}),
        (RUN, 400, {"code": None, "param": "model"}),
        (RUN, 400, {"code": "invalid_type", "param": "prompt.id"}),
        (RUN, 400, {"code": None, "message": "Unknown prompt variables: artist_data"}),
        (JOB, 400, {"code": "context_length_exceeded", "param": "input"}),
        (JOB, 400, {"code": "context_length_exceeded", "param": "prompt"}),
        (JOB, 400, {"code": "invalid_prompt", "param": "prompt"}),
        (JOB, 400, {"code": "bio_policy"}),
        (JOB, 400, {"code": "content_policy_violation"}),
        (JOB, 400, {"code": "string_above_max_length", "param": "prompt.variables.artist_data"}),
        (JOB, 400, {"code": "invalid_type", "param": "prompt.variables.artist_name"}),
        (JOB, 400, {"code": "integer_below_min_value", "param": "textual"}),
        (JOB, 400, {}),
        (JOB, 413, {}),
        (JOB, 422, {}),
        (JOB, 418, {}),
        (CALL, 408, {}),
        (CALL, 409, {}),
        (CALL, 429, {"code": "rate_limit_exceeded", "type": "requests"}),
        (CALL, 429, {"code": "slow_down"}),
        (CALL, 503, {"code": "slow_down"}),
        (CALL, 429, {"code": "resource_unavailable"}),
        (CALL, 429, {}),
        (CALL, 500, {}),
        (CALL, 503, {"code": "server_is_overloaded"}),
        (CALL, 599, {}),
        (CALL, 302, {}),
    ],
)
def test_an_error_status_has_the_kind_in_the_table(kind, status, error):
    failure = judge_error(status, **error)

    assert failure.kind is kind
    assert failure.code == error.get("code") or not error.get("code")
    assert failure.status == status
    assert failure.request_id == "req_1"


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (CALL, "server_error"),
        (CALL, "rate_limit_exceeded"),
        (CALL, None),
        (CALL, 7),
        (JOB, "invalid_prompt"),
        (JOB, "bio_policy"),
        (JOB, "cyber_policy"),
        (RUN, "insufficient_quota"),
    ],
)
def test_a_failed_response_has_the_kind_of_its_code(kind, code):
    classification = judge_ok(
        make_response(status="failed", error={"code": code, "message": "No."}, output=[], usage=None)
    )

    assert classification.answer.status == "failed"
    assert classification.failure.kind is kind
    assert classification.failure.code == (code if isinstance(code, str) else "response_failed")


@pytest.mark.parametrize(("code", "is_doubtful"), [("invalid_api_key", True), ("insufficient_quota", False)])
def test_a_failed_response_about_the_key_may_be_a_mistake_of_the_server(code, is_doubtful):
    classification = judge_ok(make_response(status="failed", error={"code": code}, output=[]))

    assert (classification.failure.kind, classification.failure.is_doubtful) == (RUN, is_doubtful)
    assert classification.failure.message == "the response failed and gave no reason"


@pytest.mark.parametrize(
    ("status", "code", "slow"),
    [
        (429, "rate_limit_exceeded", True),
        (429, None, True),
        (429, "too_many_tokens", True),
        (503, "slow_down", True),
        (503, "rate_limit_exceeded", True),
        (503, None, False),
        (429, "resource_unavailable", False),
    ],
)
def test_a_rate_limit_refusal_asks_to_slow_down(status, code, slow):
    failure = judge_error(status, {**JSON_HEADERS, "retry-after": "9"}, code=code)

    assert (failure.slow_down, failure.retry_after_seconds) == (slow, 9.0)


def test_exhausted_quota_asks_for_no_wait():
    failure = judge_error(429, {**JSON_HEADERS, "retry-after": "9"}, type="insufficient_quota")

    assert (failure.code, failure.slow_down, failure.retry_after_seconds) == ("insufficient_quota", False, None)


def test_a_full_flex_tier_is_known_by_the_type_of_an_error_without_a_code():
    failure = judge_error(429, type="resource_unavailable")

    assert (failure.kind, failure.code, failure.slow_down) == (CALL, "resource_unavailable", False)


def test_a_failure_has_the_type_and_the_field_that_the_server_named():
    failure = judge_error(400, type="invalid_request_error", param="input[0]")

    assert (failure.type, failure.param) == ("invalid_request_error", "input[0]")


def test_a_code_and_a_type_of_any_length_are_kept_short():
    failure = judge_error(400, code="c" * 5000, type="t" * 5000)

    assert (failure.code, failure.type) == ("c" * 100, "t" * 100)


@pytest.mark.parametrize(("status", "is_told"), [(302, True), (399, True), (400, False)])
def test_a_redirect_is_told_with_its_target(status, is_told):
    body = b"<html>Moved</html>"

    failure = classify(Reply(status=status, headers={"location": "https://b.example/v1"}, body=body)).failure

    assert ("the server redirects to https://b.example/v1, which is not followed" in failure.message) == is_told


def test_an_error_page_of_a_proxy_is_quoted():
    failure = classify(Reply(status=502, headers={"content-type": "text/html"}, body=b"<h1>Bad\n gateway</h1>")).failure

    assert (failure.kind, failure.code, failure.message) == (CALL, "http_502", "<h1>Bad gateway</h1>")


@pytest.mark.parametrize("fault", ["timeout", "connection_error"])
def test_a_connection_fault_is_retryable(fault):
    failure = classify(Reply(fault=fault, message="the line broke")).failure

    assert (failure.kind, failure.code, failure.message) == (CALL, fault, "the line broke")


# --- status 200 without a complete answer


@pytest.mark.parametrize(
    ("fields", "kind", "code"),
    [
        ({"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}, JOB, "incomplete"),
        ({"status": "incomplete", "incomplete_details": None}, JOB, "incomplete"),
        ({"status": "in_progress"}, JOB, "not_completed"),
        ({"status": "left out"}, JOB, "not_completed"),
        ({"status": 1}, JOB, "not_completed"),
        ({"id": "left out"}, JOB, "no_response_id"),
        ({"id": ""}, JOB, "no_response_id"),
        ({"id": 7}, JOB, "no_response_id"),
    ],
)
def test_text_of_an_incomplete_answer_is_kept_and_marked(fields, kind, code):
    classification = judge_ok(make_response(**fields))

    assert classification.answer.text == "An answer."
    assert (classification.failure.kind, classification.failure.code) == (kind, code)


@pytest.mark.parametrize(
    ("details", "reason"),
    [({"reason": "max_output_tokens"}, "max_output_tokens"), ({}, "no reason given"), (None, "no reason given")],
)
def test_the_reason_of_an_incomplete_answer_is_told(details, reason):
    failure = judge_ok(make_response(status="incomplete", incomplete_details=details)).failure

    assert failure.message == f"the answer is incomplete: {reason}"


@pytest.mark.parametrize(("refusal", "message"), [("I cannot.", "I cannot."), ("", "the model refused")])
def test_a_refusal_is_no_success(refusal, message):
    parts = [{"type": "refusal", "refusal": refusal}]

    classification = judge_ok(make_response(output=[{"type": "message", "content": parts}]))

    assert classification.answer.text == ""
    assert (classification.failure.kind, classification.failure.code) == (JOB, "refusal")
    assert classification.failure.message == message


@pytest.mark.parametrize(
    ("output", "types"),
    [
        ([{"type": "reasoning", "summary": []}], "reasoning"),
        ([{"type": "reasoning"}, {"type": "function_call", "arguments": "{}"}], "reasoning, function_call"),
        ([make_message()], "message"),
        ([make_message("")], "message"),
        ([make_message(" \n\t", "\u00a0")], "message"),
        ([make_message("On it.") | {"phase": "commentary"}], "commentary"),
        ([make_message("On it.") | {"phase": "commentary"}, make_message("") | {"phase": "final_answer"}],
         "commentary, final_answer"),
        ([{"type": 7}, "junk", {}], "unknown"),
        ([], "an empty output"),
        (None, "an empty output"),
        ({}, "an empty output"),
        ("left out", "an empty output"),
    ],
)  # fmt: skip
def test_a_response_without_text_is_kept_and_is_no_success(output, types):
    classification = judge_ok(make_response(output=output))

    assert classification.answer.status == "completed"
    assert classification.answer.usage.total_tokens == 30
    assert (classification.failure.kind, classification.failure.code) == (JOB, "empty_answer")
    assert classification.failure.message == f"the response has no text, only {types}"


@pytest.mark.parametrize(
    ("phases", "text"),
    [
        (("commentary", "final_answer"), "two"),
        (("final_answer", "commentary"), "one"),
        (("commentary", "commentary", "final_answer"), "three"),
        (("commentary", "final_answer", "commentary"), "two"),
        (("commentary", None), "two"),
        ((None, "commentary"), "one"),
        (("commentary", "later"), "two"),
        (("final_answer", None), "one"),
        ((None, None), "onetwo"),
        ((7, []), "onetwo"),
        (("final_answer",), "one"),
    ],
)
def test_of_messages_with_phases_the_final_one_is_the_text(phases, text):
    output = [{**make_message(word), "phase": phase} for word, phase in zip(("one", "two", "three"), phases)]  # noqa: B905

    classification = judge_ok(make_response(output=output))

    assert classification.failure is None
    assert classification.answer.text == text
    assert (classification.answer.text_path is None) == (text == "onetwo")


def test_commentary_of_an_incomplete_response_is_no_part_of_its_text():
    output = [make_message("On it.") | {"phase": "commentary"}, make_message("She is") | {"phase": "final_answer"}]

    classification = judge_ok(make_response(output=output, status="incomplete"))

    assert (classification.answer.text, classification.failure.code) == ("She is", "incomplete")


@pytest.mark.parametrize(
    "part",
    [
        b'"x": NaN', b'"x": [Infinity, -Infinity]', b'"x": ' + b"7" * 5000, b'"x": "\xff"', b'"x": "a\nb"',
        b'"x": ' + b"[" * 100_000 + b"]" * 100_000,
    ],
)  # fmt: skip
def test_a_fault_in_an_unread_part_costs_no_answer(part):
    body = json.dumps(make_response()).encode()

    classification = judge_ok(b"{" + part + b", " + body[1:])

    answer = classification.answer
    assert classification.failure is None
    assert (answer.text, answer.text_path) == ("An answer.", "$.output[1].content[0].text")
    stored = json.loads(answer.body)
    assert {name: value for name, value in stored.items() if name != "x"} == make_response()


@pytest.mark.parametrize("part", [b'"output": []', b'"status": "completed"'])
def test_a_reply_with_a_fault_is_a_response_as_soon_as_it_has_a_part_of_one(part):
    classification = judge_ok(b'{"x": NaN, ' + part + b"}")

    assert classification.answer is not None
    assert classification.failure.kind is JOB


def test_a_fault_in_an_error_hides_no_reason_to_stop():
    body = b'{"error": {"code": "insufficient_quota", "message": "No.", "left": NaN}}'

    assert judge_ok(body, status=429).failure.kind is RUN
    assert judge_ok(body, status=200).failure.kind is RUN


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "empty_body"),
        (b" \r\n", "empty_body"),
        (b'{"id": "resp_1", "stat', "broken_json"),
        (b"[" * 100_000, "broken_json"),
        (b'{"usage": NaN}', "broken_json"),
        (b"\xff\xfe\x00", "broken_json"),
        (b"[]", "not_an_object"),
        (b"null", "not_an_object"),
        (b'"completed"', "not_an_object"),
        (b"{}", "not_a_response"),
        (b'{"error": {"message": "Oops.", "code": null}}', "not_a_response"),
        (b'{"error": {"message": "Oops.", "code": "server_error"}}', "server_error"),
    ],
)
def test_a_200_without_a_response_is_retryable(body, code):
    classification = judge_ok(body)

    assert classification.answer is None
    assert (classification.failure.kind, classification.failure.code) == (CALL, code)


def test_an_error_of_the_account_with_200_stops_the_run():
    assert judge_ok({"error": {"code": "insufficient_quota"}}).failure.kind is RUN


def test_html_with_200_is_not_json():
    classification = judge_ok(b"<!doctype html><p>Sign in", headers={"content-type": "text/html"})

    assert (classification.failure.kind, classification.failure.code) == (CALL, "not_json")
    assert classification.failure.message == "expected JSON, got text/html: <!doctype html><p>Sign in"


@pytest.mark.parametrize("headers", [{}, {"content-type": "text/plain"}])
def test_an_answer_with_a_wrong_content_type_is_accepted(headers):
    classification = judge_ok(make_response(), headers=headers)

    assert classification.failure is None


# --- texts and numbers as servers send them


def test_several_texts_are_joined_and_have_no_single_path():
    answer = judge_ok(make_response(output=[make_message("One, ", "two, "), "junk", make_message("three.")])).answer

    assert (answer.text, answer.text_path) == ("One, two, three.", None)


@pytest.mark.parametrize("output", [None, "text", {}, [None], [{"type": "message"}], [make_message(7)], "left out"])
def test_an_output_of_any_shape_gives_an_empty_text(output):
    assert judge_ok(make_response(output=output)).answer.text == ""


def test_nul_and_ten_megabytes_of_text_arrive_whole():
    text = "a\0b" + "é" * 5_000_000

    assert judge_ok(make_response(output=[make_message(text)])).answer.text == text


@pytest.mark.parametrize("surrogate", [b"\\ud800", b"\xed\xa0\x80"])
def test_a_lone_surrogate_does_not_lose_an_answer(surrogate):
    body = json.dumps(make_response(output=[make_message("a?b")])).encode().replace(b"a?b", b"a" + surrogate + b"b")

    classification = judge_ok(body)

    assert classification.failure is None
    assert classification.answer.text == "a\N{REPLACEMENT CHARACTER}b"
    assert classification.answer.body.encode()


@pytest.mark.parametrize("value", [None, True, -1, 2**60, "10", [], float("1e300")])
def test_an_invalid_count_is_unknown(value):
    usage = {**PLAIN_USAGE, "input_tokens": value, "output_tokens_details": {"reasoning_tokens": value}}

    read = judge_ok(make_response(usage=usage)).answer.usage

    assert (read.input_tokens, read.reasoning_tokens, read.output_tokens) == (None, None, 20)


@pytest.mark.parametrize("usage", [None, [], "left out", {"input_tokens_details": None}, {"output_tokens_details": 3}])
def test_missing_usage_is_unknown(usage):
    assert judge_ok(make_response(usage=usage)).answer.usage == Usage()


@pytest.mark.parametrize("value", [7, None, [], {}, True])
def test_fields_of_another_type_are_unknown(value):
    answer = judge_ok(make_response(model=value, service_tier=value, created_at="now")).answer

    assert (answer.model, answer.service_tier, answer.created) == (None, None, None)
    assert judge_error(400, code=value, type=value, param=value, message=value).code == "http_400"


def test_a_message_of_any_length_is_kept_short():
    assert len(judge_error(500, message="no " * 10_000).message) == 2000


# --- arbitrary replies

# Lone surrogates are too rare in random text, so they are added.
TEXTS = st.text(max_size=20) | st.text(st.sampled_from("aé\0\ud800\udcff"), max_size=5)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
STATUSES = st.sampled_from(["completed", "incomplete", "failed", "queued"]) | JSON_VALUES
PARTS = st.fixed_dictionaries(
    {"type": st.sampled_from(["output_text", "refusal"])}, optional={"text": TEXTS, "refusal": JSON_VALUES}
)
OUTPUTS = st.lists(
    st.fixed_dictionaries({"type": st.just("message")}, optional={"content": st.lists(PARTS | JSON_VALUES)})
)
ERRORS = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(("code", "type", "param", "message"), TEXTS | JSON_VALUES),
)
RESPONSES = st.fixed_dictionaries(
    {},
    optional={
        "id": TEXTS | JSON_VALUES,
        "status": STATUSES,
        "output": OUTPUTS | JSON_VALUES,
        "usage": JSON_VALUES,
        "error": ERRORS | JSON_VALUES,
        "incomplete_details": JSON_VALUES | st.fixed_dictionaries({"reason": TEXTS}),
        "model": TEXTS,
        "service_tier": TEXTS,
        "created_at": JSON_VALUES,
    },
)
BODIES = st.binary() | (RESPONSES | JSON_VALUES).map(
    lambda value: json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")
)
HEADERS = st.dictionaries(
    st.sampled_from(["content-type", "x-request-id", "retry-after", "retry-after-ms", "date"]), TEXTS
)


def texts_of(value):
    names = getattr(type(value), "__slots__", ())
    return [text for name in names if isinstance(text := getattr(value, name), str)]


@settings(max_examples=300, deadline=None)
@given(status=st.none() | st.integers(0, 999) | st.just(200), headers=HEADERS, body=BODIES)
def test_any_reply_is_classified_and_stored_as_utf_8(status, headers, body):
    classification = classify(Reply(status=status, headers=headers, body=body))

    answer, failure = classification.answer, classification.failure
    assert answer is not None or failure is not None
    assert all(text.encode() or not text for kept in (answer, failure) for text in texts_of(kept))
    if failure is None:
        assert 200 <= status < 300
        assert answer.status == "completed"
        assert answer.response_id


@given(fault=st.sampled_from(["timeout", "connection_error"]), message=TEXTS)
def test_any_fault_is_classified_and_its_message_is_utf_8(fault, message):
    failure = classify(Reply(fault=fault, message=message)).failure

    assert failure.kind is CALL
    assert failure.message.encode() or not message
