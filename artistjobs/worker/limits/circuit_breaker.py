"""Circuit breaker: rests the calls of a process while the service is away, and lets one probe at a time through.

It is a state machine without input or output; the clock is an argument.

    CLOSED    calls start; jobs that come to nothing in a row are counted, and an answer starts the count again
    RESTING   no call starts before the pause is over
    PROBING   one call is in flight, the probe

When the count reaches its threshold, CLOSED becomes RESTING. The first call after the pause is the probe. If it fails,
the next pause is twice as long. Any answer closes the breaker. If a probe fails when the patience is used up, the
breaker gives up. The breaker also rests for one probe after a refusal that may be a mistake of the server.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from math import inf
from typing import Final

MIN_JOBS: Final = 10
"""Jobs in a row that come to nothing before the service counts as away, if more jobs are unfinished."""


FIRST_PAUSE_SECONDS: Final = 1.0


MAX_PAUSE_SECONDS: Final = 60.0
"""Longest pause between two probes; each pause is twice as long as the one before."""


SUSPICION_SECONDS: Final = 2.0
"""Pause after a refusal that may be a mistake of the server, before the next call shows whether it is one."""


class State(Enum):
    """State of the breaker."""

    CLOSED = auto()
    RESTING = auto()
    PROBING = auto()


class Event(Enum):
    """Result of an observation that users should know of."""

    TRIPPED = auto()  # calls rest from now on
    SUSPECTED = auto()  # calls rest for one probe
    STILL_AWAY = auto()  # a probe failed
    RECOVERED = auto()  # an answer ended the rest
    GAVE_UP = auto()  # the patience is used up
    CONFIRMED = auto()  # the probe was refused like the call before


@dataclass(frozen=True, slots=True)
class Rest:
    """State of a rest: its cause, the earliest time of the next probe, and the time at which the breaker gives up.

    Times are in seconds on the breaker's clock. ``next_probe_at`` is None while a probe is in flight.
    """

    cause: str
    next_probe_at: float | None
    gives_up_at: float


class Breaker:
    """Decides whether calls may start, from what became of the calls and jobs before.

    ``patience_seconds`` is the longest rest without an answer; with 0 the breaker gives up instead of resting.
    """

    def __init__(self, max_workers: int, patience_seconds: float, clock: Callable[[], float]) -> None:
        self.patience_seconds = patience_seconds
        self._clock = clock
        self.state = State.CLOSED
        self.newest_call = 0
        self._row = 0
        self._pause = 0.0
        self._until = 0.0
        self._since = 0.0
        self._cause = ""
        self._is_suspicion = False
        self._is_led = False
        self._probe = 0
        self.resize(max_workers)

    def resize(self, max_workers: int) -> None:
        """Set the number of workers, on which the threshold depends, from now on."""
        self._most = max(MIN_JOBS, max_workers)

    @property
    def is_closed(self) -> bool:
        """True if calls are not at rest."""
        return self.state is State.CLOSED

    @property
    def opens_at(self) -> float:
        """Earliest time at which the next call may start; infinite while a probe is in flight."""
        if self.state is State.CLOSED:
            return 0.0
        return self._until if self.state is State.RESTING else inf

    @property
    def seconds_to_probe(self) -> float:
        """Seconds until the next probe may start; 0 if it may start now."""
        return max(0.0, self.opens_at - self._clock())

    @property
    def rest(self) -> Rest | None:
        """The current rest; None if calls may start, or if another process makes the probes."""
        if self.state is State.CLOSED or self._is_led:
            return None
        return Rest(
            self._cause, self._until if self.state is State.RESTING else None, self._since + self.patience_seconds
        )

    def begin(self) -> int:
        """Record the start of a call and return its number; after a pause this call is the probe."""
        self.newest_call += 1
        if self.state is State.RESTING:
            self.state, self._probe = State.PROBING, self.newest_call
        return self.newest_call

    def is_probe(self, call: int) -> bool:
        """Return True if a call is the probe in flight."""
        return self.state is State.PROBING and call == self._probe

    def answered(self) -> Event | None:
        """Record that the service answered any call."""
        self._row = 0
        if self.state is State.CLOSED:
            return None
        was_suspicion = self._is_suspicion
        self._close()
        return None if was_suspicion else Event.RECOVERED

    def failed(self, call: int, cause: str) -> Event | None:
        """Record that a call failed and that another call may succeed; only the failure of a probe changes anything."""
        if not self.is_probe(call):
            return None
        if self._is_suspicion:
            return self._trip(cause)
        now, self._cause = self._clock(), cause
        if now >= self._since + self.patience_seconds:
            self._rest(inf)
            return Event.GAVE_UP
        self._pause = min(2 * self._pause, MAX_PAUSE_SECONDS)
        self._rest(min(now + self._pause, self._since + self.patience_seconds))
        return Event.STILL_AWAY

    def came_to_nothing(self, unfinished: int, cause: str) -> Event | None:
        """Record a job whose calls are used up; ``unfinished`` is the number of jobs that are not done or failed."""
        if self.state is not State.CLOSED:
            return None
        self._row += 1
        return self._trip(cause) if self._row >= min(self._most, max(1, unfinished)) else None

    def trip(self, cause: str) -> Event | None:
        """Rest the calls at once, if they do not rest yet."""
        return self._trip(cause) if self.state is State.CLOSED else None

    def suspect(self, call: int, cause: str) -> Event | None:
        """Record a refusal that concerns every call, unless the server sent it by mistake.

        The first one rests the calls. If the probe is refused too, the refusal is confirmed. Calls that began before
        the rest change nothing.
        """
        if self.state is State.CLOSED or (self.is_probe(call) and not self._is_suspicion):
            self._since, self._cause, self._pause = self._clock(), cause, SUSPICION_SECONDS
            self._is_suspicion, self._is_led = True, False
            self._rest(self._since + SUSPICION_SECONDS)
            return Event.SUSPECTED
        return Event.CONFIRMED if self.is_probe(call) else None

    def abandon(self, call: int) -> None:
        """Record that a call ended without a result; if it was the probe, another call may be the probe at once."""
        if self.is_probe(call):
            self._rest(self._clock())

    def postpone(self, seconds: float) -> None:
        """Extend the patience by a time in which no call was allowed for another reason."""
        self._since += seconds

    def follow(self, cause: str) -> None:
        """Rest until another process reports an answer, or this one has to make the probes."""
        if not self._is_led:
            self._trip(cause)
        self._is_led = True
        self._rest(inf)

    def lead(self) -> None:
        """Make the probes from now on, in place of another process."""
        if self._is_led:
            self._is_led = False
            self._rest(self._clock() + self._pause)

    def close(self) -> Event | None:
        """End the rest because another process received an answer."""
        return self.answered() if self.state is not State.CLOSED else None

    def _trip(self, cause: str) -> Event:
        self._since, self._cause, self._pause = self._clock(), cause, FIRST_PAUSE_SECONDS
        self._is_suspicion = self._is_led = False
        if not self.patience_seconds:
            self._rest(inf)
            return Event.GAVE_UP
        self._rest(self._since + min(self._pause, self.patience_seconds))
        return Event.TRIPPED

    def _rest(self, until: float) -> None:
        self.state, self._until = State.RESTING, until

    def _close(self) -> None:
        self.state = State.CLOSED
        self._is_suspicion = self._is_led = False
