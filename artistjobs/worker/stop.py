"""Stopping and pausing a run: the reasons to stop, and a sleep that both interrupt."""

import asyncio
from collections.abc import Coroutine
from enum import StrEnum
from typing import Any, TypeVar

Result = TypeVar("Result")


class StopReason(StrEnum):
    """The reason why a run stops early."""

    INTERRUPTED = "interrupted"
    TERMINATED = "terminated"
    ACCOUNT = "account"  # key, credit, model or prompt: every call would fail in the same way
    REFUSED = "refused"  # many rows in a row were refused alike, which is no row's fault
    OUTAGE = "outage"  # the service did not answer for as long as the patience lasts
    MAX_COST = "max-cost"
    LIMIT = "limit"
    SUBMITTED = "submitted"  # batches are at the service, and this run does not wait for them
    STORE = "store"  # failure of the disk or the database
    RESOURCES = "resources"  # the system refuses memory, a thread or a file handle
    DIED = "died"  # child processes, several in a row, or one that cannot be started


class RunStoppingError(Exception):
    """Raised from a wait because the run stops or is paused."""


class Stop:
    """Stop state of a run: set once, by the first part that finds that the run cannot go on; it ends all waits.

    A run may also be paused: waits for a call then end too, and their jobs are released.
    ``least_cap_usd`` is the cap that the call would have needed for whose cost the run stopped, None if unknown.
    """

    def __init__(self) -> None:
        self.reason: StopReason | None = None
        self.sentence = ""
        self.least_cap_usd: float | None = None
        self.is_paused = False
        self._event = asyncio.Event()
        self._halt = asyncio.Event()

    def request(self, reason: StopReason, sentence: str) -> bool:
        """Request the stop of the run; return True for the first request."""
        if self.reason is not None:
            return False
        self.reason, self.sentence = reason, sentence
        self._event.set()
        self._halt.set()
        return True

    def is_requested(self) -> bool:
        """Return True if the run is to stop."""
        return self.reason is not None

    def pause(self, is_paused: bool) -> None:  # noqa: FBT001
        """Pause the run, so that no call starts, or resume it."""
        self.is_paused = is_paused
        if self.is_halted():
            self._halt.set()
        else:
            self._halt.clear()

    def is_halted(self) -> bool:
        """Return True if no call may start, because the run stops or is paused."""
        return self.is_paused or self.is_requested()

    async def wait(self) -> None:
        """Return once a stop is requested."""
        await self._event.wait()

    async def sleep_unless_stopped(self, seconds: float) -> None:
        """Sleep for ``seconds``; a pause does not end the sleep.

        Raises:
            RunStoppingError: as soon as the run stops.

        """
        if not self.is_requested():
            try:
                await asyncio.wait_for(self._event.wait(), seconds)
            except TimeoutError:
                return
        raise RunStoppingError

    async def unless_requested(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Return the result of a coroutine, which is cancelled as soon as the run stops.

        Raises:
            RunStoppingError: if the run stops first.

        """
        task, stopping = asyncio.ensure_future(work), asyncio.ensure_future(self._event.wait())
        try:
            await asyncio.wait([task, stopping], return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
            raise RunStoppingError
        finally:
            for one in (task, stopping):
                one.cancel()
            await asyncio.gather(task, stopping, return_exceptions=True)

    async def sleep(self, seconds: float) -> None:
        """Sleep for ``seconds``, unless the run stops or is paused meanwhile.

        Raises:
            StoppingError: as soon as no call may start.

        """
        if not self.is_halted():
            try:
                await asyncio.wait_for(self._halt.wait(), seconds)
            except TimeoutError:
                return
        raise RunStoppingError
