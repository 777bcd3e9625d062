"""Automatic number of calls in flight: near the best fixed number on services of any capacity, in simulated time."""

import math
from dataclasses import replace

import pytest
from service_model import Result, Service, Simulation

from artistjobs.core.controls import MOST_AUTO_CALLS as MOST_CALLS
from artistjobs.worker.limits.auto import AutoLimit
from artistjobs.worker.limits.cohort import CallEnd, Ending
from artistjobs.worker.limits.concurrency import ConcurrencyLimit, Growth
from artistjobs.worker.limits.latency_window import FIRST_WINDOW

SETTLED, END = 30.0, 45.0


def simulate(service: Service, *, processes: int = 1, jobs: float = math.inf, seed: int = 0, seconds=END) -> Result:
    return simulation_of(service, processes=processes, jobs=jobs, seed=seed).run(seconds)


def simulation_of(service: Service, *, processes: int = 1, jobs: float = math.inf, seed: int = 0) -> Simulation:
    def make(clock):
        return AutoLimit(clock, MOST_CALLS // processes, first=FIRST_WINDOW // processes, sharers=lambda: processes)

    return Simulation(service, [make] * processes, jobs=jobs, seed=seed)


def best(service: Service) -> float:
    """Answers per second with the best fixed number of calls in flight."""
    return service.capacity / (service.seconds(0.0) * math.exp(service.sigma**2 / 2))


@pytest.mark.parametrize("capacity", [10, 100, 500])
@pytest.mark.parametrize("sigma", [0.0, 0.3])
def test_within_30_seconds_of_calls_of_a_second_it_does_what_the_best_number_does(capacity, sigma):
    service = Service(capacity=capacity, sigma=sigma)

    result = simulate(service)

    assert result.per_second(SETTLED, END) >= 0.9 * best(service)
    # With 10 calls at once it takes four seconds to see that they are too many.
    assert result.seconds_above(1.3 * capacity) < END / 3


@pytest.mark.parametrize("capacity", [10, 100, 500])
def test_a_service_that_refuses_calls_beyond_its_capacity_refuses_less_than_one_in_a_hundred(capacity):
    service = Service(capacity=capacity, sigma=0.3, refuses=True)

    result = simulate(service)

    assert result.per_second(SETTLED, END) >= 0.9 * best(service)
    assert 0 < len(result.refused) < 0.01 * len(result.answered)


@pytest.mark.parametrize("seconds", [0.2, 1.0])
@pytest.mark.parametrize("names_time", [False, True])
def test_a_service_that_refuses_a_few_calls_whatever_their_number_gets_many_at_once(seconds, names_time):
    service = Service(capacity=1e9, sigma=0.3, seconds=lambda _now: seconds, stray=0.002, names_time=names_time)
    limits = [AutoLimit], [lambda clock: ConcurrencyLimit(64, clock)]

    auto, fixed = (Simulation(service, limit).run(600) for limit in limits)

    assert auto.per_second(300, 600) > (0.9 if names_time else 0.5) * fixed.per_second(300, 600)


def test_a_refusal_with_much_fewer_calls_in_flight_than_the_last_one_sets_no_lower_ceiling():
    time = 0.0
    limit = AutoLimit(lambda: time, first=64)
    limit.begin(64)
    limit.in_flight = 60
    limit.refused()
    ceiling = limit.wanted
    limit.in_flight = 5

    limit.refused()

    assert ceiling == 56
    assert limit.wanted == ceiling
    assert limit.size < 5


def test_the_ceiling_below_what_was_refused_rises_with_the_answers():
    limit = AutoLimit(lambda: 0.0, first=64)
    limit.begin(64)
    limit.in_flight = 60
    limit.refused()

    for _ in range(1200):
        limit.in_flight = 2
        limit.ended(None, answered=True)

    assert limit.wanted == 58


@pytest.mark.parametrize("per_second", [10, 100])
def test_a_limit_of_the_account_is_used_as_with_more_calls_in_flight_than_it_needs(per_second):
    service = Service(capacity=1e9, sigma=0.3, seconds=lambda _now: 0.2)
    simulation = Simulation(service, [AutoLimit], per_second=per_second)

    result = simulation.run(40)

    assert result.per_second(10, 40) >= 0.98 * per_second
    assert simulation.clients[0].limit.wanted <= max(2 * FIRST_WINDOW, 4 * 0.2 * per_second)


@pytest.mark.parametrize("processes", [2, 4])
def test_processes_that_share_a_service_find_its_capacity_together(processes):
    service = Service(capacity=100, sigma=0.3)

    result = simulate(service, processes=processes, seconds=2 * END)

    assert result.per_second(END, 2 * END) >= 0.9 * best(service)
    assert result.seconds_above(1.5 * service.capacity, END) < 0.25 * END


def test_latencies_that_differ_much_between_answers_hide_the_capacity_only_at_first():
    service = Service(capacity=100, sigma=0.6)

    results = [simulate(service, seed=seed, seconds=2 * END) for seed in range(2)]

    assert all(result.per_second(END, 2 * END) >= 0.9 * best(service) for result in results)


def test_answers_that_slowly_take_longer_for_another_reason_do_not_shrink_the_window():
    service = Service(capacity=100, sigma=0.3, seconds=lambda now: 1 + now / 300)

    result = simulate(service, seconds=300)

    at_the_end = replace(service, seconds=lambda _now: 1.9)
    assert result.per_second(240, 300) >= 0.9 * best(at_the_end)


def test_a_jump_of_the_latency_that_the_calls_do_not_cause_costs_no_throughput_for_long():
    service = Service(capacity=1e9, sigma=0.3, seconds=lambda now: 1.0 if now < END else 2.5)

    simulation = Simulation(service, [lambda clock: AutoLimit(clock, 64)])
    simulation.run(2 * END)

    assert simulation.clients[0].limit.wanted == 64


def test_where_each_further_call_slows_the_others_it_stops_when_more_than_half_of_it_is_lost():
    service = Service(capacity=100, sigma=0.3, rises=lambda load: 1 + load)

    simulation = simulation_of(service)
    result = simulation.run(2 * END)

    assert 50 < simulation.clients[0].limit.wanted < 200
    assert result.per_second(END, 2 * END) > 35


def test_fewer_jobs_than_calls_are_all_in_flight_at_once():
    result = simulate(Service(capacity=100), jobs=5)

    assert result.answered == [1.0] * 5


def test_a_window_that_something_else_keeps_from_filling_does_not_grow():
    time = 0.0
    limit = AutoLimit(lambda: time)

    for _ in range(200):
        limit.started(is_free=False)
        time += 1.0
        limit.ended(CallEnd(time - 1.0, Ending.ANSWERED, 1.0), answered=True)

    assert limit.wanted == FIRST_WINDOW


def test_a_service_at_which_many_calls_fail_gets_fewer():
    time = 0.0
    limit = AutoLimit(lambda: time)

    for number in range(300):
        limit.started(is_free=True)
        time += 0.1
        ending = Ending.FAILED if number % 3 == 0 else Ending.ANSWERED
        limit.ended(CallEnd(time - 0.1, ending, 0.1), answered=True)

    assert limit.wanted < FIRST_WINDOW


def test_it_reports_how_many_calls_are_wanted_whenever_that_changes():
    told: list[int] = []
    simulation = Simulation(Service(capacity=100), [lambda clock: AutoLimit(clock, 40, on_change=told.append)])

    simulation.run(30)

    assert told == [16, 32, 40]


def test_after_a_time_without_replies_it_begins_with_one_call_more_than_are_in_flight():
    limit = AutoLimit(lambda: 0.0)

    limit.restart()

    assert (limit.is_full, limit.size) == (False, 1.0)


def test_it_tells_what_keeps_the_number_from_growing():
    growths = {}
    for name, service, largest in (
        ("flat", Service(capacity=1e9), 40),
        ("slow", Service(capacity=20), MOST_CALLS),
        ("refusing", Service(capacity=20, refuses=True), MOST_CALLS),
    ):
        simulation = Simulation(service, [lambda clock, largest=largest: AutoLimit(clock, largest)])
        begun = simulation.clients[0].limit.growth
        simulation.run(20)
        growths[name] = begun, simulation.clients[0].limit.growth

    assert growths == {
        "flat": (Growth.NOTHING, Growth.LARGEST),
        "slow": (Growth.NOTHING, Growth.LATENCY),
        "refusing": (Growth.NOTHING, Growth.REFUSAL),
    }


def test_another_largest_number_applies_at_once():
    limit = AutoLimit(lambda: 0.0)

    limit.resize(3)

    assert limit.wanted == 3
    assert limit.slowed_to is None
