"""Holding all calls of a process to the rate that the account allows.

Calls are spaced evenly by the requests and tokens a minute that were asked for, or that the API's
own headers tell; a refusal that names a time holds everybody, and afterwards calls come back
gradually.
"""

import asyncio
import math
import re
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from artistjobs.window import Window

FIRST_GAP_SECONDS: Final = 0.002
"""Between the first calls of a run: what begins at one moment ends at one moment, and is then seen to one by one."""

FILL_SECONDS: Final = 0.2
"""In which all slots are filled for the first time, however many there are."""

MOST_STARTS: Final = 5000
"""Beginnings of calls that are remembered."""

ROOM_SECONDS: Final = 0.02
"""How often a call that waits for another one's end looks whether it has come."""

NEARLY_USED_UP: Final = 0.1
"""Of a limit, that somebody else seems to use too: below it calls are spaced wider."""

SHARE_USED: Final = 0.98
"""Of a limit that we know, so that two clocks that disagree a little cause no refusals."""

NEARLY_USED_UP_PACE: Final = 0.85
"""Of the limit's pace, to let it recover."""

LARGEST_CORRECTION: Final = 8.0
"""How many times less than expected a call may turn out to be charged."""

NEARLY_FULL: Final = 0.9
"""Of what a limit can hold: from there on some of the refill may be lost."""

REPLIES_TO_A_CHARGE: Final = 20
"""From so many replies it is reckoned what one call was charged, so that their order matters little."""

CATCH_UP_SECONDS: Final = 0.25
"""How late a call may begin without the later ones being late too.

Sleeps end a little after their time, and at hundreds of calls a second that would add up.
"""

PACE_WINDOW_SECONDS: Final = 5.0
"""Over which the pace before a pause is measured, as far as no other pause lies in it."""

LOOK_SECONDS: Final = 0.25
"""How long a wait may be before it is looked whether it has become shorter: limits may be changed meanwhile."""

COMING_BACK_SECONDS: Final = 3.0
"""How long calls are slowed after a pause; they begin at half the pace before, and that doubles each second."""

KEPT_PACE: Final = 0.7
"""Of the pace before the last pause, where the next one comes too soon for it to be measured anew."""

LONGEST_PERIOD_SECONDS: Final = 120.0
"""A limit that refills more slowly than this is one per day: no reason to spread calls over the day."""


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
        window: Window,
        sharers: Callable[[], int] = lambda: 1,
        first_gap: float = 0.0,
    ) -> None:
        self._clock, self._sleep = clock, sleep
        self._sharers = sharers
        self._first_gap = first_gap
        self._window = window
        self._requests = _Spacing(rpm)
        self._tokens = _Spacing(tpm)
        self._turn = asyncio.Lock()
        self._queued = 0
        self._charge = _Charge()
        self._paused_until = 0.0
        self._pause_reason = ""
        self._pace_before = 0.0
        self._starts: deque[float] = deque(maxlen=MOST_STARTS)
        self.waiting: Wait | None = None

    @property
    def slowed_to(self) -> int | None:
        """How many calls may be in flight after refusals, None if as many as wanted."""
        return self._window.slowed_to if self._window is not None else None

    async def acquire(self, tokens: float | Callable[[], float]) -> None:
        """Return when a call that may consume ``tokens`` can begin; callers are served in order.

        A function is asked when the call's turn has come: by then more may be known.
        """
        # Counted, because between two turns the lock is free and yet not for newcomers.
        if self._queued or self._wait(self._clock()) is not None:
            self._queued += 1
            try:
                async with self._turn:
                    await self._sit_through()
                    self._begin(tokens)
            finally:
                self._queued -= 1
        else:
            self._begin(tokens)

    def ended(self, *, answered: bool) -> None:
        """Take in that a call that was acquired is over; ``answered`` if a server had its say."""
        self._window.in_flight -= 1
        if answered:
            self._window.answered()

    def refused(self, seconds: float, reason: str) -> None:
        """Take in that a call was refused for the rate of calls: pause, and have fewer in flight afterwards."""
        # Calls that were on their way together are refused together, for one and the same reason.
        if self._clock() >= self._paused_until:
            self._window.refused()
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
        self._requests.tell(rpm, now)
        self._tokens.tell(tpm, now)
        self._window.resize(max_workers)

    def learn(self, headers: Mapping[str, str]) -> None:
        """Take limits from the headers of a reply, where none were asked for."""
        for spacing, kind in ((self._requests, "requests"), (self._tokens, "tokens")):
            if (limit := read_limit(headers, kind)) is None:
                continue
            if not limit.is_daily:
                spacing.learn(
                    limit.per_period * (NEARLY_USED_UP_PACE if limit.share_left < NEARLY_USED_UP else SHARE_USED)
                )
                if kind == "tokens":
                    self._charge.observe(self._clock(), limit)
            if limit.remaining == 0 and limit.reset_seconds > 0:
                self.pause(limit.reset_seconds, f"limit of {kind}")

    async def _sit_through(self) -> None:
        try:
            while (wait := self._wait(self._clock())) is not None:
                self.waiting = wait
                await self._sleep(min(wait.until - self._clock(), LOOK_SECONDS))
        finally:
            self.waiting = None

    def _wait(self, now: float) -> Wait | None:
        if now < self._paused_until:
            return Wait(self._pause_reason, self._paused_until)
        if self._window.is_full:
            return Wait("calls in flight", now + ROOM_SECONDS)
        at, reason = max(
            (self._requests.next_at, "requests a minute"),
            (self._tokens.next_at, "tokens a minute"),
            (self._next_after_pause(now), "coming back after a pause"),
            (self._next_of_first(), "calls in flight"),
        )
        return Wait(reason, at) if at > now else None

    def _begin(self, expected: float | Callable[[], float]) -> None:
        tokens = expected() if callable(expected) else expected
        now = self._clock()
        sharers = max(1, self._sharers())
        self._starts.append(now)
        self._window.in_flight += 1
        self._requests.take(now, sharers)
        charged = tokens if self._tokens.is_told else self._charge.of(tokens)
        self._tokens.take(now, charged * sharers)

    def _next_of_first(self) -> float:
        """Return when the next call may begin as long as the slots are filled for the first time."""
        size = self._window.size
        is_filling = self._first_gap and 0 < len(self._starts) < min(size, MOST_STARTS)
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


