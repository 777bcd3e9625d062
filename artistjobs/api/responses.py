"""Client of the Responses API on top of the official SDK, with the SDK's retries and reply parsing switched off.

The SDK would repeat calls that were paid for, and would accept HTML as an answer. So this module requests raw
replies; ``classify`` interprets them, and ``core.retry`` decides on retries.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from time import time
from typing import Any, Protocol

import httpx2
from aiohttp import ClientConnectorError, ClientError, ClientPayloadError, ServerDisconnectedError
from openai import APIStatusError, AsyncOpenAI, DefaultAioHttpClient, OpenAIError

from artistjobs.api.config import ApiConfig
from artistjobs.api.reply import Reply
from artistjobs.core.prompt import Body
from artistjobs.errors import WrongUseError

CONNECT_SECONDS = 15.0


KEEP_ALIVE_SECONDS = 30.0
"""Lifetime of an idle connection: longer than the usual pause for a rate limit."""


CALL_SECONDS = 600.0


FLEX_SECONDS = 900.0
"""OpenAI's guide to flex processing asks for time-outs of 15 minutes (November 2026)."""


LOOK_UP_SECONDS = 20.0


DOT_SEGMENTS, NOT_FOUND = (".", ".."), 404


REMOVED = b"[key removed]"


MIN_SECRET_LENGTH = 12


MAX_REPLY_BYTES = 64 * 2**20
"""Size limit after decompression. The longest answers have some megabytes; a small gzip can expand to gigabytes."""


class ReplyTooLargeError(OpenAIError):
    """Raised when a body exceeds the size limit. The SDK passes it on, because it derives from the SDK's own error."""


class RawReply(Protocol):
    """Common protocol of the SDK's raw replies and of the responses in its errors."""

    @property
    def status_code(self) -> int:
        """HTTP status."""

    @property
    def headers(self) -> httpx2.Headers:
        """Headers; names are found in any case."""

    @property
    def content(self) -> bytes:
        """Whole body."""


class ResponsesApi:
    """API client over one connection pool, for one event loop."""

    def __init__(self, client: AsyncOpenAI, config: ApiConfig) -> None:
        self._client = client
        # A complete address, since the SDK would otherwise parse and join the base for each call.
        base = client.base_url
        self._address = str(base.copy_with(raw_path=base.raw_path + b"responses"))
        self._hide = _hider(config.api_key)
        self._timeout = config.timeout_seconds

    async def create(self, body: Body) -> Reply:
        """Send one request for a response and return the whole reply."""

        async def call() -> RawReply:
            # ``responses.create`` transforms each field of a request and builds a model of the reply, which costs
            # more than the rest of a call. ``post`` sends the request and returns the reply as they are.
            return await self._client.post(self._address, body=body, cast_to=httpx2.Response)

        usual = FLEX_SECONDS if body.get("service_tier") == "flex" else CALL_SECONDS
        return await self._reply(call, self._timeout or usual)

    async def look_up_model(self, model: str) -> Reply:
        """Request the description of a model; this is free of charge."""

        async def call() -> RawReply:
            return await self._client.models.with_raw_response.retrieve(model)

        if model in DOT_SEGMENTS:
            # The SDK does not send them, since they would be resolved as parts of the path.
            return Reply(status=NOT_FOUND, received_at=time())
        return await self._reply(call, LOOK_UP_SECONDS)

    async def _reply(self, call: Callable[[], Awaitable[RawReply]], timeout_seconds: float) -> Reply:
        try:
            # The HTTP client's own time-out restarts with each byte; this one limits the whole call.
            async with asyncio.timeout(timeout_seconds):
                return _read(await call())
        except TimeoutError:
            return _fault("timeout", f"no complete answer within {timeout_seconds:g} s")
        except ReplyTooLargeError as error:
            return _fault("reply_too_large", str(error))
        except APIStatusError as error:
            return _read(error.response)
        except (OpenAIError, httpx2.HTTPError, httpx2.InvalidURL, ClientError, OSError) as error:
            # The aiohttp backend does not translate all of its errors, for example that of an invalid status line.
            return _fault("connection_error", self._clean(_describe(error)))

    def _clean(self, message: str) -> str:
        without_user = re.sub(r"://[^/\s@]*@", "://", message)
        return self._hide(without_user.encode("utf-8", "replace")).decode("utf-8", "replace")


