"""Python itself, told how a worker uses it: much that stays, little garbage, two threads that wait for each other."""

import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

THRESHOLDS: Final = (20_000, 20, 100)
"""Objects that stay, net, before the youngest are looked through, and how seldom the older ones are.

Python's own 700 has it look through the same replies in flight again and again.
"""


SWITCH_SECONDS: Final = 0.001
"""How long the event loop may keep the thread that writes waiting, and with it the jobs that it commits.

With Python's own 5 ms an answer is stored twice as late; with less there are more commits, of fewer answers.
"""


Keep = Callable[[], None]
"""Has the collector of garbage leave alone what is there by now."""


def collect_seldom() -> None:
    """Have garbage looked for less often: what is imported stays, and to look through it is a tenth of importing it."""
    gc.set_threshold(*THRESHOLDS)


@contextmanager
def tuned() -> Iterator[Keep]:
    """Have garbage looked for less often, and not at all in what is kept; have threads take turns more often.

    The modules of the SDK alone are hundreds of thousands of objects that never go: looking through
    them is a tenth of the work of a call that is answered at once.
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
