"""A server that cannot be reached at the start is waited for if it is known, and a wrong address is told soon."""

import pytest

from artistjobs.api.reply import Reply
from artistjobs.worker.preflight import check_models
from artistjobs.worker.stop import Stop, StopReason

GOOD = Reply(status=200, body=b"{}")
GONE = Reply(fault="connection_error", message="cannot connect")


class World:
    """A clock that moves when someone sleeps, and an API that is reached from a moment on."""

    def __init__(self, *, reached_at=float("inf")):
        self.now, self.tries = 0.0, []
        self.reached_at = reached_at
        self.stop = Stop()
        self.stop.sleep = self._sleep

    async def _sleep(self, seconds):
        self.now += seconds

    async def look_up_model(self, _model):
        self.tries.append(self.now)
        return GOOD if self.now >= self.reached_at else GONE

    async def check(self, patience):
        return await check_models(self, ["gpt-5"], self.stop, patience, lambda: self.now)


async def test_a_known_server_is_waited_for_with_growing_pauses():
    world = World(reached_at=25.0)

    assert await world.check(1800.0)
    assert world.tries == [0, 1, 3, 7, 15, 31]


async def test_a_known_server_that_stays_away_is_an_outage():
    world = World()

    assert not await world.check(300.0)
    assert world.tries[-1] == 300.0
    assert max(later - earlier for earlier, later in zip(world.tries, world.tries[1:], strict=False)) == 60.0
    assert world.stop.reason is StopReason.OUTAGE
    assert "later" in world.stop.sentence


async def test_without_patience_one_try_is_made():
    world = World()

    assert not await world.check(0.0)
    assert world.tries == [0.0]
    assert world.stop.reason is StopReason.OUTAGE


async def test_a_server_that_never_answered_is_a_wrong_address_after_a_few_tries():
    world = World()

    assert not await world.check(None)
    assert world.tries == [0, 1, 3, 7]
    assert world.stop.reason is StopReason.ACCOUNT
    assert "OPENAI_BASE_URL" in world.stop.sentence


@pytest.mark.parametrize("patience", [None, 1800.0])
async def test_a_server_that_is_reached_in_time_ends_nothing(patience):
    world = World(reached_at=3.0)

    assert await world.check(patience)
    assert not world.stop.is_requested()
