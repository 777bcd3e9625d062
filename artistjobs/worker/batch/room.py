"""Room for the next batch: what the token queue of the account and the cost cap leave, shared by all workers."""

from typing import Final

from artistjobs.core.formatting import cost_text
from artistjobs.store.models import BatchRecord
from artistjobs.worker.batch.build import Content, Room
from artistjobs.worker.batch.lessons import Lessons
from artistjobs.worker.stop import Stop, StopReason
from artistjobs.worker.store_client import StoreClient

LEAST_ROOM: Final = 10
"""Part of the token queue, as a divisor, that must be free before another batch is prepared beside others."""


class SharedRoom:
    """Room for the batches of all workers of a database."""

    def __init__(self, store_client: StoreClient, stop: Stop, lessons: Lessons) -> None:
        self._store_client = store_client
        self._stop = stop
        self._lessons = lessons

    @property
    def cap_usd(self) -> float | None:
        """The cost cap that holds now, in dollars."""
        return self._store_client.store_thread.settings_poller.settings.max_cost_usd

    async def is_there(self, model: str) -> bool:
        """Return True if there is enough room for another batch. Raises StoreError."""
        queue = await self._store_client.call(lambda store: store.batches.token_queue(model))
        return queue.room is None or not queue.queued or queue.room * LEAST_ROOM >= (queue.limit or 0)

    async def room_for(self, record: BatchRecord) -> Room:
        """Return what a batch may hold: what the token queue and the cost cap leave. Raises StoreError."""
        queue = await self._store_client.call(lambda store: store.batches.token_queue(record.model))
        if (cap_usd := self.cap_usd) is None:
            return Room(tokens=queue.room)
        money = await self._store_client.call(lambda store: store.records.money())
        return Room(tokens=queue.room, usd=max(0.0, cap_usd - money.spent_usd - money.in_flight_usd))

    async def no_money(self, content: Content) -> None:
        """Wait for the end of other batches, or stop the run if there are none: the cap has no room for a line."""
        money = await self._store_client.call(lambda store: store.records.money())
        if money.in_flight_usd > 0:
            self._lessons.waits_for_money = True
            return
        needed = content.least_usd or 0.0
        self._stop.request(
            StopReason.MAX_COST,
            f"{cost_text(money.spent_usd)} spent, and the next request might exceed --max-cost (it can cost up to "
            f"{cost_text(needed)} in a batch); raise --max-cost to continue.",
        )
        self._stop.least_cap_usd = money.spent_usd + needed
