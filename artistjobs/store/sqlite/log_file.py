"""Reading of SQLite's write-ahead log without SQLite: https://sqlite.org/fileformat2.html#walformat (2026-11-22)."""

import os
import struct
import sys
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from io import FileIO
from typing import Final, TypeAlias

HEADER_BYTES: Final = 32


_HEADER, _FRAME = struct.Struct(">8I"), struct.Struct(">6I")


_MAGIC = {0x377F0682: "little", 0x377F0683: "big"}
"""First number of a log, with the byte order of its checksums."""


_USER_VERSION = slice(60, 64)
"""Bytes of ``PRAGMA user_version`` in the first page of a database; it numbers the transactions."""


_Sums: TypeAlias = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Frame:
    """A page in a log.

    ``pages`` is the size of the database in pages at the end of a transaction, 0 within it. ``number`` is the number
    of the transaction in the first page, None for other pages.
    """

    page: int
    pages: int
    number: int | None


@dataclass(frozen=True, slots=True)
class LogFile:
    """A log that SQLite would play into its database. ``sums`` are the checksums of its header."""

    file: FileIO
    page_bytes: int
    salts: tuple[int, int]
    byte_order: str
    sums: _Sums

    def committed(self, *, checks_sums: bool) -> list[Frame]:
        """Return the frames up to the end of the last transaction that is complete.

        With ``checks_sums`` a torn end is left out; this takes a second for 30 MB.
        """
        frames, end = list[Frame](), 0
        for frame in self._frames(checks_sums=checks_sums):
            frames.append(frame)
            if frame.pages:
                end = len(frames)
        return frames[:end]

    def _frames(self, *, checks_sums: bool) -> Iterator[Frame]:
        at, sums = HEADER_BYTES, self.sums
        while True:
            header = os.pread(self.file.fileno(), _FRAME.size, at)
            if len(header) < _FRAME.size:
                return
            page, pages, salt1, salt2, *stored = _FRAME.unpack(header)
            if (salt1, salt2) != self.salts or not page:
                return  # a frame of an earlier round
            if checks_sums:
                data = os.pread(self.file.fileno(), self.page_bytes, at + _FRAME.size)
                sums = _checksums(header[:8] + data, sums, self.byte_order)
                if sums != tuple(stored):
                    return
            yield Frame(page, pages, self._number(at + _FRAME.size) if page == 1 else None)
            at += _FRAME.size + self.page_bytes

    def _number(self, at: int) -> int:
        return number_of(os.pread(self.file.fileno(), _USER_VERSION.stop, at))


def read_log(file: FileIO) -> LogFile | None:
    """Return the log in a file, None if SQLite would ignore what is in it. Raises OSError."""
    header = os.pread(file.fileno(), HEADER_BYTES, 0)
    if len(header) < HEADER_BYTES:
        return None
    magic, _, page_bytes, _, salt1, salt2, *stored = _HEADER.unpack(header)
    byte_order = _MAGIC.get(magic)
    if byte_order is None or page_bytes < 512 or page_bytes & (page_bytes - 1):  # noqa: PLR2004 - the smallest page
        return None
    sums = _checksums(header[:24], (0, 0), byte_order)
    return LogFile(file, page_bytes, (salt1, salt2), byte_order, sums) if sums == tuple(stored) else None


def number_of(first_page: bytes) -> int:
    """Return the number of the last transaction from the beginning of the first page of a database."""
    return int.from_bytes(first_page[_USER_VERSION], "big")


def _checksums(data: bytes, sums: _Sums, byte_order: str) -> _Sums:
    """Return the checksums of data that follows on what had the checksums ``sums``."""
    words = array("I", data[: len(data) // 8 * 8])
    if byte_order != sys.byteorder:
        words.byteswap()
    first, second = sums
    for one, two in zip(words[::2], words[1::2], strict=True):
        first = (first + one + second) & 0xFFFFFFFF
        second = (second + two + first) & 0xFFFFFFFF
    return first, second
