"""The worst case of a call is never too low, and a reservation is freed or counted as lost at the end of the call."""

import pytest

from artistjobs.core.attempt import Answer, Attempt, Failure, FailureKind, Outcome, Usage
from artistjobs.core.cost_bound import OVERHEAD_TOKENS
from artistjobs.core.job import Claim
from artistjobs.worker.limits.budget import MARGIN, OUTPUT_PRIOR_TOKENS, TOKENS_PRIOR, Budget, Hold

BODY = {"model": "gpt-5", "input": "Nina Simone", "max_output_tokens": 100}
UNBOUNDED = {"model": "gpt-5", "input": "Nina Simone"}
CALL_COST = 1.0


def one_dollar_a_call(_model, _tier, _usage):
    return CALL_COST


def dollar_a_token(_model, _tier, usage):
    return float(usage.input_tokens + usage.output_tokens)


def make_budget(cost=one_dollar_a_call):
    return Budget(cost)


def make_answer(cost, *, tier=None, **tokens):
    return Answer(
        text="",
        text_path=None,
        response_id="resp_1",
        created=0,
        status="completed",
        model="gpt-5",
        service_tier=tier,
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
        (make_attempt(1, status=399), CALL_COST),
        *((make_attempt(1, status=status), CALL_COST) for status in (408, 502, 504, 520, 522, 524)),
        (make_attempt(1, status=400), 0.0),
        (make_attempt(1, status=429), 0.0),
        (make_attempt(1, status=500), 0.0),
        (make_attempt(1, status=503), 0.0),
        (make_attempt(1, status=521), 0.0),
        (make_attempt(1, status=None, calls=0), 0.0),
    ],
)
def test_a_call_whose_outcome_is_unknown_counts_its_worst_case(attempt, lost):
    budget = make_budget()
    budget.remember(1, Hold(CALL_COST, 0.5))

    settled = budget.settle(attempt)

    assert (settled.reserved_usd, settled.margin_usd, settled.lost_usd) == (CALL_COST, 0.5, lost)


def test_settling_twice_does_not_free_or_lose_the_same_money_twice():
    budget = make_budget()
    budget.remember(1, Hold(CALL_COST, 0.5))

    budget.settle(make_attempt(1, status=None))
    again = budget.settle(make_attempt(1, status=None))

    assert (again.reserved_usd, again.margin_usd, again.lost_usd) == (0.0, 0.0, 0.0)


def test_without_a_reservation_nothing_is_freed_or_lost():
    settled = make_budget().settle(make_attempt(1, status=None))

    assert (settled.reserved_usd, settled.lost_usd) == (0.0, 0.0)


# --- the worst case


def hold(budget, body=BODY, prompt=1):
    return budget.worst_case(prompt, body)


def answered(budget, cost, *, job=1, body=BODY, **answer):
    """Hold money back for a call that costs so much, and settle it."""
    budget.remember(job, hold(budget, body))
    answer = {"input_tokens": 5, "output_tokens": 5} | answer
    return budget.settle(make_attempt(job, answer=make_answer(cost, **answer)))


def test_the_worst_case_of_a_call_is_held_back():
    worst = hold(make_budget(cost=dollar_a_token)).usd

    assert len(str(BODY)) + 100 <= worst <= len(str(BODY)) + 100 + OVERHEAD_TOKENS


def test_a_cost_without_a_bound_is_not_held_back():
    assert hold(make_budget(cost=lambda *_: None)) is None
    assert hold(make_budget(), {**BODY, "tools": [{"type": "web_search"}]}) is None


def test_a_server_that_proved_nothing_is_believed_a_little_more_with_each_answer():
    budget = make_budget(cost=dollar_a_token)
    margins = []

    for _ in range(20):
        margins.append(hold(budget).margin_usd)
        answered(budget, 10.0)

    longest = 128_000 - 100
    assert margins == [pytest.approx(longest / (answers + 2)) for answers in range(20)]


def test_openai_is_believed_from_the_first_call_on():
    assert hold(Budget(dollar_a_token, trusts_server=True)).margin_usd == 0.0


@pytest.mark.parametrize("answer", [{"cost": None}, {"cost": 0.25, "failure": True}])
def test_what_shows_nothing_confirms_nothing(answer):
    budget = make_budget(cost=dollar_a_token)
    before = hold(budget)
    budget.remember(1, before)

    attempt = make_attempt(1, status=500) if "failure" in answer else make_attempt(1, answer=make_answer(None))
    budget.settle(attempt)

    assert hold(budget) == before


def test_prompts_are_believed_one_by_one():
    budget = make_budget(cost=dollar_a_token)
    answered(budget, 10.0)

    assert hold(budget, prompt=2).margin_usd > hold(budget, prompt=1).margin_usd


def test_an_answer_that_breaks_the_bound_raises_it_and_begins_the_doubts_again(capsys):
    budget = Budget(dollar_a_token, trusts_server=True)
    for _ in range(50):
        answered(budget, 10.0)

    answered(budget, 20_000.0, output_tokens=20_000)

    assert hold(budget).usd >= 128_000
    warning = capsys.readouterr().err
    assert "an answer cost $20,000.00, but at most" in warning
    assert "by max_output_tokens=100 and the size of each request" in warning
    assert "gpt-5 at the tier default billed 5 tokens in, 20,000 out" in warning


