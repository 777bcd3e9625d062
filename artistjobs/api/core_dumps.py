"""Core dumps are switched off, because the memory and the environment of a process hold the key."""

import resource
import sys
from contextlib import suppress
from typing import Final

PR_SET_DUMPABLE: Final = 4
"""From Linux's <sys/prctl.h>."""


def limit_core_dumps() -> None:
    """Let this process and its children write no core files."""
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


def forbid_core_dumps() -> None:
    """Let this process leave no core dump in any way, and let other processes of the user not read its memory.

    On Linux the limit above does not concern a program that receives core dumps, as many distributions have one.
    """
    limit_core_dumps()
    if sys.platform == "linux":
        import ctypes

        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
