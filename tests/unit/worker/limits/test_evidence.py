"""A row is at fault if it alone fails; an outage, a brown-out and a rate limit are no row's fault."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artistjobs.worker.limits.evidence import Case, ServiceRecord

CALLS = 5


def answer_others(record, count, *, failed=0):
    """Answer a number of other rows, each after a number of failed calls."""
    for _ in range(count):
        other = Case(record)
        for _ in range(failed):
            other.note_failure(is_service=False)
        other.note_answer()


def fail(case, calls=CALLS, *, is_service=False):
    for _ in range(calls):
        case.note_failure(is_service=is_service)


def blamed(case, *, is_last=False, calls=CALLS):
    return case.blames_row(calls, is_last=is_last)


def test_a_row_that_alone_fails_among_answers_is_at_fault():
    record = ServiceRecord()
    case = Case(record)
    fail(case)
    answer_others(record, 8)

    assert blamed(case)


@pytest.mark.parametrize("is_last", [False, True])
def test_without_any_answer_no_row_is_at_fault(is_last):
    case = Case(ServiceRecord())
    fail(case, 50)

    assert not blamed(case, is_last=is_last)


def test_answers_before_the_outage_do_not_blame_the_rows_that_were_in_flight_when_it_began():
    record = ServiceRecord()
    cases = [Case(record) for _ in range(32)]
    answer_others(record, 31)
    for case in cases:
        fail(case)

    assert not any(blamed(case) or blamed(case, is_last=True) for case in cases)


def test_rows_that_recover_show_that_the_service_failed():
    record = ServiceRecord()
    case = Case(record)
    fail(case)
    answer_others(record, 30, failed=3)

    assert not blamed(case)


def test_one_answer_is_enough_if_no_other_row_is_left():
    record = ServiceRecord()
    case = Case(record)
    answer_others(record, 1)
    fail(case)

    assert blamed(case, is_last=True)
    assert not blamed(case, is_last=False)


def test_the_last_rows_are_not_at_fault_if_all_of_them_fail():
    record = ServiceRecord()
    cases = [Case(record) for _ in range(4)]
    answer_others(record, 3)
    for case in cases:
        fail(case)

    assert not any(blamed(case, is_last=True) for case in cases)


@pytest.mark.parametrize("other", [0, 1, 4])
def test_a_rate_limit_uses_up_no_calls(other):
    record = ServiceRecord()
    case = Case(record)
    fail(case, 5 - other, is_service=True)
    fail(case, other)
    answer_others(record, 100)

    assert not blamed(case)


def test_failures_beside_a_rate_limit_count_from_claim_to_claim():
    record = ServiceRecord()
    case = Case(record)
    for _ in range(3):
        case.claimed_again()
        fail(case, 3, is_service=True)
        fail(case, 2)
    answer_others(record, 100)

    assert blamed(case)


@pytest.mark.parametrize("calls", [1, 2, 3, 5, 8])
def test_a_row_that_alone_fails_is_at_fault_whatever_number_of_calls_is_allowed(calls):
    record = ServiceRecord()
    case = Case(record)
    answer_others(record, 1)
    fail(case, calls)

    assert blamed(case, is_last=True, calls=calls)


def brown_out(rate, seed, rows=400, workers=32, most_calls=200):
    """Return the numbers of rows answered and blamed, in a service that refuses that share of calls at random."""
    chance, record = random.Random(seed), ServiceRecord()
    waiting, answered, blamed_rows = [(Case(record), 0) for _ in range(rows)], 0, 0
    while waiting:
        batch, waiting = waiting[:workers], waiting[workers:]
        chance.shuffle(batch)
        for case, calls in batch:
            case.claimed_again()
            for _ in range(CALLS):
                if chance.random() >= rate:
                    case.note_answer()
                    answered += 1
                    break
                case.note_failure(is_service=False)
            else:
                if blamed(case) or calls > most_calls:
                    blamed_rows += 1
                else:
                    waiting.append((case, calls + CALLS))
    return answered, blamed_rows


@settings(max_examples=30, deadline=None)
@given(rate=st.sampled_from([0.2, 0.3, 0.5, 0.7, 0.85]), seed=st.integers(0, 2**32))
def test_a_brown_out_burns_no_row_and_every_row_is_answered_in_the_end(rate, seed):
    answered, blamed_rows = brown_out(rate, seed)

    assert answered + blamed_rows == 400
    assert blamed_rows == 0
