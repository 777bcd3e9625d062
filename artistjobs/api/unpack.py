"""Unpacking of compressed bodies by their content.

The content-encoding of a reply is only a hint: proxies unpack a body and keep the label, pack it without one, or pack
it in several members or twice.
"""

import zlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final, TypeAlias

import httpx2

Unpack: TypeAlias = Callable[[bytes], Iterator[bytes]]
"""Yields the content of a packed body in pieces. Raises DamagedBodyError where the body is cut or damaged."""


MAX_LAYERS: Final = 5
"""Times that a body may be packed in itself."""


MAX_MEMBERS: Final = 10_000
"""Members of a packed body that are read. A server sends one, or one for each part that it flushes."""


FIRST_WINDOW_BYTES: Final = 2**12
"""Packed bytes of a member that are read first. The number doubles; zlib copies those after the end of a member."""


LAST_WINDOW_BYTES: Final = 2**16


PIECE_BYTES: Final = 2**20
"""Maximum size of a piece, so that a small body that expands to gigabytes is noticed in time."""


class DamagedBodyError(Exception):
    """Raised when a packed body is cut or damaged; the pieces before are sound."""


class Unpacking:
    """The layers of one body, from the outermost to its content."""

    def __init__(self, label: str) -> None:
        # These two cannot be recognized by their first bytes. The last label names the outermost layer.
        self._labels = [name for name in map(str.strip, label.lower().split(",")) if name in ("deflate", "br")]
        self._layers = 0

    def next_layer(self, body: bytes) -> Unpack | None:
        """Return the function that unpacks the outermost layer of ``body``, None if it is not packed."""
        self._layers += 1
        if self._layers > MAX_LAYERS:
            return None
        if body.startswith(b"\x1f\x8b"):
            return partial(_inflate, wbits=zlib.MAX_WBITS | 16)
        if body.startswith(b"\x28\xb5\x2f\xfd"):
            return partial(_decode, encoding="zstd")
        if not self._labels:
            return None
        if self._labels.pop() == "br":
            return partial(_decode, encoding="br")
        return partial(_inflate, wbits=zlib.MAX_WBITS if _has_zlib_header(body) else -zlib.MAX_WBITS)


def _has_zlib_header(body: bytes) -> bool:
    # RFC 1950. Some servers send deflate without it, as a browser would accept too.
    return len(body) > 1 and body[0] & 15 == zlib.DEFLATED and int.from_bytes(body[:2], "big") % 31 == 0


def _inflate(body: bytes, wbits: int) -> Iterator[bytes]:
    data, at = memoryview(body), 0
    for member in range(MAX_MEMBERS):
        inflater, window = zlib.decompressobj(wbits), FIRST_WINDOW_BYTES
        while not inflater.eof:
            packed = data[at : at + window]
            try:
                piece = inflater.decompress(packed, PIECE_BYTES)
            except zlib.error as error:
                if member:
                    return  # bytes that follow the last member; gzip ignores them too
                raise DamagedBodyError from error
            if not (packed or piece or inflater.eof):
                raise DamagedBodyError
            at += len(packed) - len(inflater.unused_data) - len(inflater.unconsumed_tail)
            window = min(2 * window, LAST_WINDOW_BYTES)
            yield piece
        if at == len(data):
            return


def _decode(body: bytes, encoding: str) -> Iterator[bytes]:
    """Yield the content by httpx2, which knows brotli and zstd if they are installed, and else yields the body."""
    packed = httpx2.Response(200, headers={"content-encoding": encoding}, stream=httpx2.ByteStream(body))
    try:
        yield from packed.iter_bytes()
    except httpx2.DecodingError as error:
        raise DamagedBodyError from error
