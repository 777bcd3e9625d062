"""The bound of a call is never below what the call can cost, and where there is none it says why."""

import factories as make
import pytest

from artistjobs.api.prices import usage_cost
from artistjobs.core.attempt import Usage
from artistjobs.core.cost_bound import OVERHEAD_TOKENS, bound_call, cap_basis, cap_refusal, request_bytes
from artistjobs.core.model_limits import ModelLimits, model_limits

BODY = {"model": "gpt-5", "input": "Nina Simone", "max_output_tokens": 100}
UNBOUNDED = {"model": "gpt-5", "input": "Nina Simone"}
SEARCH = {"tools": [{"type": "web_search"}]}


def dollar_a_token(_model, _tier, usage):
    return float(usage.input_tokens + usage.output_tokens)


def worst(body, size=0, cost=dollar_a_token):
    return bound_call(body, cost).usd(size, cost)


def answer(into, out, **changes):
    return make.make_answer(usage=Usage(input_tokens=into, output_tokens=out), **changes)


def test_a_request_is_read_once_and_answered_up_to_its_maximum():
    assert worst(BODY, size=50) == 50 + OVERHEAD_TOKENS + 100


def test_characters_count_with_all_their_bytes():
    assert request_bytes({**BODY, "input": "坂" * 1000}) >= request_bytes({**BODY, "input": ""}) + 3000


@pytest.mark.parametrize("maximum", [None, 0, -5, True, "800", 1.5])
def test_without_a_maximum_that_makes_sense_the_longest_answer_of_the_model_counts(maximum):
    assert worst({**BODY, "max_output_tokens": maximum}) == OVERHEAD_TOKENS + 128_000


@pytest.mark.parametrize(
    "hidden", [{"prompt": {"id": "p"}}, {"previous_response_id": "r"}, {"conversation": "c"}, {"conversation": {}}]
)
def test_what_the_api_adds_to_a_request_may_fill_the_context_window(hidden):
    assert worst({**BODY, **hidden}) == 400_000 + 100


def test_each_call_of_a_tool_makes_the_model_read_its_context_again():
    assert worst({**BODY, **SEARCH, "max_tool_calls": 3}) == 4 * 400_000 + 100 + 3 * 0.01


@pytest.mark.parametrize(
    "tools",
    [{"tools": [{"type": "function", "name": "f"}]}, {"tools": []}, {**SEARCH, "max_tool_calls": 0}, {"tools": None}],
)
def test_tools_that_no_server_runs_add_nothing(tools):
    assert worst({**BODY, **tools}) == OVERHEAD_TOKENS + 100


@pytest.mark.parametrize("asked", [None, "auto", "default", "flex", "priority"])
def test_tokens_are_priced_at_the_dearest_tier_whatever_was_asked(asked):
    body = BODY if asked is None else {**BODY, "service_tier": asked}
    tokens = Usage(input_tokens=50 + OVERHEAD_TOKENS, output_tokens=100)

    assert worst(body, 50, usage_cost) == usage_cost("gpt-5", "priority", tokens) > usage_cost("gpt-5", None, tokens)


def test_tokens_that_are_written_to_the_cache_are_priced_so():
    written = Usage(input_tokens=OVERHEAD_TOKENS + 50, output_tokens=100, cache_write_tokens=OVERHEAD_TOKENS + 50)

    assert worst({**BODY, "model": "gpt-5.6-luna"}, 50, usage_cost) >= usage_cost("gpt-5.6-luna", "priority", written)


def test_a_long_context_is_priced_as_such():
    body = {**BODY, "model": "gpt-6-luna", "conversation": "c"}

    assert worst(body, 0, usage_cost) > 2 * 272_001 * usage_cost(
        "gpt-6-luna", None, Usage(input_tokens=1, output_tokens=0)
    )


GAPS = [
    (
        {**UNBOUNDED, "model": "nobody-knows-it"},
        "the longest answer of nobody-knows-it is unknown",
        "max_output_tokens=N",
    ),
    ({**BODY, "model": "nobody-knows-it", "conversation": "c"}, "the conversation adds an unknown text", ""),
    ({**BODY, **SEARCH}, "web_search reads as much as it finds", "max_tool_calls=N"),
    ({**BODY, "tools": [{"type": "mcp"}], "max_tool_calls": 2}, "the tool mcp reads and costs", ""),
    ({**BODY, "tools": [{"type": "image_generation"}]}, "the tool image_generation reads and costs", ""),
    ({**BODY, "tools": [{"type": "file_search"}, {"type": "shell"}]}, "the tool shell reads and costs", ""),
]


