"""Entry point of the command ``artistjobs`` and of ``python -m artistjobs``."""

import logging
import os
import sys
from contextlib import suppress
from typing import NoReturn

from artistjobs.core.shortage import shortage_of
from artistjobs.errors import ResourceError
from artistjobs.worker.gc_tuning import collect_seldom


def main() -> None:
    """Run the command line and end the process; never returns."""
    collect_seldom()
    try:
        from artistjobs.cli import main as program

        program()
    except (MemoryError, ImportError, RuntimeError) as error:
        if (shortage := shortage_of(error)) is None:
            raise
        # Too little memory may be left for the ways in which other messages are printed.
        with suppress(OSError):
            os.write(2, f"artistjobs: {shortage}\n".encode())
        os._exit(ResourceError.exit_code)
    except SystemExit as end:
        if isinstance(end.code, int | None):
            _leave(end.code or 0)
        raise


def _leave(code: int) -> NoReturn:
    """End the process at once, because a normal exit takes 0.1 s longer to free memory; stdout is flushed already."""
    logging.shutdown()
    with suppress(OSError, ValueError):  # nothing can be told to a closed or full stderr
        sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
