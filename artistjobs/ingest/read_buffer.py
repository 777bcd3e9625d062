"""The part of a stream that is held in memory."""

from typing import BinaryIO


class ReadBuffer:
    """What is held of a stream: all that was read and not yet passed. The next row begins at ``text[at]``."""

    def __init__(self, stream: BinaryIO, block_size: int) -> None:
        self.text = b""
        self.at = 0
        self._stream = stream
        self._block_size = block_size
        self._forgotten = 0
        self._ended = False

    @property
    def offset(self) -> int:
        """Where the next row begins, counted from the start of the stream."""
        return self._forgotten + self.at

    @offset.setter
    def offset(self, offset: int) -> None:
        self.at = offset - self._forgotten

    def fill(self, size: int = 0) -> bool:
        """Hold `size` bytes, a block if not given, or all there are; False if there are none."""
        size = size or self._block_size
        while not self._ended and len(self.text) - self.at < size:
            block = self._stream.read(self._block_size)
            self._ended = not block
            self._forgotten += self.at
            self.text = self.text[self.at :] + block
            self.at = 0
        return self.at < len(self.text)

    def drop(self, mark: bytes) -> None:
        """Pass these bytes if they come next."""
        self.fill(len(mark))
        if self.text.startswith(mark, self.at):
            self.at += len(mark)

    def whole_lines(self) -> bytes:
        """Return the lines that are held to their end, up to about a block of them, without passing them."""
        end = self.text.rfind(b"\n", self.at, self.at + self._block_size) + 1
        return self.text[self.at : end]

    def skip_line(self) -> None:
        """Pass the rest of this line, and hold little of it however long it is."""
        while self.fill(1):
            end = self.text.find(b"\n", self.at)
            if end >= 0:
                self.at = end + 1
                return
            self.at = len(self.text)
