"""Why a run ends before everything is done, and the wait that such an end interrupts."""

import asyncio
from enum import StrEnum


class Reason(StrEnum):
    """Why a run stops early."""

    INTERRUPTED = "interrupted"
    TERMINATED = "terminated"
    ACCOUNT = "account"  # key, credit, model or prompt: every call would fail alike
    OUTAGE = "outage"  # too many jobs in a row came to nothing
    MAX_COST = "max-cost"
    LIMIT = "limit"
    STORE = "store"  # disk or database trouble
    DIED = "died"  # the processes that worked, one after another


class StoppingError(Exception):
    """Raised out of a wait that the end of the run makes pointless."""


class Stop:
    """Set once, by whoever first finds that the run cannot go on; waits end when it is."""

    def __init__(self) -> None:
        self.reason: Reason | None = None
        self.sentence = ""
        self._event = asyncio.Event()

    def request(self, reason: Reason, sentence: str) -> bool:
        """Ask for the end of the run; say whether this was the first time."""
        if self.reason is not None:
            return False
        self.reason, self.sentence = reason, sentence
        self._event.set()
        return True

    def is_requested(self) -> bool:
        """Whether the run is to end."""
        return self.reason is not None

    async def wait(self) -> None:
        """Return once the end is asked for."""
        await self._event.wait()

    async def sleep(self, seconds: float) -> None:
        """Sleep, unless the run ends meanwhile.

        Raises:
            StoppingError: as soon as the end is asked for.

        """
        if not self.is_requested():
            try:
                await asyncio.wait_for(self._event.wait(), seconds)
            except TimeoutError:
                return
        raise StoppingError
