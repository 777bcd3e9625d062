"""The worst case of a call is never too low, and what is reserved for a call is freed or lost when it has ended."""

import pytest

from artistjobs.core.attempt import Answer, Attempt, Failure, FailureKind, Outcome, Usage
from artistjobs.core.job import Claim
from artistjobs.worker.limits.budget import MIN_ANSWERS, OUTPUT_PRIOR_TOKENS, TOKENS_PRIOR, Budget

BODY = {"model": "gpt-5", "input": "Nina Simone", "max_output_tokens": 100}
UNBOUNDED = {"model": "gpt-5", "input": "Nina Simone"}
CALL_COST = 1.0


def one_dollar_a_call(_model, _tier, _usage):
    return CALL_COST


def dollar_a_token(_model, _tier, usage):
    return float(usage.input_tokens + usage.output_tokens)


def make_budget(cost=one_dollar_a_call):
    return Budget(cost)


def make_answer(cost, **tokens):
    return Answer(
        text="",
        text_path=None,
        response_id="resp_1",
        created=0,
        status="completed",
        model="gpt-5",
        service_tier=None,
        usage=Usage(**tokens),
        body="{}",
        cost_usd=cost,
    )


def make_attempt(job, *, cost=None, answer=None, status=None, calls=1):
    answer = make_answer(cost) if cost is not None else answer
    failure = None if answer else Failure(kind=FailureKind.RETRYABLE, code="any", message="No.", status=status)
    outcome = Outcome.DONE if answer else Outcome.RETRY
    claim = Claim(job, 1, 1, "Nina Simone", "")
    return Attempt(
        claim=claim, outcome=outcome, started_at=0.0, ended_at=1.0, calls=calls, answer=answer, failure=failure
    )


@pytest.mark.parametrize(
    ("attempt", "lost"),
    [
        (make_attempt(1, cost=0.25), 0.0),
        (make_attempt(1, cost=0.0), 0.0),
        (make_attempt(1, answer=make_answer(None)), CALL_COST),
        (make_attempt(1, status=None), CALL_COST),
        (make_attempt(1, status=200), CALL_COST),
        (make_attempt(1, status=504), CALL_COST),
        (make_attempt(1, status=408), CALL_COST),
        (make_attempt(1, status=400), 0.0),
        (make_attempt(1, status=429), 0.0),
        (make_attempt(1, status=500), 0.0),
        (make_attempt(1, status=503), 0.0),
        (make_attempt(1, status=None, calls=0), 0.0),
    ],
)
def test_a_call_whose_outcome_is_unknown_counts_its_worst_case(attempt, lost):
    budget = make_budget()
    budget.remember(1, CALL_COST)

    settled = budget.settle(attempt)

    assert (settled.reserved_usd, settled.lost_usd) == (CALL_COST, lost)


def test_settling_twice_does_not_free_or_lose_the_same_money_twice():
    budget = make_budget()
    budget.remember(1, CALL_COST)

    budget.settle(make_attempt(1, status=None))
    again = budget.settle(make_attempt(1, status=None))

    assert (again.reserved_usd, again.lost_usd) == (0.0, 0.0)


def test_without_a_reservation_nothing_is_freed_or_lost():
    settled = make_budget().settle(make_attempt(1, status=None))

    assert (settled.reserved_usd, settled.lost_usd) == (0.0, 0.0)


# --- the worst case


def worst_case(budget, body):
    return budget.worst_case(body)


def test_the_worst_case_has_every_byte_as_a_token_and_the_longest_answer():
    worst = worst_case(make_budget(cost=dollar_a_token), BODY)

    assert worst >= len(str(BODY)) + 100
    assert worst < len(str(BODY)) + 200


def test_characters_count_with_all_their_bytes():
    budget = make_budget(cost=dollar_a_token)

    assert worst_case(budget, {**BODY, "input": "坂" * 1000}) >= worst_case(budget, {**BODY, "input": ""}) + 3000


@pytest.mark.parametrize("bound", [None, 0, -5, True, "800"])
def test_without_a_bound_that_makes_sense_a_long_answer_is_expected(bound):
    worst = worst_case(make_budget(cost=dollar_a_token), {**BODY, "max_output_tokens": bound})

    assert worst >= OUTPUT_PRIOR_TOKENS


def test_the_text_of_a_stored_prompt_is_allowed_for():
    budget = make_budget(cost=dollar_a_token)

    assert worst_case(budget, {"model": "gpt-5", "prompt": {}}) >= worst_case(budget, UNBOUNDED) + 4000


def test_the_worst_case_is_asked_for_at_the_tier_and_model_of_the_request():
    asked = []
    budget = make_budget(cost=lambda model, tier, _: asked.append((model, tier)) or 1.0)

    worst_case(budget, {**BODY, "service_tier": "flex"})
    worst_case(budget, BODY)

    assert asked == [("gpt-5", "flex"), ("gpt-5", None)]


@pytest.mark.parametrize("tokens", [{"output_tokens": 10}, {}])
def test_one_short_answer_does_not_lower_what_is_expected(tokens):
    budget = make_budget(cost=dollar_a_token)
    before = worst_case(budget, UNBOUNDED)

    budget.settle(make_attempt(1, answer=make_answer(0.0, input_tokens=5, **tokens)))

    assert worst_case(budget, UNBOUNDED) == before


def test_enough_answers_tell_what_to_expect_with_a_margin():
    budget = make_budget(cost=dollar_a_token)

    for job in range(MIN_ANSWERS):
        budget.settle(make_attempt(job, answer=make_answer(0.0, input_tokens=50, output_tokens=100 + job)))

    worst = worst_case(budget, UNBOUNDED)
    assert worst == pytest.approx(len(str(UNBOUNDED)) + 1.5 * 109, abs=1)


def test_one_long_answer_raises_what_is_expected_at_once():
    budget = make_budget(cost=dollar_a_token)

    budget.settle(make_attempt(1, answer=make_answer(0.0, input_tokens=50, output_tokens=50_000)))

    assert worst_case(budget, UNBOUNDED) >= 75_000


def test_expected_tokens_are_the_mean_of_the_answers():
    budget = make_budget()
    assert budget.expected_tokens == TOKENS_PRIOR

    for total in (100, 300, None):
        budget.settle(make_attempt(1, answer=make_answer(0.0, total_tokens=total)))

    assert budget.expected_tokens == 200.0


def test_an_unknown_price_has_no_worst_case():
    assert worst_case(make_budget(cost=lambda *_: None), BODY) is None
