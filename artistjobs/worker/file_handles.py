"""File handles of this process: each call in flight takes one, and the database must never lack one.

The limit is raised as far as the calls need it. Where the system does not allow that, fewer calls are in flight.
"""

import resource
import sys
from pathlib import Path
from typing import Final

RESERVED: Final = 16
"""Handles kept for the database, lock files, name resolution, the log and the export."""


RESERVED_SHARE: Final = 0.4
"""Largest share of the free handles that is kept, if there are few of them."""


MACOS_MAXIMUM: Final = 10_240
"""Largest limit that macOS accepts for a process with an unlimited hard limit (OPEN_MAX in its headers)."""


_FEW: Final = 32
"""Handles that are taken to be in use if the system does not list them."""


def calls_allowed(wanted: int, handles_per_call: int = 1) -> int:
    """Raise the limit for ``wanted`` calls in flight; return how many it allows, at least one."""
    in_use = _handles_in_use()
    free = raise_limit(in_use + RESERVED + wanted * handles_per_call) - in_use
    kept = min(RESERVED, round(free * RESERVED_SHARE))
    return max(1, min(wanted, (free - kept) // handles_per_call))


def calls_possible(handles_per_call: int = 1) -> int:
    """Return how many calls in flight the hard limit allows, without a change of any limit."""
    hard = _number(resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    return max(0, hard - _handles_in_use() - RESERVED) // handles_per_call


def raise_limit(wanted: int) -> int:
    """Raise the soft limit of open files to ``wanted``, or as far as possible; return the limit in effect."""
    soft, hard = (_number(limit) for limit in resource.getrlimit(resource.RLIMIT_NOFILE))
    for limit in (min(wanted, hard), min(wanted, hard, MACOS_MAXIMUM)):
        if soft < limit and _set_limit(limit):
            return limit
    return soft


def _set_limit(limit: int) -> bool:
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    except (ValueError, OSError):
        return False
    return True


def _number(limit: int) -> int:
    return sys.maxsize if limit == resource.RLIM_INFINITY else limit


def _handles_in_use() -> int:
    try:
        return len(list(Path("/dev/fd").iterdir())) - 1  # one of them lists the others
    except OSError:
        return _FEW
