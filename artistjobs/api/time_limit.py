"""Time limit of a call, in seconds that this process was running.

After Ctrl+Z or a sleep of the machine, the clock has moved on while the answer may lie in the socket.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import Context
from types import TracebackType
from typing import Final, Self

TICK_SECONDS: Final = 0.5


LATE_SECONDS: Final = 1.0
"""Delay of a tick beyond which the process was stopped, and not only busy."""


class RunningClock:
    """Counts the seconds in which the process was running: a timer that comes late shows that it was not.

    Timers of limits run in ``context``, which holds nothing of a call.
    """

    def __init__(self) -> None:
        self.context = Context()
        self._loop = asyncio.get_running_loop()
        self._stopped_seconds = 0.0
        self._due = self._loop.time() + TICK_SECONDS

    @contextmanager
    def ticking(self) -> Iterator[Self]:
        """Run the timer within the context."""
        self._tick()
        try:
            yield self
        finally:
            self._timer.cancel()

    def now(self) -> float:
        """Return the seconds since an arbitrary moment, without those in which the process was stopped."""
        return self._loop.time() - self._stopped_seconds - self._seconds_late()

    def _seconds_late(self) -> float:
        late = self._loop.time() - self._due
        return late if late > LATE_SECONDS else 0.0

    def _tick(self) -> None:
        self._stopped_seconds += self._seconds_late()
        self._due = self._loop.time() + TICK_SECONDS
        self._timer = self._loop.call_at(self._due, self._tick)


class TimeLimit:
    """Context that raises TimeoutError after some seconds of a clock, in the way of ``asyncio.timeout``."""

    def __init__(self, clock: RunningClock, seconds: float) -> None:
        self._clock = clock
        self._left = seconds
        self._since = 0.0
        self._is_entered = False
        self._timeout = asyncio.timeout(None)

    async def __aenter__(self) -> Self:
        await self._timeout.__aenter__()
        self._is_entered = True
        self._start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._timer.cancel()
        self._is_entered = False
        await self._timeout.__aexit__(kind, error, traceback)

    @contextmanager
    def suspended(self) -> Iterator[None]:
        """Do not count the time within this context, in which the call waits for this process, not for the server."""
        self._timer.cancel()
        self._left -= self._clock.now() - self._since
        try:
            yield
        finally:
            if self._is_entered:
                self._start()

    def _start(self) -> None:
        self._since = self._clock.now()
        # In the context of the call, the timer would keep the reply that arrives within this limit, and the reply the
        # timer: the memory of each reply would be free only after a collection of garbage.
        loop, context = asyncio.get_running_loop(), self._clock.context
        self._timer = loop.call_later(max(0.0, self._left), self._check, context=context)

    def _check(self) -> None:
        now = self._clock.now()
        self._left -= now - self._since
        self._since = now
        if self._left > 0:
            self._start()
        else:
            self._timeout.reschedule(asyncio.get_running_loop().time())
