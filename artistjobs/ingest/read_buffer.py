"""Read buffer of the parser: the part of a stream that is in memory.

A line ends at LF, at CR LF, or at a CR alone.
"""

import re
from collections.abc import Iterator
from io import BytesIO
from typing import Protocol


class ByteStream(Protocol):
    """Stream of bytes."""

    def read(self, size: int, /) -> bytes:
        """Return about so many of the next bytes, nothing only at the end."""


class ReadBuffer:
    """Buffer of the bytes that were read and not yet consumed. The next row begins at ``text[at]``."""

    def __init__(self, stream: ByteStream, block_size: int) -> None:
        self.text = b""
        self.at = 0
        self._stream = stream
        self._block_size = block_size
        self._forgotten = 0
        self._ended = False

    @property
    def offset(self) -> int:
        """Position of the next row in bytes from the start of the stream."""
        return self._forgotten + self.at

    @offset.setter
    def offset(self, offset: int) -> None:
        self.at = offset - self._forgotten

    def fill(self, size: int = 0) -> bool:
        """Read until `size` bytes are in the buffer (by default a block) or the stream ends; False if it is empty."""
        size = size or self._block_size
        while not self._ended and len(self.text) - self.at < size:
            block = self._stream.read(self._block_size)
            self._ended = not block
            self._forgotten += self.at
            self.text = self.text[self.at :] + block
            self.at = 0
        return self.at < len(self.text)

    def drop(self, mark: bytes) -> bool:
        """Consume these bytes if they come next; return True if they did."""
        self.fill(len(mark))
        if not self.text.startswith(mark, self.at):
            return False
        self.at += len(mark)
        return True

    def whole_lines(self) -> bytes:
        """Return the complete lines in the buffer, at most a block of them, without consuming them."""
        stop = self.at + self._block_size
        end = self.text.rfind(b"\n", self.at, stop) + 1
        # A CR at the end of the buffer is left out: its LF may not have been read yet.
        alone = self.text.rfind(b"\r", max(end, self.at), min(stop, len(self.text) - 1)) + 1
        if alone and self.text.startswith(b"\n", alone):  # the LF lies just after the block
            alone = self.text.rfind(b"\r", max(end, self.at), alone - 1) + 1
        return self.text[self.at : max(end, alone)]

    def skip_line(self) -> None:
        """Consume the rest of this line; the buffer stays small however long the line is."""
        while self.fill(1):
            newline = self.text.find(b"\n", self.at)
            alone = self.text.find(b"\r", self.at, newline if newline >= 0 else len(self.text))
            if alone >= 0:
                self.at = alone + 1
                self.drop(b"\n")
                return
            if newline >= 0:
                self.at = newline + 1
                return
            self.at = len(self.text)


def lines_of(window: ReadBuffer, limit: int) -> Iterator[bytes | None]:
    """Yield the lines of a stream, perhaps with their ends; None for a line that is longer than ``limit`` bytes."""
    while window.fill():
        lines = window.whole_lines()
        yield from MixedLines(lines) if has_lone_return(lines) else BytesIO(lines)
        window.at += len(lines)
        if not lines:
            window.fill(limit + 1)
            found = _LINE.match(window.text, window.at, min(window.at + limit + 1, len(window.text)))
            yield found[0] if found is not None and found.end() - window.at <= limit else None
            window.skip_line()


def count_line_ends(text: bytes, start: int, last: int) -> int:
    """Return the number of line ends in ``text`` between ``start`` and the line that the position ``last`` is on."""
    newlines, returns = text.count(b"\n", start, last), text.count(b"\r", start, last)
    return newlines + returns - text.count(b"\r\n", start, last + 1)


def has_lone_return(lines: bytes) -> bool:
    """Return True if a CR without an LF is in complete lines."""
    return b"\r" in lines and lines.count(b"\r") != lines.count(b"\r\n")


class MixedLines:
    """Iterator over the lines of a text that has CRs alone, with the methods of ``BytesIO`` that the parser uses."""

    def __init__(self, text: bytes) -> None:
        self._text = text
        self._at = 0

    def __iter__(self) -> "MixedLines":
        return self

    def __next__(self) -> bytes:
        line = _LINE.match(self._text, self._at)
        if self._at >= len(self._text) or line is None:
            raise StopIteration
        self._at = line.end()
        return line[0]

    def tell(self) -> int:
        """Return the position after the last line."""
        return self._at

    def seek(self, position: int) -> None:
        """Continue at a position."""
        self._at = position


_LINE = re.compile(rb"[^\r\n]*+(?:\r\n?|\n|\Z)")
