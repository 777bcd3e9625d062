"""Rate limits of the simulated API: requests and tokens per minute and model, with the API's rate limit headers.

Each limit is a token bucket that starts full and refills at a constant rate. A refused call consumes nothing.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from artistjobs.rehearsal.replies import ApiError, SimulatedReply
from artistjobs.rehearsal.scenarios import Scenario

_MINUTE = 60.0


@dataclass(slots=True)
class Bucket:
    """The token bucket of one limit."""

    per_minute: int
    burst: float
    level: float
    filled_at: float

    @property
    def remaining(self) -> int:
        """The units that are available, rounded down."""
        return max(0, int(self.level))

    def refill(self, now: float) -> None:
        """Add the units for the time since the last refill."""
        earned = (now - self.filled_at) * self.per_minute / _MINUTE
        self.level = min(self.burst, self.level + earned)
        self.filled_at = now

    def wait_for(self, amount: float) -> float:
        """Return the seconds until ``amount`` is available; a larger amount than the capacity needs a full bucket."""
        missing = min(amount, self.burst) - self.level
        return max(0.0, missing * _MINUTE / self.per_minute)


@dataclass(frozen=True, slots=True)
class Charge:
    """The amount that one call consumes from one bucket."""

    unit: str
    bucket: Bucket
    amount: int

    @property
    def wait_seconds(self) -> float:
        """The seconds until the bucket holds the amount."""
        return self.bucket.wait_for(self.amount)

    def headers(self) -> dict[str, str]:
        """Return the rate limit headers of the API for this limit."""
        return {
            f"x-ratelimit-limit-{self.unit}": str(self.bucket.per_minute),
            f"x-ratelimit-remaining-{self.unit}": str(self.bucket.remaining),
            f"x-ratelimit-reset-{self.unit}": format_duration(self.bucket.wait_for(self.bucket.burst)),
        }

    def refusal(self, model: str) -> SimulatedReply:
        """Return the reply 429 to a call for which the bucket holds too little."""
        wait, limit = self.wait_seconds, self.bucket.per_minute
        message = (
            f"Rate limit reached for {model} on {self.unit} per min: Limit {limit}, "
            f"Used {limit - self.bucket.remaining}, Requested {self.amount}. "
            f"Please try again in {format_duration(wait)}."
        )
        headers = {"retry-after-ms": str(math.ceil(wait * 1000)), "retry-after": str(math.ceil(wait))}
        return ApiError(429, message, code="rate_limit_exceeded", type=self.unit).reply(headers=headers)


@dataclass(frozen=True, slots=True)
class Admission:
    """The decision on one call: the headers of its reply, and the refusal if it is refused."""

    headers: dict[str, str]
    refusal: SimulatedReply | None = None


class Limits:
    """The limits of all models; ``clock`` returns seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._buckets: dict[tuple[str, str, int, float], Bucket] = {}

    def admit(self, scenario: Scenario, model: str, tokens: int) -> Admission:
        """Consume one request and ``tokens`` from the limits of a model, or refuse the call and consume nothing."""
        charges = self._charges(scenario, model, tokens)
        refusals = [charge.refusal(model) for charge in charges if charge.wait_seconds > 0]
        if not refusals:
            for charge in charges:
                charge.bucket.level -= charge.amount
        headers = {name: value for charge in charges for name, value in charge.headers().items()}
        return Admission(headers, refusals[0] if refusals else None)

    def _charges(self, scenario: Scenario, model: str, tokens: int) -> list[Charge]:
        limits = (
            ("requests", scenario.requests_per_minute, 1),
            ("tokens", scenario.tokens_per_minute, tokens),
        )
        return [
            Charge(unit, self._bucket(model, unit, per_minute, scenario.limit_window_seconds), amount)
            for unit, per_minute, amount in limits
            if per_minute is not None
        ]

    def _bucket(self, model: str, unit: str, per_minute: int, window_seconds: float) -> Bucket:
        name = (model, unit, per_minute, window_seconds)
        now = self._clock()
        burst = max(1.0, per_minute * window_seconds / _MINUTE)
        bucket = self._buckets.setdefault(name, Bucket(per_minute, burst, burst, now))
        bucket.refill(now)
        return bucket


def format_duration(seconds: float) -> str:
    """Return a duration in the format of the API: ``2ms``, ``1s``, ``6m0s``."""
    milliseconds = math.ceil(seconds * 1000)
    if milliseconds < 1000:  # noqa: PLR2004 - a second
        return f"{milliseconds}ms"
    minutes, rest = divmod(milliseconds / 1000, 60)
    return f"{int(minutes)}m{rest:g}s" if minutes else f"{rest:g}s"
