"""Rate limiter: holds all calls of a process to the requests and tokens per minute that the account allows.

Calls are spaced evenly by the limits that the user set, or by those that the API reports in its headers. A refusal
that names a time pauses all calls; afterwards the call rate rises gradually.
"""

import asyncio
import math
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from artistjobs.api.rate_limit_headers import read_limit
from artistjobs.core.bound import Bound
from artistjobs.worker.limits.cohort import CallEnd
from artistjobs.worker.limits.concurrency import CallLimit, Growth
from artistjobs.worker.limits.pacing import RatePacer, TokenCharge

RAMP_UP_GAP_SECONDS: Final = 0.002
"""Delay between the first calls of a run: calls that start together end together, and are then handled one by one."""


FILL_SECONDS: Final = 0.2
"""Time in which all slots are filled for the first time, whatever their number."""


MAX_STARTS: Final = 5000
"""Number of call starts that are remembered."""


SLOT_POLL_SECONDS: Final = 0.02
"""Interval at which a call that waits for a free slot checks for one."""


NEARLY_USED_UP: Final = 0.1
"""Remaining share of a limit below which calls are spaced wider, because another client seems to use the limit too."""


TARGET_UTILIZATION: Final = 0.98
"""Share of a known limit that is used, so that small differences between clocks cause no refusals."""


NEARLY_USED_UP_PACE: Final = 0.85
"""Share of a limit that is used while it is nearly exhausted, so that it recovers."""


PACE_WINDOW_SECONDS: Final = 5.0
"""Period over which the call rate before a pause is measured; shorter if it contains an earlier pause."""


WAIT_POLL_SECONDS: Final = 0.25
"""Maximum sleep before a wait is computed again, because limits may change meanwhile."""


SHARED_PAUSE_SECONDS: Final = 1.0
"""Shortest pause that the other processes of a command are told of."""


GATE_POLL_SECONDS: Final = 0.1
"""Interval at which a call that waits for the gate checks it again."""


COMING_BACK_SECONDS: Final = 3.0
"""Time for which calls are slowed after a pause; they start at half the previous rate, which doubles each second."""


MAX_RESET_SECONDS: Final = 120.0
"""Longest believable time until a used-up limit per minute is reset."""


DOUBT_SECONDS: Final = 5.0
"""Pause for a used-up limit with a longer time. A call that is accepted after it shows that the limit does not hold."""


FIRST_REFUSAL_SECONDS: Final = 1.0


MAX_REFUSAL_SECONDS: Final = 60.0
"""Longest pause after a refusal without a time. Each further refusal doubles the pause, each reply halves it."""


REFUSED_THROUGHOUT: Final = 6
"""Pauses in a row, 63 s in all, after which the service counts as away if every call was refused meanwhile."""


KEPT_PACE: Final = 0.7
"""Minimum share of the previous call rate that is kept if a pause follows too soon to measure the rate again."""


IN_FLIGHT: Final = "calls in flight"
"""Reason of a wait for the end of other calls."""


AFTER_PAUSE: Final = "the gradual restart after a pause"


@dataclass(frozen=True, slots=True)
class Wait:
    """The reason for which calls wait, and the end of the wait in seconds on the limiter's clock.

    ``gives_up_at`` is set during an outage, in which calls may wait longer: it is the time at which the run stops.
    ``bound`` is the limit that calls wait for, None if they wait for the end of others alone.
    """

    reason: str
    until: float
    gives_up_at: float | None = None
    bound: Bound | None = None


class Gate(Protocol):
    """Decides whether calls may start at all; implemented by the circuit breaker."""

    @property
    def opens_at(self) -> float:
        """Earliest time at which the next call may start, in seconds on the limiter's clock."""

    def begin(self) -> int:
        """Record the start of a call and return its number."""


class OpenGate:
    """Gate that is always open."""

    opens_at = 0.0

    def begin(self) -> int:
        """Return the number of a call."""
        return 0


