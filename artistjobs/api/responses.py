"""Client of the Responses API on top of the official SDK, with the SDK's retries and reply parsing switched off.

The SDK would repeat calls that were paid for, and would accept HTML as an answer. So this module requests raw
replies; ``classify`` interprets them, and ``core.retry`` decides on retries.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from time import time
from typing import IO
from urllib.parse import quote

import httpx2
from aiohttp import ClientError
from openai import APIStatusError, AsyncOpenAI, OpenAIError

from artistjobs.api.address import endpoint, without_query
from artistjobs.api.arrival import Arrival, FileArrival, Headers, Received, ReplyTooLargeError
from artistjobs.api.batches import BatchesApi, RawReply
from artistjobs.api.config import ApiConfig
from artistjobs.api.faults import exception_text, fault_reply, shortage_behind
from artistjobs.api.http_client import ARRIVAL, HttpClient, RepeatedRequest
from artistjobs.api.interface import CancelledBeforeSendingError
from artistjobs.api.redact import Redact, key_remover
from artistjobs.api.reply import Reply
from artistjobs.api.reply_memory import Lease, ReplyMemory
from artistjobs.api.time_limit import RunningClock, TimeLimit
from artistjobs.core.prompt import Body
from artistjobs.core.shortage import shortage_of
from artistjobs.errors import WrongUseError

CONNECT_SECONDS = 15.0


CALL_SECONDS = 600.0


FLEX_SECONDS = 900.0
"""OpenAI's guide to flex processing asks for time-outs of 15 minutes (November 2026)."""


LOOK_UP_SECONDS = 20.0


DOT_SEGMENTS, NOT_FOUND = (".", ".."), 404


