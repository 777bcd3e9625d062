"""Rate limits of requests and tokens, parsed from the ``x-ratelimit-*`` headers of a reply."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

MAX_PERIOD_SECONDS: Final = 120.0
"""A limit that refills more slowly than this is a daily one; calls are not spread over the whole day."""


@dataclass(frozen=True, slots=True)
class HeaderLimit:
    """One limit from the headers ``x-ratelimit-*``: its size per period, the rest, and the seconds until a reset."""

    per_period: float
    remaining: float
    reset_seconds: float

    @property
    def share_left(self) -> float:
        """Share of the limit's capacity that is left, from 0 to 1, whether it holds a minute's calls or a second's."""
        missing = self.per_period / 60 * self.reset_seconds
        return self.remaining / (self.remaining + missing) if self.remaining > 0 else 0.0

    @property
    def is_daily(self) -> bool:
        """True if the limit refills over a day rather than a minute.

        The headers do not name the period. It follows from the used part, which refills within ``reset``.
        """
        used = self.per_period - self.remaining
        return used > 0 and self.per_period * self.reset_seconds / used > MAX_PERIOD_SECONDS


def read_limit(headers: Mapping[str, str], kind: str) -> HeaderLimit | None:
    """Return the limit of ``requests`` or ``tokens`` from a reply's headers, None if they have no valid one."""
    if (limit_text := headers.get(f"x-ratelimit-limit-{kind}")) is None:
        return None
    try:
        limit = float(limit_text)
        remaining = float(headers.get(f"x-ratelimit-remaining-{kind}", ""))
    except ValueError:
        return None
    reset = duration_seconds(headers.get(f"x-ratelimit-reset-{kind}", ""))
    return HeaderLimit(limit, remaining, reset) if 1 <= limit < math.inf else None


_DURATION = re.compile(r"(?:\d{1,9}(?:\.\d+)?(?:ms|s|m|h|d))+", re.ASCII)


_DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", re.ASCII)


_UNIT_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def duration_seconds(text: str) -> float:
    """Return the seconds of a duration such as ``6m0s`` or ``2ms``; 0 for any other text."""
    parts: list[tuple[str, str]] = _DURATION_PART.findall(text) if _DURATION.fullmatch(text) else []
    return sum((float(number) * _UNIT_SECONDS[unit] for number, unit in parts), 0.0)
