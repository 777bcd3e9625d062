"""Peers: the other processes of the same command, with which a process shares pauses and the rest during an outage.

The messages between them are in ``processes``; a command with one process has no peers.
"""

import logging
from typing import Protocol

from artistjobs.worker.limits.circuit_breaker import Breaker, Event
from artistjobs.worker.limits.rate_limiter import Limiter, Wait

log = logging.getLogger(__name__)


class Peers(Protocol):
    """Receives what concerns the calls of all processes of a command."""

    def paused(self, pause: Wait) -> None:
        """Report a pause of all calls; its end is on the monotonic clock, which all processes share."""

    def resting(self, cause: str, announcement: str) -> None:
        """Report that the service is away, and that this process makes the probes.

        ``announcement`` is logged once for all processes.
        """

    def answered(self) -> None:
        """Report that the service answered, which ends the rest."""


class NoPeers:
    """The peers of a command with one process: none."""

    def paused(self, pause: Wait) -> None:
        """Do nothing."""

    def resting(self, cause: str, announcement: str) -> None:  # noqa: ARG002 - as the protocol has it
        """Log the announcement."""
        log.warning("%s", announcement)

    def answered(self) -> None:
        """Do nothing."""


class Calls:
    """The calls of this process, as far as its peers have an influence on them."""

    def __init__(self, limiter: Limiter, breaker: Breaker) -> None:
        self._limiter = limiter
        self._breaker = breaker

    def pause(self, pause: Wait) -> None:
        """Pause as another process does."""
        self._limiter.pause_until(pause)

    def follow(self, cause: str) -> None:
        """Rest while another process makes the probes."""
        self._breaker.follow(cause)

    def lead(self) -> None:
        """Make the probes, because the process that made them has ended."""
        self._breaker.lead()

    def resume(self) -> None:
        """Make calls again, because another process received an answer."""
        if self._breaker.close() is Event.RECOVERED:
            self._limiter.restart()
