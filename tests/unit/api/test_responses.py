"""Calls through the SDK against a real server: each reply arrives unchanged and is classified correctly."""

import asyncio
import gc
import json
import resource
import time
import weakref
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from artistjobs.api import responses
from artistjobs.api.arrival import Arrival
from artistjobs.api.classify import classify
from artistjobs.api.config import ApiConfig
from artistjobs.api.http_client import HttpClient
from artistjobs.api.redact import REMOVED
from artistjobs.api.responses import open_responses_api
from artistjobs.core.attempt import FailureKind
from artistjobs.core.shortage import Shortage
from artistjobs.rehearsal import Fault, Scenario, rehearsal

KEY = "sk-secret-0123456789"
BODY = {"model": "gpt-5", "prompt": {"id": "pmpt_1", "variables": {"artist_name": "Björk"}}}
PLAIN = Scenario(name="plain", hang_seconds=0.02)

RUN, JOB, CALL, DONE = FailureKind.FATAL, FailureKind.PERMANENT, FailureKind.RETRYABLE, None

VERDICTS = {
    Fault.SERVER_ERROR: (CALL, "http_500"),
    Fault.BAD_GATEWAY: (CALL, "http_502"),
    Fault.UNAVAILABLE: (CALL, "http_503"),
    Fault.OVERLOADED: (CALL, "server_is_overloaded"),
    Fault.REQUEST_TIMEOUT: (CALL, "http_408"),
    Fault.CONFLICT: (CALL, "http_409"),
    Fault.RATE_LIMITED: (CALL, "rate_limit_exceeded"),
    Fault.SLOW_DOWN: (CALL, "slow_down"),
    Fault.RESOURCE_UNAVAILABLE: (CALL, "resource_unavailable"),
    Fault.NO_CREDIT: (RUN, "insufficient_quota"),
    Fault.SPEND_LIMIT: (RUN, "organization_spend_limit_exceeded"),
    Fault.BAD_KEY: (RUN, "invalid_api_key"),
    Fault.FORBIDDEN: (RUN, "forbidden"),
    Fault.MODEL_NOT_FOUND: (RUN, "model_not_found"),
    Fault.PROMPT_NOT_FOUND: (RUN, "http_404"),
    Fault.SAME_400: (RUN, "unknown_parameter"),
    Fault.ROW_400: (JOB, "invalid_prompt"),
    Fault.TOO_LARGE: (JOB, "http_413"),
    Fault.UNPROCESSABLE: (JOB, "http_422"),
    Fault.INCOMPLETE: (JOB, "incomplete"),
    Fault.FILTERED: (JOB, "incomplete"),
    Fault.REFUSAL: (JOB, "refusal"),
    Fault.FAILED_SERVER_ERROR: (CALL, "server_error"),
    Fault.FAILED_INVALID_PROMPT: (JOB, "invalid_prompt"),
    Fault.IN_PROGRESS: (JOB, "not_completed"),
    Fault.MISSING_STATUS: (JOB, "not_completed"),
    Fault.MISSING_ID: (JOB, "no_response_id"),
    Fault.NOT_AN_OBJECT: (CALL, "not_an_object"),
    Fault.NULL_BODY: (CALL, "not_an_object"),
    Fault.ERROR_OBJECT: (CALL, "not_a_response"),
    Fault.BROKEN_JSON: (CALL, "broken_json"),
    Fault.EMPTY_BODY: (CALL, "empty_body"),
    Fault.HTML_OK: (CALL, "not_json"),
    Fault.HTML_BAD_GATEWAY: (CALL, "http_502"),
    Fault.CUT_BODY: (CALL, "connection_error"),
    Fault.RESET: (CALL, "connection_error"),
    Fault.HANG: (CALL, "connection_error"),
}
KEEP_AN_ANSWER = {
    Fault.INCOMPLETE,
    Fault.FILTERED,
    Fault.REFUSAL,
    Fault.FAILED_SERVER_ERROR,
    Fault.FAILED_INVALID_PROMPT,
    Fault.IN_PROGRESS,
    Fault.MISSING_ID,
    Fault.MISSING_STATUS,
}


