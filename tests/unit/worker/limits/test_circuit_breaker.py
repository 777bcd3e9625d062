"""An outage is distinguished from bad rows by how many jobs in a row come to nothing; one call at a time probes it."""

from math import inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from artistjobs.worker.limits.circuit_breaker import (
    FIRST_PAUSE_SECONDS,
    MAX_PAUSE_SECONDS,
    SUSPICION_SECONDS,
    Breaker,
    Event,
    State,
)

MANY = 1_000_000
PATIENCE = 1800.0


class Time:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def time():
    return Time()


@pytest.fixture
def breaker(time):
    return Breaker(4, PATIENCE, time)


def tripped(time, patience=PATIENCE):
    breaker = Breaker(4, patience, time)
    breaker.trip("http_503")
    return breaker


def jobs_until_it_trips(breaker, unfinished=MANY):
    return next(n for n in range(1, 10_000) if breaker.came_to_nothing(unfinished, "http_503") is Event.TRIPPED)


def probe(breaker, time):
    """Wait until the breaker opens, and begin the probe; return its number and how long the wait was."""
    waited = breaker.seconds_to_probe
    time.now += waited
    return breaker.begin(), waited


@pytest.mark.parametrize(
    ("workers", "unfinished", "jobs"),
    [(1, MANY, 10), (10, MANY, 10), (11, MANY, 11), (64, MANY, 64), (4, 9, 9), (64, 20, 20), (4, 1, 1), (4, 0, 1)],
)
def test_it_trips_at_ten_jobs_in_a_row_or_as_many_as_workers_or_as_are_unfinished(time, workers, unfinished, jobs):
    breaker = Breaker(workers, PATIENCE, time)

    assert jobs_until_it_trips(breaker, unfinished) == jobs
    assert breaker.state is State.RESTING


def test_an_answer_starts_the_count_again(breaker):
    for _ in range(3):
        assert not any(breaker.came_to_nothing(MANY, "x") for _ in range(9))
        assert breaker.answered() is None

    assert jobs_until_it_trips(breaker) == 10


def test_it_follows_changes_of_the_number_of_workers(time):
    breaker = Breaker(64, PATIENCE, time)
    assert not any(breaker.came_to_nothing(MANY, "x") for _ in range(20))

    breaker.resize(12)

    assert breaker.came_to_nothing(MANY, "x") is Event.TRIPPED


def test_one_call_at_a_time_tries_again_after_growing_pauses_of_a_minute_at_most(time):
    breaker, pauses = tripped(time), []
    while True:
        call, waited = probe(breaker, time)
        pauses.append(waited)
        assert breaker.opens_at == inf
        if breaker.failed(call, "http_503") is Event.GAVE_UP:
            break

    assert pauses[:7] == [1, 2, 4, 8, 16, 32, 60]
    assert max(pauses) == MAX_PAUSE_SECONDS
    assert sum(pauses) == PATIENCE


@pytest.mark.parametrize("patience", [0.5, 5.0, 25.0, 3600.0])
def test_it_gives_up_when_a_probe_fails_after_the_patience_and_not_before(time, patience):
    breaker, began = tripped(time, patience), time.now
    events = []
    while Event.GAVE_UP not in events:
        call, _ = probe(breaker, time)
        events.append(breaker.failed(call, "http_503"))

    assert time.now - began == patience
    assert set(events[:-1]) <= {Event.STILL_AWAY}
    assert breaker.opens_at == inf


def test_without_patience_it_gives_up_at_once(time):
    breaker = Breaker(4, 0.0, time)

    assert [breaker.came_to_nothing(2, "x") for _ in range(2)] == [None, Event.GAVE_UP]
    assert breaker.opens_at == inf


def test_after_a_stop_of_the_process_one_more_probe_is_made_before_it_gives_up(time):
    breaker = tripped(time)
    time.now += 10 * PATIENCE

    assert breaker.seconds_to_probe == 0
    assert breaker.failed(breaker.begin(), "x") is Event.GAVE_UP


@pytest.mark.parametrize("probes", [0, 1, 8])
def test_the_first_answer_ends_the_rest_whichever_call_received_it(time, probes):
    breaker = Breaker(4, PATIENCE, time)
    early = breaker.begin()
    breaker.trip("x")
    for _ in range(probes):
        breaker.failed(probe(breaker, time)[0], "x")

    assert breaker.answered() is Event.RECOVERED
    assert breaker.is_closed
    assert breaker.failed(early, "x") is None
    assert jobs_until_it_trips(breaker) == 10


def test_calls_that_began_before_the_rest_do_not_lengthen_it(time):
    breaker = Breaker(4, PATIENCE, time)
    early = breaker.begin()
    breaker.trip("x")
    call, _ = probe(breaker, time)

    assert breaker.failed(early, "x") is None
    assert breaker.is_probe(call)


def test_a_probe_without_a_result_is_made_by_another_call_at_once(time):
    breaker = tripped(time)
    call, _ = probe(breaker, time)

    breaker.abandon(call)

    assert breaker.seconds_to_probe == 0
    assert breaker.begin() != call


def test_a_time_without_calls_for_another_reason_does_not_use_up_the_patience(time):
    breaker = tripped(time, 60.0)
    time.now += 3600
    breaker.postpone(3600)

    assert breaker.failed(probe(breaker, time)[0], "x") is Event.STILL_AWAY


