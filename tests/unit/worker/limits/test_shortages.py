"""A shortage of this machine slows the calls down, and stops the run only if that cannot help."""

from types import SimpleNamespace

import pytest

from artistjobs.core.bound import Bound
from artistjobs.core.shortage import Shortage
from artistjobs.worker.limits.shortages import MAX_ALONE, Shortages
from artistjobs.worker.stop import Stop, StopReason


@pytest.fixture
def world():
    refused = []
    world = SimpleNamespace(refused=refused, in_flight=3, stop=None)
    world.limiter = SimpleNamespace(refused=lambda seconds, reason, bound: refused.append((seconds, reason, bound)))
    return world


async def make(world):
    world.stop = Stop()
    return Shortages(world.limiter, world.stop, lambda: world.in_flight)


async def test_a_call_without_a_handle_slows_the_others_down(world):
    shortages = await make(world)

    for _ in range(100):
        shortages.note(Shortage.FILES)

    assert [(reason, bound) for _, reason, bound in world.refused] == 100 * [("file handles", Bound.FILES)]
    assert world.stop.reason is None


@pytest.mark.parametrize("shortage", [Shortage.MEMORY, Shortage.THREADS])
async def test_what_fewer_calls_do_not_help_stops_the_run(world, shortage):
    shortages = await make(world)

    shortages.note(shortage)

    assert (world.stop.reason, world.stop.sentence) == (StopReason.RESOURCES, shortage)


async def test_handles_that_no_call_of_ours_can_free_stop_the_run_after_a_while(world):
    shortages, world.in_flight = await make(world), 0

    for _ in range(MAX_ALONE):
        shortages.note(Shortage.FILES)
    assert world.stop.reason is None
    shortages.note(Shortage.FILES)

    assert world.stop.reason is StopReason.RESOURCES


async def test_a_call_that_was_made_starts_the_count_anew(world):
    shortages, world.in_flight = await make(world), 0

    for _ in range(10 * MAX_ALONE):
        shortages.note(Shortage.FILES)
        shortages.over()

    assert world.stop.reason is None
