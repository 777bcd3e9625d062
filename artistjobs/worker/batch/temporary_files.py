"""Temporary files of batches: without a name, so that they are gone with the process."""

import tempfile
from contextlib import AbstractContextManager
from io import BufferedReader, FileIO
from typing import IO, Final

PREFIX: Final = "artistjobs-batch-"


BUFFER_BYTES: Final = 2**18
"""Buffer of a file: lines of some kilobytes would fill the usual 8 KiB with every third one."""


def file_of_requests() -> AbstractContextManager[IO[bytes]]:
    """Return a file for lines, which are gathered in a buffer."""
    return tempfile.TemporaryFile(prefix=PREFIX, buffering=BUFFER_BYTES)


def file_of_results() -> AbstractContextManager[FileIO]:
    """Return a file for a download, without a buffer: the pieces that arrive are large, and a buffer copies them."""
    return tempfile.TemporaryFile(prefix=PREFIX, buffering=0)


def from_start(file: FileIO) -> IO[bytes]:
    """Return a file for reading it line by line, from its start on; its end closes the file."""
    file.seek(0)
    return BufferedReader(file, BUFFER_BYTES)
