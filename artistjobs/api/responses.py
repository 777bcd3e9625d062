"""Calls through the official SDK, with its retries off and its replies unread.

The SDK would repeat calls that were paid for, and take HTML for an answer; so it is asked for raw
replies, and judging and repeating are ours.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from time import time
from typing import Protocol
from urllib.parse import quote

import httpx2
from aiohttp import ClientConnectorError, ClientError, ClientPayloadError, ServerDisconnectedError
from openai import APIStatusError, AsyncOpenAI, DefaultAioHttpClient, OpenAIError

from artistjobs.config import ApiConfig
from artistjobs.prompt import Body
from artistjobs.reply import Reply

CONNECT_SECONDS = 15.0
KEEP_ALIVE_SECONDS = 30.0
"""How long an idle connection is kept: longer than a pause for a rate limit usually is."""

LOOK_UP_SECONDS = 20.0
REMOVED = b"[key removed]"
SHORTEST_SECRET = 12


class RawReply(Protocol):
    """What the SDK's raw replies have in common with the responses that its errors carry."""

    @property
    def status_code(self) -> int:
        """The HTTP status."""

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers, found by name in any case."""

    @property
    def content(self) -> bytes:
        """The whole body."""


class ResponsesApi:
    """The Responses API behind one client, which one event loop shares."""

    def __init__(self, client: AsyncOpenAI, config: ApiConfig) -> None:
        self._client = client
        self._key = config.api_key.encode()
        self._timeout = config.timeout_seconds

    async def create(self, body: Body) -> Reply:
        """Send one request for a response and wait for its end."""

        async def call() -> RawReply:
            # As extra_body the request is sent as it stands; named fields would be gone through one by one.
            return await self._client.responses.with_raw_response.create(extra_body=body)

        return await self._reply(call, self._timeout)

    async def look_up_model(self, model: str) -> Reply:
        """Ask what is known of a model; free of charge."""

        async def call() -> RawReply:
            return await self._client.models.with_raw_response.retrieve(quote(model, safe=":"))

        return await self._reply(call, LOOK_UP_SECONDS)

    async def _reply(self, call: Callable[[], Awaitable[RawReply]], timeout_seconds: float) -> Reply:
        try:
            # The HTTP client's own time-out starts again with each byte; this one bounds the whole call.
            async with asyncio.timeout(timeout_seconds):
                return self._read(await call())
        except TimeoutError:
            return _fault("timeout", f"no whole answer within {timeout_seconds:g} s")
        except APIStatusError as error:
            return self._read(error.response)
        except (OpenAIError, httpx2.HTTPError, httpx2.InvalidURL, ClientError, OSError) as error:
            # The aiohttp backend lets some of its own errors pass, such as for a status line that is none.
            return _fault("connection_error", self._clean(_describe(error)))

    def _read(self, raw: RawReply) -> Reply:
        return Reply(
            status=raw.status_code,
            headers=raw.headers,
            body=self._without_key(raw.content),
            received_at=time(),
        )

    def _clean(self, message: str) -> str:
        return self._without_key(message.encode("utf-8", "replace")).decode()

    def _without_key(self, content: bytes) -> bytes:
        # What is shorter than any real key is a placeholder, and may well be a common word.
        return content.replace(self._key, REMOVED) if len(self._key) >= SHORTEST_SECRET else content


@asynccontextmanager
async def open_responses_api(config: ApiConfig, connections: int) -> AsyncIterator[ResponsesApi]:
    """Open one client for up to ``connections`` calls at a time, closed at the end."""
    limits = httpx2.Limits(
        max_connections=connections,
        max_keepalive_connections=connections,
        keepalive_expiry=KEEP_ALIVE_SECONDS,
    )
    # Reading has no time-out here: ``_reply`` bounds the whole call, and tells it from a lost connection.
    timeout = httpx2.Timeout(None, connect=CONNECT_SECONDS)
    async with AsyncOpenAI(
        api_key=config.api_key,
        base_url=config.base_url,
        organization=config.organization,
        project=config.project,
        max_retries=0,
        timeout=timeout,
        http_client=DefaultAioHttpClient(limits=limits, timeout=timeout),
    ) as client:
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
