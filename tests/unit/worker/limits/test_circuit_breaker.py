"""An outage is distinguished from bad rows by the number of jobs that fail in a row."""

import pytest

from artistjobs.core.attempt import Attempt, Failure, FailureKind, Outcome
from artistjobs.core.job import Claim
from artistjobs.worker.limits.circuit_breaker import Breaker

DONE = None
USED_UP = {"kind": FailureKind.RETRYABLE, "code": "http_503", "status": 503}
TIMED_OUT = {"kind": FailureKind.RETRYABLE, "code": "timeout", "status": None}
SAME_400 = {"code": "http_400", "status": 400, "message": "No such thing."}
TOO_LARGE = {"code": "http_413", "status": 413}


def make_attempt(job, failure, outcome=None):
    claim = Claim(job, 1, 1, "Nina Simone", "")
    made = Failure(**{"kind": FailureKind.PERMANENT, "message": "No.", **failure}) if failure else None
    outcome = outcome or (Outcome.FAILED if failure else Outcome.DONE)
    return Attempt(claim=claim, outcome=outcome, started_at=0.0, ended_at=1.0, failure=made)


def note_all(breaker, failures, *, start=1, outcome=None):
    """Return the first job whose failure trips the breaker."""
    for job, failure in enumerate(failures, start):
        if breaker.note(make_attempt(job, failure, outcome)):
            return job
    return None


@pytest.mark.parametrize(("workers", "jobs"), [(1, 10), (10, 10), (11, 11), (64, 64)])
@pytest.mark.parametrize("failure", [USED_UP, TIMED_OUT, SAME_400])
def test_it_trips_at_ten_jobs_in_a_row_or_as_many_as_workers(failure, workers, jobs):
    breaker = Breaker(workers)

    assert note_all(breaker, [failure] * 100) == jobs
    assert breaker.tripped_by == list(range(1, jobs + 1))


def test_used_up_calls_count_together_whatever_they_died_of():
    assert note_all(Breaker(4), [USED_UP, TIMED_OUT] * 10) == 10


@pytest.mark.parametrize("failure", [USED_UP, SAME_400])
def test_a_success_starts_the_count_again(failure):
    breaker = Breaker(4)

    assert note_all(breaker, [*[failure] * 9, DONE, *[failure] * 9, DONE, *[failure] * 9]) is None
    assert note_all(breaker, [failure], start=100) == 100
    assert breaker.tripped_by == [*range(21, 30), 100]


@pytest.mark.parametrize(
    "other",
    [
        {**SAME_400, "message": "Another thing."},
        {**SAME_400, "code": "invalid_value"},
        {**SAME_400, "param": "input"},
        {**SAME_400, "type": "policy"},
    ],
)
def test_differing_400s_do_not_trip_it(other):
    assert note_all(Breaker(4), [SAME_400, other] * 50) is None


def test_a_400_with_a_code_is_the_same_whatever_its_words():
    failures = [{"code": "invalid_value", "status": 400, "message": f"Row {number} is bad."} for number in range(20)]

    assert note_all(Breaker(4), failures) == 10


@pytest.mark.parametrize(
    "failure", [TOO_LARGE, {"code": "refusal", "status": 200}, {"code": "http_422", "status": 422}]
)
def test_a_rows_own_trouble_does_not_trip_it(failure):
    assert note_all(Breaker(4), [failure] * 100) is None


def test_a_rows_own_trouble_does_not_hide_an_outage():
    breaker = Breaker(4)

    assert note_all(breaker, [USED_UP, TOO_LARGE] * 50) == 19
    assert breaker.tripped_by == list(range(1, 20, 2))


@pytest.mark.parametrize("outcome", [Outcome.RETRY, Outcome.RELEASED])
def test_calls_that_are_repeated_and_jobs_given_back_do_not_count(outcome):
    assert note_all(Breaker(4), [USED_UP] * 100, outcome=outcome) is None


@pytest.mark.parametrize("late", [DONE, TOO_LARGE, USED_UP])
def test_what_comes_in_after_it_tripped_changes_nothing(late):
    """Otherwise the jobs in the row would stay failed, although the run reports them as pending."""
    breaker = Breaker(4)
    note_all(breaker, [USED_UP] * 10)

    assert note_all(breaker, [late] * 30, start=11) is None
    assert breaker.tripped_by == list(range(1, 11))


def test_it_goes_by_the_number_of_workers_as_it_is_now():
    breaker = Breaker(64)
    assert note_all(breaker, [USED_UP] * 20) is None

    breaker.resize(12)

    assert note_all(breaker, [USED_UP], start=21) == 21
