"""Holding all calls of a process to the rate that the account allows.

Calls are spaced evenly by the requests and tokens a minute that were asked for, or that the API's
own headers tell; a refusal that names a time holds everybody, and afterwards calls come back
gradually.
"""

import asyncio
import math
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from artistjobs.api.rate_limit_headers import read_limit
from artistjobs.worker.limits.concurrency import ConcurrencyLimit
from artistjobs.worker.limits.pacing import RatePacer, TokenCharge

RAMP_UP_GAP_SECONDS: Final = 0.002
"""Between the first calls of a run: what begins at one moment ends at one moment, and is then seen to one by one."""


FILL_SECONDS: Final = 0.2
"""In which all slots are filled for the first time, however many there are."""


MAX_STARTS: Final = 5000
"""Beginnings of calls that are remembered."""


SLOT_POLL_SECONDS: Final = 0.02
"""How often a call that waits for another one's end looks whether it has come."""


NEARLY_USED_UP: Final = 0.1
"""Of a limit, that somebody else seems to use too: below it calls are spaced wider."""


TARGET_UTILIZATION: Final = 0.98
"""Of a limit that we know, so that two clocks that disagree a little cause no refusals."""


NEARLY_USED_UP_PACE: Final = 0.85
"""Of the limit's pace, to let it recover."""


PACE_WINDOW_SECONDS: Final = 5.0
"""Over which the pace before a pause is measured, as far as no other pause lies in it."""


WAIT_POLL_SECONDS: Final = 0.25
"""How long a wait may be before it is looked whether it has become shorter: limits may be changed meanwhile."""


COMING_BACK_SECONDS: Final = 3.0
"""How long calls are slowed after a pause; they begin at half the pace before, and that doubles each second."""


KEPT_PACE: Final = 0.7
"""Of the pace before the last pause, where the next one comes too soon for it to be measured anew."""


@dataclass(frozen=True, slots=True)
class Wait:
    """What calls wait for at this moment, and until when on the limiter's clock."""

    reason: str
    until: float


