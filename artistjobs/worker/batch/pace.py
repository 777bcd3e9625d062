"""Waits between requests to the Batch API, which a rehearsal divides by its speed."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

FIRST_POLL_SECONDS, MAX_POLL_SECONDS, POLL_GROWTH = 30.0, 600.0, 1.5


FILE_LOOKS: Final = (5.0, 20.0, 40.0)
"""Waits before the looks for a file whose upload was interrupted: a list may lag. A second upload costs nothing."""


BATCH_LOOKS: Final = (2.0, 5.0, 10.0, 20.0, 40.0, 80.0, 160.0)
"""Waits before the looks for a batch whose creation was interrupted. A second creation may be billed."""


GONE_LOOKS: Final = 10
"""Answers 404 to the question for a batch, over several minutes at least, after which it counts as gone."""


STUCK_SECONDS: Final = 3600.0
"""Time after which a batch is cancelled that is still finalizing, or past its expiry."""


RETRY_SECONDS, MAX_RETRY_SECONDS = 1.0, 60.0


QUEUE_FULL_SECONDS: Final = 60.0
"""Wait after a refusal for the token queue if no batch of ours is in the queue."""


REFUSED_SECONDS: Final = 30.0
"""Wait before jobs go into another batch after the service failed one for no fault of theirs."""


LAG_BEFORE_SECONDS: Final = 600.0
"""Time before a step from which on the objects that it may have created are looked for; clocks differ."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Waits, divided by ``speed``."""

    speed: float = 1.0

    def seconds(self, seconds: float) -> float:
        """Return a wait at this speed."""
        return seconds / self.speed

    def polls(self) -> Iterator[float]:
        """Yield the waits between two looks at a batch."""
        wait = FIRST_POLL_SECONDS
        while True:
            yield self.seconds(wait)
            wait = min(MAX_POLL_SECONDS, wait * POLL_GROWTH)

    def retries(self) -> Iterator[float]:
        """Yield the waits between two tries of a request that failed."""
        wait = RETRY_SECONDS
        while True:
            yield self.seconds(wait)
            wait = min(MAX_RETRY_SECONDS, wait * 2)
