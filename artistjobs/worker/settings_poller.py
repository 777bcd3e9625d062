"""How a worker hears what is said from another terminal: it looks into the database, twice a second."""

from collections.abc import Callable
from time import monotonic
from typing import Final

from artistjobs.core.controls import ProcessShare, WorkerSettings, last_revision
from artistjobs.store.interface import Controls

POLL_SECONDS: Final = 0.5
"""How often it is looked, so that what is said has its effect within a second."""


OnSettingsChange = Callable[[WorkerSettings], None]
"""Called, in the event loop, with how to work from now on."""


class SettingsPoller:
    """What this worker was told; it is used by the thread that writes."""

    def __init__(
        self, started_with: WorkerSettings, part: Callable[[], ProcessShare], on_change: OnSettingsChange
    ) -> None:
        self.settings = started_with
        self._started_with = started_with
        self._part = part
        self._on_change = on_change
        self._since = 0
        self._polled_at = 0.0

    def start(self, controls: Controls) -> None:
        """Leave what was said so far to others, pausing apart. To be called before the worker can be seen."""
        self._since = last_revision(controls.read())
        self.poll(controls)

    def poll(self, controls: Controls) -> None:
        """Hear what was said, and tell it if it makes a difference."""
        self._polled_at = monotonic()
        settings = self._started_with.with_changes(controls.read(), self._since, self._part())
        if settings != self.settings:
            self.settings = settings
            self._on_change(settings)

    @property
    def seconds_until_poll(self) -> float:
        """Seconds until it is time to listen again."""
        return max(0.0, self._polled_at + POLL_SECONDS - monotonic())