class Limiter:
    """Lets calls begin, one after another, each at its time."""

    def __init__(  # noqa: PLR0913 - all of them by name
        self,
        *,
        rpm: int | None,
        tpm: int | None,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
        concurrency: ConcurrencyLimit,
        sharers: Callable[[], int] = lambda: 1,
        first_gap: float = 0.0,
    ) -> None:
        self._clock, self._sleep = clock, sleep
        self._sharers = sharers
        self._first_gap = first_gap
        self._concurrency = concurrency
        self._requests = RatePacer(rpm)
        self._tokens = RatePacer(tpm)
        self._turn = asyncio.Lock()
        self._queued = 0
        self._charge = TokenCharge()
        self._paused_until = 0.0
        self._pause_reason = ""
        self._pace_before = 0.0
        self._starts: deque[float] = deque(maxlen=MAX_STARTS)
        self.waiting: Wait | None = None

    @property
    def slowed_to(self) -> int | None:
        """How many calls may be in flight after refusals, None if as many as wanted."""
        return self._concurrency.slowed_to if self._concurrency is not None else None

    async def acquire(self, tokens: float | Callable[[], float]) -> None:
        """Return when a call that may consume ``tokens`` can begin; callers are served in order.

        A function is asked when the call's turn has come: by then more may be known.
        """
        # Counted, because between two turns the lock is free and yet not for newcomers.
        if self._queued or self._wait(self._clock()) is not None:
            self._queued += 1
            try:
                async with self._turn:
                    await self._wait_for_turn()
                    self._start_call(tokens)
            finally:
                self._queued -= 1
        else:
            self._start_call(tokens)

    def ended(self, *, answered: bool) -> None:
        """Take in that a call that was acquired is over; ``answered`` if a server had its say."""
        self._concurrency.in_flight -= 1
        if answered:
            self._concurrency.answered()

    def refused(self, seconds: float, reason: str) -> None:
        """Take in that a call was refused for the rate of calls: pause, and have fewer in flight afterwards."""
        # Calls that were on their way together are refused together, for one and the same reason.
        if self._clock() >= self._paused_until:
            self._concurrency.refused()
        self.pause(seconds, reason)

    def pause(self, seconds: float, reason: str) -> None:
        """Let no call begin for some seconds; a longer pause that is under way stays."""
        now = self._clock()
        if now >= self._paused_until:
            self._pace_before = max(self._pace(now), KEPT_PACE * self._pace_before)
        if now + seconds > self._paused_until:
            self._paused_until, self._pause_reason = now + seconds, reason

    def tune(self, *, rpm: int | None, tpm: int | None, max_workers: int) -> None:
        """Keep to other limits from now on, to those of the headers where none is given."""
        now = self._clock()
        self._requests.set_limit(rpm, now)
        self._tokens.set_limit(tpm, now)
        self._concurrency.resize(max_workers)

    def learn(self, headers: Mapping[str, str]) -> None:
        """Take limits from the headers of a reply, where none were asked for."""
        for spacing, kind in ((self._requests, "requests"), (self._tokens, "tokens")):
            if (limit := read_limit(headers, kind)) is None:
                continue
            if not limit.is_daily:
                spacing.learn(
                    limit.per_period
                    * (NEARLY_USED_UP_PACE if limit.share_left < NEARLY_USED_UP else TARGET_UTILIZATION)
                )
                if kind == "tokens":
                    self._charge.observe(self._clock(), limit)
            if limit.remaining == 0 and limit.reset_seconds > 0:
                self.pause(limit.reset_seconds, f"limit of {kind}")

    async def _wait_for_turn(self) -> None:
        try:
            while (wait := self._wait(self._clock())) is not None:
                self.waiting = wait
                await self._sleep(min(wait.until - self._clock(), WAIT_POLL_SECONDS))
        finally:
            self.waiting = None

    def _wait(self, now: float) -> Wait | None:
        if now < self._paused_until:
            return Wait(self._pause_reason, self._paused_until)
        if self._concurrency.is_full:
            return Wait("calls in flight", now + SLOT_POLL_SECONDS)
        at, reason = max(
            (self._requests.next_at, "requests a minute"),
            (self._tokens.next_at, "tokens a minute"),
            (self._next_after_pause(now), "coming back after a pause"),
            (self._next_of_first(), "calls in flight"),
        )
        return Wait(reason, at) if at > now else None

    def _start_call(self, expected: float | Callable[[], float]) -> None:
        tokens = expected() if callable(expected) else expected
        now = self._clock()
        sharers = max(1, self._sharers())
        self._starts.append(now)
        self._concurrency.in_flight += 1
        self._requests.consume(now, sharers)
        charged = tokens if self._tokens.is_set_by_user else self._charge.estimate(tokens)
        self._tokens.consume(now, charged * sharers)

    def _next_of_first(self) -> float:
        """Return when the next call may begin as long as the slots are filled for the first time."""
        size = self._concurrency.size
        is_filling = self._first_gap and 0 < len(self._starts) < min(size, MAX_STARTS)
        return self._starts[-1] + min(self._first_gap, FILL_SECONDS / size) if is_filling else 0.0

    def _next_after_pause(self, now: float) -> float:
        since = now - self._paused_until
        if not self._paused_until or since > COMING_BACK_SECONDS or not self._starts or not self._pace_before:
            return 0.0
        pace = self._pace_before / 2 * math.exp2(since)
        return max(self._starts[-1], self._paused_until) + 1 / max(pace, 1.0)

    def _pace(self, now: float) -> float:
        since = max(self._paused_until, now - PACE_WINDOW_SECONDS)
        recent = sum(1 for start in self._starts if start > since)
        return recent / max(now - since, 1.0)
