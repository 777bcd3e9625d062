"""Reference loops that call the SDK and store nothing: `python -m benchmarks.floors LOOP URL CALLS WORKERS`.

`bare` is the first example of the SDK's documentation. `post` is the cheapest way found: the method below the typed
ones, on the aiohttp backend, with the reply parsed by `json`. `reply` is the documented way to raw replies on the
same backend. `raw` uses no SDK but sockets and a prepared request,
and shows the capacity of the server.
"""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from openai import AsyncOpenAI

Call = Callable[[int], Awaitable[object]]


def question(number: int) -> dict[str, object]:
    return {"model": "gpt-5", "input": f"Write two sentences about Artist {number}.\n"}


async def drain(calls: int, workers: int, call: Call) -> None:
    """Make ``calls`` calls with ``workers`` of them in flight."""
    numbers = iter(range(calls))

    async def worker() -> None:
        for number in numbers:
            await call(number)

    await asyncio.gather(*(worker() for _ in range(workers)))


async def bare(url: str, calls: int, workers: int) -> None:
    from openai import AsyncOpenAI

    async with AsyncOpenAI(api_key="x", base_url=url) as client:
        await drain(calls, workers, lambda number: client.responses.create(**question(number)))  # type: ignore[call-overload]


def on_aiohttp(url: str, workers: int) -> "AsyncOpenAI":
    import httpx2
    from openai import AsyncOpenAI, DefaultAioHttpClient

    limits = httpx2.Limits(max_connections=workers, max_keepalive_connections=workers, keepalive_expiry=30)
    http_client = DefaultAioHttpClient(limits=limits, timeout=600)
    return AsyncOpenAI(api_key="x", base_url=url, max_retries=0, http_client=http_client)


async def reply(url: str, calls: int, workers: int) -> None:
    async with on_aiohttp(url, workers) as client:
        create = client.responses.with_raw_response.create
        await drain(calls, workers, lambda number: create(**question(number)))  # type: ignore[call-overload]


async def post(url: str, calls: int, workers: int) -> None:
    import httpx2

    async with on_aiohttp(url, workers) as client:

        async def call(number: int) -> None:
            reply = await client.post("/responses", body=question(number), cast_to=httpx2.Response)
            json.loads(reply.content)

        await drain(calls, workers, call)


async def raw(url: str, calls: int, workers: int) -> None:
    address = urlsplit(url)
    body = json.dumps(question(0)).encode()
    request = b"POST /v1/responses HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(body) + body
    loop, left, over = asyncio.get_running_loop(), [calls], asyncio.Event()

    class Caller(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            assert isinstance(transport, asyncio.Transport)
            self.transport, self.missing = transport, 0
            transport.write(request)

        def data_received(self, data: bytes) -> None:
            if not self.missing:
                head = data.index(b"\r\n\r\n")
                self.missing = int(data[:head].rpartition(b"content-length: ")[2]) + head + 4
            self.missing -= len(data)
            if self.missing:
                return
            left[0] -= 1
            if left[0] > 0:
                self.transport.write(request)
            else:
                over.set()

    callers = [await loop.create_connection(Caller, address.hostname or "", address.port or 0) for _ in range(workers)]
    await over.wait()
    for transport, _ in callers:
        transport.close()


LOOPS = {"bare": bare, "reply": reply, "post": post, "raw": raw}

if __name__ == "__main__":
    name, url, calls, workers = sys.argv[1:]
    asyncio.run(LOOPS[name](url, int(calls), int(workers)))
