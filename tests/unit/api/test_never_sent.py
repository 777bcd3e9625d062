"""A call that cannot have reached the server is told from one that may have been billed."""

import asyncio
import socket
from contextlib import ExitStack, contextmanager

import pytest
from aiohttp import TCPConnector

from artistjobs.api.config import ApiConfig
from artistjobs.api.interface import CancelledBeforeSendingError
from artistjobs.api.responses import open_responses_api
from artistjobs.rehearsal import Fault, Scenario, rehearsal

BODY = {"model": "gpt-5", "input": "Who is Björk?"}
PLAIN = Scenario(name="plain", hang_seconds=5.0)


async def create(base_url, timeout_seconds=20.0):
    async with open_responses_api(
        ApiConfig(api_key="sk-secret-0123456789", base_url=base_url, timeout_seconds=timeout_seconds)
    ) as api:
        return await api.create(BODY)


@contextmanager
def nobody():
    """A port on which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}/v1"


@contextmanager
def unknown_host():
    yield "http://nobody.invalid/v1"


@contextmanager
def no_tls():
    with rehearsal(PLAIN) as api:
        yield api.base_url.replace("http:", "https:")


@contextmanager
def silent_network():
    """A server whose queue of connections is full, so that the next one is never answered."""
    with ExitStack() as stack:
        server = stack.enter_context(socket.socket())
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        for _ in range(4):
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(server.getsockname())
        yield f"http://127.0.0.1:{server.getsockname()[1]}/v1"


@pytest.mark.parametrize("address", [nobody, unknown_host, no_tls, silent_network])
async def test_a_call_without_a_connection_was_not_sent(address):
    with address() as base_url:
        reply = await create(base_url, timeout_seconds=0.5 if address is silent_network else 20.0)

    assert (reply.fault, reply.was_sent) == ("connection_error", False)
    assert reply.message.startswith("cannot connect")


@pytest.mark.parametrize("fault", [Fault.HANG, Fault.RESET, Fault.CUT_BODY])
async def test_a_call_with_a_connection_may_have_been_billed(fault):
    with rehearsal(PLAIN, script=lambda _body, _nth: fault) as api:
        reply = await create(api.base_url, timeout_seconds=0.5)

    assert reply.fault is not None
    assert reply.was_sent


@pytest.mark.parametrize(("address", "is_sent"), [(silent_network, False), (None, True)])
async def test_a_call_that_is_cancelled_says_whether_it_was_sent(address, is_sent, monkeypatch):
    connecting, connect = asyncio.Event(), TCPConnector.connect

    def watched(*arguments):
        connecting.set()
        return connect(*arguments)

    monkeypatch.setattr(TCPConnector, "connect", watched)
    with ExitStack() as stack:
        api = stack.enter_context(rehearsal(PLAIN, script=lambda _body, _nth: Fault.HANG))
        call = asyncio.create_task(create(stack.enter_context(address()) if address else api.base_url))
        async with asyncio.timeout(20):
            await connecting.wait()
            while address is None and not api.journal.in_flight:
                await asyncio.sleep(0.01)
        call.cancel()
        with pytest.raises(asyncio.CancelledError) as cancelled:
            await call

    assert isinstance(cancelled.value, CancelledBeforeSendingError) is not is_sent