def test_a_rest_tells_its_cause_the_next_probe_and_its_end(time):
    breaker = tripped(time)
    assert (breaker.rest.cause, breaker.rest.next_probe_at) == ("http_503", time.now + FIRST_PAUSE_SECONDS)
    assert breaker.rest.gives_up_at == time.now + PATIENCE

    call, _ = probe(breaker, time)
    assert breaker.rest.next_probe_at is None

    breaker.failed(call, "timeout")
    assert breaker.rest.cause == "timeout"

    breaker.answered()
    assert breaker.rest is None


# --- a refusal that may be a mistake


def test_a_doubtful_refusal_rests_the_calls_and_an_answer_to_the_probe_dismisses_it(breaker, time):
    assert breaker.suspect(breaker.begin(), "http_401") is Event.SUSPECTED

    call, waited = probe(breaker, time)
    assert waited == SUSPICION_SECONDS
    assert breaker.is_probe(call)
    assert breaker.answered() is None
    assert breaker.is_closed


def test_a_refusal_of_the_probe_confirms_it_and_those_of_earlier_calls_do_not(breaker, time):
    early = [breaker.begin() for _ in range(4)]
    assert breaker.suspect(early[0], "http_401") is Event.SUSPECTED
    assert {breaker.suspect(call, "http_401") for call in early[1:]} == {None}

    call, _ = probe(breaker, time)

    assert breaker.suspect(early[1], "http_401") is None
    assert breaker.suspect(call, "http_401") is Event.CONFIRMED


def test_a_probe_of_a_refusal_that_fails_otherwise_begins_an_outage(breaker, time):
    breaker.suspect(breaker.begin(), "http_401")
    call, _ = probe(breaker, time)

    assert breaker.failed(call, "http_503") is Event.TRIPPED
    assert breaker.rest.gives_up_at == time.now + PATIENCE


def test_a_refusal_during_an_outage_is_asked_once_more_too(time):
    breaker = tripped(time)
    call, _ = probe(breaker, time)
    assert breaker.suspect(call, "http_401") is Event.SUSPECTED

    call, _ = probe(breaker, time)
    assert breaker.suspect(call, "http_401") is Event.CONFIRMED


# --- several processes


def test_a_process_that_follows_makes_no_probe_until_it_leads_or_the_leader_is_answered(breaker, time):
    breaker.follow("http_503")
    assert (breaker.opens_at, breaker.rest) == (inf, None)

    breaker.lead()
    call, waited = probe(breaker, time)
    assert waited == FIRST_PAUSE_SECONDS
    assert breaker.failed(call, "x") is Event.STILL_AWAY

    breaker.follow("x")
    assert breaker.close() is Event.RECOVERED
    assert breaker.is_closed


def test_of_two_processes_that_trip_together_one_follows(time):
    breaker = tripped(time)
    breaker.follow("http_503")

    assert breaker.opens_at == inf


def test_an_answer_elsewhere_changes_nothing_while_calls_start(breaker):
    assert breaker.close() is None
    breaker.lead()

    assert breaker.is_closed


class Calls(RuleBasedStateMachine):
    """Any order of calls and results, as several job loops produce it."""

    def __init__(self):
        super().__init__()
        self.time = Time()
        self.breaker = Breaker(3, 100.0, self.time)
        self.in_flight = []
        self.begun_at_rest = 0
        self.has_given_up = False

    @rule(seconds=st.floats(0.1, 90))
    def wait(self, seconds):
        self.time.now += seconds

    @precondition(lambda self: self.breaker.opens_at <= self.time.now)
    @rule()
    def begin(self):
        rests = not self.breaker.is_closed
        call = self.breaker.begin()
        self.begun_at_rest += rests
        self.in_flight.append(call)

    @precondition(lambda self: self.in_flight)
    @rule(data=st.data(), result=st.sampled_from(["answered", "failed", "suspect", "abandon", "used up"]))
    def end(self, data, result):
        call = self.in_flight.pop(data.draw(st.integers(0, len(self.in_flight) - 1)))
        was_probe = self.breaker.is_probe(call)
        self.begun_at_rest -= was_probe
        if result == "answered":
            self.breaker.answered()
            self.begun_at_rest = 0
            assert self.breaker.is_closed
        elif result == "abandon":
            self.breaker.abandon(call)
        elif result == "suspect":
            event = self.breaker.suspect(call, "x")
            assert event is not Event.CONFIRMED or was_probe
            self.has_given_up |= event is Event.CONFIRMED
            self.begun_at_rest -= event is Event.CONFIRMED
        else:
            event = self.breaker.failed(call, "x")
            assert event is None or was_probe
            if result == "used up":
                event = self.breaker.came_to_nothing(5, "x") or event
            self.has_given_up |= event is Event.GAVE_UP

    @invariant()
    def at_most_one_probe_is_in_flight(self):
        if self.breaker.is_closed:
            self.begun_at_rest = 0
        assert self.begun_at_rest <= 1
        if self.breaker.state is State.PROBING:
            assert self.breaker.opens_at == inf

    @invariant()
    def the_next_probe_is_a_minute_away_at_most(self):
        if self.breaker.state is State.RESTING and not self.has_given_up:
            assert self.breaker.seconds_to_probe <= MAX_PAUSE_SECONDS


TestCalls = Calls.TestCase
TestCalls.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


@given(results=st.lists(st.booleans(), max_size=60), patience=st.floats(1, 500))
def test_a_rest_lasts_until_an_answer_or_until_the_patience_is_used_up(results, patience):
    time = Time()
    breaker, began = tripped(time, patience), time.now
    for is_answered in results:
        call, _ = probe(breaker, time)
        if is_answered:
            assert breaker.answered() is Event.RECOVERED
            return
        if breaker.failed(call, "x") is Event.GAVE_UP:
            assert time.now - began == pytest.approx(patience)
            return
        assert time.now - began < patience
