"""Output stream that writes every byte or raises: short writes are continued, and a full pipe is waited for."""

import os
import sys
from io import BufferedWriter, RawIOBase, TextIOWrapper
from select import POLLOUT, poll
from typing import TYPE_CHECKING

from artistjobs.errors import OutputError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


_BUFFER_BYTES = 1 << 16


class CompleteWriter(RawIOBase):
    """Writes to a file descriptor until all bytes are written; it does not close the descriptor.

    The operating system may accept only a part of the data: when the disk fills up, when a signal arrives, or when
    a pipe that another process made non-blocking is full. Python's own raw file reports such a short write to its
    caller, and its text layer ignores the report if PYTHONUNBUFFERED is set.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def writable(self) -> bool:
        """Return True, as the descriptor is open for writing."""
        return True

    def fileno(self) -> int:
        """Return the file descriptor."""
        return self._descriptor

    def isatty(self) -> bool:
        """Return True if the descriptor is a terminal."""
        return os.isatty(self._descriptor)

    def write(self, data: "ReadableBuffer", /) -> int:
        """Write all bytes and return their number. Raises OSError if they cannot be written."""
        rest = memoryview(data).cast("B")
        total = len(rest)
        while rest:
            try:
                rest = rest[os.write(self._descriptor, rest) :]
            except BlockingIOError:
                self._wait()
        return total

    def _wait(self) -> None:
        """Wait until the descriptor accepts more data, or reports an error to the next write."""
        waiting = poll()
        waiting.register(self._descriptor, POLLOUT)
        waiting.poll()


class _Stdout(CompleteWriter):
    """Standard output, whose errors are not OSErrors: no file that is written meanwhile is blamed for them."""

    def write(self, data: "ReadableBuffer", /) -> int:
        """Write all bytes and return their number.

        Raises:
            BrokenPipeError: if the reader has gone.
            OutputError: if the bytes cannot be written.

        """
        try:
            return super().write(data)
        except BrokenPipeError:
            raise
        except OSError as error:
            reason = error.strerror or error
            raise OutputError(
                f"stdout cannot be written: {reason}; fix the cause and run the same command again."
            ) from error


def complete_stdout() -> TextIOWrapper:
    """Return a stream to replace ``sys.stdout``, with the same descriptor, encoding and line buffering.

    It ignores PYTHONUNBUFFERED: every command flushes what it has to print.
    """
    old = sys.stdout
    buffer = BufferedWriter(_Stdout(old.fileno()), _BUFFER_BYTES)
    return TextIOWrapper(buffer, encoding=old.encoding, errors=old.errors, line_buffering=old.isatty())
