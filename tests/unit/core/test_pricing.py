"""Costs equal those of genai-prices exactly; an unknown price gives an unknown cost, never 0."""

import pytest
from genai_prices import Usage as Tokens
from genai_prices import calc_price
from hypothesis import given, settings
from hypothesis import strategies as st

from artistjobs.api.prices import cost_by, usage_cost
from artistjobs.core.attempt import Answer, Usage
from artistjobs.core.pricing import Billing, GivenPrices


def answer_cost(answer, cost):
    return Billing(cost=cost).answer_usd(answer.model, answer.service_tier, answer.usage, answer.body)


MILLION = Usage(input_tokens=1_000_000, output_tokens=1_000_000)
MODELS = ["gpt-5", "gpt-5-2025-08-07", "gpt-5-mini", "gpt-5.6-luna", "gpt-5.4", "gpt-4.1", "gpt-4o", "o3", "gpt-4"]


def make_usage(input_tokens=1000, output_tokens=1000, **tokens):
    return Usage(input_tokens=input_tokens, output_tokens=output_tokens, **tokens)


def make_answer(**fields):
    return Answer(
        **{
            "text": "",
            "text_path": None,
            "response_id": "resp_1",
            "created": 0,
            "status": "completed",
            "model": "gpt-5",
            "service_tier": "default",
            "usage": make_usage(),
            "body": "{}",
            **fields,
        }
    )


def cost_of(model, tier, usage):
    """Return the cost as genai-prices computes it."""
    tokens = Tokens(
        input_tokens=usage.input_tokens,
        cache_read_tokens=usage.cached_tokens,
        cache_write_tokens=usage.cache_write_tokens,
        output_tokens=usage.output_tokens,
    )
    context = {"service_tier": tier} if tier else None
    try:
        return float(calc_price(tokens, model, provider_id="openai", price_context=context).total_price)
    except ValueError:
        return None


def test_gpt_5_costs_what_openai_lists():
    """Prices of 1.25, 0.125 and 10 dollars per million, at openai.com/api/pricing since 2025-08-07."""
    cost = usage_cost("gpt-5", "default", make_usage(1_000_000, 100_000, cached_tokens=200_000))

    assert cost == pytest.approx(0.8 * 1.25 + 0.2 * 0.125 + 0.1 * 10)


@pytest.mark.parametrize("model", ["gpt-5", "gpt-5-mini", "gpt-4.1", "gpt-4o"])
def test_cached_tokens_are_cheaper(model):
    assert usage_cost(model, None, make_usage(cached_tokens=900)) < usage_cost(model, None, make_usage())


def test_reasoning_tokens_are_in_the_output_already():
    assert usage_cost("gpt-5", None, make_usage(reasoning_tokens=900)) == usage_cost("gpt-5", None, make_usage())


def test_flex_is_half_of_standard():
    assert usage_cost("gpt-5", "flex", MILLION) == pytest.approx(usage_cost("gpt-5", "default", MILLION) / 2)


@pytest.mark.parametrize("tier", [None, "", "default", "auto"])
def test_the_standard_tier_goes_by_several_names(tier):
    assert usage_cost("gpt-5", tier, MILLION) == pytest.approx(11.25)


@pytest.mark.parametrize(
    ("model", "tier"),
    [
        ("gpt-4.1", "flex"),
        ("gpt-5", "scale"),
        ("gpt-5", "no such tier"),
        ("", None),
        ("ft:gpt-4o:x", None),
        ("ft:gpt-5-2025-08-07:org::id", "default"),
    ],
)
def test_a_tier_without_a_price_of_its_own_is_unknown(model, tier):
    assert usage_cost(model, tier, MILLION) is None


def test_a_tuned_model_never_gets_the_price_of_its_base():
    tuned = usage_cost("ft:gpt-4o-2024-08-06:org::id", None, MILLION)

    assert tuned is None or tuned > usage_cost("gpt-4o-2024-08-06", None, MILLION)


@pytest.mark.parametrize("tier", [None, "flex"])
def test_no_tokens_cost_nothing(tier):
    assert usage_cost("gpt-5", tier, make_usage(0, 0)) == 0.0


@pytest.mark.parametrize(
    "usage", [Usage(), make_usage(input_tokens=None), make_usage(output_tokens=None), make_usage(cached_tokens=1001)]
)
def test_missing_or_invalid_usage_has_no_cost(usage):
    assert usage_cost("gpt-5", None, usage) is None
    assert answer_cost(make_answer(usage=usage), usage_cost) is None


def test_an_answer_costs_what_its_own_model_and_tier_do():
    assert answer_cost(make_answer(), usage_cost) == pytest.approx(0.01125)
    assert answer_cost(make_answer(service_tier="flex"), usage_cost) == pytest.approx(0.005625)
    assert answer_cost(make_answer(service_tier=None), usage_cost) == pytest.approx(0.01125)
    assert answer_cost(make_answer(model="gpt-5-mini"), usage_cost) < 0.01125
    assert answer_cost(make_answer(model=None), usage_cost) is None


def test_long_input_costs_more_where_the_price_says_so():
    short, long = (
        usage_cost("gpt-5.6-luna", None, make_usage(272_000)),
        usage_cost("gpt-5.6-luna", None, make_usage(272_001)),
    )

    assert long > 1.5 * short


TOKENS = st.integers(0, 1000) | st.integers(0, 2_000_000) | st.integers(271_995, 272_005)


@settings(deadline=None, max_examples=300)
@given(
    model=st.sampled_from(MODELS),
    tier=st.sampled_from([None, "default", "flex", "priority"]),
    usage=st.builds(
        Usage,
        input_tokens=TOKENS,
        output_tokens=TOKENS,
        cached_tokens=st.none() | TOKENS,
        cache_write_tokens=st.none() | TOKENS,
    ),
)
def test_a_cost_equals_that_of_genai_prices(model, tier, usage):
    expected = cost_of(model, tier, usage)

    cost = usage_cost(model, tier, usage)

    if tier not in (None, "default") and cost_of(model, tier, MILLION) == cost_of(model, None, MILLION):
        assert cost is None
    else:
        assert cost == (None if expected is None else pytest.approx(expected, rel=1e-12, abs=1e-18))


def test_a_rehearsal_is_known_to_cost_nothing():
    assert usage_cost("rehearsal", None, MILLION) == 0.0


def test_given_prices_apply_to_any_model_and_tier():
    cost = cost_by(GivenPrices(input_usd=2.0, output_usd=8.0))

    for model, tier in [("gpt-5", None), ("gpt-5", "flex"), ("nobody-knows-it", "priority"), ("rehearsal", None)]:
        assert cost(model, tier, MILLION) == pytest.approx(2.0 + 8.0)
    assert answer_cost(make_answer(model=None), cost) == pytest.approx(0.01)


def test_given_prices_need_tokens_to_count():
    assert GivenPrices(input_usd=2.0, output_usd=8.0).cost("gpt-5", None, Usage(input_tokens=1)) is None


def test_without_given_prices_the_known_ones_apply():
    assert cost_by(None)("gpt-5", None, MILLION) == usage_cost("gpt-5", None, MILLION)
