"""The simulated API with a real client over real sockets."""

import asyncio
import io
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace

import aiohttp
import openai
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from paths import ROOT
from sdk_types import REQUEST_FIELDS, ensure_answer, ensure_request

from artistjobs.errors import WrongUseError
from artistjobs.rehearsal import SCENARIOS, Detail, Fault, Journal, Scenario, rehearsal, request_key, validation
from artistjobs.rehearsal.answer_text import write_text
from artistjobs.rehearsal.rate_limits import Limits, format_duration
from artistjobs.rehearsal.sampling import draw
from artistjobs.rehearsal.server_thread import Rehearsal
from artistjobs.rehearsal.validation import check_request

PLAIN = Scenario(name="plain", hang_seconds=0.05)
STORM_AT_ONCE = replace(SCENARIOS["storm"], latency_seconds=0.0, hang_seconds=0.01)


@pytest.fixture
def anyio_backend():
    return "asyncio"


def make_body(artist="Nina Simone", **fields):
    return {
        "model": "gpt-5",
        "prompt": {"id": "pmpt_1", "variables": {"artist_name": artist, "artist_data": "pianist"}},
        **fields,
    }


def make_client(api: Rehearsal, **settings):
    return openai.AsyncOpenAI(
        **{
            "base_url": api.base_url,
            "api_key": "sk-any",
            "max_retries": 0,
            "http_client": openai.DefaultAioHttpClient(),
            **settings,
        }
    )


def always(fault: Fault | None):
    return lambda _body, _nth: fault


async def create(api: Rehearsal, body=None, **settings):
    async with make_client(api, **settings) as client:
        return await client.responses.create(**(body or make_body()))


async def raw_reply(api: Rehearsal, body=None):
    """Return status, headers and body of a raw reply, also with an error status."""
    async with (
        aiohttp.ClientSession(headers={"Authorization": "Bearer sk-any"}) as session,
        session.post(f"{api.base_url}/responses", data=as_stream(body or make_body())) as reply,
    ):
        return reply.status, reply.headers, await reply.read()


def as_stream(body):
    return io.BytesIO(json.dumps(body).encode("ascii"))


async def until(condition: Callable[[], bool], *, seconds: float = 10.0):
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.005)


# --- good answers


async def test_an_answer_in_calm_is_complete_and_names_the_artist():
    with rehearsal("calm") as api:
        answer = await create(api, make_body("Björk", service_tier="auto", metadata={"line": "7"}))

    assert (answer.status, answer.model, answer.service_tier) == ("completed", "gpt-5", "default")
    assert "Björk" in answer.output_text
    assert [item.type for item in answer.output] == ["reasoning", "message"]
    assert answer.usage.total_tokens == answer.usage.input_tokens + answer.usage.output_tokens
    assert answer.id.startswith("resp_")
    assert answer._request_id.startswith("req_")
    assert answer.metadata == {"line": "7"}


@pytest.mark.parametrize("fault", [None, Fault.REFUSAL, Fault.INCOMPLETE, Fault.FILTERED])
@pytest.mark.parametrize(
    "body",
    [
        make_body(),
        make_body(max_output_tokens=16, temperature=0.5, reasoning={"effort": "low"}, store=False),
        {"model": "gpt-5", "input": "Tell me about Fela Kuti. " * 400, "instructions": "Be brief."},
        {"model": "gpt-5", "input": [{"role": "user", "content": [{"type": "input_text", "text": "Hi"}]}]},
    ],
)
async def test_answers_have_the_types_that_the_sdk_declares(body, fault):
    with rehearsal(PLAIN, script=always(fault)) as api:
        status, _, content = await raw_reply(api, body)

    ensure_answer(content)
    assert status == 200


async def test_max_output_tokens_is_kept():
    with rehearsal(PLAIN) as api:
        answers = [await create(api, make_body(str(n), max_output_tokens=16 + n)) for n in range(10)]

    assert all(answer.usage.output_tokens <= 16 + n for n, answer in enumerate(answers))
    assert all(answer.output_text for answer in answers)


async def test_a_prompts_text_is_named_when_there_is_no_artist():
    with rehearsal(PLAIN) as api:
        plain = await create(api, {"model": "m", "input": "Who was\nSun Ra?"})
        message = {"role": "user", "content": [{"type": "input_text", "text": "Who was Moondog?"}]}
        listed = await create(api, {"model": "m", "input": [message]})

    assert "Who was Sun Ra?" in plain.output_text
    assert "Who was Moondog?" in listed.output_text


async def test_lone_surrogates_and_line_separators_are_returned_unchanged():
    strange = "a\ud800b\u2028{c}"
    with rehearsal(PLAIN) as api:
        body = make_body(strange)
        async with (
            aiohttp.ClientSession(headers={"Authorization": "Bearer k"}) as session,
            session.post(f"{api.base_url}/responses", data=json.dumps(body).encode("ascii")) as reply,
        ):
            answer = json.loads(await reply.read())

    assert answer["prompt"]["variables"]["artist_name"] == strange


