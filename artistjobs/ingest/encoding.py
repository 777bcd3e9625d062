"""Text encodings of input files: their names, and the conversion of a stream to UTF-8."""

import codecs
from typing import Final

from artistjobs.errors import WrongUseError

UTF8: Final = "UTF-8"


_UNSUITABLE = frozenset({"idna", "mbcs", "oem", "punycode", "raw-unicode-escape", "undefined", "unicode-escape"})
"""Codecs of Python that are no encodings of files."""


def encoding_named(name: str) -> str:
    """Return the usual name of a text encoding. Raises WrongUseError if there is none of this name."""
    try:
        codec = codecs.lookup(name)
        codecs.getincrementaldecoder(name)
        b"a".decode(name, "replace")  # fails for codecs such as base64, which make no text
    except (LookupError, ValueError):
        codec = None
    if codec is None or codec.name in _UNSUITABLE:
        raise WrongUseError(
            f"--encoding {name} is not known; common ones are windows-1252, utf-16, mac-roman and shift_jis."
        )
    return UTF8 if codec.name in ("utf-8", "utf-8-sig") else codec.name


def is_wide(encoding: str) -> bool:
    """Return True for UTF-16 and UTF-32, whose texts are full of NUL bytes."""
    return encoding.startswith(("utf-16", "utf-32"))


class Transcoder:
    """Converts blocks of bytes from an encoding to UTF-8; bytes that are no text stay bytes that are not UTF-8."""

    def __init__(self, encoding: str) -> None:
        self._decoder = codecs.getincrementaldecoder(encoding)(_BAD_BYTES)
        self._checker = codecs.getincrementaldecoder("utf-8")()
        self._may_be_utf8 = True
        self._is_ascii = True

    @property
    def is_utf8(self) -> bool:
        """True if all bytes so far are valid UTF-8 and some are not ASCII; text in another encoding hardly ever is."""
        return self._may_be_utf8 and not self._is_ascii

    def convert(self, block: bytes) -> bytes:
        """Return the next part of the text in UTF-8; an empty block ends it."""
        if self._may_be_utf8:
            self._check(block)
        return self._decoder.decode(block, final=not block).encode("utf-8", _BAD_BYTES)

    def _check(self, block: bytes) -> None:
        self._is_ascii = self._is_ascii and block.isascii()
        try:
            self._checker.decode(block, final=not block)
        except UnicodeDecodeError:
            self._may_be_utf8 = False


_BAD_BYTES = "artistjobs.bad_bytes"
"""Name of the error handler below."""


def _keep_bad_bytes(error: UnicodeError) -> tuple[str | bytes, int]:
    """Replace what cannot be decoded by lone surrogates, and lone surrogates by bytes that are not UTF-8.

    A byte from 0x80 on stays the same byte; any other becomes 0xFF.
    """
    if isinstance(error, UnicodeDecodeError):
        bad = error.object[error.start : error.end]
        return "".join(chr(0xDC00 + (byte if byte >= _FIRST_BAD else _LAST)) for byte in bad), error.end
    assert isinstance(error, UnicodeEncodeError)
    surrogates = map(ord, error.object[error.start : error.end])
    return bytes(code - 0xDC00 if _FIRST_BAD <= code - 0xDC00 <= _LAST else _LAST for code in surrogates), error.end


_FIRST_BAD, _LAST = 0x80, 0xFF


codecs.register_error(_BAD_BYTES, _keep_bad_bytes)
