"""Even spacing of calls, and the tokens that each is charged."""

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from artistjobs.api.rate_limit_headers import HeaderLimit

MAX_CORRECTION: Final = 8.0
"""How many times less than expected a call may turn out to be charged."""


NEARLY_FULL: Final = 0.9
"""Of what a limit can hold: from there on some of the refill may be lost."""


REPLIES_TO_A_CHARGE: Final = 20
"""From so many replies it is reckoned what one call was charged, so that their order matters little."""


CATCH_UP_SECONDS: Final = 0.25
"""How late a call may begin without the later ones being late too.

Sleeps end a little after their time, and at hundreds of calls a second that would add up.
"""


class TokenCharge:
    """What a call takes out of a limit on tokens, found by how what is left goes down.

    It is not what its answer consumes: the API reckons it beforehand, and does not say how.
    """

    def __init__(self) -> None:
        self._tokens: float | None = None
        self._room = 1.0
        self._begun: tuple[float, float] | None = None
        self._replies = 0

    def estimate(self, expected: float) -> float:
        """Return what a call will be charged, as far as is known; before that, what it is expected to consume."""
        return (expected if self._tokens is None else self._tokens) * max(self._room, 1 / MAX_CORRECTION)

    def observe(self, now: float, limit: "HeaderLimit") -> None:
        """Take in what is left after one more call."""
        if self._begun is None:
            self._begun = now, limit.remaining
            return
        self._replies += 1
        if self._replies < REPLIES_TO_A_CHARGE:
            return
        at, remaining = self._begun
        refilled = limit.per_period / 60 * (now - at)
        found = (remaining + refilled - limit.remaining) / self._replies
        if limit.share_left > NEARLY_FULL:
            # What is full cannot be refilled, so nothing can be reckoned from it; but there is room for more.
            self._room *= 0.8
        elif found > 0:
            self._tokens = found if self._tokens is None else (self._tokens + found) / 2
            self._room = 1.0
        self._begun, self._replies = (now, limit.remaining), 0


class RatePacer:
    """Even spacing of what is limited per minute; without a limit there is none.

    This is the generic cell rate algorithm: what begins late may be caught up with, and the
    spacing is wider by as much, so that no minute sees more than its limit.
    """

    def __init__(self, per_minute: int | None) -> None:
        self._user_limit = per_minute
        self._learned: float | None = None
        self._due_at = 0.0
        self._seconds_each = _seconds_each(per_minute)

    @property
    def is_set_by_user(self) -> bool:
        """Whether the user said the limit."""
        return self._user_limit is not None

    @property
    def next_at(self) -> float:
        """When the next call may begin."""
        return self._due_at - CATCH_UP_SECONDS

    def learn(self, per_minute: float) -> None:
        """Follow what the API says, unless the user said something else."""
        self._learned = per_minute
        if not self.is_set_by_user:
            self._seconds_each = _seconds_each(per_minute)

    def set_limit(self, per_minute: int | None, now: float) -> None:
        """Follow what the user says, or again the API where that is nothing; a wait changes with it."""
        if per_minute == self._user_limit:
            return
        before, self._user_limit = self._seconds_each, per_minute
        self._seconds_each = _seconds_each(self._learned if per_minute is None else per_minute)
        if before and (wait := self.next_at - now) > 0:
            self._due_at = now + CATCH_UP_SECONDS + wait * self._seconds_each / before

    def consume(self, now: float, amount: float) -> None:
        """Count what begins now."""
        if self._seconds_each:
            self._due_at = max(self._due_at, now) + amount * self._seconds_each


def _seconds_each(per_minute: float | None) -> float:
    return (60 + CATCH_UP_SECONDS) / per_minute if per_minute else 0.0
