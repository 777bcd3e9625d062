"""Stop of a run by the program that called it, for a run in a thread of its own: only the main thread gets signals."""

import asyncio
import signal
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

from artistjobs.worker.signals import InFlight, SingleProcess, StopRequests
from artistjobs.worker.stop import Stop, StopReason


class Caller(SingleProcess):
    """Passes the Ctrl+C of a calling program on to a run in another thread; implements ``RunControl``."""

    def __init__(self) -> None:
        # A second signal may arrive while the first is handled in the same thread.
        self._lock = threading.RLock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._requests: StopRequests | None = None
        self._early = 0
        self.is_interrupted = False

    def interrupt(self) -> None:
        """Stop the run; a second call abandons the calls in flight. May be called in any thread, and before the run."""
        with self._lock:
            self.is_interrupted = True
            if self._loop is None or self._requests is None:
                self._early += 1
                return
            with suppress(RuntimeError):  # the run has just ended
                self._loop.call_soon_threadsafe(self._requests.receive, StopReason.INTERRUPTED)

    @contextmanager
    def handling_interrupts(self) -> Iterator[None]:
        """Handle Ctrl+C within the context in place of KeyboardInterrupt, if this is the main thread."""
        is_main = threading.current_thread() is threading.main_thread()
        # A signal that is ignored, as under nohup, stays ignored; None is a handler that Python did not install.
        if not is_main or signal.getsignal(signal.SIGINT) in (signal.SIG_IGN, None):
            yield
            return
        before = signal.signal(signal.SIGINT, lambda _number, _frame: self.interrupt())
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    @asynccontextmanager
    async def listening(self, stop: Stop, in_flight: InFlight) -> AsyncIterator[asyncio.Event]:
        """Pass interrupts on within the context, also those that came before it."""
        requests = StopRequests(stop, in_flight)
        with self._lock:
            self._loop, self._requests = asyncio.get_running_loop(), requests
            early, self._early = self._early, 0
        for _ in range(early):
            requests.receive(StopReason.INTERRUPTED)
        try:
            yield requests.abandon_requested
        finally:
            with self._lock:
                self._loop = self._requests = None
