"""HTTP client below the SDK: sends each request once, follows no redirect, and returns whole replies without the key.

It works below the SDK, because the SDK itself reads error bodies and follows redirects.
"""

import re
import ssl
from collections.abc import AsyncIterable, Callable
from contextvars import ContextVar
from functools import partial
from typing import Any, Final, Protocol, runtime_checkable

import httpx2
from aiohttp import ClientRequest, ClientSession, ClientTimeout, DummyCookieJar, TCPConnector
from aiohttp.connector import Connection
from aiohttp.tracing import Trace
from openai import DefaultAioHttpClient

from artistjobs.api.arrival import Arrival, Received
from artistjobs.api.config import ApiConfig
from artistjobs.api.redact import Redact

KEEP_ALIVE_SECONDS: Final = 30.0
"""Lifetime of an idle connection: longer than the usual pause for a rate limit."""


MAX_HEADER_BYTES: Final = 2**17
"""Size of a header that is accepted; curl accepts 100 KiB.

Security policies and chains of proxies exceed aiohttp's default of 8,190 bytes, and its default of 128 headers.
"""


MAX_HEADERS: Final = 1024


ARRIVAL: Final[ContextVar[Arrival]] = ContextVar("arrival")
"""Holds the received part of the reply to the call of the current task."""


class _Closable(Protocol):
    async def aclose(self) -> None:
        """Release the connection."""


class HttpClient(DefaultAioHttpClient):
    """HTTP client for the calls of one event loop."""

    def __init__(self, config: ApiConfig, redact: Redact, timeout: httpx2.Timeout) -> None:
        super().__init__(
            # For aiohttp 0 means no limit and None means 100. The caller limits the number of calls.
            limits=httpx2.Limits(max_connections=0, max_keepalive_connections=0, keepalive_expiry=KEEP_ALIVE_SECONDS),
            timeout=timeout,
            follow_redirects=False,
            # The configuration has chosen the proxy, or none; the environment is not read a second time.
            trust_env=False,
            proxy=config.proxy,
            verify=httpx2.create_ssl_context() if config.uses_tls else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
        )
        self._redact = redact
        self._own_headers = [(name, self.headers[name]) for name in ("accept-encoding", "connection")]
        self._parsed: dict[str, httpx2.URL] = {}

    def _init_transport(self, *arguments: Any, **options: Any) -> httpx2.AsyncBaseTransport:  # noqa: ANN401
        self._sender = _with_own_session(super()._init_transport(*arguments, **options))
        return self._sender

    def _init_proxy_transport(self, *arguments: Any, **options: Any) -> httpx2.AsyncBaseTransport:  # noqa: ANN401
        # It is made after the one above, and serves all requests in its place.
        self._sender = _with_own_session(super()._init_proxy_transport(*arguments, **options))
        return self._sender

    def build_request(self, method: str, url: httpx2.URL | str, **options: Any) -> httpx2.Request:  # noqa: ANN401
        """Return the request that the SDK describes.

        The SDK sets everything but two headers. Merging the request with all defaults of the client
        and parsing the same address for each call would cost more than sending the request.
        """
        given = {name: value for name, value in options.items() if value}
        if not isinstance(url, str) or given.keys() != {"content", "headers", "timeout"}:
            return super().build_request(method, url, **options)
        if (address := self._parsed.get(url)) is None:
            address = self._parsed[url] = httpx2.URL(url)
        return httpx2.Request(
            method,
            address,
            content=given["content"],
            headers=self._own_headers + given["headers"],
            extensions={"timeout": httpx2.Timeout(given["timeout"]).as_dict()},
        )

    async def send(self, request: httpx2.Request, **_options: object) -> httpx2.Response:
        """Return the complete reply; raises ReplyTooLargeError if it exceeds the size limit."""
        reply = await super().send(request, stream=True)
        return (await self._receive(reply, reply.aiter_raw(), reply)).response(request)

    async def send_again(self, request: httpx2.Request) -> Received:
        """Return the complete reply to a request that has nothing for the client to add.

        Raises ReplyTooLargeError, and the errors of ``send``.
        """
        reply = await self._sender.handle_async_request(request)
        assert isinstance(reply.stream, httpx2.AsyncByteStream)
        return await self._receive(reply, reply.stream, reply.stream)

    async def _receive(self, reply: httpx2.Response, pieces: AsyncIterable[bytes], source: _Closable) -> Received:
        arrival = ARRIVAL.get()
        try:
            arrival.begin(reply.status_code, self._kept_headers(reply), reply.headers.get("content-encoding", ""))
            async for piece in pieces:
                if not arrival.add(piece):
                    await arrival.add_large(piece)
        finally:
            await source.aclose()
        return await arrival.received()

    def _kept_headers(self, reply: httpx2.Response) -> list[tuple[bytes, bytes]]:
        kept = [(name, value) for name, value in reply.headers.raw if name.lower() not in _ABOUT_THE_WIRE]
        together = b" ".join(value for _, value in kept)
        if self._redact(together) != together:
            kept = [(name, self._redact(value)) for name, value in kept]
        # The SDK logs some header values unescaped, and a terminal would interpret control characters.
        return [(name, _CONTROLS.sub(b"?", value)) for name, value in kept] if _CONTROLS.search(together) else kept


