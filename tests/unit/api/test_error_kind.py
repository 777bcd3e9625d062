"""An error that concerns every call stops the run, one about a row's text fails that row alone, whoever words it."""

import json

import pytest
from sdk_types import REQUEST_FIELDS

from artistjobs.api.classify import classify, classify_error
from artistjobs.api.remedies import fatal_message
from artistjobs.api.reply import Reply
from artistjobs.core.attempt import FailureKind

RUN, JOB, CALL = FailureKind.FATAL, FailureKind.PERMANENT, FailureKind.RETRYABLE


def failure_of(status, body, headers=None):
    content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    classification = classify(Reply(status=status, headers=headers or {}, body=content))
    assert classification.answer is None
    return classification.failure


def error(message="No.", **parts):
    return {"error": {"message": message, **parts}}


NO_MONEY = [
    (429, error("You exceeded your current quota, please check your plan and billing details.")),
    (429, error("You exceeded your current quota.", type="insufficient_quota", code="insufficient_quota")),
    (400, error("Budget has been exceeded! Current cost: 5.01, Max budget: 5.0", type="budget_exceeded", code="400")),
    (429, error("ExceededBudget: User over budget. Spend=5.01, Budget=5.0", type="budget_exceeded", code="429")),
    (429, error("Your allowance is used up; ask the AI team.", type="budget_exceeded", code="429")),
    (400, error("Budget has been exceeded! Current cost: 1.0, Max budget: 0.5", type="None", param="None", code="400")),
    (429, error("No deployments available - crossed budget: Exceeded budget for deployment", code="429")),
    (402, error("Insufficient credits", code=402)),
    (402, error("This request requires more credits, or fewer max_tokens.", code="402")),
    (402, "Payment Required"),
    (200, error("Insufficient credits", code=402)),
    (200, error("Insufficient credits", code="402")),
    (429, "Your team 1-2 has either used all available credits or reached its monthly spending limit."),
    (403, {"code": "permission-denied", "error": "Your team has reached its monthly spending limit."}),
    (403, {"code": "The caller does not have permission", "error": "Your team doesn't have any credits yet."}),
    (403, {"code": "x", "error": "You have run out of credits or need a subscription."}),
    (400, error("Your credit balance is too low to access the API.", type="invalid_request_error")),
    (402, error("Insufficient Balance", type="unknown_error", code="invalid_request_error")),
    (429, error("You have exceeded your monthly quota.")),
    (412, {"message": "Budget limit: over budget"}),
]


@pytest.mark.parametrize(("status", "body"), NO_MONEY)
def test_an_account_without_money_stops_the_run_in_whatever_words_it_is_told(status, body):
    failure = failure_of(status, body)

    assert failure.kind is RUN
    assert not failure.slow_down
    assert "credit" in fatal_message(failure)


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (error("Quota exceeded for metric 'requests per minute' of service 'ai'."), {}),
        (error("You exceeded your current quota. Please retry in 34.5s."), {}),
        (error("You exceeded your current quota."), {"retry-after": "20"}),
        (error("Rate limit reached: Limit 3 RPM, quota exceeded."), {}),
        (error("Too many requests", code="rate_limit_exceeded", type="requests"), {}),
        ("<html>429 Too Many Requests</html>", {}),
    ],
)
def test_a_rate_limit_is_no_empty_account_although_some_servers_call_it_a_quota(body, headers):
    failure = failure_of(429, body, headers)

    assert (failure.kind, failure.slow_down) == (CALL, True)


FLAGGED = [
    (400, error("The response was filtered.", param="prompt", code="content_filter", status=400)),
    (
        400,
        error("Filtered.", param="prompt", code="content_filter", innererror={"code": "ResponsibleAIPolicyViolation"}),
    ),
    (400, error("litellm.ContentPolicyViolationError: AzureException", type=None, param=None, code="400")),
    (400, error("No.", code="400", provider_specific_fields={"innererror": {"code": "ResponsibleAIPolicyViolation"}})),
    (403, error("Your input was flagged", code=403, metadata={"reasons": ["violence"]})),
    (403, error("content violates usage guidelines", type="invalid_request_error", code="content_policy_violation")),
    (403, error("No.", code=403, metadata={"flagged_input": "the text", "reasons": []})),
    (403, {"error": {"code": 403, "message": "Blocked"}, "error_type": "content_policy_violation"}),
    (400, error("Your request was rejected by our safety system.")),
    (400, error("Invalid prompt: it was flagged as potentially violating our usage policy.", code="invalid_prompt")),
    (451, error("This prompt was flagged.")),
    (403, error("Blocked by guardrail 'violence'.", type="guardrail", code="guardrail_blocked")),
    (422, error("The request failed moderation.", code="bad_request")),
    (400, error("Too long.", code="string_above_max_length", param="input")),
    (400, error("Too long.", code="context_length_exceeded", param="input")),
    (400, {"error": {"code": "invalid_prompt", "message": "Too long"}, "error_type": "context_length_exceeded"}),
]