class ResponsesApi:
    """API client over one connection pool, for one event loop."""

    def __init__(
        self, client: AsyncOpenAI, http_client: HttpClient, config: ApiConfig, redact: Redact, clock: RunningClock
    ) -> None:
        self._client = client
        self._http_client = http_client
        self._repeated: RepeatedRequest | None = None
        # Complete addresses, since the SDK would otherwise parse and join the base for each call, and append the path
        # of the endpoint to a query.
        self._base_url = config.base_url
        self._address = endpoint(config.base_url, "responses")
        self._redact = redact
        self._clock = clock
        self._memory = ReplyMemory()
        self._timeout = config.timeout_seconds

    async def create(self, body: Body) -> Reply:
        """Send one request for a response and return the whole reply."""

        async def call() -> RawReply | Received:
            if (repeated := self._repeated) is not None:
                return await self._http_client.send_again(repeated.with_content(_json(body).encode()))
            # ``responses.create`` transforms each field of a request and builds a model of the reply, which costs
            # more than the rest of a call. ``post`` sends the request and returns the reply as they are.
            reply = await self._client.post(self._address, body=body, cast_to=httpx2.Response)
            self._repeated = RepeatedRequest(reply.request)
            return reply

        usual = FLEX_SECONDS if body.get("service_tier") == "flex" else CALL_SECONDS
        return await self._reply(call, self._timeout or usual)

    async def retrieve(self, response_id: str) -> Reply:
        """Return a response that the service makes, or has made, in the background."""

        async def call() -> RawReply:
            address = endpoint(self._base_url, f"responses/{quote(response_id, safe='')}")
            return await self._client.get(address, cast_to=httpx2.Response)

        return await self._reply(call, self._timeout or CALL_SECONDS)

    async def look_up_model(self, model: str) -> Reply:
        """Request the description of a model; this is free of charge."""

        async def call() -> RawReply:
            address = endpoint(self._base_url, f"models/{quote(model, safe=':')}")
            return await self._client.get(address, cast_to=httpx2.Response)

        if model in DOT_SEGMENTS:
            # The SDK does not send them, since they would be resolved as parts of the path.
            return Reply(status=NOT_FOUND, received_at=time())
        return await self._reply(call, LOOK_UP_SECONDS)

    @property
    def batches(self) -> BatchesApi:
        """The Files and Batch APIs of the same account."""
        return BatchesApi(self._client, self._base_url, self._reply, self._redact)

    async def _reply(
        self,
        call: Callable[[], Awaitable[RawReply | Received]],
        timeout_seconds: float,
        into: IO[bytes] | None = None,
    ) -> Reply:
        # The HTTP client's own time-out restarts with each byte; this one limits the whole call.
        lease = Lease(self._memory)
        limit = TimeLimit(self._clock, timeout_seconds)
        arrival = Arrival(self._redact, lease, limit) if into is None else FileArrival(self._redact, lease, limit, into)
        token, is_kept = ARRIVAL.set(arrival), False
        try:
            reply = await self._reply_to(call, arrival, timeout_seconds)
            is_kept = reply.fault is None
        finally:
            ARRIVAL.reset(token)
            if not is_kept:
                lease.release()
        return replace(reply, release=lease.release) if lease.is_held else reply

    async def _reply_to(
        self, call: Callable[[], Awaitable[RawReply | Received]], arrival: Arrival, timeout_seconds: float
    ) -> Reply:
        try:
            async with arrival.limit:
                return _read(await call())
        except TimeoutError:
            fault = fault_reply("timeout", f"no complete answer within {timeout_seconds:g} s")
            if not arrival.is_connected:
                fault = fault_reply("connection_error", f"cannot connect: no connection within {timeout_seconds:g} s")
        except ReplyTooLargeError as error:
            return fault_reply("reply_too_large", str(error))
        except APIStatusError as error:
            return _read(error.response)
        except (OpenAIError, httpx2.HTTPError, httpx2.InvalidURL, ClientError, OSError) as error:
            # The aiohttp backend does not translate all of its errors, for example that of an invalid status line.
            fault = fault_reply("connection_error", self._clean(exception_text(error)), shortage_behind(error))
        except (MemoryError, RuntimeError) as error:
            if (shortage := shortage_of(error)) is None:
                raise
            fault = fault_reply("connection_error", str(shortage), shortage)
            return replace(fault, was_sent=arrival.is_connected)
        except asyncio.CancelledError:
            if arrival.is_connected:
                raise
            raise CancelledBeforeSendingError from None
        whole = await arrival.whole()
        return replace(fault, was_sent=arrival.is_connected) if whole is None else _read(whole)

    def _clean(self, message: str) -> str:
        # The address may hold a user name, and its query a secret.
        without_user = re.sub(r"://[^/\s@]*@", "://", message)
        without_query = re.sub(r"(://[^\s?'\"]*)\?[^\s'\"]*", r"\1", without_user)
        return self._redact(without_query.encode("utf-8", "replace")).decode("utf-8", "replace")


_json: Callable[[Body], str] = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode
"""Writes a request body as the SDK does."""


def _read(reply: RawReply | Received) -> Reply:
    if isinstance(reply, Received):
        return Reply(status=reply.status, headers=_plain(reply.headers), body=reply.body, received_at=time())
    return Reply(status=reply.status_code, headers=_plain(reply.headers.raw), body=reply.content, received_at=time())


def _plain(headers: Headers) -> dict[str, str]:
    """Return headers as a dictionary with lower-case names; a look-up in the original scans all of them."""
    plain: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("utf-8", "replace")
        plain[name] = f"{plain[name]}, {value}" if name in plain else value
    return plain


@asynccontextmanager
async def open_responses_api(config: ApiConfig) -> AsyncIterator[ResponsesApi]:
    """Open a client and close it at the end of the context; it does not limit the number of concurrent calls.

    Raises:
        WrongUseError: if OPENAI_BASE_URL is not an address.

    """
    # There is no read time-out here: ``_reply`` limits the whole call, and so tells a time-out from a lost connection.
    timeout = httpx2.Timeout(None, connect=CONNECT_SECONDS)
    redact = key_remover(config.api_key)
    http_client = HttpClient(config, redact, timeout)
    try:
        client = AsyncOpenAI(
            api_key=config.api_key,
            base_url=without_query(config.base_url),
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
        with RunningClock().ticking() as clock:
            yield ResponsesApi(client, http_client, config, redact, clock)
