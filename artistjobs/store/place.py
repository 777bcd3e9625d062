"""Checks of a folder that holds files of a database: it can be written, its disk works, and has room."""

import shutil
from pathlib import Path
from typing import Final

from artistjobs.core.findings import Finding, Level
from artistjobs.errors import StoreError

FULL_BYTES: Final = 64 * 2**20
"""Free bytes below which a run does not begin: a write-ahead log may grow to this size (``journal_size_limit``)."""


LITTLE_BYTES: Final = 2**30
"""Free bytes below which a run is warned: about 100,000 answers of 10 KB each."""


def free_space(folder: Path) -> Finding:
    """Return the finding about the free space on the disk of an existing folder."""
    try:
        free = shutil.disk_usage(folder).free
    except OSError as error:
        text = f"{folder} cannot be examined ({error.strerror}); fix it, or name another folder"
        return Finding(Level.FAIL, "disk", text, StoreError.exit_code)
    text = f"{free / 2**30:,.1f} GiB free in {folder}"
    if free < FULL_BYTES:
        return Finding(Level.FAIL, "disk", f"{text}; free some, or move the database", StoreError.exit_code)
    if free < LITTLE_BYTES:
        return Finding(Level.WARN, "disk", f"{text}; make sure that it is enough for all answers, about 10 KB each")
    return Finding(Level.OK, "disk", text)