@pytest.mark.parametrize(("body", "reason", "remedy"), GAPS)
def test_a_cost_without_a_bound_has_a_reason_and_a_remedy(body, reason, remedy):
    bound = bound_call(body, dollar_a_token)

    assert reason in bound.gaps[0]
    assert remedy in cap_refusal(bound)
    assert "--soft-cap" in cap_refusal(bound)


def test_all_reasons_are_given_at_once():
    bound = bound_call({**UNBOUNDED, **SEARCH, "model": "nobody-knows-it"}, usage_cost)

    assert len(bound.gaps) == 3


def test_a_price_that_is_unknown_at_the_tier_asked_for_is_a_reason():
    (gap,) = bound_call({**BODY, "model": "gpt-4.1", "service_tier": "flex"}, usage_cost).gaps

    assert "gpt-4.1 at the tier flex is unknown" in gap


def test_what_a_cap_rests_on_is_said():
    assert cap_basis(bound_call(BODY, usage_cost), 5.0, usage_cost, is_soft=False) == (
        "--max-cost 5: each call of gpt-5 holds back $0.0026 plus its request, "
        "by max_output_tokens=100 and the size of each request"
    )
    assert "the longest answer of gpt-5 (128,000 tokens)" in cap_basis(
        bound_call(UNBOUNDED, usage_cost), 5.0, usage_cost, is_soft=False
    )
    assert "may pass the cap" in cap_basis(bound_call(UNBOUNDED, usage_cost), 5.0, usage_cost, is_soft=True)


# --- what answers show


def test_an_answer_shows_the_length_of_a_stored_prompt():
    bound = bound_call({**BODY, "prompt": {"id": "p"}}, dollar_a_token).confirmed(answer(2_000, 50))

    assert bound.usd(100, dollar_a_token) == 100 + 3_000 + 100


@pytest.mark.parametrize("hidden", [{"conversation": "c"}, {**SEARCH, "max_tool_calls": 1}])
def test_an_answer_shows_nothing_about_a_text_that_changes(hidden):
    bound = bound_call({**BODY, **hidden}, dollar_a_token)

    assert bound.confirmed(answer(2_000, 50)) == bound


def test_an_answer_longer_than_its_maximum_shows_that_the_maximum_is_ignored():
    bound = bound_call(BODY, dollar_a_token).corrected(answer(50, 20_000), 50)

    assert bound.usd(50, dollar_a_token) == 50 + OVERHEAD_TOKENS + 128_000


@pytest.mark.parametrize(("into", "expected"), [(1_050, 50 + 2_000), (100_050, 400_000), (900_000, 1_800_000)])
def test_an_answer_to_more_than_the_request_shows_that_the_server_adds_to_it(into, expected):
    bound = bound_call(BODY, dollar_a_token).corrected(answer(into, 50), 50)

    assert bound.usd(50, dollar_a_token) == expected + 100


def test_a_stored_prompt_that_grew_is_bounded_by_the_context_window_again():
    bound = bound_call({**BODY, "prompt": {"id": "p"}}, dollar_a_token).confirmed(answer(2_000, 50))

    grown = bound.corrected(answer(50_000, 50), 100)

    assert grown.confirmed(answer(2_000, 50)).usd(100, dollar_a_token) == 400_000 + 100


def test_a_dearer_model_that_answered_sets_the_price():
    def cost(model, _tier, usage):
        return dollar_a_token(model, None, usage) * (10 if model == "dear" else 1)

    bound = bound_call(BODY, cost)

    assert bound.corrected(answer(50, 50, model="dear"), 50).usd(50, cost) == 10 * bound.usd(50, cost)


# --- limits of models


@pytest.mark.parametrize(
    ("model", "context", "output"),
    [
        ("gpt-5", 400_000, 128_000),
        ("gpt-5-2025-08-07", 400_000, 128_000),
        ("openai/gpt-5-mini", 400_000, 128_000),
        ("ft:gpt-4o-2024-08-06:museum::abc", 128_000, 16_384),
        ("gpt-4o-2024-05-13", 128_000, 4_096),
        ("gpt-4.1", 1_047_576, 32_768),
        ("gpt-6-luna", 1_050_000, 128_000),
        ("gpt-oss-20b", 137_625, 137_625),
        ("nobody-knows-it", None, None),
    ],
)
def test_the_limits_of_models_are_known_by_any_of_their_names(model, context, output):
    assert model_limits(model) == ModelLimits(context, output)