async def test_texts_vary_in_length():
    with rehearsal(PLAIN) as api:
        texts = [(await create(api, make_body(f"artist {n}"))).output_text for n in range(12)]

    assert len({len(text) // 50 for text in texts}) > 3


@pytest.mark.parametrize(
    ("asked", "billed"), [("default", "default"), ("flex", "flex"), ("fast", "priority"), (None, "default")]
)
async def test_the_tier_of_an_answer_is_the_one_billed(asked, billed):
    with rehearsal(PLAIN) as api:
        answer = await create(api, make_body(service_tier=asked))

    assert answer.service_tier == billed


# --- faults


@pytest.mark.parametrize(
    ("fault", "kind", "status", "type_", "code"),
    [
        (Fault.SERVER_ERROR, openai.InternalServerError, 500, "server_error", None),
        (Fault.BAD_GATEWAY, openai.InternalServerError, 502, "server_error", None),
        (Fault.UNAVAILABLE, openai.InternalServerError, 503, "server_error", None),
        (
            Fault.OVERLOADED,
            openai.InternalServerError,
            503,
            "service_unavailable_error",
            "server_is_overloaded",
        ),
        (Fault.REQUEST_TIMEOUT, openai.APIStatusError, 408, "timeout", None),
        (Fault.CONFLICT, openai.ConflictError, 409, "conflict_error", None),
        (Fault.RATE_LIMITED, openai.RateLimitError, 429, "requests", "rate_limit_exceeded"),
        (Fault.SLOW_DOWN, openai.RateLimitError, 429, "requests", "slow_down"),
        (
            Fault.RESOURCE_UNAVAILABLE,
            openai.RateLimitError,
            429,
            "resource_unavailable",
            "resource_unavailable",
        ),
        (Fault.NO_CREDIT, openai.RateLimitError, 429, "insufficient_quota", "insufficient_quota"),
        (
            Fault.SPEND_LIMIT,
            openai.RateLimitError,
            429,
            "billing_error",
            "organization_spend_limit_exceeded",
        ),
        (Fault.BAD_KEY, openai.AuthenticationError, 401, "invalid_request_error", "invalid_api_key"),
        (Fault.FORBIDDEN, openai.PermissionDeniedError, 403, "permission_error", "forbidden"),
        (Fault.MODEL_NOT_FOUND, openai.NotFoundError, 404, "invalid_request_error", "model_not_found"),
        (Fault.PROMPT_NOT_FOUND, openai.NotFoundError, 404, "invalid_request_error", None),
        (Fault.SAME_400, openai.BadRequestError, 400, "invalid_request_error", "unknown_parameter"),
        (Fault.ROW_400, openai.BadRequestError, 400, "invalid_request_error", "invalid_prompt"),
        (Fault.TOO_LARGE, openai.APIStatusError, 413, "invalid_request_error", None),
        (Fault.UNPROCESSABLE, openai.UnprocessableEntityError, 422, "invalid_request_error", None),
    ],
)
async def test_an_error_reaches_the_client_as_the_real_ones_do(fault, kind, status, type_, code):
    with rehearsal(PLAIN, script=always(fault)) as api:
        with pytest.raises(kind) as caught:
            await create(api)
        (call,) = api.journal.calls

    error = caught.value
    assert (error.status_code, error.type, error.code) == (status, type_, code)
    assert error.request_id.startswith("req_")
    assert set(error.body) == {"message", "type", "param", "code"}
    assert (call.name, call.status, call.paid, call.response_id) == (fault, status, False, None)


async def test_a_missing_prompt_and_model_are_named():
    with rehearsal(PLAIN, script=always(Fault.PROMPT_NOT_FOUND)) as api:
        with pytest.raises(openai.NotFoundError, match="Prompt with id 'pmpt_1' not found"):
            await create(api)
        api.script = always(Fault.MODEL_NOT_FOUND)
        with pytest.raises(openai.NotFoundError, match="'gpt-5' does not exist"):
            await create(api)


async def test_a_rehearsed_429_asks_to_wait_in_either_form():
    with rehearsal(PLAIN, script=always(Fault.RATE_LIMITED)) as api:
        headers = [(await raw_reply(api))[1] for _ in range(12)]

    assert {(h.get("retry-after-ms"), h.get("retry-after")) for h in headers} == {("300", None), (None, "1")}


@pytest.mark.parametrize(
    ("fault", "status", "type_", "content"),
    [
        (Fault.NOT_AN_OBJECT, 200, "application/json", b"[]"),
        (Fault.NULL_BODY, 200, "application/json", b"null"),
        (Fault.EMPTY_BODY, 200, "application/json", b""),
        (Fault.HTML_OK, 200, "text/html", b"sign in"),
        (Fault.HTML_BAD_GATEWAY, 502, "text/html", b"upstream"),
        (Fault.ERROR_OBJECT, 200, "application/json", b'{"error":{"message":'),
    ],
)
async def test_a_page_is_sent_in_place_of_an_answer(fault, status, type_, content):
    with rehearsal(PLAIN, script=always(fault)) as api:
        reply = await raw_reply(api)
        (call,) = api.journal.calls

    assert (reply[0], reply[1]["content-type"]) == (status, type_)
    assert content in reply[2]
    assert (call.name, call.paid) == (fault, False)


@pytest.mark.parametrize(
    ("fault", "expected", "is_paid"),
    [
        (
            Fault.INCOMPLETE,
            {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}},
            True,
        ),
        (Fault.FILTERED, {"status": "incomplete", "incomplete_details": {"reason": "content_filter"}}, True),
        (Fault.REFUSAL, {"status": "completed", "error": None}, True),
        (Fault.FAILED_SERVER_ERROR, {"status": "failed", "usage": None}, False),
        (Fault.FAILED_INVALID_PROMPT, {"status": "failed", "usage": None}, False),
        (Fault.IN_PROGRESS, {"status": "in_progress", "output": []}, False),
        (Fault.MISSING_ID, {"status": "completed"}, True),
        (Fault.MISSING_STATUS, {"error": None}, True),
    ],
)
async def test_a_damaged_answer_has_status_200(fault, expected, is_paid):
    with rehearsal(PLAIN, script=always(fault)) as api:
        status, _, content = await raw_reply(api)
        (call,) = api.journal.calls

    answer = json.loads(content)
    assert status == 200
    assert expected.items() <= answer.items()
    assert ("id" in answer) is (fault is not Fault.MISSING_ID)
    assert ("status" in answer) is (fault is not Fault.MISSING_STATUS)
    assert (call.name, call.paid, call.response_id) == (fault, is_paid, answer.get("id"))


async def test_the_sdk_recognizes_refusals_failures_and_incomplete_texts():
    with rehearsal(PLAIN, script=always(Fault.REFUSAL)) as api:
        refusal = await create(api)
        api.script = always(Fault.FAILED_INVALID_PROMPT)
        failed = await create(api)
        api.script = always(Fault.INCOMPLETE)
        incomplete = await create(api)

    assert refusal.output_text == ""
    assert refusal.output[-1].content[0].type == "refusal"
    assert failed.error.code == "invalid_prompt"
    assert incomplete.output_text
    assert incomplete.output[-1].status == "incomplete"


async def test_broken_json_is_billed_and_cannot_be_parsed():
    with rehearsal(PLAIN, script=always(Fault.BROKEN_JSON)) as api:
        with pytest.raises(json.JSONDecodeError):
            await create(api)
        (call,) = api.journal.calls

    assert call.paid


@pytest.mark.parametrize(
    ("fault", "seen_as", "is_paid"),
    [
        (Fault.CUT_BODY, aiohttp.ClientPayloadError, True),
        (Fault.RESET, aiohttp.ClientOSError, False),
        (Fault.HANG, aiohttp.ClientOSError, True),
    ],
)
async def test_a_reset_is_a_connection_error(fault, seen_as, is_paid):
    """The SDK reports a reset as a time-out (3.54, aiohttp); the cause of the cause has the real error."""
    with rehearsal(PLAIN, script=always(fault)) as api:
        with pytest.raises(openai.APIConnectionError) as caught:
            await create(api)
        (call,) = api.journal.calls

    assert isinstance(caught.value.__cause__.__cause__, seen_as)
    assert (call.name, call.paid) == (fault, is_paid)


async def test_a_truncated_body_is_shorter_than_its_content_length():
    with rehearsal(PLAIN, script=always(Fault.CUT_BODY)) as api:
        port = int(api.base_url.rsplit(":", 1)[1].split("/")[0])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        body = json.dumps(make_body()).encode()
        head = (
            "POST /v1/responses HTTP/1.1",
            "Host: x",
            "Authorization: Bearer k",
            f"Content-Length: {len(body)}",
        )
        writer.write("\r\n".join((*head, "", "")).encode() + body)
        received = await reader.read()
        writer.close()
        await writer.wait_closed()

    headers, _, content = received.partition(b"\r\n\r\n")
    announced = int(headers.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    assert 0 < len(content) < announced


async def test_a_hang_outlasts_the_time_out_of_a_client():
    with rehearsal(replace(PLAIN, hang_seconds=30.0), script=always(Fault.HANG)) as api:
        with pytest.raises(openai.APITimeoutError):
            await create(api, timeout=0.2)

        assert api.journal.paid_calls == 1


async def test_every_fault_can_be_simulated():
    tried = []
    # A request with a schema, because only an answer to such a request can fail to fit one.
    asked = {"format": {"type": "json_schema", "name": "a", "schema": {"type": "object"}}}
    with rehearsal(PLAIN) as api:
        for fault in Fault:
            api.script = always(fault)
            try:
                await raw_reply(api, make_body(text=asked))
            except (aiohttp.ClientError, OSError):
                tried.append(fault)

        assert [call.name for call in api.journal.calls] == list(Fault)

    assert tried == [Fault.CUT_BODY, Fault.RESET, Fault.HANG]


# --- scenarios


async def test_a_script_decides_by_body_and_repetition():
    def script(body, nth):
        return Fault.SERVER_ERROR if body["model"] == "m" and nth < 3 else None

    with rehearsal(PLAIN, script=script) as api:
        statuses = [(await raw_reply(api, make_body(model="m")))[0] for _ in range(3)]
        other = (await raw_reply(api))[0]

    assert (statuses, other) == ([500, 500, 200], 200)


async def replies_by_request(scenario, seed, names, *, at_once):
    """Make each request three times; return the replies by request and repetition."""
    with rehearsal(scenario, seed=seed) as api:
        gate = asyncio.Semaphore(at_once)

        async def call(name):
            for _ in range(3):
                async with gate:
                    await asyncio.gather(raw_reply(api, make_body(name)), return_exceptions=True)

        await asyncio.gather(*(call(name) for name in names))
        return {(call.key, call.nth): (call.name, call.response_id) for call in api.journal.calls}


async def test_a_seed_gives_the_same_faults_in_any_order_of_calls():
    stormy = replace(STORM_AT_ONCE, faults={fault: 4 * p for fault, p in STORM_AT_ONCE.faults.items()})
    names = [f"artist {n}" for n in range(40)]

    one = await replies_by_request(stormy, 1, names, at_once=1)
    many = await replies_by_request(stormy, 1, names[::-1], at_once=16)
    other = await replies_by_request(stormy, 2, names, at_once=16)

    assert one == many
    assert one != other
    assert len({name for name, _ in one.values()}) > 5


async def test_the_same_request_has_the_same_text_each_time():
    with rehearsal(PLAIN, seed=1) as api:
        first, second = await create(api), await create(api)

    assert first.output_text == second.output_text
    assert first.id != second.id


@pytest.mark.parametrize("name", ["busy", "storm"])
def test_faults_are_as_frequent_as_the_scenario_sets(name):
    scenario = replace(SCENARIOS[name], fault_calls_max=None)

    draws = [draw(scenario, seed=0, key=f"{n:064x}", nth=1) for n in range(20_000)]

    struck = [chance.fault for chance in draws]
    for fault, probability in scenario.faults.items():
        assert struck.count(fault) / len(draws) == pytest.approx(probability, rel=0.35)
    assert set(struck) == {None, *scenario.faults}


@pytest.mark.parametrize("name", ["busy", "storm"])
def test_latencies_are_spread_around_the_median(name):
    draws = [draw(SCENARIOS[name], seed=0, key=f"{n:064x}", nth=1) for n in range(2_000)]

    latencies = sorted(chance.latency_seconds for chance in draws)
    assert latencies[1000] == pytest.approx(0.2, rel=0.1)
    assert (latencies[20] < 0.1, latencies[-20] > 0.4) == (True, True)


def test_a_calm_latency_is_constant():
    assert {draw(SCENARIOS["calm"], seed=n, key="00", nth=1).latency_seconds for n in range(9)} == {0.05}


@pytest.mark.parametrize("name", ["busy", "storm"])
def test_no_request_fails_more_than_three_times_in_a_row(name):
    scenario = replace(SCENARIOS[name], faults={Fault.RESET: 1.0})

    struck = [draw(scenario, seed=0, key="00", nth=nth).fault for nth in range(1, 9)]

    assert struck == [Fault.RESET, Fault.RESET, Fault.RESET, None] * 2


def is_answer(content):
    return b'"status":"completed","completed_at"' in content or b'"status":"incomplete"' in content


@pytest.mark.parametrize("name", ["calm", "busy", "storm"])
async def test_every_job_gets_through_within_five_calls(name):
    scenario = replace(SCENARIOS[name], latency_seconds=0.0, hang_seconds=0.01)

    async def answered_at(api, artist):
        for nth in range(1, 6):
            (reply,) = await asyncio.gather(raw_reply(api, make_body(artist)), return_exceptions=True)
            if isinstance(reply, tuple) and is_answer(reply[2]):
                return nth
        return None

    with rehearsal(scenario, seed=3) as api:
        needed = await asyncio.gather(*(answered_at(api, f"artist {n}") for n in range(150)))

    assert None not in needed
    assert (max(needed) > 1) is (name != "calm")


async def test_an_outage_refuses_responses_but_not_the_look_up_of_models():
    with rehearsal("outage") as api:
        async with make_client(api) as client:
            model = await client.models.retrieve("gpt-5")
            for _ in range(6):
                with pytest.raises(openai.InternalServerError) as caught:
                    await client.responses.create(**make_body())

    assert model.id == "gpt-5"
    assert caught.value.status_code == 503


async def test_an_outage_can_end_during_a_rehearsal():
    with rehearsal("outage") as api:
        before = (await raw_reply(api))[0]
        api.scenario = SCENARIOS["calm"]
        api.latency_seconds = 0.0
        after = (await raw_reply(api))[0]

    assert (before, after) == (503, 200)


async def test_the_credit_is_used_up_after_exactly_twenty_answers():
    with rehearsal("no-credit") as api:
        api.latency_seconds = 0.0
        replies = await asyncio.gather(*(raw_reply(api, make_body(str(n))) for n in range(50)))

        assert api.journal.names() == {"completed": 20, "no_credit": 30}
        assert api.journal.paid_calls == 20
    errors = [json.loads(content)["error"] for status, _, content in replies if status == 429]
    assert {(error["type"], error["code"]) for error in errors} == {("insufficient_quota", "insufficient_quota")}


def test_an_unknown_scenario_is_wrong_use_and_lists_the_names():
    with pytest.raises(WrongUseError, match="calm, busy, storm, outage, no-credit"):
        rehearsal("hurricane")


# --- limits


async def test_a_request_limit_is_told_in_every_reply_and_enforced():
    scenario = replace(PLAIN, requests_per_minute=600, tokens_per_minute=1_000_000, limit_window_seconds=0.3)
    with rehearsal(scenario) as api:
        replies = [await raw_reply(api) for _ in range(4)]
        await asyncio.sleep(int(replies[-1][1]["retry-after-ms"]) / 1000)
        later = await raw_reply(api)

    assert [status for status, _, _ in replies] == [200, 200, 200, 429]
    for status, headers, content in (*replies, later):
        assert headers["x-ratelimit-limit-requests"] == "600"
        assert headers["x-ratelimit-limit-tokens"] == "1000000"
        assert headers["x-ratelimit-reset-requests"].endswith("ms")
        assert (b"rate_limit_exceeded" in content) is (status == 429)
    assert replies[-1][1]["x-ratelimit-remaining-requests"] == "0"
    assert replies[-1][1]["retry-after"] == "1"
    assert later[0] == 200


async def test_a_token_limit_counts_what_may_be_answered():
    with rehearsal(replace(PLAIN, tokens_per_minute=10_000)) as api:
        small = await raw_reply(api, make_body(max_output_tokens=100))
        large = await raw_reply(api, make_body(max_output_tokens=9_990))
        other_model = await raw_reply(api, make_body(model="other", max_output_tokens=9_990))

    assert (small[0], large[0], other_model[0]) == (200, 429, 200)
    assert json.loads(large[2])["error"]["type"] == "tokens"
    assert "x-ratelimit-remaining-requests" not in small[1]


async def test_without_a_limit_there_are_no_limit_headers():
    with rehearsal(PLAIN) as api:
        _, headers, _ = await raw_reply(api)

    assert not [name for name in headers if name.lower().startswith("x-ratelimit")]


def test_a_long_run_is_admitted_at_the_rate_of_the_limit():
    now = 0.0
    limits = Limits(lambda: now)
    scenario = replace(PLAIN, requests_per_minute=60)

    admitted = 0
    for tenth in range(6000):
        now = tenth / 10
        admitted += limits.admit(scenario, "m", 1).refusal is None

    assert admitted == pytest.approx(60 + 600, abs=1)


def test_a_refused_call_is_admitted_after_the_requested_wait():
    now = 0.0
    limits = Limits(lambda: now)
    scenario = replace(PLAIN, requests_per_minute=70, limit_window_seconds=1.0)

    for _ in range(50):
        refusal = limits.admit(scenario, "m", 1).refusal
        if refusal:
            now += int(refusal.headers["retry-after-ms"]) / 1000
            assert limits.admit(scenario, "m", 1).refusal is None


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0ms"),
        (0.0015, "2ms"),
        (1, "1s"),
        (1.25, "1.25s"),
        (59.9999, "1m0s"),
        (61.5, "1m1.5s"),
        (360, "6m0s"),
    ],
)
def test_durations_are_written_as_the_api_writes_them(seconds, text):
    assert format_duration(seconds) == text