@pytest.mark.parametrize(("status", "body"), FLAGGED)
def test_a_refusal_of_a_text_fails_its_row_alone(status, body):
    failure = failure_of(status, body)

    assert (failure.kind, failure.is_about_row) == (JOB, True)
    assert not failure.code.isdecimal()


SHARED = [
    (400, error("`metadata` is not supported with this model", type="invalid_request_error", param="metadata")),
    (400, error("property 'store' is unsupported, did you mean 'stop'?", type="invalid_request_error")),
    (400, error("Argument not supported: metadata")),
    (400, error("Unrecognized request argument supplied: store")),
    (400, error("Unsupported parameter: 'temperature' is not supported with this model.")),
    (501, error("`store=True` (default) is not supported. Please set `store=False`.", code=501)),
    (400, {"detail": "Unsupported parameter: metadata"}),
    (
        422,
        {"detail": [{"loc": ["body", "metadata"], "msg": "Extra inputs are not permitted", "type": "extra_forbidden"}]},
    ),
    (400, error("Invalid Responses API request", code="invalid_prompt", metadata={"raw": [{"path": ["store"]}]})),
    (
        400,
        {
            "error": {"code": "invalid_prompt", "message": "Invalid Responses API request"},
            "metadata": {"raw": [{"code": "invalid_value", "path": ["store"], "message": "expected false"}]},
        },
    ),
    (400, error("Too long.", code="string_above_max_length", param="metadata.run")),
    (400, error("Too long.", code="string_above_max_length", param="instructions")),
    (400, error("No.", code="invalid_value", param="max_output_tokens")),
    (400, error("No.", code="invalid_type", param="tools[0].type")),
    (400, error("Unsupported parameter: 'moderation'.")),
]


@pytest.mark.parametrize(("status", "body"), SHARED)
def test_a_refused_field_that_all_rows_share_stops_the_run(status, body):
    failure = failure_of(status, body)

    assert (failure.kind, failure.is_doubtful) == (RUN, False)


ACCOUNT = [
    (401, error("No auth credentials found", code=401)),
    (200, error("No auth credentials found", code=401)),
    (200, error("No auth credentials found", code="401")),
    (200, error("No.", code="invalid_api_key")),
    (200, {"code": 401, "message": "No auth credentials found"}),
    (400, {"code": "Client specified an invalid argument", "error": "Incorrect API key provided: xa***."}),
    (401, "<html>login</html>"),
    (400, error("{'error': '/responses: Invalid model name passed in model=gpt-x. Call `/v1/models`'}", code="400")),
    (400, error("The requested model 'gpt-x' does not exist.")),
    (404, error("The API deployment for this resource does not exist.", code="DeploymentNotFound")),
    (404, {"detail": "Not Found"}),
    (410, error("Stored prompts are no longer accessible.")),
    (410, ""),
    (403, error("Missing scopes: api.responses.write", type="invalid_request_error")),
    (403, "<html>Attention Required!</html>"),
    (403, "<html>This page was blocked by the content filter of your network</html>"),
]


@pytest.mark.parametrize(("status", "body"), ACCOUNT)
def test_a_refused_key_model_or_prompt_stops_the_run_and_may_be_a_mistake_of_the_server(status, body):
    failure = failure_of(status, body)

    assert (failure.kind, failure.is_doubtful) == (RUN, True)
    assert "then run the same command again" in fatal_message(failure)


@pytest.mark.parametrize("status", [405, 406, 411, 413, 415, 418, 422, 501, 505])
def test_any_other_refusal_is_final_for_its_row_and_says_nothing_about_its_text(status):
    failure = failure_of(status, error())

    assert (failure.kind, failure.is_about_row) == (JOB, False)


@pytest.mark.parametrize("body", [error("Flex is full", code="capacity_exceeded"), error("No."), ""])
def test_status_498_is_the_full_flex_tier_and_no_rate_limit(body):
    failure = failure_of(498, body)

    assert (failure.kind, failure.is_flex_full, failure.slow_down) == (CALL, True, False)


@pytest.mark.parametrize(("number", "kind"), [(429, CALL), (503, CALL), (502, CALL), (413, JOB), (498, CALL)])
def test_an_error_sent_with_status_200_has_the_reach_of_its_own_status(number, kind):
    failure = failure_of(200, error(code=number))

    assert failure.kind is kind
    assert failure.slow_down == (number == 429)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"error": "No such thing"}, "No such thing"),
        ({"code": "bad", "error": "No such thing"}, "No such thing"),
        ({"detail": "No such thing"}, "No such thing"),
        ({"detail": [{"loc": ["body", "input"], "msg": "Field required"}]}, "input: Field required"),
        ({"message": "No such thing"}, "No such thing"),
        ({"object": "error", "message": "No such thing", "code": 40303}, "No such thing"),
        ({"errors": [{"code": 7, "message": "No such thing"}]}, "No such thing"),
        ({"detail": {"message": "No such thing"}}, "No such thing"),
    ],
)
def test_the_message_is_found_in_the_shapes_that_servers_use(body, message):
    assert failure_of(418, body).message == message