def test_a_server_whose_answer_broke_the_bound_is_no_longer_believed(capsys):
    budget = Budget(dollar_a_token, trusts_server=True)

    answered(budget, 1_000.0)

    assert hold(budget).margin_usd == pytest.approx((128_000 - 100) / 2)


def test_only_the_first_answer_that_breaks_the_bound_is_told(capsys):
    budget = make_budget(cost=dollar_a_token)

    answered(budget, 10_000.0, tier="priority", input_tokens=None, output_tokens=None)
    told = capsys.readouterr().err
    answered(budget, 1_000_000.0)

    assert "gpt-5 at the tier priority billed 0 tokens in, 0 out" in told
    assert capsys.readouterr().err == ""


def test_an_answer_that_costs_just_what_was_held_back_confirms_the_bound():
    budget = make_budget(cost=dollar_a_token)
    before = hold(budget)

    answered(budget, before.usd)

    assert hold(budget).usd == before.usd
    assert hold(budget).margin_usd < before.margin_usd


def test_an_answer_that_costs_half_more_than_was_held_back_breaks_the_bound():
    budget = make_budget(cost=dollar_a_token)
    before = hold(budget)

    answered(budget, 1.5 * before.usd)

    assert hold(budget).usd > 1.5 * before.usd


def test_a_bound_is_raised_no_further_than_to_the_longest_answer_if_that_covers_what_was_seen():
    budget = make_budget(cost=dollar_a_token)
    longest = hold(budget).usd - 100 + 128_000

    answered(budget, longest, output_tokens=101)

    assert hold(budget).usd == longest


def test_an_answer_shows_how_long_a_stored_prompt_is():
    stored = {**BODY, "prompt": {"id": "pmpt_1"}}
    budget = make_budget(cost=dollar_a_token)
    before = hold(budget, stored)

    answered(budget, 1_010.0, body=stored, input_tokens=1_000, output_tokens=10)

    assert before.usd > 100_000
    assert 1_500 < hold(budget, stored).usd < 3_000


def test_an_answer_for_which_nothing_was_held_back_breaks_no_bound(capsys):
    budget = make_budget(cost=dollar_a_token)
    before = hold(budget)
    budget.remember(1, Hold(0.0))

    settled = budget.settle(make_attempt(1, cost=999_999.0))

    assert (settled.reserved_usd, settled.margin_usd) == (0.0, 0.0)
    assert hold(budget) == before
    assert capsys.readouterr().err == ""


def test_a_bound_that_is_broken_for_reasons_unknown_covers_what_was_seen():
    budget = make_budget(cost=dollar_a_token)

    answered(budget, 999_999.0)

    assert hold(budget).usd > 999_999.0


def test_a_soft_cap_estimates_from_the_dearest_answer():
    budget = Budget(dollar_a_token, is_soft=True)
    first = hold(budget, UNBOUNDED)

    for cost in (10.0, 200.0, 30.0):
        answered(budget, cost, body=UNBOUNDED)

    assert first.usd == len(str(UNBOUNDED)) + OVERHEAD_TOKENS + OUTPUT_PRIOR_TOKENS
    assert hold(budget, UNBOUNDED).usd == MARGIN * 200.0 > 200.0
    # The answer of 200 dollars was not expected, so only the last one counts as a confirmation.
    assert hold(budget, UNBOUNDED).margin_usd == pytest.approx((128_000 - 300) / 3, rel=0.01)


def test_a_soft_cap_needs_neither_a_bound_nor_a_price():
    assert hold(Budget(dollar_a_token, is_soft=True), {**BODY, "tools": [{"type": "mcp"}]}).usd > 0
    assert hold(Budget(lambda *_: None, is_soft=True)) == Hold(0.0, 0.0, len(str(BODY)))


def test_a_soft_cap_learns_what_calls_cost_though_the_model_asked_for_has_no_price():
    budget = Budget(lambda *_: None, is_soft=True)

    answered(budget, 200.0)

    assert hold(budget).usd == MARGIN * 200.0


def test_a_soft_cap_holds_back_no_margin_if_it_expects_more_than_the_longest_answer_costs():
    budget = Budget(dollar_a_token, is_soft=True)

    answered(budget, 100_000.0, body=UNBOUNDED)

    assert hold(budget, UNBOUNDED) == Hold(150_000.0, 0.0, len(str(UNBOUNDED)))


def test_a_soft_cap_warns_of_no_answer(capsys):
    budget = Budget(dollar_a_token, is_soft=True)

    answered(budget, 999_999.0)

    assert capsys.readouterr().err == ""


def test_expected_tokens_are_the_mean_of_the_answers():
    budget = make_budget()
    assert budget.expected_tokens == TOKENS_PRIOR

    for total in (100, 300, None):
        budget.settle(make_attempt(1, answer=make_answer(0.0, total_tokens=total)))

    assert budget.expected_tokens == 200.0
