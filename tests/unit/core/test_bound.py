"""What bounded a run follows from where the time of its slots went."""

from dataclasses import replace

import pytest

from artistjobs.core.attempt import Failure, FailureKind
from artistjobs.core.bound import NO_USAGE, Bound, Usage, bound_of_refusal, bounded_by, bounded_json

BUSY = Usage(seconds=100, slots=800, in_calls=780, in_commits=4, calls=1000, cpu=20)
"""A run with 8 slots, nearly all of them in calls."""

FOUND = replace(BUSY, found=100.0)


@pytest.mark.parametrize(
    ("usage", "bound", "share"),
    [
        (BUSY, Bound.WORKERS, 0.98),
        (replace(BUSY, in_calls=300, requests=480), Bound.REQUESTS, 480 / 784),
        (replace(BUSY, held_requests=900), Bound.REQUESTS, 0.9),
        (replace(BUSY, in_calls=300, tokens=480, requests=4), Bound.TOKENS, 480 / 788),
        (replace(BUSY, held_tokens=600), Bound.TOKENS, 0.6),
        (replace(BUSY, in_calls=300, budget=400), Bound.BUDGET, 400 / 704),
        (replace(BUSY, in_calls=300, service=400), Bound.SERVICE, 400 / 704),
        (replace(BUSY, in_calls=300, files=400), Bound.FILES, 400 / 704),
        (replace(BUSY, in_calls=300, in_commits=300), Bound.DISK, 0.5),
        (replace(BUSY, cpu=95), Bound.CPU, 0.95),
        (replace(BUSY, in_calls=300, in_commits=300, cpu=99), Bound.CPU, 0.99),
        (replace(BUSY, paused=60, in_calls=100), Bound.PAUSED, 0.6),
        (replace(BUSY, slots=1600), Bound.LATENCY, 780 / 784),
        (replace(BUSY, at_files=90), Bound.FILES, 0.9),
        (replace(BUSY, at_files=90, slots=1600), Bound.LATENCY, 780 / 784),
        (replace(FOUND, at_latency=80), Bound.LATENCY, 0.8),
        (replace(FOUND, at_refusal=70), Bound.SERVICE, 0.7),
        (replace(FOUND, at_most=90), Bound.WORKERS, 0.98),
        (FOUND, Bound.WORKERS, 0.98),
    ],
)
def test_the_largest_cause_bounds_a_run(usage, bound, share):
    bounded = bounded_by(usage)

    assert bounded is not None
    assert bounded.bound is bound
    assert bounded.share == pytest.approx(share)


@pytest.mark.parametrize("wait", ["requests", "tokens", "budget", "service", "files", "in_commits"])
def test_a_short_wait_bounds_nothing(wait):
    bounded = bounded_by(replace(BUSY, **{wait: 0.05 * BUSY.slots}))

    assert bounded is not None
    assert bounded.bound is Bound.WORKERS


def test_a_run_that_did_nothing_was_bounded_by_nothing():
    assert bounded_by(NO_USAGE) is None
    assert bounded_by(Usage(seconds=5.0)) is None
    assert bounded_json(None) is None


def test_a_budget_that_stops_the_run_bounded_it_whatever_else_it_waited_for():
    bounded = bounded_by(replace(BUSY, requests=500), is_spent=True)

    assert bounded is not None
    assert bounded.sentence == "bounded by the budget (no room for another call); raise --max-cost"


@pytest.mark.parametrize(
    ("usage", "sentence"),
    [
        (BUSY, "bounded by the calls in flight (98 % of the time in use); raise --max-workers, or use auto"),
        (
            replace(FOUND, at_most=90),
            "bounded by the calls in flight (98 % of the time in use); --max-workers N allows more than auto",
        ),
        (
            replace(FOUND, at_latency=80),
            "bounded by the latency of the API (80 % of the time more calls would only have waited)",
        ),
    ],
)
def test_the_sentence_says_what_why_and_what_would_help(usage, sentence):
    bounded = bounded_by(usage)

    assert bounded is not None
    assert bounded.sentence == sentence


def test_its_json_has_the_cause_the_share_and_the_remedy():
    assert bounded_json(bounded_by(replace(BUSY, cpu=95))) == {
        "by": "cpu", "share": 0.95, "remedy": "use --processes on a machine with more processors",
    }  # fmt: skip


def test_the_usage_of_processes_adds_up_and_that_before_is_taken_off():
    assert BUSY.plus(BUSY).slots == 1600
    assert BUSY.plus(BUSY).plus(BUSY, -1) == BUSY


@pytest.mark.parametrize(
    ("code", "error_type", "slow_down", "bound"),
    [
        ("rate_limit_exceeded", "tokens", True, Bound.TOKENS),
        ("rate_limit_exceeded", "requests", True, Bound.REQUESTS),
        ("rate_limit_exceeded", None, True, Bound.REQUESTS),
        ("tokens_exceeded", None, True, Bound.TOKENS),
        ("http_429", None, True, Bound.REQUESTS),
        ("slow_down", None, True, Bound.REQUESTS),
        ("server_error", "server_error", False, Bound.SERVICE),
    ],
)
def test_a_refusal_tells_the_limit_that_was_reached(code, error_type, slow_down, bound):
    kind = FailureKind.RETRYABLE
    failure = Failure(kind=kind, code=code, message="wait", type=error_type, slow_down=slow_down)

    assert bound_of_refusal(failure) is bound
