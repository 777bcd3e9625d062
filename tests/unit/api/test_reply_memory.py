"""Large replies are read a few at a time, and none of them waits for ever."""

import asyncio
import random

import pytest

from artistjobs.api.reply_memory import FREE_BYTES, Lease, ReplyMemory

MIB = 2**20


@pytest.fixture
def memory():
    return ReplyMemory(4 * MIB)


async def settled():
    """Run every task until it waits."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_an_ordinary_reply_needs_no_memory(memory):
    lease = Lease(memory)

    assert lease.covers(FREE_BYTES)
    assert not lease.is_held
    assert memory.leased == 0


async def test_a_large_reply_waits_until_another_one_is_stored(memory):
    first, second = Lease(memory), Lease(memory)
    await first.grow(3 * MIB)

    waiting = asyncio.create_task(second.grow(MIB))
    await settled()
    assert not waiting.done()
    first.release()
    await waiting

    assert memory.leased == MIB


async def test_the_oldest_reply_never_waits(memory):
    first, second = Lease(memory), Lease(memory)
    await first.grow(2 * MIB)
    await second.grow(2 * MIB)

    await first.grow(60 * MIB)

    assert memory.leased == 66 * MIB


async def test_what_a_complete_reply_does_not_need_goes_to_others(memory):
    first, second = Lease(memory), Lease(memory)
    await first.grow(4 * MIB)
    waiting = asyncio.create_task(second.grow(2 * MIB))
    await settled()

    await first.shrink(MIB)
    await waiting

    assert (memory.leased, first.is_held) == (3 * MIB, True)


async def test_a_small_content_holds_no_memory(memory):
    lease = Lease(memory)
    await lease.grow(MIB)

    await lease.shrink(FREE_BYTES)

    assert (memory.leased, lease.is_held) == (0, False)


async def test_a_reply_that_is_given_up_while_it_waits_blocks_nobody(memory):
    first, second, third = Lease(memory), Lease(memory), Lease(memory)
    await first.grow(4 * MIB)
    given_up = asyncio.create_task(second.grow(MIB))
    waiting = asyncio.create_task(third.grow(60 * MIB))
    await settled()

    given_up.cancel()
    await asyncio.gather(given_up, return_exceptions=True)
    second.release()
    first.release()
    await waiting

    assert memory.leased == 64 * MIB


async def test_many_replies_all_end_and_keep_to_the_sum(memory):
    chance, most = random.Random(7), 0

    async def read():
        nonlocal most
        lease = Lease(memory)
        for size in sorted(chance.randrange(1, 8 * MIB) for _ in range(5)):
            if not lease.covers(size):
                await lease.grow(size)
            most = max(most, memory.leased)
            await asyncio.sleep(0)
        await lease.shrink(size)
        await asyncio.sleep(0)
        lease.release()

    async with asyncio.timeout(20):
        await asyncio.gather(*(read() for _ in range(200)))

    assert memory.leased == 0
    assert 4 * MIB <= most <= 12 * MIB
