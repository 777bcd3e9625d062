"""Calls through the official SDK, with its retries off and its replies unread.

The SDK would repeat calls that were paid for, and take HTML for an answer; so it is asked for raw
replies, and judging and repeating are ours.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from time import time
from typing import Any, Protocol
from urllib.parse import quote

import httpx2
from aiohttp import ClientConnectorError, ClientError, ClientPayloadError, ServerDisconnectedError
from openai import APIStatusError, AsyncOpenAI, DefaultAioHttpClient, OpenAIError

from artistjobs.api.config import ApiConfig
from artistjobs.api.reply import Reply
from artistjobs.core.prompt import Body
from artistjobs.errors import WrongUseError

CONNECT_SECONDS = 15.0


KEEP_ALIVE_SECONDS = 30.0
"""How long an idle connection is kept: longer than a pause for a rate limit usually is."""


CALL_SECONDS = 600.0


FLEX_SECONDS = 900.0
"""OpenAI's guide to flex processing asks for time-outs of 15 minutes (November 2026)."""


LOOK_UP_SECONDS = 20.0


REMOVED = b"[key removed]"


MIN_SECRET_LENGTH = 12


MAX_REPLY_BYTES = 64 * 2**20
"""Unpacked. The longest answer of any model is some megabytes; a small gzip can unpack to gigabytes."""


class ReplyTooLargeError(OpenAIError):
    """Raised when a body does not end where it should; as one of the SDK's own errors it passes through the SDK."""


class RawReply(Protocol):
    """What the SDK's raw replies have in common with the responses that its errors carry."""

    @property
    def status_code(self) -> int:
        """The HTTP status."""

    @property
    def headers(self) -> httpx2.Headers:
        """The headers, found by name in any case."""

    @property
    def content(self) -> bytes:
        """The whole body."""


class ResponsesApi:
    """The Responses API behind one client, which one event loop shares."""

    def __init__(self, client: AsyncOpenAI, config: ApiConfig) -> None:
        self._client = client
        # A whole address: the SDK would take the base apart and put it together again for each call.
        base = client.base_url
        self._address = str(base.copy_with(raw_path=base.raw_path + b"responses"))
        self._hide = _hider(config.api_key)
        self._timeout = config.timeout_seconds

    async def create(self, body: Body) -> Reply:
        """Send one request for a response and wait for its end."""

        async def call() -> RawReply:
            # The SDK's own call goes through each field of a request and builds a model of the reply,
            # which costs more than all else we do; one floor below it sends and returns them as they are.
            return await self._client.post(self._address, body=body, cast_to=httpx2.Response)

        usual = FLEX_SECONDS if body.get("service_tier") == "flex" else CALL_SECONDS
        return await self._reply(call, self._timeout or usual)

    async def look_up_model(self, model: str) -> Reply:
        """Ask what is known of a model; free of charge."""

        async def call() -> RawReply:
            return await self._client.models.with_raw_response.retrieve(quote(model, safe=":"))

        return await self._reply(call, LOOK_UP_SECONDS)

    async def _reply(self, call: Callable[[], Awaitable[RawReply]], timeout_seconds: float) -> Reply:
        try:
            # The HTTP client's own time-out starts again with each byte; this one bounds the whole call.
            async with asyncio.timeout(timeout_seconds):
                return _read(await call())
        except TimeoutError:
            return _fault("timeout", f"no whole answer within {timeout_seconds:g} s")
        except ReplyTooLargeError as error:
            return _fault("reply_too_large", str(error))
        except APIStatusError as error:
            return _read(error.response)
        except (OpenAIError, httpx2.HTTPError, httpx2.InvalidURL, ClientError, OSError) as error:
            # The aiohttp backend lets some of its own errors pass, such as for a status line that is none.
            return _fault("connection_error", self._clean(_describe(error)))

    def _clean(self, message: str) -> str:
        without_user = re.sub(r"://[^/\s@]*@", "://", message)
        return self._hide(without_user.encode("utf-8", "replace")).decode("utf-8", "replace")


class _Client(DefaultAioHttpClient):
    """Sends each request once and to nowhere else, and hands on a reply that is read whole and holds no key.

    This is done below the SDK, which reads errors and follows redirects without asking.
    """

    def __init__(self, hide: Callable[[bytes], bytes], limits: httpx2.Limits, timeout: httpx2.Timeout) -> None:
        super().__init__(limits=limits, timeout=timeout, follow_redirects=False)
        self._hide = hide
        self._own_headers = [(name, self.headers[name]) for name in ("accept-encoding", "connection")]
        self._parsed: dict[str, httpx2.URL] = {}

    def build_request(self, method: str, url: httpx2.URL | str, **options: Any) -> httpx2.Request:  # noqa: ANN401 - as the parent
        """Return the request that the SDK describes.

        The SDK describes it whole, save for two headers. To merge it with all defaults of a client
        and to take the same address apart again for each call would cost more than sending it.
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
        """Return the whole reply. Raises ReplyTooLargeError."""
        reply = await super().send(request, stream=True)
        try:
            body = await _read_bounded(reply)
        finally:
            await reply.aclose()
            # Nothing that a server wants remembered is: it would grow with every call.
            self.cookies.clear()
        kept = [(name, value) for name, value in reply.headers.raw if name.lower() not in _ABOUT_THE_WIRE]
        # The SDK logs some values as they are, and a terminal would obey them.
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
    """Return headers by their names in lower case; each look into the original goes through them all."""
    plain: dict[str, str] = {}
    for raw_name, raw_value in headers.raw:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("utf-8", "replace")
        plain[name] = f"{plain[name]}, {value}" if name in plain else value
    return plain


def _hider(key: str) -> Callable[[bytes], bytes]:
    """Return a function that takes the key out of what a server sends back."""
    secret = key.encode()
    # What is shorter than any real key is a placeholder, and may well be a common word.
    return (lambda content: content.replace(secret, REMOVED)) if len(secret) >= MIN_SECRET_LENGTH else bytes


@asynccontextmanager
async def open_responses_api(config: ApiConfig) -> AsyncIterator[ResponsesApi]:
    """Open one client, closed at the end; it makes as many calls at a time as it is asked for."""
    # 0 is no bound to aiohttp, and None its own of 100. Who calls knows how many calls there may be.
    limits = httpx2.Limits(max_connections=0, max_keepalive_connections=0, keepalive_expiry=KEEP_ALIVE_SECONDS)
    # Reading has no time-out here: ``_reply`` bounds the whole call, and tells it from a lost connection.
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
        raise WrongUseError(f"OPENAI_BASE_URL is no address ({error}); mend it or unset it.") from error
    async with client:
        yield ResponsesApi(client, config)


def _describe(error: Exception) -> str:
    """Say what went wrong in the words of whoever noticed it first.

    The SDK says "timed out" of whatever its aiohttp backend cannot place, so only the first cause tells.
    """
    causes = list(_causes(error))
    said = " ".join(str(causes[-1]).split()) or type(causes[-1]).__name__
    if any(isinstance(cause, ClientConnectorError) for cause in causes):
        return f"cannot connect: {said}"
    if any(isinstance(cause, _LOST) for cause in causes):
        return f"the connection was lost: {said}"
    return f"the call failed: {said}"


_LOST = (ConnectionResetError, BrokenPipeError, ServerDisconnectedError, ClientPayloadError)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _fault(kind: str, message: str) -> Reply:
    return Reply(fault=kind, message=message, received_at=time())