class _Client(DefaultAioHttpClient):
    """HTTP client that sends each request once, follows no redirect, and returns a complete reply without the key.

    It works below the SDK, because the SDK itself reads error bodies and follows redirects.
    """

    def __init__(self, hide: Callable[[bytes], bytes], limits: httpx2.Limits, timeout: httpx2.Timeout) -> None:
        super().__init__(limits=limits, timeout=timeout, follow_redirects=False)
        self._hide = hide
        self._own_headers = [(name, self.headers[name]) for name in ("accept-encoding", "connection")]
        self._parsed: dict[str, httpx2.URL] = {}

    def build_request(self, method: str, url: httpx2.URL | str, **options: Any) -> httpx2.Request:  # noqa: ANN401 - as the parent
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
        try:
            body = await _read_bounded(reply)
        finally:
            await reply.aclose()
            # Cookies are dropped; the jar would grow with every call.
            self.cookies.clear()
        kept = [(name, value) for name, value in reply.headers.raw if name.lower() not in _ABOUT_THE_WIRE]
        # The SDK logs some header values unescaped, and a terminal would interpret control characters.
        headers = [(name, _CONTROLS.sub(b"?", self._hide(value))) for name, value in kept]
        return httpx2.Response(reply.status_code, headers=headers, content=self._hide(body), request=request)


_ABOUT_THE_WIRE = frozenset({b"content-encoding", b"content-length", b"transfer-encoding"})


_CONTROLS = re.compile(rb"[\x00-\x1f\x7f-\x9f]")


async def _read_bounded(reply: httpx2.Response) -> bytes:
    body = bytearray()
    is_packed = "content-encoding" in reply.headers
    async for piece in reply.aiter_bytes() if is_packed else reply.aiter_raw():
        body += piece
        if len(body) > MAX_REPLY_BYTES:
            raise ReplyTooLargeError(f"the reply is larger than {MAX_REPLY_BYTES // 2**20} MiB")
    return bytes(body)


def _read(raw: RawReply) -> Reply:
    return Reply(status=raw.status_code, headers=_plain(raw.headers), body=raw.content, received_at=time())


def _plain(headers: httpx2.Headers) -> dict[str, str]:
    """Return headers as a dictionary with lower-case names; a look-up in the original scans all of them."""
    plain: dict[str, str] = {}
    for raw_name, raw_value in headers.raw:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("utf-8", "replace")
        plain[name] = f"{plain[name]}, {value}" if name in plain else value
    return plain


def _hider(key: str) -> Callable[[bytes], bytes]:
    """Return a function that removes the key from the content of a reply."""
    secret = key.encode()
    # A text shorter than any real key is a placeholder, and may be a common word.
    return (lambda content: content.replace(secret, REMOVED)) if len(secret) >= MIN_SECRET_LENGTH else bytes


@asynccontextmanager
async def open_responses_api(config: ApiConfig) -> AsyncIterator[ResponsesApi]:
    """Open a client and close it at the end of the context; it does not limit the number of concurrent calls.

    Raises:
        WrongUseError: if OPENAI_BASE_URL is not an address.

    """
    # For aiohttp 0 means no limit and None means 100. The caller limits the number of calls.
    limits = httpx2.Limits(max_connections=0, max_keepalive_connections=0, keepalive_expiry=KEEP_ALIVE_SECONDS)
    # There is no read time-out here: ``_reply`` limits the whole call, and so tells a time-out from a lost connection.
    timeout = httpx2.Timeout(None, connect=CONNECT_SECONDS)
    http_client = _Client(_hider(config.api_key), limits, timeout)
    try:
        client = AsyncOpenAI(
            api_key=config.api_key,
            base_url=config.base_url,
            organization=config.organization,
            project=config.project,
            max_retries=0,
            timeout=timeout,
            http_client=http_client,
        )
    except httpx2.InvalidURL as error:
        await http_client.aclose()
        raise WrongUseError(f"OPENAI_BASE_URL is not an address ({error}); fix it or unset it.") from error
    async with client:
        yield ResponsesApi(client, config)


def _describe(error: Exception) -> str:
    """Return a message from the root cause of an error.

    The SDK reports "timed out" for every error that its aiohttp backend does not know; the root cause is exact.
    """
    causes = list(_causes(error))
    text = " ".join(str(causes[-1]).split()) or type(causes[-1]).__name__
    if any(isinstance(cause, ClientConnectorError) for cause in causes):
        return f"cannot connect: {text}"
    if any(isinstance(cause, _LOST) for cause in causes):
        return f"the connection was lost: {text}"
    return f"the call failed: {text}"


_LOST = (ConnectionResetError, BrokenPipeError, ServerDisconnectedError, ClientPayloadError)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _fault(kind: str, message: str) -> Reply:
    return Reply(fault=kind, message=message, received_at=time())
