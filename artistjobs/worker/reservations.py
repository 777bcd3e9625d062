"""Reservations of money under one cost cap for all workers of a database.

A process cannot know what other processes are about to spend, so the database records it: the worst-case cost of a
call is stored in the row of its worker before the call is made, and removed with the attempt. Reservations of a worker
that died count as lost money. This takes one more commit for each call under a cap, shared by all waiting calls, which
are served first come, first served.
Dividing the money in advance would save that commit, but strand money with workers that do not need it.
"""

import asyncio
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from artistjobs.core.attempt import Attempt
from artistjobs.store.interface import Queue


@dataclass(frozen=True, slots=True)
class ReservationRequest:
    """Money to reserve for a call; ``future`` is set to True if the cap has room for it, else to False."""

    usd: float
    future: asyncio.Future[bool]


class ReservationQueue:
    """Reservation requests that wait for a reply; used by the store thread."""

    def __init__(self, cap_usd: float | None, answer: Callable[[Sequence[ReservationRequest], bool], None]) -> None:
        self.requests: list[ReservationRequest] = []
        self.spent_usd = 0.0  # by all workers as of the last reservation, and by this one since
        self._tell = answer
        self.change_cap(cap_usd)

    def change_cap(self, cap_usd: float | None) -> None:
        """Apply another cap from now on; with None there is room for every waiting request."""
        self._cap = math.inf if cap_usd is None else cap_usd

    def count(self, attempts: Sequence[Attempt]) -> None:
        """Add the cost of this worker's attempts to the money spent."""
        self.spent_usd += sum(
            attempt.lost_usd + ((attempt.answer.cost_usd or 0.0) if attempt.answer else 0.0) for attempt in attempts
        )

    def serve(self, queue: Queue, *, is_draining: bool) -> None:
        """Grant requests in order as far as there is room; refuse the others once nothing in flight can make room."""
        requests = [request for request in self.requests if not request.future.cancelled()]
        may_hope = False
        if requests and not is_draining:
            held = queue.reserve([request.usd for request in requests], self._cap)
            self.spent_usd = held.spent_usd
            self._tell(requests[: held.granted], True)
            requests = requests[held.granted :]
            # A call of any worker may turn out to cost less than its worst case.
            may_hope = held.in_flight_usd > 0
        if not may_hope:
            self._tell(requests, False)
        self.requests = requests if may_hope else []


def answer(
    requests: Sequence[ReservationRequest],
    granted: bool,  # noqa: FBT001
    give_back: Callable[[float], None],
) -> None:
    """Reply to waiting requests, in their event loop; the money of a request that was cancelled meanwhile is freed."""
    for request in requests:
        if not request.future.done():
            request.future.set_result(granted)
        elif granted:
            give_back(request.usd)
