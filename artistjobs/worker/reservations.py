"""Reservations of money under one cost cap for all workers of a database.

A process cannot know what other processes are about to spend, so the database records it: the worst-case cost of a
call is stored in the row of its worker before the call is made, and removed with the attempt. Reservations of a worker
that died count as lost money. This takes one more commit for each call under a cap, shared by all waiting calls, which
are served first come, first served.
Dividing the money in advance would save that commit, but strand money with workers that do not need it.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from artistjobs.core.attempt import Attempt
from artistjobs.core.formatting import cost_text
from artistjobs.store.interface import Queue
from artistjobs.store.models import Money
from artistjobs.worker.limits.budget import Hold

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ReservationRequest:
    """Request to hold money back for a call.

    ``hold`` returns the amounts, None if the cost has no bound. It is called whenever there may be room, because the
    answers that arrive while the call waits may raise them. ``future`` is set to the amounts that are held back, to
    None if the cap has no room for them.
    """

    hold: Callable[[], Hold | None]
    future: asyncio.Future[Hold | None]


ReservationReply: TypeAlias = tuple[ReservationRequest, Hold | None]


class ReservationQueue:
    """Reservation requests that wait for a reply; used by the store thread.

    ``money`` is the money of all workers as of the last reservation, with what this worker has spent since.
    ``warn_usd`` is the amount spent in dollars at which the user is warned, once; None for no warning.
    """

    def __init__(self, cap_usd: float | None, answer: Callable[[Sequence[ReservationReply]], None]) -> None:
        self.requests: list[ReservationRequest] = []
        self.money = Money(spent_usd=0.0, lost_usd=0.0, written_off_usd=0.0, in_flight_usd=0.0)
        self.warn_usd: float | None = None
        self._tell = answer
        self._cap = cap_usd

    def change_cap(self, cap_usd: float | None) -> None:
        """Apply another cap from now on; with None every waiting call may start, and nothing is held back for it."""
        self._cap = cap_usd

    def count(self, attempts: Sequence[Attempt]) -> None:
        """Add the cost of this worker's attempts to the money spent."""
        lost_usd = sum(attempt.lost_usd for attempt in attempts)
        cost_usd = sum(attempt.answer.cost_usd or 0.0 for attempt in attempts if attempt.answer)
        money = self.money
        self.money = replace(money, spent_usd=money.spent_usd + lost_usd + cost_usd, lost_usd=money.lost_usd + lost_usd)
        self._warn()

    def serve(self, queue: Queue, *, is_draining: bool) -> None:
        """Grant requests in order as far as there is room; refuse the others once nothing in flight can make room."""
        requests = [request for request in self.requests if not request.future.cancelled()]
        may_hope = False
        if requests and not is_draining:
            granted, may_hope = self._reserve(queue, requests)
            self._tell(granted)
            requests = requests[len(granted) :]
        if not may_hope:
            self._tell([(request, None) for request in requests])
        self.requests = requests if may_hope else []

    def _reserve(self, queue: Queue, requests: Sequence[ReservationRequest]) -> tuple[list[ReservationReply], bool]:
        """Return the replies to the requests that are granted, and whether there may be room for others later."""
        if self._cap is None:
            return [(request, Hold(0.0)) for request in requests], False
        holds: list[Hold] = []
        result = queue.reserve(_amounts(requests, holds), self._cap)
        self.money = result.money
        self._warn()
        replies: list[ReservationReply] = list(zip(requests, holds[: result.granted], strict=False))
        # A call of any worker may turn out to cost less than its worst case.
        return replies, result.money.in_flight_usd > 0

    def _warn(self) -> None:
        """Warn once that the amount is spent at which the user wants to know."""
        if self.warn_usd is None or self.money.spent_usd < self.warn_usd:
            return
        spent = cost_text(self.money.spent_usd)
        told = f"{spent} spent without a cap" if self._cap is None else f"{spent} of {cost_text(self._cap)} spent"
        log.warning("%s (--warn-cost)", told)
        self.warn_usd = None


def _amounts(requests: Sequence[ReservationRequest], holds: list[Hold]) -> Iterator[tuple[float, float]]:
    """Yield what requests hold back, and collect it in ``holds``; end at a request whose cost has no bound."""
    for request in requests:
        hold = request.hold()
        if hold is None:
            return
        holds.append(hold)
        yield hold.usd, hold.margin_usd


def answer(replies: Sequence[ReservationReply], give_back: Callable[[Hold], None]) -> None:
    """Reply to waiting requests, in their event loop; the money of a request that was cancelled meanwhile is freed."""
    for request, hold in replies:
        if not request.future.done():
            request.future.set_result(hold)
        elif hold is not None:
            give_back(hold)