class Limiter:
    """Lets calls start in order, each as soon as all limits allow it.

    ``waited`` has the seconds that calls have waited for each bound, as a sum over the calls, and ``held`` the calls
    that waited for it last, of all ``calls``.
    """

    def __init__(  # noqa: PLR0913 - all of them by name
        self,
        *,
        rpm: int | None,
        tpm: int | None,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
        concurrency: CallLimit,
        sharers: Callable[[], int] = lambda: 1,
        first_gap: float = 0.0,
        gate: Gate | None = None,
    ) -> None:
        self.on_pause: Callable[[Wait], None] = lambda _pause: None
        self._clock, self._sleep = clock, sleep
        self._gate = gate or OpenGate()
        self._refusals = 0
        self._refused_at = -math.inf
        self._doubted_until: dict[str, float] = {}
        self._sharers = sharers
        self._first_gap = first_gap
        self._concurrency = concurrency
        self._requests = RatePacer(rpm)
        self._tokens = RatePacer(tpm)
        self._turn = asyncio.Lock()
        self._queued = 0
        self._charge = TokenCharge()
        self._pause = Wait("", 0.0)
        self._pace_before = 0.0
        self._starts: deque[float] = deque(maxlen=MAX_STARTS)
        self.waiting: Wait | None = None
        self.waited: Counter[Bound] = Counter()
        self.held: Counter[Bound] = Counter()
        self.calls = 0

    @property
    def slowed_to(self) -> int | None:
        """Maximum number of calls in flight after refusals; None if it is not reduced."""
        return self._concurrency.slowed_to

    @property
    def paused_until(self) -> float:
        """End of the latest pause, in seconds on the limiter's clock."""
        return self._pause.until

    @property
    def pause_in_progress(self) -> Wait | None:
        """Pause of all calls, also if no call waits for its end now; None if calls are not paused."""
        return self._pause if self._clock() < self._pause.until else None

    @property
    def is_refused_throughout(self) -> bool:
        """True if calls have been refused for their rate again and again, and none was answered in between."""
        return self._refusals >= REFUSED_THROUGHOUT

    async def acquire(self, tokens: float | Callable[[], float]) -> int:
        """Return the number of a call that may consume ``tokens`` when it may start; callers are served in order.

        A function is called only when it is the call's turn, because more may be known by then.
        """
        # The waiting calls are counted because the lock is free between two turns, and a new call must not overtake.
        if self._queued or self._wait(self._clock()) is not None:
            self._queued += 1
            try:
                async with self._turn:
                    is_free = await self._wait_for_turn()
                    return self._start_call(tokens, is_free=is_free)
            finally:
                self._queued -= 1
        return self._start_call(tokens, is_free=True)

    def look(self) -> float:
        """Count a look at an answer that the service makes; return the seconds until it may be made.

        It counts as a request, but is no call: it needs no slot and no tokens.
        """
        now = self._clock()
        at = max(now, self._pause.until, self._requests.next_at)
        self._requests.consume(now, max(1, self._sharers()))
        return at - now

    def ended(self, *, answered: bool, end: CallEnd | None = None) -> None:
        """Record the end of an acquired call; ``answered`` is True if a server replied without refusing its rate."""
        if answered:
            self._refusals //= 2
        self._concurrency.ended(end, answered=answered)

    def restart(self) -> None:
        """Begin again with few calls in flight, after a rest of all calls."""
        self._refusals = 0
        self._concurrency.restart()

    def refused(
        self, seconds: float | None, reason: str, started_at: float = math.inf, bound: Bound = Bound.REQUESTS
    ) -> None:
        """Record a refusal for too many calls: pause all calls, and allow fewer in flight afterwards.

        ``seconds`` is the pause that the server asked for; without one the pauses grow. ``started_at`` is the time at
        which the refused call was allowed to start, ``bound`` the limit for which it was refused.
        """
        # Calls that were in flight together are refused together for the same reason: only the first refusal counts.
        now = self._clock()
        if now >= self._pause.until and started_at > self._refused_at:
            # A shortage of this machine has a time of our own, and is about the number of calls.
            self._concurrency.refused(names_time=seconds is not None and bound is not Bound.FILES)
            self._refusals += 1
            self._refused_at = now
        growing = min(FIRST_REFUSAL_SECONDS * 2.0 ** max(0, self._refusals - 1), MAX_REFUSAL_SECONDS)
        self.pause(seconds or growing, reason, bound)

    def pause(self, seconds: float, reason: str, bound: Bound = Bound.REQUESTS) -> None:
        """Start no call for ``seconds``, because of a limit; a longer pause in progress stays."""
        pause = Wait(reason, self._clock() + seconds, bound=bound)
        if self.pause_until(pause) and seconds >= SHARED_PAUSE_SECONDS:
            self.on_pause(pause)

    def pause_until(self, pause: Wait) -> bool:
        """Start no call before the end of a pause; return False if a longer one is in progress."""
        now = self._clock()
        if now >= self._pause.until:
            self._pace_before = max(self._pace(now), KEPT_PACE * self._pace_before)
        if pause.until <= self._pause.until:
            return False
        self._pause = pause
        return True

    @property
    def growth(self) -> Growth | None:
        """Reason why the number of calls in flight does not grow; None if it is fixed."""
        return self._concurrency.growth

    @property
    def wanted(self) -> int:
        """Number of calls that are wanted in flight."""
        return self._concurrency.wanted

    def tune(self, *, rpm: int | None, tpm: int | None, max_workers: int) -> None:
        """Apply other limits from now on; where one is None, the limit from the headers applies."""
        now = self._clock()
        self._requests.set_limit(rpm, now)
        self._tokens.set_limit(tpm, now)
        self._concurrency.resize(max_workers)

    def limit_calls(self, concurrency: CallLimit) -> None:
        """Apply another limit of the calls in flight, which then counts those of now."""
        concurrency.in_flight = self._concurrency.in_flight
        self._concurrency = concurrency

    def learn(self, headers: Mapping[str, str], *, accepted: bool = True) -> None:
        """Apply the limits in the headers of a reply where the user set none.

        ``accepted`` is True unless the call was refused for the rate of calls.
        """
        for spacing, kind in ((self._requests, Bound.REQUESTS), (self._tokens, Bound.TOKENS)):
            if (limit := read_limit(headers, kind)) is None:
                continue
            if not limit.is_daily:
                spacing.learn(
                    limit.per_period
                    * (NEARLY_USED_UP_PACE if limit.share_left < NEARLY_USED_UP else TARGET_UTILIZATION)
                )
                if kind is Bound.TOKENS:
                    self._charge.observe(self._clock(), limit)
            if limit.remaining == 0 and 0 < limit.reset_seconds <= MAX_RESET_SECONDS:
                self.pause(limit.reset_seconds, f"the limit on {kind}", kind)
            elif limit.remaining == 0 and limit.reset_seconds > 0:
                self._doubt(kind, accepted=accepted)

    def _doubt(self, kind: Bound, *, accepted: bool) -> None:
        """Pause shortly for a limit that is said to be used up for long, until a call shows whether that is true."""
        now = self._clock()
        doubted_until = self._doubted_until.setdefault(kind, now + DOUBT_SECONDS)
        if now < doubted_until:
            self.pause(doubted_until - now, f"the limit on {kind}", kind)
        elif accepted:
            self._doubted_until[kind] = -math.inf

    async def _wait_for_turn(self) -> bool:
        """Return when the next call may start, with True if it had to wait for nothing but the end of others."""
        held_by = None
        try:
            while (wait := self._wait(now := self._clock())) is not None:
                self.waiting = wait
                await self._sleep(min(wait.until - self._clock(), WAIT_POLL_SECONDS))
                if wait.bound is not None:
                    held_by = wait.bound
                    self._add_wait(held_by, self._clock() - now)
        finally:
            self.waiting = None
        if held_by is not None:
            self.held[held_by] += 1
        return held_by is None

    def _add_wait(self, bound: Bound, seconds: float) -> None:
        """Record that all waiting calls have waited."""
        self.waited[bound] += seconds * self._queued  # type: ignore[assignment]  # a Counter adds floats as well

    def _wait(self, now: float) -> Wait | None:
        if (opens_at := self._gate.opens_at) > now:
            # A probe in flight may open the gate at any moment.
            return Wait("the service", min(opens_at, now + GATE_POLL_SECONDS), bound=Bound.SERVICE)
        if now < self._pause.until:
            return self._pause
        if self._concurrency.is_full:
            return Wait(IN_FLIGHT, now + SLOT_POLL_SECONDS)
        at, reason, bound = max(
            (self._requests.next_at, "requests a minute", Bound.REQUESTS),
            (self._tokens.next_at, "tokens a minute", Bound.TOKENS),
            (self._next_after_pause(now), AFTER_PAUSE, self._pause.bound),
            (self._next_of_first(), IN_FLIGHT, None),
        )
        return Wait(reason, at, bound=bound) if at > now else None

    def _start_call(self, expected: float | Callable[[], float], *, is_free: bool) -> int:
        tokens = expected() if callable(expected) else expected
        now = self._clock()
        sharers = max(1, self._sharers())
        self.calls += 1
        self._starts.append(now)
        self._concurrency.started(is_free=is_free)
        self._requests.consume(now, sharers)
        charged = tokens if self._tokens.is_set_by_user else self._charge.estimate(tokens)
        self._tokens.consume(now, charged * sharers)
        return self._gate.begin()

    def _next_of_first(self) -> float:
        """Return the earliest start of the next call while the slots are filled for the first time."""
        size = self._concurrency.size
        is_filling = self._first_gap and 0 < len(self._starts) < min(size, MAX_STARTS)
        return self._starts[-1] + min(self._first_gap, FILL_SECONDS / size) if is_filling else 0.0

    def _next_after_pause(self, now: float) -> float:
        since = now - self._pause.until
        if not self._pause.until or since > COMING_BACK_SECONDS or not self._starts or not self._pace_before:
            return 0.0
        pace = self._pace_before / 2 * math.exp2(since)
        return max(self._starts[-1], self._pause.until) + 1 / max(pace, 1.0)

    def _pace(self, now: float) -> float:
        since = max(self._pause.until, now - PACE_WINDOW_SECONDS)
        recent = sum(1 for start in self._starts if start > since)
        return recent / max(now - since, 1.0)
