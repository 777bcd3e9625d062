"""Keeping to one cap on money together with the other workers of a database.

A process cannot know what others are about to spend, so the database does: what each call may cost
at worst stands in its worker's row before the call is made, and leaves it with the call's attempt.
What a worker held when it died counts as lost. This is one commit more for each call under a cap,
shared by all that wait; sharing the money out beforehand would save it, and strand money with
workers that do not need it.
"""

import asyncio
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from artistjobs.store.interface import Queue


@dataclass(frozen=True, slots=True)
class ReservationRequest:
    """Money to hold back for a call; ``future`` is told whether the cap has room for it."""

    usd: float
    future: asyncio.Future[bool]


class ReservationQueue:
    """The wishes that wait for an answer; it is used by the thread that writes."""

    def __init__(self, cap_usd: float | None, answer: Callable[[Sequence[ReservationRequest], bool], None]) -> None:
        self.requests: list[ReservationRequest] = []
        self.spent_usd = 0.0
        self._tell = answer
        self.change_cap(cap_usd)

    def change_cap(self, cap_usd: float | None) -> None:
        """Keep to another cap from now on; without one there is room for whatever is still wished for."""
        self._cap = math.inf if cap_usd is None else cap_usd

    def serve(self, queue: Queue, *, is_draining: bool) -> None:
        """Grant wishes in their order as far as there is room; refuse the rest once none can be hoped for."""
        requests = [request for request in self.requests if not request.future.cancelled()]
        may_hope = False
        if requests and not is_draining:
            held = queue.reserve([request.usd for request in requests], self._cap)
            self.spent_usd = held.spent_usd
            self._tell(requests[: held.granted], True)
            requests = requests[held.granted :]
            # A call that ends may have cost less than its worst case, whoever made it.
            may_hope = held.in_flight_usd > 0
        if not may_hope:
            self._tell(requests, False)
        self.requests = requests if may_hope else []


def answer(requests: Sequence[ReservationRequest], granted: bool) -> None:  # noqa: FBT001
    """Tell those that wait, in their event loop.

    What was granted to one that was cancelled meanwhile counts as lost in the end: rather too much than too little.
    """
    for request in requests:
        if not request.future.done():
            request.future.set_result(granted)