# --- the journal


async def test_the_journal_records_requests_and_answers():
    body = make_body()
    with rehearsal(PLAIN) as api:
        answer = await create(api, body)
        await create(api, body)

    first, second = api.journal.calls
    assert (first.key, first.nth, second.nth) == (request_key(body), 1, 2)
    assert (first.body, first.name, first.status, first.response_id) == (body, "completed", 200, answer.id)
    assert first.received_at <= first.answered_at
    assert api.journal.paid_by_key() == {request_key(body): 2} == api.journal.repeated()


async def test_a_truncated_answer_counts_as_paid():
    with rehearsal(PLAIN, script=lambda _body, nth: Fault.CUT_BODY if nth == 1 else None) as api:
        with pytest.raises(openai.APIConnectionError):
            await create(api)
        await create(api)

    assert api.journal.repeated() == {request_key(make_body()): 2}


async def test_an_answer_to_a_closed_connection_counts_as_paid():
    with rehearsal(replace(PLAIN, latency_seconds=0.3)) as api:
        with pytest.raises(openai.APITimeoutError):
            await create(api, timeout=0.05)
        unpaid = api.journal.paid_calls

        await until(lambda: api.journal.paid_calls == 1)

    assert unpaid == 0


async def test_the_key_does_not_depend_on_the_order_of_fields():
    body = make_body()

    assert request_key(body) == request_key(dict(reversed(body.items())))
    assert request_key(body) != request_key(make_body("Fela Kuti"))


