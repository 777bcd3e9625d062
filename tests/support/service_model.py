"""Model of a service with a capacity, in simulated time: calls beyond it share it, or are refused."""

import heapq
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from math import inf

from artistjobs.worker.limits.auto import AutoLimit
from artistjobs.worker.limits.cohort import CallEnd, Ending
from artistjobs.worker.limits.pacing import CATCH_UP_SECONDS

REFUSAL_SECONDS = 0.02
PAUSE_SECONDS = 1.0
TINY = 1e-9


@dataclass(kw_only=True)
class Service:
    """Answers take ``seconds`` (a function of time) up to ``capacity`` calls at once, and longer beyond it.

    ``stray`` is the share of calls that are refused whatever their number is.
    """

    capacity: float
    seconds: Callable[[float], float] = lambda _now: 1.0
    sigma: float = 0.0
    refuses: bool = False
    stray: float = 0.0
    names_time: bool = False
    rises: Callable[[float], float] = lambda load: max(1.0, load)


@dataclass
class Client:
    """A process with a limit of its calls in flight, and a number of jobs."""

    limit: AutoLimit
    jobs: float
    paused_until: float = 0.0
    due_at: float = 0.0

    @property
    def next_at(self) -> float:
        """The time from which the next call may start, which catches up as the limiter does."""
        return self.due_at - CATCH_UP_SECONDS


@dataclass
class Result:
    """What happened: the moments of answers and refusals, and the number of calls in flight at each event."""

    answered: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    in_flight: list[tuple[float, int]] = field(default_factory=list)

    def per_second(self, begin: float, end: float) -> float:
        """Return the answers per second in an interval."""
        return sum(begin <= at < end for at in self.answered) / (end - begin)

    def seconds_above(self, calls: float, begin: float = 0.0) -> float:
        """Return the time in which more than ``calls`` calls were in flight."""
        pairs = zip(self.in_flight, self.in_flight[1:], strict=False)
        return sum(after - at for (at, count), (after, _) in pairs if count > calls and at >= begin)


MakeLimit = Callable[[Callable[[], float]], AutoLimit]


class Simulation:
    """Clients of one service. The work of each call is measured on a virtual clock, which slows with the load.

    ``per_second`` is the rate of calls of a client, which spaces them evenly.
    """

    def __init__(
        self,
        service: Service,
        limits: Sequence[MakeLimit],
        *,
        jobs: float = inf,
        per_second: float = inf,
        seed: int = 0,
    ) -> None:
        self.now = 0.0
        self.service = service
        self.clients = [Client(make(lambda: self.now), jobs) for make in limits]
        self.result = Result()
        self._gap = 1 / per_second
        self._chance = random.Random(seed)
        self._virtual = 0.0
        self._working: list[tuple[float, int, float, Client]] = []
        self._refusals: list[tuple[float, int, float, Client]] = []
        self._numbers = count()

    def run(self, seconds: float) -> Result:
        """Go on for some simulated seconds."""
        until = self.now + seconds
        self._fill()
        while self.now < until:
            self._advance(until)
            self._fill()
        return self.result

    def _advance(self, until: float) -> None:
        """Go on to the next event."""
        load = self.service.rises(len(self._working) / self.service.capacity)
        waits = (max(client.paused_until, client.next_at) for client in self.clients)
        ends = [until, *(end for end in waits if end > self.now)]
        if self._working:
            ends.append(self.now + (self._working[0][0] - self._virtual) * load)
        if self._refusals:
            ends.append(self._refusals[0][0])
        at = max(self.now, min(ends))
        self._virtual += (at - self.now) / load
        self.now = at
        while self._working and self._working[0][0] <= self._virtual + TINY:
            _, _, started_at, client = heapq.heappop(self._working)
            self.result.answered.append(self.now)
            client.limit.ended(CallEnd(started_at, Ending.ANSWERED, self.now - started_at), answered=True)
        while self._refusals and self._refusals[0][0] <= self.now:
            _, _, started_at, client = heapq.heappop(self._refusals)
            if self.now >= client.paused_until:
                client.limit.refused(names_time=self.service.names_time)
                client.paused_until = self.now + PAUSE_SECONDS
            client.limit.ended(CallEnd(started_at), answered=False)
        self._note()

    def _fill(self) -> None:
        """Start calls, as many as the windows allow."""
        for client in self.clients:
            while self.now >= client.paused_until and client.jobs > 0 and not client.limit.is_full:
                if self.now < client.next_at:
                    break
                self._start(client)
        self._note()

    def _start(self, client: Client) -> None:
        # A call that starts as soon as its turn comes has waited for it.
        client.limit.started(is_free=not self._gap or self.now > client.next_at)
        client.due_at = max(client.due_at, self.now) + self._gap
        is_stray = self.service.stray and self._chance.random() < self.service.stray
        if is_stray or (self.service.refuses and len(self._working) >= self.service.capacity):
            heapq.heappush(self._refusals, (self.now + REFUSAL_SECONDS, next(self._numbers), self.now, client))
            self.result.refused.append(self.now)
            return
        client.jobs -= 1
        work = self.service.seconds(self.now) * self._chance.lognormvariate(0.0, self.service.sigma)
        heapq.heappush(self._working, (self._virtual + work, next(self._numbers), self.now, client))

    def _note(self) -> None:
        self.result.in_flight.append((self.now, len(self._working)))
