"""Many rows that are refused alike are not at fault, and a few refusals among answers are the rows' own."""

import pytest
from factories import make_attempt, make_claim, make_failure

from artistjobs.core.attempt import Outcome
from artistjobs.worker.limits.refusals import ForbiddenRows, RefusalSeries, what_it_says

SAME = {"code": "http_422", "status": 422, "type": None, "message": "No such thing."}
ANSWER = None


def refusal(job=1, **changes):
    claim = make_claim(job=job, artist_name=f"Artist {job}", artist_data=f"painter {job}")
    return make_attempt(claim, Outcome.FAILED, failure=make_failure(**(SAME | changes)))


def first_that_trips(series, refusals, *, ever_answered=True):
    """Return the number of the row whose refusal stops the run."""
    for job, changes in enumerate(refusals, 1):
        if changes is ANSWER:
            series.answered()
        else:
            attempt = refusal(job, **changes)
            if series.note(attempt, attempt.failure, ever_answered=ever_answered):
                return job
    return None


@pytest.mark.parametrize(("workers", "rows"), [(1, 10), (10, 10), (11, 11), (64, 64)])
@pytest.mark.parametrize("code", ["http_400", "http_405", "http_410", "http_415", "http_422", "not_completed"])
def test_ten_rows_in_a_row_or_as_many_as_workers_stop_the_run(workers, rows, code):
    series = RefusalSeries(workers)

    assert first_that_trips(series, [{"code": code}] * 100) == rows
    assert [attempt.claim.job for attempt in series.attempts] == list(range(1, rows + 1))


def test_an_answer_starts_the_count_again():
    assert first_that_trips(RefusalSeries(4), [*[{}] * 9, ANSWER] * 5) is None


def test_an_answer_that_arrives_after_the_stop_does_not_keep_refused_rows_failed():
    series = RefusalSeries(4)
    first_that_trips(series, [{}] * 10)

    series.answered()

    assert len(series.attempts) == 10


@pytest.mark.parametrize(
    "other", [{"message": "Another."}, {"code": "invalid_value"}, {"param": "input"}, {"type": "policy"}]
)
def test_different_refusals_stop_nothing_once_a_row_was_answered(other):
    assert first_that_trips(RefusalSeries(4), [{}, other] * 50) is None


def test_if_no_row_was_ever_answered_other_words_for_each_row_are_the_same_refusal():
    refusals = [{"message": f"Cannot process {'x' * number}"} for number in range(20)]

    assert first_that_trips(RefusalSeries(4), refusals, ever_answered=False) == 10


@pytest.mark.parametrize(
    "message", ["{name} is bad", "{data} of {name} is bad", "request req_{id} failed", "id 3f2a-{id}, took {id} ms"]
)
def test_a_message_is_the_same_whatever_row_number_or_id_it_names(message):
    def failure(job):
        return make_failure(
            **SAME | {"message": message.format(name=f"Björk {job}", data=f"singer {job}", id=job * 997)}
        )

    claims = [make_claim(artist_name=f"Björk {job}", artist_data=f"singer {job}") for job in (1, 2)]

    assert what_it_says(failure(1), claims[0]) == what_it_says(failure(2), claims[1])


@pytest.mark.parametrize(
    ("rows", "ever_answered", "is_sure"),
    [(0, False, False), (1, False, True), (1, True, False), (2, True, False), (3, True, True), (9, True, True)],
)
def test_a_run_that_ends_within_a_series_is_at_fault_if_nothing_was_answered_or_three_rows_were_refused(
    rows, ever_answered, is_sure
):
    series = RefusalSeries(4)
    first_that_trips(series, [{}] * rows, ever_answered=ever_answered)

    assert series.is_sure(ever_answered=ever_answered) is is_sure


# --- status 403


@pytest.mark.parametrize(
    ("unfinished", "ever_answered", "rows"),
    [(100, False, 3), (2, False, 2), (1, False, 1), (100, True, 10), (5, True, 5), (2, True, None)],
)
def test_a_gateway_that_refuses_all_rows_is_told_from_one_that_refuses_some(unfinished, ever_answered, rows):
    forbidden = ForbiddenRows(4)
    noted = [
        forbidden.note(job, unfinished=unfinished, ever_answered=ever_answered)
        for job in range(1, min(unfinished, 20) + 1)
    ]

    assert (noted.index(True) + 1 if True in noted else None) == rows


def test_one_row_that_is_refused_again_and_again_counts_once():
    forbidden = ForbiddenRows(4)

    assert not any(forbidden.note(7, unfinished=100, ever_answered=True) for _ in range(50))


def test_an_answer_forgets_the_rows_that_were_refused_before():
    forbidden = ForbiddenRows(4)
    for job in range(9):
        forbidden.note(job, unfinished=100, ever_answered=True)
    forbidden.answered()

    assert not forbidden.note(10, unfinished=100, ever_answered=True)
