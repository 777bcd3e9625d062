"""Tasks of a pool run concurrently to their end; tasks can be added, and an error in one is raised at once."""

import asyncio

import pytest

from artistjobs.worker.task_pool import TaskPool


async def test_the_pool_waits_for_all_tasks_including_later_ones():
    go, ended = asyncio.Event(), []

    async def work():
        await go.wait()
        ended.append(1)

    slots = TaskPool(work, 2)
    slots.grow(5)
    slots.grow(3)
    go.set()
    await slots.wait()

    assert len(ended) == 5


async def test_no_task_starts_after_the_end():
    began = []

    async def work():
        began.append(1)

    slots = TaskPool(work, 2)
    await slots.wait()
    slots.grow(4)
    await slots.close()

    assert len(began) == 2


async def test_an_error_in_a_later_task_is_raised_while_others_run():
    parts = iter([asyncio.Event().wait, asyncio.Event().wait])

    async def work():
        if (part := next(parts, None)) is None:
            raise ValueError("the disk is full")
        await part()

    slots = TaskPool(work, 2)
    slots.grow(4)

    with pytest.raises(ValueError, match="full"):
        await asyncio.wait_for(slots.wait(), 10)
    await slots.close()


async def test_cancelled_tasks_end():
    async def work():
        await asyncio.Event().wait()

    slots = TaskPool(work, 3)
    await asyncio.sleep(0)
    slots.cancel()

    await asyncio.wait_for(slots.wait(), 10)