def open_api(base_url, *, timeout=5.0, key=KEY):
    return open_responses_api(ApiConfig(api_key=key, base_url=base_url, timeout_seconds=timeout))


async def create(base_url, **settings):
    async with open_api(base_url, **settings) as api:
        return await api.create(BODY)


@asynccontextmanager
async def server_saying(reply, heads=None):
    """A server that answers every request with the same bytes; it adds the head of each request to ``heads``."""

    async def serve(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        if heads is not None:
            heads.append(head)
        writer.write(reply)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"


def test_every_fault_has_an_expected_kind():
    # An answer that does not fit its schema is a good answer for the API.
    assert VERDICTS.keys() == set(Fault) - {Fault.SCHEMA_MISMATCH}


@pytest.fixture(scope="module")
def server():
    with rehearsal(PLAIN) as running:
        yield running


@pytest.mark.parametrize("is_first", [True, False])
@pytest.mark.parametrize("fault", VERDICTS)
async def test_each_fault_is_classified_correctly(server, fault, is_first):
    async with open_api(server.base_url) as api:
        if not is_first:  # later requests take a shorter path than the one that the SDK describes
            server.script = None
            await api.create(BODY)
        server.script = lambda _body, _nth: fault

        classification = classify(await api.create(BODY))

    assert (classification.failure.kind, classification.failure.code) == VERDICTS[fault]
    assert (classification.answer is not None) == (fault in KEEP_AN_ANSWER)


async def test_a_good_answer_arrives_complete(server):
    server.script = lambda _body, _nth: None

    reply = await create(server.base_url)

    classification = classify(reply)
    assert classification.failure is None
    assert "Björk" in classification.answer.text
    assert classification.answer.request_id.startswith("req_")
    assert reply.received_at > 1.7e9


async def test_a_call_is_made_exactly_once():
    with rehearsal(PLAIN, script=lambda _body, _nth: Fault.UNAVAILABLE) as api:
        await create(api.base_url)

    assert len(api.journal.calls) == 1


async def test_a_request_is_the_one_that_the_sdk_would_have_built(monkeypatch):
    built = []

    class Both(HttpClient):
        def build_request(self, method, url, **options):
            ours = super().build_request(method, url, **options)
            built.append((ours, super(HttpClient, self).build_request(method, url, **options)))
            return ours

    monkeypatch.setattr(responses, "HttpClient", Both)
    with rehearsal(PLAIN) as api:
        async with open_responses_api(ApiConfig(api_key=KEY, base_url=api.base_url, organization="org")) as calls:
            await calls.create(BODY)
            await calls.look_up_model("gpt-5")
    assert [ours.method for ours, _ in built] == ["POST", "GET"]
    for ours, usual in built:
        assert (ours.url, ours.content) == (usual.url, usual.content)
        assert sorted(ours.headers.multi_items()) == sorted(usual.headers.multi_items())
        assert ours.extensions == usual.extensions


async def test_later_requests_differ_from_the_first_one_in_their_bodies_alone():
    said = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}"
    heads, texts = [], ["a", 'Björk \u2028 "', "b" * 100]
    async with server_saying(said, heads) as base_url:
        config = ApiConfig(api_key=KEY, base_url=f"{base_url}?api-version=1", organization="org", project="project")
        async with open_responses_api(config) as api:
            for text in texts:
                await api.create({"model": "gpt-5", "input": text})

    lines = [{line for line in head.lower().split(b"\r\n") if b"content-length" not in line} for head in heads]
    sizes = [len(json.dumps({"model": "gpt-5", "input": text}, ensure_ascii=False).encode()) - 3 for text in texts]
    assert lines[0] == lines[1] == lines[2]
    assert [b"content-length: %d\r\n" % size in head.lower() for head, size in zip(heads, sizes, strict=True)] == [
        True, True, True,
    ]  # fmt: skip