async def test_calls_in_flight_are_counted():
    with rehearsal(replace(PLAIN, latency_seconds=60.0)) as api:
        tasks = [asyncio.create_task(raw_reply(api, make_body(str(n)))) for n in range(7)]
        await until(lambda: api.journal.in_flight == 7)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    assert (api.journal.max_in_flight, api.journal.received, api.journal.calls) == (7, 7, ())


async def test_a_journal_file_can_be_read_while_the_server_runs(tmp_path):
    path = tmp_path / "journal.jsonl"
    with rehearsal(PLAIN, journal_path=path) as api:
        await create(api)
        await raw_reply(api, {"model": "m"})

        assert Journal.read(path).calls == api.journal.calls

    assert Journal.read(path).names() == {"completed": 1, "missing_required_parameter": 1}


async def test_an_incomplete_line_is_left_out(tmp_path):
    path = tmp_path / "journal.jsonl"
    with rehearsal(PLAIN, journal_path=path) as api:
        await create(api)
    path.write_bytes(path.read_bytes() * 2 + b'{"key": "torn')

    journal = Journal.read(path)

    assert (len(journal.calls), journal.paid_calls, list(journal.repeated().values())) == (2, 2, [2])


@pytest.mark.parametrize(
    ("detail", "calls", "keys"), [(Detail.CALLS, 3, 3), (Detail.KEYS, 0, 3), (Detail.TOTALS, 0, 0)]
)
async def test_a_journal_keeps_no_more_than_its_limit(detail, calls, keys):
    with rehearsal(PLAIN, detail=detail) as api:
        for n in range(3):
            await create(api, make_body(str(n)))

    journal = api.journal
    assert (len(journal.calls), len(journal.paid_by_key()), len(journal._seen)) == (calls, keys, keys)
    assert (journal.paid_calls, journal.names()) == (3, {"completed": 3})


