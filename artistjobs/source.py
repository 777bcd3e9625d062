"""Open the input file, and hold the part of it that is being read.

Whatever keeps a file from being opened or read becomes an `InputError` here, also in the middle of reading.
What the bytes mean is left to `artists`.
"""

import io
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import BinaryIO

from artistjobs.errors import InputError

STDIN = Path("-")

# In this order, for the mark of UTF-32, little end first, begins with that of UTF-16.
_WIDE_MARKS = {
    b"\xff\xfe\x00\x00": "UTF-32",
    b"\x00\x00\xfe\xff": "UTF-32",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}
_DATABASE_MARK = b"SQLite format 3\0"
_FIRST_BYTES = 16


@contextmanager
def open_artists(path: Path) -> Iterator[BinaryIO]:
    """Give the bytes of a file, or of stdin for `-`; raises `InputError` if they cannot be had."""
    name = "standard input" if path == STDIN else str(path)
    try:
        opened = _stdin() if path == STDIN else path.open("rb")
    except OSError as error:
        raise _explain(error, name) from error
    # Whoever began stdin ends it.
    with nullcontext() if path == STDIN else opened:
        stream = io.BufferedReader(_Source(opened, name), io.DEFAULT_BUFFER_SIZE)
        head = stream.peek(_FIRST_BYTES)[:_FIRST_BYTES]
        if head.startswith(_DATABASE_MARK):
            raise InputError(f"{name} is a SQLite database, not a list of artists; name the file of artists.")
        if encoding := _wide_encoding(head):
            raise InputError(f"{name} is {encoding} text, and UTF-8 is needed; {_conversion(path, encoding)}.")
        yield stream


class Window:
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


class _Source(io.RawIOBase):
    """Passes on another stream's bytes, and its errors as `InputError`.

    They are caught here and not around the ``with`` block, where the caller's own disk may fail.
    """

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self._stream = stream
        self._name = name

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        try:
            data = self._stream.read(len(buffer))
        except OSError as error:
            raise _explain(error, self._name) from error
        buffer[: len(data)] = data
        return len(data)


def _stdin() -> BinaryIO:
    # Python sets sys.stdin to None if the program was started with it closed.
    if sys.stdin is None:
        raise InputError("Standard input is closed; name a file, or pipe the rows in.")
    return sys.stdin.buffer


def _explain(error: OSError, name: str) -> InputError:
    match error:
        case FileNotFoundError() | NotADirectoryError():
            remedy = "there is no such file; check the path, or give - to read standard input."
        case IsADirectoryError():
            remedy = "this is a folder; name a CSV file in it."
        case PermissionError():
            remedy = "you may not read this file; allow it with chmod u+r, or ask its owner."
        case _:
            why = error.strerror or error
            remedy = f"it cannot be read ({why}); check the disk, then run the same command again."
    return InputError(f"{name}: {remedy}")


def _wide_encoding(head: bytes) -> str | None:
    """Tell UTF-16 and UTF-32: by their marks, or because every other byte of plain text is NUL there."""
    for mark, encoding in _WIDE_MARKS.items():
        if head.startswith(mark):
            return encoding
    nuls = tuple(not any(head[first::4]) for first in range(4))
    match nuls if len(head) >= len(nuls) and any(head) else ():
        case (False, True, True, True):
            return "UTF-32LE"
        case (True, True, True, False):
            return "UTF-32BE"
        case (_, True, _, True):
            return "UTF-16LE"
        case (True, _, True, _):
            return "UTF-16BE"
    return None


def _conversion(path: Path, encoding: str) -> str:
    iconv = f"iconv -f {encoding} -t UTF-8"
    if path == STDIN:
        return f"pipe it through {iconv}"
    copy = path.with_name(f"{path.stem}-utf8{path.suffix}")
    return f"make a copy with {iconv} {shlex.quote(str(path))} > {shlex.quote(str(copy))} and give that"