async def test_each_request_has_the_body_of_its_own_call():
    seen = []
    with rehearsal(PLAIN, script=lambda body, _nth: seen.append(body)) as server:
        async with open_api(server.base_url) as api:
            bodies = [BODY | {"instructions": f"Number {number} \u2028 ü \U0001f600"} for number in range(3)]
            for body in bodies:
                await api.create(body)

    assert [body["instructions"] for body in seen] == [body["instructions"] for body in bodies]


async def test_a_reply_is_forgotten_without_a_collection_of_garbage(server, monkeypatch):
    arrivals = []

    class Seen(Arrival):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            arrivals.append(weakref.ref(self))

    server.script = None
    monkeypatch.setattr(responses, "Arrival", Seen)
    async with open_api(server.base_url) as api:
        await api.create(BODY)  # what is imported only once
        gc.disable()
        try:
            await api.create(BODY)

            assert arrivals[-1]() is None
        finally:
            gc.enable()


async def test_an_answer_that_takes_too_long_is_a_timeout():
    with rehearsal(replace(PLAIN, latency_seconds=30.0)) as api:
        reply = await create(api.base_url, timeout=0.1)

    assert (reply.fault, reply.message) == ("timeout", "no complete answer within 0.1 s")


async def test_time_in_which_the_process_was_stopped_is_no_time_of_the_call():
    with rehearsal(replace(PLAIN, latency_seconds=2.2)) as api:
        async with open_api(api.base_url, timeout=1.0) as calls:
            call = asyncio.create_task(calls.create(BODY))
            async with asyncio.timeout(10):
                while not api.journal.in_flight:
                    await asyncio.sleep(0.005)
            time.sleep(2.0)  # noqa: ASYNC251 - nothing in this event loop may run

            reply = await call

    assert classify(reply).failure is None
    assert len(api.journal.calls) == 1


@pytest.mark.parametrize("is_first", [True, False])
@pytest.mark.parametrize("fault", [Fault.RESET, Fault.HANG, Fault.CUT_BODY])
async def test_a_lost_connection_is_reported_as_such(server, fault, is_first):
    async with open_api(server.base_url) as api:
        if not is_first:
            server.script = None
            await api.create(BODY)
        server.script = lambda _body, _nth: fault

        reply = await api.create(BODY)

    assert reply.message.startswith("the connection was lost: ")
    assert "timed out" not in reply.message


async def test_a_server_that_hangs_up_is_a_lost_connection():
    async with server_saying(b"") as base_url:
        reply = await create(base_url)

    assert (reply.fault, reply.message) == ("connection_error", "the connection was lost: Server disconnected")


async def test_a_refused_connection_is_reported_as_such():
    async with server_saying(b"") as base_url:
        pass

    reply = await create(base_url)

    assert reply.fault == "connection_error"
    assert reply.message.startswith("cannot connect: ")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_a_call_without_a_file_handle_is_told_from_one_that_a_server_refused(server, host):
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    async with open_api(server.base_url.replace("127.0.0.1", host)) as api:
        await api.look_up_model("gpt-5")  # what is imported and opened only once
        server.script = lambda _body, _nth: Fault.RESET
        await api.create(BODY)  # closes the connection
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, limits[1]))
        try:
            reply = await api.create(BODY)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)

    assert (reply.fault, reply.shortage) == ("connection_error", Shortage.FILES)


async def test_memory_that_ends_within_a_call_is_told(server, monkeypatch):
    def fail(*_arguments):
        raise MemoryError

    server.script = None
    monkeypatch.setattr(Arrival, "begin", fail)

    reply = await create(server.base_url)

    assert reply.shortage is Shortage.MEMORY


async def test_a_reply_that_is_not_http_is_a_connection_error():
    async with server_saying(b"SSH-2.0-OpenSSH_9.9\r\n\r\n") as base_url:
        reply = await create(base_url)

    assert reply.fault == "connection_error"
    assert KEY not in reply.message


