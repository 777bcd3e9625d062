"""The usage meter: each part of a run is asked where its time went, and the last minute says what bounds it now."""

import asyncio

import pytest

from artistjobs.core.bound import Bound
from artistjobs.worker.limits.concurrency import ConcurrencyLimit
from artistjobs.worker.limits.rate_limiter import Limiter
from artistjobs.worker.progress.slot_time import SlotTime
from artistjobs.worker.usage_meter import UsageMeter


class Time:
    """Clock that moves only as told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += max(0.0, seconds)
        await asyncio.sleep(0)


class Worker:
    """The parts of a worker that are measured."""

    def __init__(self, rpm: int | None = None, slots: int = 2) -> None:
        self.time = Time()
        self.cpu = 0.0
        self.commits = 0.0
        concurrency = ConcurrencyLimit(slots, self.time.clock)
        self.limiter = Limiter(rpm=rpm, tpm=None, clock=self.time.clock, sleep=self.time.sleep, concurrency=concurrency)
        self.slot_time = SlotTime(self.time.clock)
        self.meter = UsageMeter(self.slot_time, self.limiter, lambda: self.commits, lambda: self.cpu)
        self.meter.begin()
        self.slot_time.set_slots(slots)

    async def call(self, seconds: float) -> None:
        """Make one call with each slot, all at the same time."""
        await asyncio.gather(*(self.limiter.acquire(1.0) for _ in range(int(self.slot_time.slots.value))))
        for _ in range(int(self.slot_time.slots.value)):
            self.slot_time.call_began()
        self.time.now += seconds
        for _ in range(int(self.slot_time.slots.value)):
            self.slot_time.call_ended()
            self.limiter.ended(answered=True)


async def test_slots_that_are_always_in_calls_bound_the_run():
    worker = Worker()

    for _ in range(10):
        await worker.call(2.0)

    usage = worker.meter.usage()
    assert (usage.seconds, usage.slots, usage.in_calls, usage.calls) == (20.0, 40.0, 40.0, 20)
    assert worker.meter.recent_bound() is Bound.WORKERS


async def test_calls_that_wait_for_their_turn_under_a_limit_are_bound_by_it():
    worker = Worker(rpm=60)

    for _ in range(10):
        await worker.call(0.1)

    usage = worker.meter.usage()
    assert usage.requests > 10 * usage.in_calls
    assert usage.held_requests >= 15
    assert worker.meter.recent_bound() is Bound.REQUESTS


async def test_what_the_parts_report_is_counted_once():
    worker = Worker()
    worker.cpu, worker.commits = 3.0, 0.5
    worker.slot_time.waited(Bound.BUDGET, 2.0)
    worker.slot_time.set_paused(is_paused=True)
    worker.time.now += 5.0
    worker.slot_time.set_paused(is_paused=False)
    worker.time.now += 5.0

    usage = worker.meter.usage()

    assert (usage.cpu, usage.in_commits, usage.budget, usage.paused, usage.seconds) == (3.0, 0.5, 2.0, 5.0, 10.0)
    assert worker.meter.usage() == usage


async def test_a_limit_of_open_files_that_allows_fewer_slots_bounds_the_run():
    worker = Worker()
    worker.slot_time.set_short_of_files(is_short=True)

    for _ in range(10):
        await worker.call(2.0)

    assert worker.meter.recent_bound() is Bound.FILES


async def test_what_bounded_it_more_than_a_minute_ago_is_forgotten():
    worker = Worker()
    worker.slot_time.set_paused(is_paused=True)
    worker.time.now += 100.0
    paused = worker.meter.recent_bound()
    worker.slot_time.set_paused(is_paused=False)
    for _ in range(50):
        await worker.call(2.0)
        worker.meter.recent_bound()

    assert paused is Bound.PAUSED
    assert worker.meter.recent_bound() is Bound.WORKERS


@pytest.mark.parametrize("bound", [Bound.REQUESTS, Bound.TOKENS, Bound.SERVICE, Bound.FILES])
async def test_a_pause_counts_for_the_limit_that_caused_it_and_so_does_the_restart_after_it(bound):
    worker = Worker(slots=4)
    await worker.call(1.0)
    worker.limiter.pause(5.0, "any words", bound)
    await worker.call(1.0)

    assert worker.limiter.waited[bound] > 4 * 5.0
    assert sum(worker.limiter.waited.values()) == worker.limiter.waited[bound]


def test_before_it_begins_nothing_bounds_a_worker():
    slot_time = SlotTime()
    limiter = Worker().limiter

    assert UsageMeter(slot_time, limiter, lambda: 0.0).recent_bound() is None
