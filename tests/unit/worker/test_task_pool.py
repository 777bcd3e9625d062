"""Tasks of a pool run concurrently to their end; tasks can be added, and an error in one is raised at once."""

import asyncio

import pytest

from artistjobs.worker.task_pool import TaskPool


async def test_all_slots_are_waited_for_those_that_came_later_too():
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


async def test_nothing_begins_once_all_is_over():
    began = []

    async def work():
        began.append(1)

    slots = TaskPool(work, 2)
    await slots.wait()
    slots.grow(4)
    await slots.close()

    assert len(began) == 2


async def test_trouble_in_one_that_came_later_is_told_while_others_work():
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


async def test_slots_that_are_cancelled_are_over():
    async def work():
        await asyncio.Event().wait()

    slots = TaskPool(work, 3)
    await asyncio.sleep(0)
    slots.cancel()

    await asyncio.wait_for(slots.wait(), 10)