async def test_a_query_of_the_address_is_sent_with_each_request():
    heads = []
    said = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"
    async with server_saying(said, heads) as base_url, open_api(f"{base_url}/?api-version=2025-04-01-preview") as api:
        await api.create(BODY)
        await api.look_up_model("openai/gpt-5")

    assert [head.split(b" ", 2)[:2] for head in heads] == [
        [b"POST", b"/v1/responses?api-version=2025-04-01-preview"],
        [b"GET", b"/v1/models/openai%2Fgpt-5?api-version=2025-04-01-preview"],
    ]


async def test_a_secret_in_the_query_is_in_no_message():
    async with server_saying(b"HTTP/1.1 nonsense\r\n\r\n") as base_url:
        reply = await create(f"{base_url}?code=hunter2")

    assert reply.fault == "connection_error"
    assert "hunter2" not in reply.message


async def test_a_proxy_of_an_encrypted_address_does_not_get_the_key():
    heads = []
    async with server_saying(b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n", heads) as proxy:
        config = ApiConfig(api_key=KEY, base_url="https://api.example.invalid/v1?a=b", proxy=proxy.removesuffix("/v1"))
        async with open_responses_api(config) as api:
            reply = await api.create(BODY)

    assert reply.fault == "connection_error"
    assert heads
    assert all(head.startswith(b"CONNECT api.example.invalid:443 ") for head in heads)
    assert KEY.encode() not in b"".join(heads)


async def test_later_requests_go_through_the_proxy_as_well():
    heads = []
    said = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}"
    async with server_saying(said, heads) as proxy:
        config = ApiConfig(api_key=KEY, base_url="http://api.example.invalid/v1", proxy=proxy.removesuffix("/v1"))
        async with open_responses_api(config) as api:
            replies = [await api.create(BODY) for _ in range(3)]

    assert [reply.status for reply in replies] == [200, 200, 200]
    assert [head.split(b" ")[1] for head in heads] == [b"http://api.example.invalid/v1/responses"] * 3


async def test_a_proxy_is_used_only_if_the_configuration_names_it(monkeypatch):
    heads = []
    async with server_saying(b"", heads) as proxy, server_saying(b"HTTP/1.1 401 No\r\n\r\n") as base_url:
        for variable in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(variable, proxy.removesuffix("/v1"))
        monkeypatch.setenv("HTTPS_PROXY", "socks5://127.0.0.1:9")
        reply = await create(base_url)

    assert (reply.status, heads) == (401, [])


async def test_a_cancelled_call_passes_the_cancellation_on():
    with rehearsal(replace(PLAIN, latency_seconds=30.0)) as server:
        async with open_api(server.base_url) as api:
            call = asyncio.create_task(api.create(BODY))
            async with asyncio.timeout(10):
                while not server.journal.in_flight:
                    await asyncio.sleep(0.005)
            call.cancel()

            with pytest.raises(asyncio.CancelledError):
                await call


async def test_the_key_is_removed_from_replies():
    page = f"<p>{KEY} is not welcome here".encode()
    async with server_saying(b"HTTP/1.1 401 No\r\ncontent-length: %d\r\n\r\n%b" % (len(page), page)) as base_url:
        reply = await create(base_url)

    assert reply.body == b"<p>" + REMOVED + b" is not welcome here"
    assert KEY not in repr(ApiConfig(api_key=KEY))


@pytest.mark.parametrize("model", ["ft:gpt-5:org::id", "openai/gpt-5", "a/b/c", "x%2Fy", "with blank", "Ünïcode"])
async def test_a_model_can_be_looked_up_whatever_its_name(server, model):
    async with open_api(server.base_url) as api:
        reply = await api.look_up_model(model)

    assert reply.status == 200
    assert json.loads(reply.body)["id"] == model


@pytest.mark.parametrize("model", [".", ".."])
async def test_a_name_that_is_part_of_a_path_is_not_looked_up(server, model):
    async with open_api(server.base_url) as api:
        assert (await api.look_up_model(model)).status == 404
