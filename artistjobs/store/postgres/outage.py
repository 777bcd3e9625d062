"""Outage of the server as a worker sees it: how long it could store nothing, and what it says about that."""

import logging
from time import monotonic

log = logging.getLogger(__name__)


class Outage:
    """Time since which a worker could store nothing; ``is_too_long`` is True once the user does not wait any longer."""

    def __init__(self) -> None:
        self.is_too_long = False
        self._since: float | None = None

    def note(self, error: Exception, wait_seconds: float) -> None:
        """Note that an exchange failed; the first time, log the error."""
        if self._since is None:
            self._since = monotonic()
            if wait_seconds:
                why = str(error).partition("; ")[0].removesuffix(".")
                log.warning("%s; no calls are made, and answers are kept here for up to %.0f s", why, wait_seconds)
        self.is_too_long = monotonic() - self._since >= wait_seconds

    def end(self, name: object) -> None:
        """Note that an exchange succeeded."""
        if self._since is not None:
            log.info("%s is back; calls are made again", name)
        self._since, self.is_too_long = None, False
