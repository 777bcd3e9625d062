"""Python's collector of garbage, told what a worker leaves behind: hardly any, and all of it young."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

THRESHOLDS: Final = (20_000, 20, 100)
"""Objects that stay, net, before the youngest are looked through, and how seldom the older ones are.

Python's own 700 has it look through the same replies in flight again and again.
"""


@contextmanager
def spared() -> Iterator[None]:
    """Have the collector leave alone what is there by now, and look at the rest less often.

    The modules of the SDK alone are hundreds of thousands of objects that never go: looking through
    them is a tenth of the work of a call that is answered at once.
    """
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
