"""Shared rest: a pause of one child process applies to all of them, and in an outage one of them makes the probes."""

from collections.abc import Iterable
from typing import Protocol

from artistjobs.core.json_values import Json
from artistjobs.worker.processes import messages


class Member(Protocol):
    """A child process that messages can be sent to."""

    is_over: bool

    def send(self, kind: str, value: Json = None) -> None:
        """Send a message."""


class SharedRest:
    """Passes pauses on, and appoints the process that makes the probes."""

    def __init__(self, members: Iterable[Member]) -> None:
        self._members = members
        self._leader: Member | None = None

    def handle(self, member: Member, kind: str, value: Json) -> bool:
        """Pass on a message of a member; return False if the message is about something else."""
        if kind == messages.RESTING:
            self._rest(member, value)
        elif kind == messages.ANSWERED:
            self._leader = None
            self._tell_others(member, kind, value)
        elif kind == messages.PAUSED:
            self._tell_others(member, kind, value)
        else:
            return False
        return True

    def is_led_by(self, member: Member) -> bool:
        """Return True if a member makes the probes. Others may have noticed the same outage at the same moment."""
        return member is self._leader

    def ended(self, member: Member) -> None:
        """Hand the probes to another member if the one that made them has ended."""
        if member is self._leader:
            self._leader = next((each for each in self._members if not each.is_over), None)
            if self._leader is not None:
                self._leader.send(messages.LEAD)

    def _rest(self, member: Member, cause: Json) -> None:
        if self._leader is None:
            self._leader = member
            self._tell_others(member, messages.RESTING, cause)
        elif member is not self._leader:
            member.send(messages.RESTING, cause)

    def _tell_others(self, member: Member, kind: str, value: Json) -> None:
        for other in self._members:
            if other is not member and not other.is_over:
                other.send(kind, value)
