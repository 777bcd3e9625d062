"""Spending never exceeds the cap, in any order of reserving and settling."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

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


def make_budget(cap=3.0, spent=0.0, cost=one_dollar_a_call):
    return Budget(cap, spent, cost)


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


async def reserve_soon(budget, job, body=BODY):
    """Start a reservation; return the task once it is done or waits."""
    task = asyncio.create_task(budget.reserve(job, body))
    for _ in range(5):
        await asyncio.sleep(0)
    return task


async def test_without_a_cap_everything_is_granted():
    budget = Budget(None, 1e9, lambda *_: None)

    assert all([await budget.reserve(job, BODY) for job in range(100)])
    budget.settle(make_attempt(1, cost=5.0))
    assert budget.spent_usd == 1e9 + 5.0


async def test_a_call_is_granted_as_long_as_its_worst_case_fits():
    budget = make_budget(cap=3.0)

    assert [await budget.reserve(job, BODY) for job in (1, 2, 3)] == [True, True, True]
    assert not (await reserve_soon(budget, 4)).done()


@pytest.mark.parametrize(("spent", "granted"), [(2.0, True), (2.01, False), (5.0, False)])
async def test_what_was_spent_before_counts(spent, granted):
    assert await make_budget(cap=3.0, spent=spent).reserve(1, BODY) is granted


async def test_an_unknown_price_under_a_cap_is_refused():
    assert not await make_budget(cap=1e9, cost=lambda *_: None).reserve(1, BODY)


async def test_calls_in_flight_are_waited_for_before_giving_up():
    budget = make_budget(cap=1.5)
    await budget.reserve(1, BODY)
    second, third = await reserve_soon(budget, 2), await reserve_soon(budget, 3)

    budget.settle(make_attempt(1, cost=0.25))
    assert await second

    budget.settle(make_attempt(2, cost=0.75))
    assert not await third


async def test_a_call_that_is_not_made_gives_its_reserve_back():
    budget = make_budget(cap=1.0)
    await budget.reserve(1, BODY)
    waiting = await reserve_soon(budget, 2)

    budget.settle(make_attempt(1, calls=0))

    assert await waiting
    assert budget.spent_usd == 0.0


@pytest.mark.parametrize(
    ("attempt", "spent"),
    [
        (make_attempt(1, cost=0.25), 0.25),
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
async def test_a_call_whose_outcome_is_unknown_counts_its_worst_case(attempt, spent):
    budget = make_budget()
    await budget.reserve(1, BODY)

    budget.settle(attempt)

    assert budget.spent_usd == spent


async def test_settling_twice_does_not_count_the_reserve_twice():
    budget = make_budget()
    await budget.reserve(1, BODY)

    budget.settle(make_attempt(1, status=None))
    budget.settle(make_attempt(1, status=None))

    assert budget.spent_usd == CALL_COST


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


# --- any order

STEPS = st.lists(
    st.tuples(st.sampled_from(["reserve", "reserve", "settle", "lose", "refuse", "give back"]), st.floats(0.0, 1.0)),
    max_size=60,
)


async def play(budget, cap, steps):
    """Make and settle calls according to ``steps``, each at no more than its worst case."""
    in_flight, waiting = [], []
    for job, (step, share) in enumerate(steps):
        if step == "reserve":
            waiting.append((job, await reserve_soon(budget, job)))
        elif in_flight:
            first = in_flight.pop(0)
            if step == "give back":
                budget.settle(make_attempt(first, calls=0))
            else:
                endings = {"settle": {"cost": share * CALL_COST}, "lose": {"status": None}, "refuse": {"status": 429}}
                budget.settle(make_attempt(first, **endings[step]))
        for _ in range(5):
            await asyncio.sleep(0)
        in_flight += [job for job, task in waiting if task.done() and task.result()]
        waiting = [(job, task) for job, task in waiting if not task.done()]
        assert budget.spent_usd + CALL_COST * len(in_flight) <= cap + 1e-9
        assert in_flight or not waiting
    for _, task in waiting:
        task.cancel()


@given(cap=st.floats(0.0, 5.0), steps=STEPS)
def test_spending_never_passes_the_cap_and_nobody_waits_for_nothing(cap, steps):
    asyncio.run(play(make_budget(cap=cap), cap, steps))


# --- a cap that changes


@pytest.mark.parametrize("cap", [2.0, None])
async def test_a_call_that_waits_is_granted_by_a_higher_cap_or_by_none(cap):
    budget = make_budget(cap=1.0)
    await budget.reserve(1, BODY)
    waiting = await reserve_soon(budget, 2)
    assert not waiting.done()

    budget.change_cap(cap)

    assert await waiting


async def test_a_lower_cap_holds_from_the_next_call_on():
    budget = make_budget(cap=None, spent=1.0)
    await budget.reserve(1, BODY)
    budget.settle(make_attempt(1, cost=0.5))

    budget.change_cap(2.0)

    assert not await budget.reserve(2, BODY)
    budget.change_cap(2.5)
    assert await budget.reserve(2, BODY)
