"""Write-behind file: a thread writes and syncs the data while the caller prepares more."""

import os
from io import FileIO, RawIOBase
from queue import Queue
from threading import Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


_WAITING = 32
"""Blocks in the queue of the thread at most."""


_BLOCK_BYTES = 1 << 18
"""Size of a block at most. It bounds the memory of the queue also if the texts are large; with smaller blocks the two
threads would wait for each other more often."""


_SYNCED_AT_ONCE = 1 << 25
"""Bytes between two syncs; regular syncs keep the last one short."""


class WriteBehindFile(RawIOBase):
    """Queues bytes for a thread that writes them; the next call raises the errors of the thread.

    Close without a flush discards an error of the thread.
    """

    def __init__(self, file: FileIO) -> None:
        self._file = file
        self._blocks: Queue[bytes | None] = Queue(_WAITING)
        self._error: OSError | None = None
        self._thread = Thread(target=self._write_blocks, name="writes behind", daemon=True)
        self._thread.start()

    def writable(self) -> bool:
        """Return True, as the file is open for writing."""
        return True

    def fileno(self) -> int:
        """Return the file descriptor."""
        return self._file.fileno()

    def write(self, data: "ReadableBuffer", /) -> int:
        """Queue bytes, as many as fit into a block; return their number. Raises OSError if an earlier write failed."""
        self._raise()
        # A copy, because the caller reuses its buffer.
        block = bytes(memoryview(data)[:_BLOCK_BYTES])
        self._blocks.put(block)
        return len(block)

    def flush(self) -> None:
        """Wait until all queued bytes are written. Raises OSError if a write failed."""
        if not self.closed:
            self._blocks.join()
            self._raise()

    def close(self) -> None:
        """End the thread and close the file."""
        if self.closed:
            return
        self._blocks.put(None)
        self._thread.join()
        self._file.close()
        self._error = None  # a caller that closes without a flush has abandoned the file
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
