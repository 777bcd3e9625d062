"""Input file or standard input as a stream of UTF-8, with its errors raised as `InputError`.

Errors that occur in the middle of reading are translated too. The module `parser` interprets the bytes.
"""

import hashlib
import json
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from select import POLLIN, poll
from typing import BinaryIO, Protocol

from artistjobs.core.prompt import Prompt
from artistjobs.errors import InputError
from artistjobs.ingest.columns import ChosenColumns
from artistjobs.ingest.encoding import UTF8, Transcoder, is_wide
from artistjobs.ingest.formats import HEAD_BYTES, evident_format
from artistjobs.ingest.input_format import InputFormat
from artistjobs.ingest.sniff import _wide_encoding

STDIN = Path("-")


_BLOCK_BYTES = 1 << 18


_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True, kw_only=True)
class InputFile:
    """Input file and the way to read it."""

    source: Path
    encoding: str = UTF8
    input_format: InputFormat = InputFormat.CSV
    chosen: ChosenColumns = ChosenColumns()  # noqa: RUF009 - frozen

    @property
    def read_as(self) -> str:
        """The way to read the file as text, empty for rows of CSV."""
        if self.input_format is InputFormat.CSV and not self.chosen:
            return ""
        return json.dumps([self.input_format, self.chosen.by_name], ensure_ascii=False)

    def for_prompt(self, prompt: Prompt, *, strict: bool = False) -> "IngestConfig":
        """Return the configuration of an ingest of this file."""
        return IngestConfig(
            source=self.source, encoding=self.encoding, input_format=self.input_format, chosen=self.chosen,
            prompt=prompt, strict=strict,
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestConfig(InputFile):
    """Input file, prompt configuration, and strict mode of an ingest."""

    prompt: Prompt
    strict: bool = False


@dataclass(frozen=True, slots=True)
class Content:
    """Content that was read from a file: the number of its bytes, and the SHA-256 of its text in UTF-8."""

    size: int
    sha256: str


class RawStream(Protocol):
    """File or standard input."""

    def fileno(self) -> int:
        """Return its file descriptor."""

    def read(self, size: int, /) -> bytes | None:
        """Return at most so many bytes; None if there are none yet and another program has made it non-blocking."""


class InputStream:
    """Text of an input file in UTF-8, hashed as it is read.

    With ``expected`` the stream is a second reading of the same file: it ends after as many bytes, so what was appended
    meanwhile is left out, and it raises InputError at the end if they are not the same bytes.
    """

    def __init__(self, stream: RawStream, name: str, encoding: str = UTF8, expected: Content | None = None) -> None:
        self._stream = stream
        self._name = name
        self._expected = expected
        self._transcoder = Transcoder(encoding) if encoding != UTF8 else None
        self._digest = hashlib.sha256()
        self._size = 0
        self._ended = False
        self._last = b""
        self.head = self._pending = self._read_raw(HEAD_BYTES)

    @property
    def content(self) -> Content:
        """Content that has been read so far; all of the file once a read has returned nothing."""
        return Content(self._size, self._digest.hexdigest())

    @property
    def is_utf8_after_all(self) -> bool:
        """True if the file is valid UTF-8 with other characters than ASCII, although it is read in another encoding."""
        return self._transcoder is not None and self._transcoder.is_utf8

    def read(self, size: int) -> bytes:
        """Return the next part of the text, of about ``size`` bytes; nothing at the end.

        Raises:
            InputError: if the file cannot be read, or is not the expected one.

        """
        text = b""
        while not text and not self._ended:
            block, self._pending = self._pending or self._read_raw(size), b""
            self._size += len(block)
            self._ended = not block
            text = self._transcoder.convert(block) if self._transcoder else block
        self._digest.update(text)
        self._last = text[-1:] or self._last
        if self._ended and not text and self._expected:
            self._compare(self._expected)
        return text

    def read_all(self) -> Content:
        """Read to the end and return what was read."""
        while self.read(_BLOCK_BYTES):
            pass
        return self.content

    def read_whole(self) -> bytes:
        """Read to the end and return all of it. Raises InputError as ``read`` does."""
        return b"".join(iter(lambda: self.read(_BLOCK_BYTES), b""))

    def copy_raw(self, target: BinaryIO) -> None:
        """Write all bytes to another file, as they are, instead of reading them."""
        block = self._pending
        while block:
            target.write(block)
            block = self._read_bytes(_BLOCK_BYTES)

    def _read_raw(self, size: int) -> bytes:
        left = self._expected.size - self._size if self._expected else size
        return self._read_bytes(min(size, left)) if left > 0 else b""

    def _read_bytes(self, size: int) -> bytes:
        try:
            while (data := self._stream.read(size)) is None:
                self._wait()
        except OSError as error:
            raise _explain(error, self._name) from error
        return data

    def _wait(self) -> None:
        waiting = poll()
        waiting.register(self._stream, POLLIN)
        waiting.poll()

    def _compare(self, expected: Content) -> None:
        """Raise InputError if the file has changed, or was cut in a line that has grown since."""
        is_cut = self._last not in (b"\n", b"\r", b"") and bool(self._read_bytes(1))
        if self.content != expected or is_cut:
            raise changed_error(self._name)


@contextmanager
def open_artists(path: Path, encoding: str = UTF8, expected: Content | None = None) -> Iterator[InputStream]:
    """Open a file as UTF-8 text, or standard input for `-`.

    Raises:
        InputError: if it cannot be read, is evidently no list of artists, or is in another encoding.

    """
    with open_raw(path) as opened:
        stream = InputStream(opened, source_name(path), encoding, expected)
        _check_format(stream.head, path, encoding)
        yield stream


@contextmanager
def open_raw(path: Path) -> Iterator[BinaryIO]:
    """Open a file as bytes, or standard input for `-`. Raises InputError if it cannot be opened."""
    try:
        opened = _stdin() if path == STDIN else path.open("rb")
    except OSError as error:
        raise _explain(error, source_name(path)) from error
    # Standard input is not closed here, because it was not opened here. Errors are translated where they occur and not
    # around this block, where the caller's own disk may fail.
    with nullcontext() if path == STDIN else opened:
        yield opened


def changed_error(name: str) -> InputError:
    """Return the error for a file that changed while it was read."""
    return InputError(
        f"{name} changed while it was read, and nothing was ingested; run the same command again when it is complete."
    )


def source_name(path: Path) -> str:
    """Return the name of a file in messages."""
    return "standard input" if path == STDIN else str(path)


def _check_format(head: bytes, path: Path, encoding: str) -> None:
    name = source_name(path)
    if not is_wide(encoding) and (wide := _wide_encoding(head)):
        raise InputError(
            f"{name} is {wide} text, but UTF-8 is needed; {_conversion(path, wide)}, or add --encoding {wide.lower()}."
        )
    if not is_wide(encoding) and (what := evident_format(head, None if path == STDIN else path)):
        raise InputError(f"{name} {what}")
    if encoding != UTF8 and head.startswith(_MARK):
        raise InputError(f"{name} begins with the byte-order mark of UTF-8; leave --encoding {encoding} out.")


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
