"""Settings poller: reads from the database, twice a second, the settings sent to running workers."""

from collections.abc import Callable, Sequence
from time import monotonic
from typing import Final

from artistjobs.core.controls import ControlChange, ProcessShare, WorkerSettings, last_revision
from artistjobs.store.interface import Controls

POLL_SECONDS: Final = 0.5
"""Interval between polls, so that a setting takes effect within a second."""


MAX_POLL_SECONDS: Final = 1.0
"""Longest interval: settings act within a second."""


POLLS_A_SECOND: Final = 100
"""Polls that the workers of a database make together in a second, as far as the longest interval allows it."""


OnSettingsChange = Callable[[WorkerSettings], None]
"""Called in the event loop with the changed settings."""


class SettingsPoller:
    """The current settings of this worker; used by the store thread."""

    def __init__(
        self, started_with: WorkerSettings, part: Callable[[], ProcessShare], on_change: OnSettingsChange
    ) -> None:
        self.settings = started_with
        self._started_with = started_with
        self._part = part
        self._on_change = on_change
        self._since = 0
        self._changes: Sequence[ControlChange] = ()
        self._polled_at = 0.0
        self._interval = POLL_SECONDS

    def start(self, controls: Controls) -> None:
        """Skip settings sent so far, except pausing. To be called before the worker is visible to others."""
        self._since = last_revision(controls.read())
        self.poll(controls)

    def poll(self, controls: Controls) -> None:
        """Read the settings, and report them if they have changed."""
        self._polled_at = monotonic()
        self._changes = controls.read()
        self._apply()

    def confirm(self, revision: int) -> bool:
        """Count as a poll that the latest change has this revision; return False if it has to be read."""
        if revision != last_revision(self._changes):
            return False
        self._polled_at = monotonic()
        self._apply()
        return True

    def _apply(self) -> None:
        settings = self._started_with.with_changes(self._changes, self._since, self._part())
        if settings != self.settings:
            self.settings = settings
            self._on_change(settings)

    @property
    def seconds_until_poll(self) -> float:
        """Seconds until the next poll is due."""
        return max(0.0, self._polled_at + self._interval - monotonic())

    def share(self, workers: int) -> None:
        """Poll less often if many workers do so, but always within a second."""
        self._interval = min(MAX_POLL_SECONDS, max(POLL_SECONDS, workers / POLLS_A_SECOND))
