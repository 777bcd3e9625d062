"""Who tells a run when to begin and when to end: signals, where it has its process for itself."""

import asyncio
import logging
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

from artistjobs.core.controls import SINGLE_PROCESS, ProcessShare
from artistjobs.core.formatting import count_text
from artistjobs.worker.stop import Stop, StopReason

log = logging.getLogger("artistjobs")


InFlight = Callable[[], int]
"""Says how many calls are in flight."""


class RunControl(Protocol):
    """Tells a run when to begin and when to end."""

    def listening(self, stop: Stop, in_flight: InFlight) -> AbstractAsyncContextManager[asyncio.Event]:
        """Have the end requested when it is told to; the event is set when calls in flight are to be given up."""

    def part(self) -> ProcessShare:
        """Return which of the processes of its command a run is by now, and of how many."""

    async def wait_to_start(self, look_up: Callable[[], Awaitable[bool]]) -> bool:
        """Return once calls may be made, after a look at the account; False if none could work."""


class Signals:
    """The first signal ends the run, the second one gives up the calls in flight."""

    @asynccontextmanager
    async def listening(self, stop: Stop, in_flight: InFlight) -> AsyncIterator[asyncio.Event]:
        """Listen to signals as long as the context lasts."""
        loop, abandoned = asyncio.get_running_loop(), asyncio.Event()

        def received(number: signal.Signals) -> None:
            calls = in_flight()
            them, were = count_text(calls, "call") + " in flight", "was" if calls == 1 else "were"
            if stop.request(_REASONS[number], f"{them} {were} finished and stored"):
                log.warning("stopping: waiting for %s; the same once more gives up", them)
            elif not abandoned.is_set():
                log.warning("giving up %s, which may be billed and will be made again", them)
                if stop.reason in _REASONS.values():
                    stop.sentence = f"{them} {were} given up, may be billed, and will be made again"
                abandoned.set()

        # A signal that is ignored, as under nohup, stays ignored.
        before = {number: signal.getsignal(number) for number in _REASONS}
        handled = [number for number, minding in before.items() if minding is not signal.SIG_IGN]
        for number in handled:
            loop.add_signal_handler(number, received, number)
        try:
            yield abandoned
        finally:
            for number in handled:
                loop.remove_signal_handler(number)
                # asyncio leaves the default: one that comes during the export after it would end that without a word.
                signal.signal(number, before[number])

    def part(self) -> ProcessShare:
        """Return that it is the only one."""
        return SINGLE_PROCESS

    async def wait_to_start(self, look_up: Callable[[], Awaitable[bool]]) -> bool:
        """Look at the account, and begin."""
        return await look_up()


_REASONS = {
    signal.SIGINT: StopReason.INTERRUPTED,
    signal.SIGTERM: StopReason.TERMINATED,
    signal.SIGHUP: StopReason.TERMINATED,
}


HANDLED_SIGNALS = tuple(_REASONS)
"""Signals that end a run."""
