"""Notes of a worker about its latest call, in a file that survives the process.

They tell which job is suspected if the process dies: the one whose call began or ended last.
"""

import os
from pathlib import Path
from time import time
from typing import Final

_JOB_DIGITS: Final = 20


_CALL, _CALL_AT, _BEAT, _BEAT_AT = b"%020d%20.6f\n", 0, b"%20.6f\n", 41


def note_call(descriptor: int, job: int) -> None:
    """Write the job whose call begins or ends, and the time. Raises OSError."""
    os.pwrite(descriptor, _CALL % (job, time()), _CALL_AT)


def note_beat(descriptor: int) -> None:
    """Write the current time as that of the last sign of life. Raises OSError."""
    os.pwrite(descriptor, _BEAT % time(), _BEAT_AT)


def suspected_in(notes: Path) -> int | None:
    """Return the job whose call began or ended last before a worker died; None if the worker lived on afterwards.

    The worker gives a sign of life at short intervals, so a job whose call did not kill it is rarely suspected.
    """
    try:
        text = notes.read_bytes()
        job, called_at = int(text[:_JOB_DIGITS]), float(text[_JOB_DIGITS:_BEAT_AT])
    except (OSError, ValueError):
        return None
    try:
        alive_at = float(text[_BEAT_AT:])
    except ValueError:
        alive_at = 0.0
    return job if called_at >= alive_at else None
