"""Limit of calls in flight: few until the first reply, then all, fewer after a refusal, and rising again from one."""

from hypothesis import given
from hypothesis import strategies as st

from artistjobs.worker.limits.concurrency import FIRST_CALLS, FORGIVEN_SECONDS, ConcurrencyLimit


class Time:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def make_window(largest: int = 64) -> tuple[ConcurrencyLimit, Time]:
    time = Time()
    return ConcurrencyLimit(largest, time), time


def replies_until(window: ConcurrencyLimit, size: int) -> int:
    count = 0
    while window.size < size:
        window.answered()
        count += 1
        assert count < 100_000
    return count


def test_few_calls_start_before_the_first_reply_and_all_after_it():
    window, _ = make_window()
    window.in_flight = FIRST_CALLS
    before = window.is_full

    window.answered()

    assert (before, window.is_full) == (True, False)
    assert window.size == 64


def test_a_small_window_is_never_widened():
    window, _ = make_window(2)

    window.answered()

    assert window.size == 2


def test_a_refusal_halves_what_was_in_flight():
    window, _ = make_window()
    window.answered()
    window.in_flight = 40

    window.refused()

    assert window.size == 20.5


def test_a_refusal_as_first_reply_does_not_raise_the_limit():
    window, _ = make_window()
    window.in_flight = 8

    window.refused()
    window.answered()

    assert window.size < 8


def test_refusal_after_refusal_leaves_one_call():
    window, _ = make_window()
    for _ in range(20):
        window.refused()

    assert window.size == 1
    assert not window.is_full


def test_it_grows_by_about_one_per_round_trip_near_the_limit():
    window, _ = make_window()
    window.answered()
    window.in_flight = 20
    window.refused()
    before = window.size

    for _ in range(round(before)):
        window.answered()

    assert 0.8 <= window.size - before <= 1.1


def test_it_grows_quickly_once_the_limit_is_gone():
    window, time = make_window()
    for _ in range(20):
        window.refused()

    time.now += FORGIVEN_SECONDS + 1

    assert replies_until(window, 64) <= 64


def test_a_larger_window_applies_at_once_if_nothing_was_refused():
    window, _ = make_window(4)
    window.answered()

    window.resize(100)

    assert window.size == 100


def test_a_wider_window_opens_gradually_after_a_refusal():
    window, _ = make_window(16)
    window.answered()
    window.in_flight = 16
    window.refused()

    window.resize(100)

    assert window.size == 8
    assert replies_until(window, 20) > 12


@given(st.lists(st.one_of(st.integers(1, 500), st.sampled_from(["answered", "refused"]))))
def test_a_window_is_never_zero_and_never_larger_than_set(steps):
    window, _ = make_window(64)
    for step in steps:
        if isinstance(step, int):
            window.resize(step)
            largest = step
        else:
            largest = window._largest
            getattr(window, step)()
        assert 1 <= window.size <= largest
