"""Core dumps are switched off, because the memory and the environment of a process hold the key."""

import resource
import sys
from contextlib import suppress
from typing import Final

PR_SET_DUMPABLE: Final = 4
"""From Linux's <sys/prctl.h>."""


def limit_core_dumps() -> None:
    """Prevent core files of this process and its children."""
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


def forbid_core_dumps() -> None:
    """Prevent every core dump of this process, and reads of its memory by other processes of the user.

    On Linux the limit above does not concern a program that receives core dumps, as many distributions have one.
    """
    limit_core_dumps()
    if sys.platform == "linux":
        import ctypes

        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
