"""A call may take some seconds of the time in which the process runs, and not a moment less."""

import asyncio
import time

import pytest

from artistjobs.api import time_limit
from artistjobs.api.time_limit import RunningClock, TimeLimit


@pytest.fixture(autouse=True)
def _quick_ticks(monkeypatch):
    monkeypatch.setattr(time_limit, "TICK_SECONDS", 0.01)
    monkeypatch.setattr(time_limit, "LATE_SECONDS", 0.05)


def stop_process(seconds):
    """Block this event loop, as if the process were stopped."""
    time.sleep(seconds)


async def test_a_call_that_takes_too_long_is_cancelled():
    with RunningClock().ticking() as clock, pytest.raises(TimeoutError):
        async with TimeLimit(clock, 0.02):
            await asyncio.sleep(60)


async def test_a_call_that_ends_in_time_is_left_alone():
    with RunningClock().ticking() as clock:
        async with TimeLimit(clock, 0.1):
            await asyncio.sleep(0)
        await asyncio.sleep(0.2)


async def test_an_error_of_the_call_passes():
    with RunningClock().ticking() as clock, pytest.raises(OSError, match="lost"):
        async with TimeLimit(clock, 60):
            raise OSError("lost")


async def test_a_cancelled_call_is_no_timeout():
    async def call():
        async with TimeLimit(clock, 60):
            await asyncio.sleep(60)

    with RunningClock().ticking() as clock:
        task = asyncio.create_task(call())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


@pytest.mark.parametrize("ticks_before", [0, 5])
async def test_time_in_which_the_process_was_stopped_does_not_count(ticks_before):
    with RunningClock().ticking() as clock:
        async with TimeLimit(clock, 0.3):
            await asyncio.sleep(0.01 * ticks_before)
            stop_process(0.6)
            await asyncio.sleep(0.01)


async def test_several_stops_do_not_count():
    with RunningClock().ticking() as clock:
        async with TimeLimit(clock, 0.4):
            for _ in range(3):
                stop_process(0.3)
                await asyncio.sleep(0.01)


async def test_after_a_stop_the_rest_of_the_time_counts():
    async def call():
        async with TimeLimit(clock, 0.2):
            stop_process(0.4)
            await asyncio.sleep(60)

    with RunningClock().ticking() as clock, pytest.raises(TimeoutError):
        await call()


async def test_time_for_which_this_process_let_the_server_wait_does_not_count():
    with RunningClock().ticking() as clock:
        async with TimeLimit(clock, 0.05) as limit:
            with limit.suspended():
                await asyncio.sleep(0.2)
            await asyncio.sleep(0)
        with limit.suspended():
            pass
        await asyncio.sleep(0.1)


async def test_after_a_suspension_the_rest_of_the_time_counts():
    async def call():
        async with TimeLimit(clock, 0.05) as limit:
            with limit.suspended():
                await asyncio.sleep(0.1)
            await asyncio.sleep(60)

    with RunningClock().ticking() as clock, pytest.raises(TimeoutError):
        await call()
