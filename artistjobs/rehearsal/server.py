"""HTTP server of the simulated API on the loopback interface: requests, latency, replies and broken connections.

``service`` decides the replies; this module handles sockets and time.
"""

import asyncio
import hashlib
import socket
import struct
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from aiohttp import web

from artistjobs.rehearsal.background import BackgroundDesk
from artistjobs.rehearsal.batch.handlers import add_batch_routes
from artistjobs.rehearsal.batch.life import BatchDesk
from artistjobs.rehearsal.call_log import Arrival, Call, Journal, request_key
from artistjobs.rehearsal.replies import ApiError, Delivery, SimulatedReply
from artistjobs.rehearsal.service import Service, check_key, read_body, unknown_url

HOST = "127.0.0.1"


_MAX_BODY_BYTES = 32 * 1024 * 1024


# Each of the two steps of a shutdown waits this long for calls in flight, then aborts them.
_PATIENCE_SECONDS = 0.1


_TURNS_OF_AN_ACCEPT = 5


_ABORT_ON_CLOSE = struct.pack("ii", 1, 0)


_TOO_LARGE = ApiError(413, "The request is too large.")


@asynccontextmanager
async def serving(service: Service, journal: Journal, desk: BatchDesk, *, port: int) -> AsyncIterator[int]:
    """Serve during a ``with`` block, which receives the port; ``port`` 0 selects a free one."""
    runner = web.AppRunner(
        make_app(service, journal, desk),
        access_log=None,
        handle_signals=False,
        shutdown_timeout=_PATIENCE_SECONDS,
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, HOST, port, backlog=1024).start()
        yield runner.addresses[0][1]
    finally:
        server = runner.server
        await runner.cleanup()
        if server is not None:
            await _close_late_lines(server)


async def _close_late_lines(server: web.Server) -> None:
    """Close connections that were accepted during the shutdown; asyncio reports them some loop iterations later."""
    for _ in range(_TURNS_OF_AN_ACCEPT):
        await asyncio.sleep(0)
    await server.shutdown(_PATIENCE_SECONDS)
    for _ in range(_TURNS_OF_AN_ACCEPT):
        await asyncio.sleep(0)


def make_app(service: Service, journal: Journal, desk: BatchDesk) -> web.Application:
    """Return the web application with the endpoints for responses, models, files and batches; others get 404."""
    door = _Handlers(service, journal, desk.background)
    app = web.Application(client_max_size=_MAX_BODY_BYTES)
    app.router.add_post("/v1/responses", door.create_response)
    app.router.add_get("/v1/responses/{id}", door.retrieve_response, allow_head=False)
    app.router.add_post("/v1/responses/{id}/cancel", door.cancel_response)
    app.router.add_get("/v1/models/{model:.+}", door.describe_model, allow_head=False)
    add_batch_routes(app, desk, door.send)
    app.router.add_route("*", "/{path:.*}", door.turn_away)
    return app


class _Handlers:
    """Request handlers of the endpoints, with a shared service and journal."""

    def __init__(self, service: Service, journal: Journal, background: BackgroundDesk) -> None:
        self._service = service
        self._background = background
        self._journal = journal

    async def create_response(self, request: web.Request) -> web.StreamResponse:
        started_at = time.monotonic()
        try:
            raw = await request.read()
        except web.HTTPRequestEntityTooLarge:
            return await self._send(request, _TOO_LARGE.reply(), started_at)
        body = read_body(raw)
        key = hashlib.sha256(raw).hexdigest() if isinstance(body, ApiError) else request_key(body)
        arrival = self._journal.arrive(key, time.time())
        try:
            plan = self._service.plan(request.headers.get("Authorization"), raw, body, arrival)
            if plan.latency_seconds:
                await asyncio.sleep(plan.latency_seconds)
            reply = plan.reply if isinstance(body, ApiError) else self._background.created(body, plan.reply)
            self._journal.answer(_call(arrival, reply, None if isinstance(body, ApiError) else body))
            return await self._send(request, reply, started_at)
        finally:
            self._journal.leave()

    async def retrieve_response(self, request: web.Request) -> web.StreamResponse:
        error = check_key(request.headers.get("Authorization"))
        return await self.send(request, error.reply() if error else self._background.retrieve(request.match_info["id"]))

    async def cancel_response(self, request: web.Request) -> web.StreamResponse:
        error = check_key(request.headers.get("Authorization"))
        return await self.send(request, error.reply() if error else self._background.cancel(request.match_info["id"]))

    async def describe_model(self, request: web.Request) -> web.StreamResponse:
        model = request.match_info["model"]
        reply = self._service.model_reply(request.headers.get("Authorization"), model)
        return await self._send(request, reply, time.monotonic())

    async def turn_away(self, request: web.Request) -> web.StreamResponse:
        return await self._send(request, unknown_url(f"{request.method} {request.path}"), time.monotonic())

    async def send(self, request: web.Request, reply: SimulatedReply) -> web.StreamResponse:
        """Send a reply that takes no time."""
        return await self._send(request, reply, time.monotonic())

    async def _send(self, request: web.Request, reply: SimulatedReply, started_at: float) -> web.StreamResponse:
        headers = {
            "Content-Type": reply.content_type,
            "x-request-id": f"req_{uuid.uuid4().hex}",
            "openai-processing-ms": str(round((time.monotonic() - started_at) * 1000)),
            "openai-version": "2020-10-01",
            **reply.headers,
        }
        if reply.manner is Delivery.WHOLE:
            return web.Response(status=reply.status, body=reply.content, headers=headers)
        if reply.manner is Delivery.CUT:
            return await _send_half(request, reply, headers)
        if reply.manner is Delivery.HANG:
            await asyncio.sleep(self._service.scenario.hang_seconds)
        return _reset(request)


def _call(arrival: Arrival, reply: SimulatedReply, body: dict[str, object] | None) -> Call:
    return Call(
        key=arrival.key,
        nth=arrival.nth,
        received_at=arrival.received_at,
        answered_at=time.time(),
        name=reply.name,
        status=reply.status,
        paid=reply.paid,
        response_id=reply.response_id,
        in_flight=arrival.in_flight,
        body=body,
    )


async def _send_half(request: web.Request, reply: SimulatedReply, headers: dict[str, str]) -> web.StreamResponse:
    response = web.StreamResponse(status=reply.status, headers=headers)
    response.content_length = len(reply.content)
    response.force_close()
    with suppress(ConnectionResetError):  # the client may have been killed meanwhile
        await response.prepare(request)
        await response.write(reply.content[: len(reply.content) // 2])
    return response


def _reset(request: web.Request) -> web.StreamResponse:
    """Abort the connection with a TCP RST; nothing is sent afterwards."""
    transport = request.transport
    if transport is not None:
        line: socket.socket | None = transport.get_extra_info("socket")
        if line is not None:
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT_ON_CLOSE)
        if isinstance(transport, asyncio.WriteTransport):
            transport.abort()
    return web.Response()
