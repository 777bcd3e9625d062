"""Even spacing of calls under a limit per minute, and an estimate of the tokens that each call is charged."""

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from artistjobs.api.rate_limit_headers import HeaderLimit

MAX_CORRECTION: Final = 8.0
"""Maximum factor by which the charge of a call may be lower than expected."""


NEARLY_FULL: Final = 0.9
"""Share of a limit that is left, above which some of the refill may be lost because nothing can exceed the limit."""


REPLIES_TO_A_CHARGE: Final = 20
"""Replies over which the charge of one call is averaged, so that their order matters little."""


CATCH_UP_SECONDS: Final = 0.25
"""Time by which a call may start late without delaying the later ones.

Sleeps end slightly late, and at hundreds of calls a second that would add up.
"""


class TokenCharge:
    """Estimates the tokens that a call takes from a token limit, measured by the decrease of the remaining tokens.

    The charge is not the usage of the answer: the API computes it before the call and does not report it.
    """

    def __init__(self) -> None:
        self._tokens: float | None = None
        self._room = 1.0
        self._begun: tuple[float, float] | None = None
        self._replies = 0

    def estimate(self, expected: float) -> float:
        """Return the estimated charge of a call in tokens, or ``expected`` before the first measurement."""
        return (expected if self._tokens is None else self._tokens) * max(self._room, 1 / MAX_CORRECTION)

    def observe(self, now: float, limit: "HeaderLimit") -> None:
        """Record the remaining tokens after one more call."""
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
            # A full limit is not refilled, so no charge can be computed from it; but there is room for more calls.
            self._room *= 0.8
        elif found > 0:
            self._tokens = found if self._tokens is None else (self._tokens + found) / 2
            self._room = 1.0
        self._begun, self._replies = (now, limit.remaining), 0


class RatePacer:
    """Spaces calls evenly under a limit per minute; without a limit there is no spacing.

    This is the generic cell rate algorithm. Calls that start late may catch up, and the spacing is wider by the same
    amount, so that no minute exceeds its limit.
    """

    def __init__(self, per_minute: int | None) -> None:
        self._user_limit = per_minute
        self._learned: float | None = None
        self._due_at = 0.0
        self._seconds_each = _seconds_each(per_minute)

    @property
    def is_set_by_user(self) -> bool:
        """True if the user set the limit."""
        return self._user_limit is not None

    @property
    def next_at(self) -> float:
        """Earliest time at which the next call may start, in seconds on the caller's clock."""
        return self._due_at - CATCH_UP_SECONDS

    def learn(self, per_minute: float) -> None:
        """Apply the limit that the API reports, unless the user set one."""
        self._learned = per_minute
        if not self.is_set_by_user:
            self._seconds_each = _seconds_each(per_minute)

    def set_limit(self, per_minute: int | None, now: float) -> None:
        """Apply the user's limit, or the one of the API if it is None; a wait in progress changes accordingly."""
        if per_minute == self._user_limit:
            return
        before, self._user_limit = self._seconds_each, per_minute
        self._seconds_each = _seconds_each(self._learned if per_minute is None else per_minute)
        if before and (wait := self.next_at - now) > 0:
            self._due_at = now + CATCH_UP_SECONDS + wait * self._seconds_each / before

    def consume(self, now: float, amount: float) -> None:
        """Record that a call starts now and uses ``amount`` of the limit."""
        if self._seconds_each:
            self._due_at = max(self._due_at, now) + amount * self._seconds_each


def _seconds_each(per_minute: float | None) -> float:
    return (60 + CATCH_UP_SECONDS) / per_minute if per_minute else 0.0