async def test_with_totals_only_a_failing_request_still_succeeds():
    scenario = replace(PLAIN, faults={Fault.SERVER_ERROR: 1.0}, fault_calls_max=3)
    with rehearsal(scenario, detail=Detail.TOTALS) as api:
        statuses = [(await raw_reply(api))[0] for _ in range(4)]

    assert statuses == [500, 500, 500, 200]


# --- requests the API refuses


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        ({"input": "x"}, "missing_required_parameter", "model"),
        ({"model": None, "input": "x"}, "invalid_type", "model"),
        ({"model": "m"}, "missing_required_parameter", "input"),
        ({"model": "m", "input": None, "prompt": None}, "missing_required_parameter", "input"),
        (make_body(colour="red"), "unknown_parameter", "colour"),
        (make_body(prompt_id="p"), "unknown_parameter", "prompt_id"),
        (make_body(input=5), "invalid_type", "input"),
        (make_body(store="yes"), "invalid_type", "store"),
        (make_body(prompt="pmpt_1"), "invalid_type", "prompt"),
        (make_body(prompt={"version": "1"}), "missing_required_parameter", "prompt.id"),
        (make_body(prompt={"id": None}), "invalid_type", "prompt.id"),
        (make_body(prompt={"id": "p", "version": 3}), "invalid_type", "prompt.version"),
        (make_body(prompt={"id": "p", "colour": 3}), "unknown_parameter", "prompt.colour"),
        (make_body(prompt={"id": "p", "variables": {"n": 3}}), "invalid_type", "prompt.variables.n"),
        (make_body(prompt={"id": "p", "variables": {"n": {}}}), "invalid_value", "prompt.variables.n.type"),
        (make_body(max_output_tokens=15), "integer_below_min_value", "max_output_tokens"),
        (make_body(max_output_tokens=True), "invalid_type", "max_output_tokens"),
        (make_body(max_output_tokens=16.5), "invalid_type", "max_output_tokens"),
        (make_body(temperature=2.1), "integer_above_max_value", "temperature"),
        (make_body(top_p=-0.1), "integer_below_min_value", "top_p"),
        (make_body(service_tier="turbo"), "invalid_value", "service_tier"),
        (make_body(safety_identifier="x" * 65), "string_above_max_length", "safety_identifier"),
        (make_body(reasoning={"effort": "hihg"}), "invalid_value", "reasoning.effort"),
        (make_body(text={"verbosity": 3}), "invalid_type", "text.verbosity"),
        (
            make_body(text={"format": {"type": "json_schema", "schema": {}}}),
            "missing_required_parameter",
            "text.format.name",
        ),
        (make_body(metadata={str(n): "" for n in range(17)}), "object_above_max_properties", "metadata"),
        (make_body(metadata={"k" * 65: "v"}), "string_above_max_length", "metadata"),
        (make_body(metadata={"k": "v" * 513}), "string_above_max_length", "metadata.k"),
        (make_body(metadata={"k": 1}), "invalid_type", "metadata.k"),
    ],
)
async def test_a_request_the_api_would_refuse_is_refused(body, code, param):
    with rehearsal(PLAIN) as api:
        status, _, content = await raw_reply(api, body)

    error = json.loads(content)["error"]
    assert (status, error["code"], error["param"]) == (400, code, param)
    assert (error["type"], bool(error["message"])) == ("invalid_request_error", True)


