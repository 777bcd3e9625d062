"""Rate limits as the headers of a reply state them."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

MAX_PERIOD_SECONDS: Final = 120.0
"""A limit that refills more slowly than this is one per day: no reason to spread calls over the day."""


@dataclass(frozen=True, slots=True)
class HeaderLimit:
    """One limit as the headers ``x-ratelimit-*`` tell it."""

    per_period: float
    remaining: float
    reset_seconds: float

    @property
    def share_left(self) -> float:
        """How much is left of what the limit can hold, be that a minute's worth or a second's; 0 to 1."""
        missing = self.per_period / 60 * self.reset_seconds
        return self.remaining / (self.remaining + missing) if self.remaining > 0 else 0.0

    @property
    def is_daily(self) -> bool:
        """Whether the limit refills over a day rather than a minute.

        The headers do not say so, but what is used up refills within ``reset``: that tells the period.
        """
        used = self.per_period - self.remaining
        return used > 0 and self.per_period * self.reset_seconds / used > MAX_PERIOD_SECONDS


def read_limit(headers: Mapping[str, str], kind: str) -> HeaderLimit | None:
    """Return the limit of ``requests`` or ``tokens`` from a reply's headers, None if they tell none."""
    if (told := headers.get(f"x-ratelimit-limit-{kind}")) is None:
        return None
    try:
        limit = float(told)
        remaining = float(headers.get(f"x-ratelimit-remaining-{kind}", ""))
    except ValueError:
        return None
    reset = duration_seconds(headers.get(f"x-ratelimit-reset-{kind}", ""))
    return HeaderLimit(limit, remaining, reset) if 1 <= limit < math.inf else None


_DURATION = re.compile(r"(?:\d{1,9}(?:\.\d+)?(?:ms|s|m|h|d))+", re.ASCII)


_DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", re.ASCII)


_UNIT_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def duration_seconds(text: str) -> float:
    """Return the seconds of a duration such as ``6m0s`` or ``2ms``; 0 for what is none."""
    parts: list[tuple[str, str]] = _DURATION_PART.findall(text) if _DURATION.fullmatch(text) else []
    return sum((float(number) * _UNIT_SECONDS[unit] for number, unit in parts), 0.0)
