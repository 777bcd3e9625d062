"""Retries: which calls are repeated, after which waits, and the attempt that is returned."""

import random

import pytest

from artistjobs.core.attempt import Attempt, Failure, FailureKind, Outcome
from artistjobs.core.job import Claim
from artistjobs.core.retry import Backoff, last_attempt, retrying


class FixedChance(random.Random):
    """A random generator that always draws the same number."""

    def __init__(self, drawn):
        super().__init__()
        self._drawn = drawn

    def random(self):
        return self._drawn


def make_attempt(outcome=Outcome.RETRY, retry_after=None, code="http_503"):
    failure = Failure(kind=FailureKind.RETRYABLE, code=code, message="No.", retry_after_seconds=retry_after)
    return Attempt(
        claim=Claim(1, 1, 1, "Nina Simone", ""),
        outcome=outcome,
        started_at=0.0,
        ended_at=1.0,
        failure=None if outcome is Outcome.DONE else failure,
    )


async def repeat(attempts, *, calls_left=5, chance=0.0):
    """Return the result, the waits, and the attempts reported before each wait."""
    waits, told = [], []
    script = iter(attempts)

    async def sleep(seconds):
        waits.append(seconds)

    async def call():
        return next(script)

    async def before_sleep(state):
        told.append((last_attempt(state), state.next_action.sleep))

    last = await retrying(calls_left, Backoff(FixedChance(chance)), sleep, before_sleep)(call)
    return last, waits, told


@pytest.mark.parametrize(
    ("chance", "waits"),
    [(0.0, [0.5, 1.0, 2.0, 4.0]), (0.5, [0.5625, 1.125, 2.25, 4.5]), (1.0, [0.625, 1.25, 2.5, 5.0])],
)
async def test_waits_double_with_up_to_a_quarter_more(chance, waits):
    _, waited, _ = await repeat([make_attempt()] * 5, chance=chance)

    assert waited == waits


@pytest.mark.parametrize(
    ("chance", "waits"), [(0.0, [5.0, 10.0, 20.0, 40.0, 40.0]), (1.0, [6.25, 12.5, 25.0, 50.0, 50.0])]
)
async def test_waits_for_a_full_flex_tier_are_longer(chance, waits):
    full = make_attempt(code="resource_unavailable")

    _, waited, _ = await repeat([full] * 6, calls_left=6, chance=chance)

    assert waited == waits


async def test_waits_stop_growing():
    _, waited, _ = await repeat([make_attempt()] * 8, calls_left=8)

    assert waited[3:] == [4.0, 4.0, 4.0, 4.0]


@pytest.mark.parametrize("asked", [0.6, 30.0, 300.0, 86_400.0])
async def test_a_wait_is_never_less_than_the_server_asked_for(asked):
    _, waited, _ = await repeat([make_attempt(retry_after=asked), make_attempt(Outcome.DONE)])

    assert waited == [asked]


async def test_a_server_that_asks_for_less_does_not_shorten_the_wait():
    _, waited, _ = await repeat([make_attempt(retry_after=0.01), make_attempt(Outcome.DONE)])

    assert waited == [0.5]


async def test_the_wait_of_an_earlier_refusal_is_not_applied_again():
    _, waited, _ = await repeat([make_attempt(retry_after=30.0), make_attempt(), make_attempt(Outcome.DONE)])

    assert waited == [30.0, 1.0]


@pytest.mark.parametrize("calls_left", [1, 2, 5])
async def test_the_last_attempt_is_returned_when_the_calls_are_used_up(calls_left):
    attempts = [make_attempt() for _ in range(10)]

    last, waits, _ = await repeat(attempts, calls_left=calls_left)

    assert last is attempts[calls_left - 1]
    assert len(waits) == calls_left - 1


@pytest.mark.parametrize("calls_left", [0, -3])
async def test_a_job_with_no_calls_left_gets_one(calls_left):
    _, waits, _ = await repeat([make_attempt()], calls_left=calls_left)

    assert waits == []


@pytest.mark.parametrize("outcome", [Outcome.DONE, Outcome.FAILED, Outcome.RELEASED])
async def test_a_settled_call_is_not_repeated(outcome):
    attempt = make_attempt(outcome)

    last, waits, told = await repeat([attempt])

    assert last is attempt
    assert waits == told == []


async def test_each_failed_call_is_reported_before_its_wait():
    first, second, third = make_attempt(), make_attempt(retry_after=9.0), make_attempt(Outcome.DONE)

    _, _, told = await repeat([first, second, third])

    assert told == [(first, 0.5), (second, 9.0)]


async def test_an_exception_is_passed_on_at_once():
    async def call():
        raise KeyError("broken")

    async def never(_):
        raise AssertionError("there is nothing to wait for")

    with pytest.raises(KeyError, match="broken"):
        await retrying(5, Backoff(FixedChance(0.0)), never, never)(call)