@pytest.mark.parametrize("raw", [b"", b"{", b"[1]", b'"text"', b"\xff", b'{"a": NaN}', b"[" * 100_000])
async def test_a_body_that_is_no_json_object_is_refused(raw):
    with rehearsal(PLAIN) as api:
        async with (
            aiohttp.ClientSession(headers={"Authorization": "Bearer k"}) as session,
            session.post(f"{api.base_url}/responses", data=raw) as reply,
        ):
            error = (await reply.json())["error"]
        (call,) = api.journal.calls

    assert (reply.status, error["type"], call.body) == (400, "invalid_request_error", None)


async def test_a_body_of_eight_megabytes_is_taken_and_one_of_forty_is_not():
    with rehearsal(PLAIN) as api:
        taken, _, _ = await raw_reply(api, make_body("x" * 8_000_000))
        refused, _, content = await raw_reply(api, make_body("x" * 40_000_000))

    assert (taken, refused) == (200, 413)
    assert "error" in json.loads(content)


VALUES = st.fixed_dictionaries(
    {"model": st.sampled_from(["gpt-5", "rehearsal"])},
    optional={
        "access_programs": st.just({"cyber": "standard"}),
        "background": st.booleans(),
        "background_options": st.just({"completion_window": "2h"}),
        "conversation": st.none() | st.text() | st.just({"id": "conv_1"}),
        "context_management": st.just([{"type": "compaction"}]),
        "image": st.just({"context_compression": "auto"}),
        "include": st.lists(st.just("reasoning.encrypted_content")),
        "instructions": st.none() | st.text(),
        "max_output_tokens": st.none() | st.integers(16, 10**6) | st.just(64.0),
        "max_tool_calls": st.none() | st.integers(1, 9),
        "metadata": st.none() | st.dictionaries(st.text(max_size=64), st.text(max_size=512), max_size=16),
        "moderation": st.none() | st.just({"model": "omni-moderation-latest"}),
        "parallel_tool_calls": st.booleans(),
        "previous_response_id": st.none() | st.text(),
        "prompt": st.none()
        | st.fixed_dictionaries(
            {"id": st.text()},
            optional={
                "version": st.none() | st.text(),
                "variables": st.none()
                | st.dictionaries(st.text(), st.text() | st.just({"type": "input_text", "text": "x"})),
            },
        ),
        "prompt_cache_key": st.none() | st.text(),
        "prompt_cache_options": st.just({"ttl": "30m"}),
        "prompt_cache_retention": st.sampled_from([None, "in_memory", "24h"]),
        "reasoning": st.none()
        | st.fixed_dictionaries(
            {},
            optional={
                "effort": st.sampled_from([None, "none", "minimal", "low", "medium", "high", "xhigh", "max"]),
                "summary": st.sampled_from([None, "auto", "concise", "detailed"]),
                "mode": st.text(),
            },
        ),
        "safety_identifier": st.none() | st.text(max_size=64),
        "service_tier": st.sampled_from([None, "auto", "default", "flex", "scale", "priority", "fast", "ultrafast"]),
        "store": st.booleans(),
        "stream": st.just(False),
        "stream_options": st.none() | st.just({"include_obfuscation": True}),
        "temperature": st.none() | st.floats(0, 2) | st.integers(0, 2),
        "text": st.just({"format": {"type": "json_schema", "name": "n", "schema": {}}, "verbosity": "low"})
        | st.just({"format": {"type": "json_object"}}),
        "tool_choice": st.sampled_from(["none", "auto", "required", {"type": "function", "name": "f"}]),
        "tools": st.just([{"type": "web_search"}]),
        "top_logprobs": st.integers(0, 20),
        "top_p": st.none() | st.floats(0, 1),
        "truncation": st.sampled_from([None, "auto", "disabled"]),
        "user": st.text(),
    },
)
INPUTS = st.text() | st.lists(st.fixed_dictionaries({"role": st.just("user"), "content": st.text()}))


