"""Tuning of Python's garbage collector and thread switching for a worker.

A worker has many long-lived objects, little garbage, and two threads that wait for each other.
"""

import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

THRESHOLDS: Final = (20_000, 20, 100)
"""Arguments of ``gc.set_threshold``: net new objects before a collection, and counts for the older generations.

With Python's default of 700 it would scan the same replies in flight again and again.
"""


SWITCH_SECONDS: Final = 0.001
"""Maximum time that the event loop may keep the store thread waiting, and with it the jobs to commit.

With Python's default of 5 ms an answer is stored after twice the time; with less there are more and smaller commits.
"""


Keep = Callable[[], None]
"""Excludes all existing objects from garbage collection."""


def collect_seldom() -> None:
    """Collect garbage less often: imported objects stay, and scanning them takes a tenth of their import time."""
    gc.set_threshold(*THRESHOLDS)


@contextmanager
def tuned() -> Iterator[Keep]:
    """Collect garbage less often and switch threads more often within the context.

    Yields a function that excludes all existing objects from collection. The modules of the SDK alone are hundreds of
    thousands of permanent objects: scanning them is a tenth of the work for a call that is answered at once.
    """
    thresholds, interval = gc.get_threshold(), sys.getswitchinterval()
    collect_seldom()
    sys.setswitchinterval(SWITCH_SECONDS)
    try:
        yield gc.freeze
    finally:
        sys.setswitchinterval(interval)
        gc.set_threshold(*thresholds)
        gc.unfreeze()
