"""Where the program starts and ends: as ``artistjobs`` or as ``python -m artistjobs``."""

import logging
import os
import sys
from contextlib import suppress
from typing import NoReturn

from artistjobs.worker.gc_tuning import collect_seldom


def main() -> None:
    """Run the program; never returns."""
    collect_seldom()
    from artistjobs.cli import main as program

    try:
        program()
    except SystemExit as end:
        if isinstance(end.code, int | None):
            with suppress(OSError):  # Python says what it cannot flush
                _leave(end.code or 0)
        raise


def _leave(code: int) -> NoReturn:
    """End the process once all is said; to take its memory apart first would last a tenth of a second.

    Raises OSError if what was said cannot be written.
    """
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
