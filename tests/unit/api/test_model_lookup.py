"""A look-up that is refused ends a run only if calls would be refused too."""

import json

import pytest

from artistjobs.api.model_lookup import fatal_reason, look_up_warning
from artistjobs.api.reply import Reply

SCOPES = (
    "You have insufficient permissions for this operation. Missing scopes: api.model.read. "
    "Check that you have the correct role in your organization."
)


def make_reply(status, message, **error):
    body = {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": None, **error}}
    return Reply(status=status, body=json.dumps(body).encode())


@pytest.mark.parametrize(
    "reply",
    [
        make_reply(401, SCOPES),
        make_reply(403, SCOPES),
        make_reply(403, "Missing scopes: model.read", code="missing_scope"),
        Reply(status=403, body=b"<html>403 Forbidden</html>", headers={"content-type": "text/html"}),
        Reply(status=403, body=b'{"message": "Forbidden"}'),
    ],
)
def test_a_key_without_the_right_to_look_up_models_is_warned_of_and_may_make_calls(reply):
    assert fatal_reason(reply) == ""
    assert "the first call will show" in look_up_warning(reply)


@pytest.mark.parametrize(
    "reply",
    [
        make_reply(401, "Incorrect API key provided", code="invalid_api_key"),
        make_reply(401, "No."),
        make_reply(403, "Country not supported", code="unsupported_country_region_territory", type="request_forbidden"),
        make_reply(404, "The model does not exist", code="model_not_found"),
        make_reply(429, "You exceeded your current quota", code="insufficient_quota", type="insufficient_quota"),
    ],
)
def test_a_key_or_a_model_that_is_refused_ends_the_run(reply):
    assert fatal_reason(reply)
    assert look_up_warning(reply) == ""


@pytest.mark.parametrize("status", [200, 302, 404, 405, 418, 429, 500, 503])
def test_a_look_up_that_says_nothing_ends_nothing(status):
    reply = Reply(status=status, body=b"{}")

    assert (fatal_reason(reply), look_up_warning(reply)) == ("", "")