@pytest.mark.parametrize(
    "body", ["[]", "null", '{"error": []}', '{"error": null}', '{"detail": []}', '{"errors": [1]}']
)
def test_an_error_of_an_unknown_shape_is_quoted(body):
    assert classify_error(Reply(status=418, body=body.encode())).message == body


# --- every code, field and status by itself


@pytest.mark.parametrize(
    "code",
    [
        "billing_hard_limit_reached", "budget_exceeded", "credit_balance_exhausted", "insufficient_credits",
        "insufficient_quota", "organization_spend_limit_exceeded", "organization_usage_limit_exceeded",
        "payment_required", "project_spend_limit_exceeded",
    ],
)  # fmt: skip
@pytest.mark.parametrize("part", ["code", "type"])
def test_a_code_or_type_about_money_stops_the_run_without_a_doubt(code, part):
    failure = failure_of(400, error(**{part: code}))

    assert (failure.kind, failure.code, failure.is_doubtful) == (RUN, code, False)


def test_words_about_money_may_be_a_mistake_of_the_server():
    failure = failure_of(429, error("You exceeded your current quota."))

    assert (failure.kind, failure.code, failure.is_doubtful) == (RUN, "insufficient_quota", True)


@pytest.mark.parametrize(("status", "kind"), [(399, CALL), (400, RUN), (499, RUN), (500, CALL)])
def test_words_about_money_count_in_errors_of_the_caller_alone(status, kind):
    assert failure_of(status, error("Insufficient funds.")).kind is kind


@pytest.mark.parametrize(
    "code",
    [
        "account_deactivated", "invalid_api_key", "invalid_organization", "ip_not_authorized", "model_not_found",
        "prompt_not_found",
    ],
)  # fmt: skip
@pytest.mark.parametrize("status", [400, 429, 500])
def test_a_code_about_the_account_stops_the_run_at_any_status(status, code):
    failure = failure_of(status, error(code=code))

    assert (failure.kind, failure.code, failure.is_doubtful) == (RUN, code, True)


@pytest.mark.parametrize("words", ["Incorrect API key provided.", "The model gpt-x does not exist."])
@pytest.mark.parametrize("status", [399, 408, 429, 500, 503])
def test_words_about_the_key_or_the_model_say_nothing_in_an_error_that_passes(status, words):
    assert failure_of(status, error(words)).kind is CALL


@pytest.mark.parametrize("code", ["missing_required_parameter", "unknown_parameter", "unsupported_parameter"])
def test_a_code_about_the_request_stops_the_run(code):
    failure = failure_of(400, error(code=code))

    assert (failure.kind, failure.code, failure.is_doubtful) == (RUN, code, False)


@pytest.mark.parametrize("field", sorted(REQUEST_FIELDS - {"input"}))
def test_every_field_of_a_request_but_its_input_is_shared_by_all_rows(field):
    assert failure_of(400, error(code="invalid_value", param=field)).kind is RUN


@pytest.mark.parametrize("field", ["max_completion_tokens", "max_tokens", "reasoning_effort", "response_format"])
def test_names_that_proxies_give_to_fields_are_shared_too(field):
    assert failure_of(400, error(f"Unsupported parameter: '{field}'.")).kind is RUN


@pytest.mark.parametrize("param", ["input", "input[0].content", "prompt.variables.artist_name", "something_else"])
def test_a_refused_text_fails_its_row_alone(param):
    assert failure_of(400, error(code="invalid_value", param=param)).kind is JOB


@pytest.mark.parametrize(("status", "kind"), [(400, RUN), (422, RUN), (501, RUN), (409, CALL), (413, JOB), (500, CALL)])
def test_a_named_field_stops_the_run_at_the_statuses_of_a_refused_field(status, kind):
    assert failure_of(status, error(param="store")).kind is kind


@pytest.mark.parametrize(("status", "kind"), [(400, JOB), (403, JOB), (422, JOB), (451, JOB), (429, CALL), (500, CALL)])
def test_words_about_a_flagged_text_count_at_the_statuses_of_a_refusal(status, kind):
    flagged = failure_of(status, error("The input was flagged by our moderation."))
    marked = failure_of(status, error(metadata={"flagged_input": "a text", "reasons": []}))

    assert (flagged.kind, flagged.code == "input_flagged") == (kind, kind is JOB)
    assert (marked.kind, marked.code == "input_flagged") == (kind, kind is JOB)


@pytest.mark.parametrize("status", [399, 408, 409, 425, 429, 498, 499, 500, 502, 599])
def test_a_status_that_passes_allows_another_call(status):
    assert failure_of(status, error()).kind is CALL


def test_the_status_of_an_error_is_the_one_it_was_sent_with_if_that_is_an_error():
    assert failure_of(399, error(code=413)).kind is JOB
    assert failure_of(400, error(code=503)).kind is JOB
    assert failure_of(503, error(code=413)).kind is CALL
