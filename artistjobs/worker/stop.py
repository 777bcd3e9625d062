"""Why a run ends or rests before everything is done, and the wait that this interrupts."""

import asyncio
from enum import StrEnum


class StopReason(StrEnum):
    """Why a run stops early."""

    INTERRUPTED = "interrupted"
    TERMINATED = "terminated"
    ACCOUNT = "account"  # key, credit, model or prompt: every call would fail alike
    OUTAGE = "outage"  # too many jobs in a row came to nothing
    MAX_COST = "max-cost"
    LIMIT = "limit"
    STORE = "store"  # disk or database trouble
    DIED = "died"  # the processes that worked, one after another


class RunStoppingError(Exception):
    """Raised out of a wait that the end of the run, or its rest, makes pointless."""


class Stop:
    """Set once, by whoever first finds that the run cannot go on; waits end when it is.

    A run may also rest for a while: waits for a call end then too, and the job is given back.
    """

    def __init__(self) -> None:
        self.reason: StopReason | None = None
        self.sentence = ""
        self.is_paused = False
        self._event = asyncio.Event()
        self._halt = asyncio.Event()

    def request(self, reason: StopReason, sentence: str) -> bool:
        """Ask for the end of the run; say whether this was the first time."""
        if self.reason is not None:
            return False
        self.reason, self.sentence = reason, sentence
        self._event.set()
        self._halt.set()
        return True

    def is_requested(self) -> bool:
        """Whether the run is to end."""
        return self.reason is not None

    def pause(self, is_paused: bool) -> None:  # noqa: FBT001
        """Have no call begin until told otherwise."""
        self.is_paused = is_paused
        if self.is_halted():
            self._halt.set()
        else:
            self._halt.clear()

    def is_halted(self) -> bool:
        """Whether no call is to begin, for now or for good."""
        return self.is_paused or self.is_requested()

    async def wait(self) -> None:
        """Return once the end is asked for."""
        await self._event.wait()

    async def sleep(self, seconds: float) -> None:
        """Sleep, unless the run ends or rests meanwhile.

        Raises:
            StoppingError: as soon as no call is to begin any more.

        """
        if not self.is_halted():
            try:
                await asyncio.wait_for(self._halt.wait(), seconds)
            except TimeoutError:
                return
        raise RunStoppingError