@settings(max_examples=100, deadline=None, database=None)
@given(VALUES, INPUTS)
def test_a_request_that_the_sdk_describes_is_accepted(values, text):
    body = {**values, "input": text}
    ensure_request(body, is_strict=False)

    assert check_request(body) is None


def test_every_field_that_is_accepted_is_one_that_the_sdk_describes():
    assert set(validation._FIELDS) <= REQUEST_FIELDS
    assert len(validation._FIELDS) > 30


@pytest.mark.parametrize("name", validation._FIELDS)
def test_every_field_has_a_type(name):
    assert check_request(make_body(**{name: object()})).code == "invalid_type"


# --- keys, models, other addresses


async def test_a_wrong_key_is_refused_everywhere():
    with rehearsal(PLAIN) as api:
        async with make_client(api, api_key="bad-key") as client:
            with pytest.raises(openai.AuthenticationError) as at_models:
                await client.models.retrieve("gpt-5")
            with pytest.raises(openai.AuthenticationError) as at_responses:
                await client.responses.create(**make_body())

    assert (at_models.value.code, at_responses.value.code) == ("invalid_api_key", "invalid_api_key")


async def test_a_call_without_a_key_is_refused():
    with rehearsal(PLAIN) as api:
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{api.base_url}/responses", json=make_body()) as reply,
        ):
            error = (await reply.json())["error"]

    assert (reply.status, error["type"]) == (401, "invalid_request_error")


async def test_a_model_has_its_shutdown_date():
    with rehearsal(replace(PLAIN, shutdown_date="2026-12-11")) as api:
        async with make_client(api) as client:
            model = await client.models.retrieve("ft:gpt-5/mine")

    assert (model.id, model.object, model.shutdown_date) == ("ft:gpt-5/mine", "model", "2026-12-11")


