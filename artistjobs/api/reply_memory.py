"""Bound on the memory of large replies: they are read a few at a time, because each may have tens of megabytes.

A reply that waits for memory is not read from its socket, so its server waits too.
"""

import asyncio
from typing import Final

FREE_BYTES: Final = 256 * 2**10
"""Size up to which a reply needs no lease. Ordinary answers have a few kilobytes, the longest some hundreds."""


LEASED_BYTES: Final = 64 * 2**20
"""Sum of the bytes leased to large replies in one process. The oldest of them may exceed it, so that none waits for
another one for ever. A reply takes four to five times its size while it is parsed and stored."""


class ReplyMemory:
    """Memory of the large replies of one process, for one event loop."""

    def __init__(self, limit: int = LEASED_BYTES) -> None:
        self._limit = limit
        self._leased: dict[Lease, int] = {}  # in the order of their first bytes
        self._changed = asyncio.Event()

    @property
    def leased(self) -> int:
        """Bytes leased at the moment."""
        return sum(self._leased.values())

    async def lease(self, lease: "Lease", size: int) -> None:
        """Set the size of a lease; if it grows, wait until the sum allows it or this lease is the oldest."""
        self._leased.setdefault(lease, 0)
        while size > self._leased[lease] and not self._has_room(lease, size):
            self._changed.clear()
            await self._changed.wait()
        self._leased[lease] = size
        self._changed.set()

    def release(self, lease: "Lease") -> None:
        """Free the memory of a lease."""
        if self._leased.pop(lease, None) is not None:
            self._changed.set()

    def _has_room(self, lease: "Lease", size: int) -> bool:
        is_oldest = next(iter(self._leased)) is lease
        return is_oldest or self.leased - self._leased[lease] + size <= self._limit


class Lease:
    """The share of one reply in the memory of large replies, from its first bytes until its answer is stored."""

    def __init__(self, memory: ReplyMemory) -> None:
        self._memory = memory
        self._size = FREE_BYTES

    @property
    def is_held(self) -> bool:
        """True if the reply is large, so that its memory has to be released."""
        return self._size > FREE_BYTES

    def covers(self, size: int) -> bool:
        """Return True if a reply of ``size`` bytes needs no larger lease."""
        return size <= self._size

    async def grow(self, size: int) -> None:
        """Return when the reply may have ``size`` bytes; the lease grows to the next power of two."""
        larger = 1 << (size - 1).bit_length()
        await self._memory.lease(self, larger)
        self._size = larger

    async def shrink(self, size: int) -> None:
        """Free what a reply of ``size`` bytes needs no longer, now that it is complete."""
        if size <= FREE_BYTES:
            self.release()
        elif self.is_held:
            self._size = size
            await self._memory.lease(self, size)

    def release(self) -> None:
        """Free the memory; the reply and all that was made of it must be gone or stored."""
        self._size = FREE_BYTES
        self._memory.release(self)
