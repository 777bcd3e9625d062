"""Python's collector of garbage, told what a worker leaves behind: hardly any, and all of it young."""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

THRESHOLDS: Final = (20_000, 20, 100)
"""Objects that stay, net, before the youngest are looked through, and how seldom the older ones are.

Python's own 700 has it look through the same replies in flight again and again.
"""


Keep = Callable[[], None]
"""Has the collector leave alone what is there by now."""


@contextmanager
def spared() -> Iterator[Keep]:
    """Have the collector look at things less often, and not at all at what is kept.

    The modules of the SDK alone are hundreds of thousands of objects that never go: looking through
    them is a tenth of the work of a call that is answered at once.
    """
    before = gc.get_threshold()
    gc.set_threshold(*THRESHOLDS)
    try:
        yield gc.freeze
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
