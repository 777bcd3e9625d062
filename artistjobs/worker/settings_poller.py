"""How a worker hears what is said from another terminal: it looks into the database, twice a second."""

from collections.abc import Callable
from time import monotonic
from typing import Final

from artistjobs.core.controls import Part, Tuning, last_revision
from artistjobs.store.interface import Controls

HEARING_SECONDS: Final = 0.5
"""How often it is looked, so that what is said has its effect within a second."""


Hear = Callable[[Tuning], None]
"""Called, in the event loop, with how to work from now on."""


class Hearing:
    """What this worker was told; it is used by the thread that writes."""

    def __init__(self, started_with: Tuning, part: Callable[[], Part], tell: Hear) -> None:
        self.tuning = started_with
        self._started_with = started_with
        self._part = part
        self._tell = tell
        self._since = 0
        self._heard_at = 0.0

    def begin(self, controls: Controls) -> None:
        """Leave what was said so far to others, pausing apart. To be called before the worker can be seen."""
        self._since = last_revision(controls.read())
        self.listen(controls)

    def listen(self, controls: Controls) -> None:
        """Hear what was said, and tell it if it makes a difference."""
        self._heard_at = monotonic()
        tuning = self._started_with.told(controls.read(), self._since, self._part())
        if tuning != self.tuning:
            self.tuning = tuning
            self._tell(tuning)

    @property
    def patience(self) -> float:
        """Seconds until it is time to listen again."""
        return max(0.0, self._heard_at + HEARING_SECONDS - monotonic())