class _Charge:
    """What a call takes out of a limit on tokens, found by how what is left goes down.

    It is not what its answer consumes: the API reckons it beforehand, and does not say how.
    """

    def __init__(self) -> None:
        self._tokens: float | None = None
        self._room = 1.0
        self._begun: tuple[float, float] | None = None
        self._replies = 0

    def of(self, expected: float) -> float:
        """Return what a call will be charged, as far as is known; before that, what it is expected to consume."""
        return (expected if self._tokens is None else self._tokens) * max(self._room, 1 / LARGEST_CORRECTION)

    def observe(self, now: float, limit: "HeaderLimit") -> None:
        """Take in what is left after one more call."""
        if self._begun is None:
            self._begun = now, limit.remaining
            return
        self._replies += 1
        if self._replies < REPLIES_TO_A_CHARGE:
            return
        at, remaining = self._begun
        refilled = limit.per_period / 60 * (now - at)
        found = (remaining + refilled - limit.remaining) / self._replies
        if limit.share_left > NEARLY_FULL:
            # What is full cannot be refilled, so nothing can be reckoned from it; but there is room for more.
            self._room *= 0.8
        elif found > 0:
            self._tokens = found if self._tokens is None else (self._tokens + found) / 2
            self._room = 1.0
        self._begun, self._replies = (now, limit.remaining), 0


class _Spacing:
    """Even spacing of what is limited per minute; without a limit there is none.

    This is the generic cell rate algorithm: what begins late may be caught up with, and the
    spacing is wider by as much, so that no minute sees more than its limit.
    """

    def __init__(self, per_minute: int | None) -> None:
        self._told = per_minute
        self._learned: float | None = None
        self._due_at = 0.0
        self._seconds_each = _seconds_each(per_minute)

    @property
    def is_told(self) -> bool:
        """Whether the user said the limit."""
        return self._told is not None

    @property
    def next_at(self) -> float:
        """When the next call may begin."""
        return self._due_at - CATCH_UP_SECONDS

    def learn(self, per_minute: float) -> None:
        """Follow what the API says, unless the user said something else."""
        self._learned = per_minute
        if not self.is_told:
            self._seconds_each = _seconds_each(per_minute)

    def tell(self, per_minute: int | None, now: float) -> None:
        """Follow what the user says, or again the API where that is nothing; a wait changes with it."""
        if per_minute == self._told:
            return
        before, self._told = self._seconds_each, per_minute
        self._seconds_each = _seconds_each(self._learned if per_minute is None else per_minute)
        if before and (wait := self.next_at - now) > 0:
            self._due_at = now + CATCH_UP_SECONDS + wait * self._seconds_each / before

    def take(self, now: float, amount: float) -> None:
        """Count what begins now."""
        if self._seconds_each:
            self._due_at = max(self._due_at, now) + amount * self._seconds_each


def _seconds_each(per_minute: float | None) -> float:
    return (60 + CATCH_UP_SECONDS) / per_minute if per_minute else 0.0


@dataclass(frozen=True, slots=True)
class HeaderLimit:
    """One limit as the headers ``x-ratelimit-*`` tell it."""

    per_period: float
    remaining: float
    reset_seconds: float

    @property
    def share_left(self) -> float:
        """How much is left of what the limit can hold, be that a minute's worth or a second's; 0 to 1."""
        missing = self.per_period / 60 * self.reset_seconds
        return self.remaining / (self.remaining + missing) if self.remaining > 0 else 0.0

    @property
    def is_daily(self) -> bool:
        """Whether the limit refills over a day rather than a minute.

        The headers do not say so, but what is used up refills within ``reset``: that tells the period.
        """
        used = self.per_period - self.remaining
        return used > 0 and self.per_period * self.reset_seconds / used > LONGEST_PERIOD_SECONDS


def read_limit(headers: Mapping[str, str], kind: str) -> HeaderLimit | None:
    """Return the limit of ``requests`` or ``tokens`` from a reply's headers, None if they tell none."""
    if (told := headers.get(f"x-ratelimit-limit-{kind}")) is None:
        return None
    try:
        limit = float(told)
        remaining = float(headers.get(f"x-ratelimit-remaining-{kind}", ""))
    except ValueError:
        return None
    reset = duration_seconds(headers.get(f"x-ratelimit-reset-{kind}", ""))
    return HeaderLimit(limit, remaining, reset) if 1 <= limit < math.inf else None


_DURATION = re.compile(r"(?:\d{1,9}(?:\.\d+)?(?:ms|s|m|h|d))+", re.ASCII)
_DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", re.ASCII)
_UNIT_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def duration_seconds(text: str) -> float:
    """Return the seconds of a duration such as ``6m0s`` or ``2ms``; 0 for what is none."""
    parts: list[tuple[str, str]] = _DURATION_PART.findall(text) if _DURATION.fullmatch(text) else []
    return sum((float(number) * _UNIT_SECONDS[unit] for number, unit in parts), 0.0)
