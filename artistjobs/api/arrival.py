"""The received part of one reply: kept until it is complete, and sometimes complete after the call has failed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO, Final

import httpx2
from openai import OpenAIError

from artistjobs.api.redact import Redact
from artistjobs.api.reply_memory import Lease
from artistjobs.api.time_limit import TimeLimit
from artistjobs.api.unpack import DamagedBodyError, Unpack, Unpacking
from artistjobs.core.json_values import parse_json

MAX_REPLY_BYTES: Final = 64 * 2**20
"""Size limit, packed and unpacked. The longest answers have some megabytes; a small gzip can expand to gigabytes."""


class ReplyTooLargeError(OpenAIError):
    """Raised when a body exceeds the size limit. The SDK passes it on, because it derives from the SDK's own error."""


Headers = Sequence[tuple[bytes, bytes]]
"""Names and values of headers as they came, without the key."""


@dataclass(frozen=True, slots=True)
class Received:
    """A reply that has arrived, unpacked and without the key."""

    status: int
    headers: Headers
    body: bytes

    def response(self, request: httpx2.Request) -> httpx2.Response:
        """Return the reply in the form that the SDK expects."""
        return httpx2.Response(self.status, headers=list(self.headers), content=self.body, request=request)


class Arrival:
    """The part of a reply that has arrived, for one call.

    ``is_connected`` is False as long as the request cannot have reached the server.
    """

    def __init__(self, redact: Redact, lease: Lease, limit: TimeLimit) -> None:
        self.limit = limit
        self.is_connected = False
        self._redact = redact
        self._lease = lease
        self._status = 0
        self._headers: Headers = ()
        self._label = ""
        self._body = bytearray()

    def begin(self, status: int, headers: Headers, label: str) -> None:
        """Keep the status, the headers and the content-encoding."""
        self._status, self._headers, self._label = status, headers, label

    def add(self, piece: bytes) -> bool:
        """Add a piece of the body; return False if it must wait for memory."""
        if not self._lease.covers(len(self._body) + len(piece)):
            return False
        self._body += piece
        return True

    async def add_large(self, piece: bytes) -> None:
        """Add a piece of a large body, as soon as there is memory for it. Raises ReplyTooLargeError."""
        await self._make_room(len(self._body) + len(piece))
        self._body += piece

    async def received(self) -> Received:
        """Return the reply. Raises ReplyTooLargeError."""
        if self._label or self._lease.is_held or not self._body.startswith(b"{"):
            body = self._redact(await self._unpacked())
            await self._lease.shrink(len(body))
        else:
            body = self._redact(bytes(self._body))
        return Received(self._status, self._headers, body)

    async def whole(self) -> Received | None:
        """Return the reply if the body so far is a whole JSON object, None otherwise.

        A connection may be lost, or the time be over, after the last byte of an answer and before the end of its
        reply. The answer was paid for.
        """
        if not self._status or not self._body:
            return None
        try:
            received = await self.received()
        except ReplyTooLargeError:
            return None
        return received if isinstance(parse_json(received.body), dict) else None

    async def _unpacked(self) -> bytes:
        body, self._body = bytes(self._body), bytearray()
        unpacking = Unpacking(self._label)
        while (unpack := unpacking.next_layer(body)) is not None:
            body = await self._unpack(unpack, body)
        return body

    async def _unpack(self, unpack: Unpack, body: bytes) -> bytes:
        """Return the content of a packed body; of a damaged one the part before the damage, if it may be an answer."""
        unpacked = bytearray()
        try:
            for piece in unpack(body):
                await self._make_room(len(unpacked) + len(piece), len(body))
                unpacked += piece
        except DamagedBodyError:
            return bytes(unpacked) if unpacked.lstrip().startswith(b"{") else body
        return bytes(unpacked)

    async def _make_room(self, size: int, beside: int = 0) -> None:
        if size > MAX_REPLY_BYTES:
            raise ReplyTooLargeError(f"the reply is larger than {MAX_REPLY_BYTES // 2**20} MiB")
        if not self._lease.covers(size + beside):
            with self.limit.suspended():
                await self._lease.grow(size + beside)


class FileArrival(Arrival):
    """The part of a download that has arrived: the content of a file goes to ``into``, an error is kept."""

    def __init__(self, redact: Redact, lease: Lease, limit: TimeLimit, into: IO[bytes]) -> None:
        super().__init__(redact, lease, limit)
        self._into = into

    def add(self, piece: bytes) -> bool:
        """Write a piece of the file, or add a piece of an error. Raises OSError if the disk is full."""
        if self._status != OK:
            return super().add(piece)
        rest = memoryview(piece)
        while rest:  # a file without a buffer may take a part only
            rest = rest[self._into.write(rest) :]
        return True

    async def received(self) -> Received:
        """Return the reply, without the content of the file. Raises ReplyTooLargeError."""
        return await super().received() if self._status != OK else Received(self._status, self._headers, b"")

    async def whole(self) -> Received | None:
        """Return the reply if it is an error; a file whose download was cut off is never whole."""
        return None if self._status == OK else await super().whole()


OK: Final = 200
