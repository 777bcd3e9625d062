"""Signals that stop a run, and the protocol for other sources of start and stop commands.

The other source is a parent process, in ``processes/child.py``.
"""

import asyncio
import logging
import math
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from time import monotonic
from typing import Protocol

from artistjobs.core.controls import SINGLE_PROCESS, ProcessShare
from artistjobs.core.formatting import count_text
from artistjobs.worker.peers import Calls, NoPeers, Peers
from artistjobs.worker.stop import Stop, StopReason

log = logging.getLogger(__name__)


ECHO_SECONDS = 0.1
"""Time after the first signal in which others belong to the same request. Nobody types Ctrl+C twice in it.

``timeout`` sends a signal to the process and then to its group, so that it may arrive twice.
"""


InFlight = Callable[[], int]
"""Returns the number of calls in flight."""


class RunControl(Protocol):
    """Source of the commands that start and stop a run."""

    def listening(self, stop: Stop, in_flight: InFlight) -> AbstractAsyncContextManager[asyncio.Event]:
        """Request the stop of the run on a command; the event is set when calls in flight are to be abandoned."""

    def part(self) -> ProcessShare:
        """Return the current index of this process among those of its command, and their number."""

    def connect(self, calls: Calls) -> Peers:
        """Share pauses and outages with the other processes of the command, and return them."""

    async def wait_to_start(self, look_up: Callable[[], Awaitable[bool]]) -> bool:
        """Check the account and return when calls may start; False if no call could succeed or the run stops."""


class StopRequests:
    """Requests of the user within an event loop: the first one stops the run, the second abandons the calls in flight.

    ``abandon_requested`` is the event of the second one. A signal that follows the first at once is no second one.
    """

    def __init__(self, stop: Stop, in_flight: InFlight, clock: Callable[[], float] = monotonic) -> None:
        self._stop = stop
        self._in_flight = in_flight
        self._clock = clock
        self._echo_until = -math.inf
        self.abandon_requested = asyncio.Event()

    def receive(self, reason: StopReason) -> None:
        """Handle one signal."""
        now, is_first = self._clock(), self._echo_until == -math.inf
        if now < self._echo_until:
            return
        calls, stop = self._in_flight(), self._stop
        # A parent process learns a little late of the calls of its children, so zero is not said.
        them = f"{count_text(calls, 'call')} in flight" if calls else "the calls in flight"
        were = "was" if calls == 1 else "were"
        # The first signal gives no call up, also if the run stops already for another reason.
        if stop.request(reason, f"{them} {were} finished and stored") or is_first:
            self._echo_until = now + ECHO_SECONDS
            log.warning("stopping: waiting for %s; repeat the signal or Ctrl+C to stop at once", them)
        elif not self.abandon_requested.is_set():
            log.warning("giving up %s, which may be billed and will be repeated", them)
            if stop.reason in _REASONS.values():
                stop.sentence = f"{them} {were} given up, may be billed, and will be repeated"
            self.abandon_requested.set()


class SingleProcess:
    """Part of ``RunControl`` for a command of one process, which shares nothing and waits for nobody."""

    def part(self) -> ProcessShare:
        """Return the share of a single process."""
        return SINGLE_PROCESS

    def connect(self, _calls: Calls) -> Peers:
        """Return no peers, since there is one process."""
        return NoPeers()

    async def wait_to_start(self, look_up: Callable[[], Awaitable[bool]]) -> bool:
        """Check the account, and start at once."""
        return await look_up()


class Signals(SingleProcess):
    """Handles signals: the first one stops the run, the second one abandons the calls in flight."""

    @asynccontextmanager
    async def listening(self, stop: Stop, in_flight: InFlight) -> AsyncIterator[asyncio.Event]:
        """Handle signals within the context."""
        loop, requests = asyncio.get_running_loop(), StopRequests(stop, in_flight)
        # A signal that is ignored, as under nohup, stays ignored.
        before = {number: signal.getsignal(number) for number in _REASONS}
        handled = [number for number, minding in before.items() if minding is not signal.SIG_IGN]
        for number in handled:
            loop.add_signal_handler(number, requests.receive, _REASONS[number])
        try:
            yield requests.abandon_requested
        finally:
            for number in handled:
                loop.remove_signal_handler(number)
                # asyncio restores the default, with which a signal would end the later export without a message.
                signal.signal(number, before[number])


_REASONS = {
    signal.SIGINT: StopReason.INTERRUPTED,
    signal.SIGTERM: StopReason.TERMINATED,
    signal.SIGHUP: StopReason.TERMINATED,
}


HANDLED_SIGNALS = tuple(_REASONS)
"""Signals that stop a run."""
