"""Input file or standard input as a stream of bytes, with its errors raised as `InputError`.

Errors that occur in the middle of reading are translated too. The module `parser` interprets the bytes.
"""

import io
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from artistjobs.core.prompt import Prompt
from artistjobs.errors import InputError
from artistjobs.ingest.sniff import _wide_encoding

STDIN = Path("-")


_DATABASE_MARK = b"SQLite format 3\0"


_FIRST_BYTES = 16


@contextmanager
def open_artists(path: Path) -> Iterator[BinaryIO]:
    """Open a file as bytes, or standard input for `-`.

    Raises:
        InputError: if it cannot be read, is a SQLite database, or is UTF-16 or UTF-32 text.

    """
    name = source_name(path)
    try:
        opened = _stdin() if path == STDIN else path.open("rb")
    except OSError as error:
        raise _explain(error, name) from error
    # Standard input is not closed here, because it was not opened here.
    with nullcontext() if path == STDIN else opened:
        stream = io.BufferedReader(_Source(opened, name), io.DEFAULT_BUFFER_SIZE)
        head = stream.peek(_FIRST_BYTES)[:_FIRST_BYTES]
        if head.startswith(_DATABASE_MARK):
            raise InputError(f"{name} is a SQLite database, not a list of artists; name the file of artists.")
        if encoding := _wide_encoding(head):
            raise InputError(f"{name} is {encoding} text, but UTF-8 is needed; {_conversion(path, encoding)}.")
        yield stream


def source_name(path: Path) -> str:
    """Return the name of a file in messages."""
    return "standard input" if path == STDIN else str(path)


class _Source(io.RawIOBase):
    """Stream that returns another stream's bytes and raises its errors as `InputError`.

    Errors are caught here and not around the ``with`` block, where the caller's own disk may fail.
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
            remedy = "you have no permission to read this file; allow it with chmod u+r, or ask its owner."
        case _:
            why = error.strerror or error
            remedy = f"it cannot be read ({why}); check the disk, then run the same command again."
    return InputError(f"{name}: {remedy}")


def _conversion(path: Path, encoding: str) -> str:
    iconv = f"iconv -f {encoding} -t UTF-8"
    if path == STDIN:
        return f"pipe it through {iconv}"
    copy = path.with_name(f"{path.stem}-utf8{path.suffix}")
    return f"make a copy with {iconv} {shlex.quote(str(path))} > {shlex.quote(str(copy))} and give that"


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestConfig:
    """Input file, prompt configuration, and strict mode of an ingest."""

    source: Path
    prompt: Prompt
    strict: bool = False