class RepeatedRequest:
    """A request that the SDK has built, to be sent again with other content; nothing else of it changes.

    Describing a request anew takes the SDK longer than all other work for a job.
    """

    def __init__(self, first: httpx2.Request) -> None:
        self._method, self._url, self._extensions = first.method, first.url, first.extensions
        self._headers = [(name, value) for name, value in first.headers.raw if name.lower() != b"content-length"]

    def with_content(self, content: bytes) -> httpx2.Request:
        """Return the request with other content."""
        headers = [*self._headers, (b"Content-Length", b"%d" % len(content))]
        stream = httpx2.ByteStream(content)
        request = httpx2.Request(self._method, self._url, headers=headers, stream=stream, extensions=self._extensions)
        request.read()
        return request


_ABOUT_THE_WIRE = frozenset({b"content-encoding", b"content-length", b"transfer-encoding"})


_CONTROLS = re.compile(rb"[\x00-\x1f\x7f-\x9f]")


@runtime_checkable
class _AiohttpTransport(Protocol):
    """The part of the SDK's transport that is used here; its module is private and may move."""

    ssl_context: ssl.SSLContext
    limits: httpx2.Limits
    client: ClientSession | Callable[[], ClientSession] | None


def _with_own_session(transport: httpx2.AsyncBaseTransport) -> httpx2.AsyncBaseTransport:
    if isinstance(transport, _AiohttpTransport):
        transport.client = partial(_open_session, transport)
    return transport


class _Connector(TCPConnector):
    """Connection pool that tells a call when it has a connection; before that, nothing can have reached the server."""

    async def connect(
        self,
        req: ClientRequest,
        traces: list[Trace],
        timeout: ClientTimeout,  # noqa: ASYNC109
    ) -> Connection:
        """Return a connection for a request."""
        connection = await super().connect(req, traces, timeout)
        ARRIVAL.get().is_connected = True
        return connection


def _open_session(transport: _AiohttpTransport) -> ClientSession:
    """Return the session that the transport would open, with room for large headers and without cookies."""
    limits = transport.limits
    connector = _Connector(
        keepalive_timeout=limits.keepalive_expiry,
        ssl=transport.ssl_context,
        limit=limits.max_connections or 0,
    )
    return ClientSession(
        connector=connector,
        # Every reply could set another cookie, and the jar would grow with every call.
        cookie_jar=DummyCookieJar(),
        max_line_size=MAX_HEADER_BYTES,
        max_field_size=MAX_HEADER_BYTES,
        max_headers=MAX_HEADERS,
    )