async def test_a_model_with_a_missing_name_does_not_exist():
    with rehearsal(PLAIN) as api:
        async with make_client(api) as client:
            with pytest.raises(openai.NotFoundError) as at_models:
                await client.models.retrieve("missing-model")
            with pytest.raises(openai.NotFoundError) as at_responses:
                await client.responses.create(**make_body(model="missing-model"))

    assert (at_models.value.code, at_responses.value.code) == ("model_not_found", "model_not_found")
    assert "missing-model" in at_models.value.message


async def test_a_server_may_lack_the_models_endpoint():
    with rehearsal(replace(PLAIN, has_models_endpoint=False)) as api:
        async with make_client(api) as client:
            with pytest.raises(openai.NotFoundError) as caught:
                await client.models.retrieve("gpt-5")

    assert caught.value.code is None


@pytest.mark.parametrize(("method", "path"), [("GET", "/v1/responses"), ("POST", "/v1/embeddings"), ("GET", "/")])
async def test_other_addresses_are_a_404_in_json(method, path):
    with rehearsal(PLAIN) as api:
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, api.base_url.removesuffix("/v1") + path) as reply,
        ):
            error = (await reply.json())["error"]

    assert reply.status == 404
    assert path in error["message"]


# --- opening and closing


@pytest.mark.parametrize(
    ("scenario", "fault"),
    [(replace(PLAIN, hang_seconds=60.0), Fault.HANG), (replace(PLAIN, latency_seconds=60.0), None)],
)
async def test_closing_ends_calls_that_wait_within_a_second(scenario, fault):
    with rehearsal(scenario, script=always(fault)) as api:
        async with make_client(api) as client:
            calls = [asyncio.create_task(client.responses.create(**make_body(str(n)))) for n in range(20)]
            await until(lambda: api.journal.in_flight == 20)

            begun_at = time.monotonic()
            await asyncio.to_thread(api.close)
            seconds = time.monotonic() - begun_at
            errors = await asyncio.gather(*calls, return_exceptions=True)

    assert seconds < 1.0
    assert all(isinstance(error, openai.APIConnectionError) for error in errors)


async def test_closing_ends_calls_whose_client_has_gone():
    with rehearsal(replace(PLAIN, latency_seconds=60.0)) as api:
        with pytest.raises(openai.APITimeoutError):
            await create(api, timeout=0.05)

        begun_at = time.monotonic()
        api.close()

    assert time.monotonic() - begun_at < 1.0


def test_it_listens_on_the_loopback_alone_and_can_be_closed_twice():
    api = rehearsal("calm").open()

    assert api.base_url.startswith("http://127.0.0.1:")
    api.close()
    api.close()
    with pytest.raises(RuntimeError):
        _ = api.base_url


def test_a_port_in_use_is_an_error_at_once():
    with rehearsal("calm") as api:
        port = int(api.base_url.rsplit(":", 1)[1].split("/")[0])

        with pytest.raises(OSError, match="address already in use"):
            rehearsal("calm", port=port).open()


def test_the_names_of_scenarios_need_no_web_server():
    code = "import sys, artistjobs.rehearsal; sys.exit('aiohttp' in sys.modules or 'asyncio' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


# --- as a process of its own


@pytest.mark.parametrize("port", [-1, 70_000])
def test_an_invalid_port_is_an_error_at_once(port):
    with pytest.raises(OSError):
        rehearsal("calm", port=port).open()


@pytest.mark.parametrize("stopping", [signal.SIGTERM, signal.SIGINT])
async def test_a_process_serves_until_told_to_stop_and_leaves_its_journal(tmp_path, stopping):
    path = tmp_path / "journal.jsonl"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "error", "-m", "artistjobs.rehearsal"),
        *("--scenario", "storm", "--seed", "1", "--latency", "0", "--journal", str(path)),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    base_url = (await process.stdout.readline()).decode().strip()

    async with (
        aiohttp.ClientSession(headers={"Authorization": "Bearer k"}) as session,
        session.post(f"{base_url}/responses", json=make_body()) as reply,
    ):
        await reply.read()
    process.send_signal(stopping)
    _, stderr = await process.communicate()

    assert (reply.status, process.returncode, stderr) == (200, 0, b"")
    assert Journal.read(path).paid_by_key() == {request_key(make_body()): 1}


def test_a_process_with_an_unknown_scenario_says_so():
    command = [sys.executable, "-m", "artistjobs.rehearsal", "--scenario", "hurricane"]

    process = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)

    assert (process.returncode, process.stdout) == (2, "")
    assert "calm, busy" in process.stderr


def test_a_rehearsed_answer_quotes_a_filled_template_and_names_the_artist_of_a_stored_prompt():
    filled = write_text({"input": f"Write about Prince. {'Much is known. ' * 20}"}, key="00000000", tokens=200)
    stored = write_text({"prompt": {"variables": {"artist_name": "Prince"}}}, key="00000000", tokens=200)

    assert filled.startswith('This is a rehearsed answer to "Write about Prince. Much is known.')
    assert filled.count("Prince") == 1
    assert "rehearsed answer about Prince; no model" in stored
    assert stored.count("Prince") > 2
