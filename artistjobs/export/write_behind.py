"""A file that a thread of its own writes and syncs, while whoever fills it goes on."""

import os
from io import FileIO, RawIOBase
from queue import Queue
from threading import Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


_WAITING = 128
"""Blocks that may wait to be written; a block is what a buffer holds."""


_SYNCED_AT_ONCE = 1 << 25
"""Bytes after which they are sent to the disk, which is then not left with all of them at the end."""


class WriteBehindFile(RawIOBase):
    """Takes bytes at once and writes them soon; what goes wrong then is raised by the next call."""

    def __init__(self, file: FileIO) -> None:
        self._file = file
        self._blocks: Queue[bytes | None] = Queue(_WAITING)
        self._error: OSError | None = None
        self._thread = Thread(target=self._write_blocks, name="writes behind", daemon=True)
        self._thread.start()

    def writable(self) -> bool:
        """Return True."""
        return True

    def fileno(self) -> int:
        """Return the descriptor of the file."""
        return self._file.fileno()

    def write(self, data: "ReadableBuffer", /) -> int:
        """Take bytes. Raises OSError if earlier ones could not be written."""
        self._raise()
        # The buffer that they come from is soon filled anew.
        block = bytes(data)
        self._blocks.put(block)
        return len(block)

    def flush(self) -> None:
        """Return once all is written. Raises OSError if it could not be."""
        if not self.closed:
            self._blocks.join()
            self._raise()

    def close(self) -> None:
        """Let go of the file, once the thread has ended."""
        if self.closed:
            return
        self._blocks.put(None)
        self._thread.join()
        self._file.close()
        self._error = None  # whoever closes without a flush has given the file up
        super().close()

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error

    def _write_blocks(self) -> None:
        since_sync = 0
        while (block := self._blocks.get()) is not None:
            try:
                if self._error is None:
                    self._write_all(block)
                    since_sync += len(block)
                if since_sync >= _SYNCED_AT_ONCE:
                    os.fsync(self._file)
                    since_sync = 0
            except OSError as error:
                self._error = error
            finally:
                self._blocks.task_done()
        self._blocks.task_done()

    def _write_all(self, block: bytes) -> None:
        rest = memoryview(block)
        while rest:
            rest = rest[self._file.write(rest) :]
