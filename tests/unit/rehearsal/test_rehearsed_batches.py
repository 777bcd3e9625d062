"""The simulated Files and Batch APIs, called through the SDK."""

import json
from dataclasses import replace

import openai
import pytest
from conftest import wait_until

from artistjobs.rehearsal import SCENARIOS, Fault, rehearsal, request_key
from artistjobs.rehearsal.scenarios import BatchRules

QUICK = BatchRules(validating_seconds=0.0, seconds=0.0, finalizing_seconds=0.0, cancelling_seconds=0.0)
SLOW = replace(QUICK, seconds=60.0)
FINAL = {"completed", "failed", "expired", "cancelled"}


@pytest.fixture
def api():
    with rehearsal("calm") as running:
        use(running, QUICK)
        yield running


@pytest.fixture
def client(api):
    with openai.OpenAI(base_url=api.base_url, api_key="any", max_retries=0) as client:
        yield client


def use(api, rules, **changes):
    api.scenario = replace(api.scenario, latency_seconds=0.0, batch=rules, **changes)


def line(name, **changes):
    body = {"model": "gpt-5", "input": f"Who is {name}?", **changes}
    return {"custom_id": name, "method": "POST", "url": "/v1/responses", "body": body}


def upload(client, lines, name="a.jsonl"):
    content = "".join(json.dumps(one) + "\n" if isinstance(one, dict) else one for one in lines)
    return client.files.create(file=(name, content.encode()), purpose="batch")


def submit(client, *names, **changes):
    file = upload(client, [line(name) for name in names])
    return client.batches.create(
        input_file_id=file.id, endpoint="/v1/responses", completion_window="24h", **changes
    )  # fmt: skip


def ended(client, batch):
    states = []

    def is_final():
        try:
            states.append(client.batches.retrieve(batch.id))
        except openai.NotFoundError:  # a new batch is not found at once
            return False
        return states[-1].status in FINAL

    wait_until(is_final)
    return states[-1]


def results(client, file_id):
    return {one["custom_id"]: one for one in map(json.loads, client.files.content(file_id).text.splitlines())}


def test_a_batch_answers_every_line_and_each_is_paid_once(api, client):
    batch = ended(client, submit(client, "Ada", "Björk", metadata={"artistjobs": "1"}))

    assert (batch.status, batch.error_file_id, batch.metadata) == ("completed", None, {"artistjobs": "1"})
    assert (batch.request_counts.total, batch.request_counts.completed, batch.request_counts.failed) == (2, 2, 0)
    found = results(client, batch.output_file_id)
    assert found.keys() == {"Ada", "Björk"}
    assert found["Ada"]["response"]["status_code"] == 200
    assert found["Ada"]["response"]["body"]["status"] == "completed"
    assert api.journal.paid_by_key() == {request_key(line(name)["body"]): 1 for name in ("Ada", "Björk")}


def test_a_live_call_and_a_line_of_a_batch_are_the_same_request_in_the_ledger(api, client):
    ended(client, submit(client, "Ada"))

    client.responses.create(**line("Ada")["body"], stream=False)

    assert list(api.journal.repeated().values()) == [2]


def test_a_line_that_fails_is_in_the_error_file(api, client):
    api.script = lambda body, _: Fault.ROW_400 if "Ada" in body["input"] else None

    batch = ended(client, submit(client, "Ada", "Björk"))

    failed = results(client, batch.error_file_id)["Ada"]
    assert (failed["error"], failed["response"]["status_code"]) == (None, 400)
    assert failed["response"]["body"]["error"]["code"] == "invalid_prompt"
    assert results(client, batch.output_file_id).keys() == {"Björk"}


def test_a_batch_whose_lines_all_fail_has_no_output_file(api, client):
    api.script = lambda *_: Fault.SERVER_ERROR

    batch = ended(client, submit(client, "Ada"))

    assert (batch.status, batch.output_file_id) == ("completed", None)


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ([], "empty_file"),
        (["{\n"], "invalid_json_line"),
        ([line("Ada"), line("Ada")], "duplicate_custom_id"),
        ([line("Ada"), line("Björk", model="gpt-6")], "model_mismatch"),
        ([{**line("Ada"), "url": "/v1/chat/completions"}], "url_mismatch"),
        ([{**line("Ada"), "body": {"model": "gpt-5", "prompt": {"id": "pmpt_1"}}}], "invalid_request"),
        ([line("Ada", stream=True)], "invalid_request"),
    ],
)
def test_a_bad_file_is_accepted_and_fails_its_batch(client, lines, code):
    file = upload(client, lines)

    batch = ended(
        client,
        client.batches.create(input_file_id=file.id, endpoint="/v1/responses", completion_window="24h"),
    )

    assert (batch.status, batch.errors.data[0].code, batch.request_counts) == ("failed", code, None)


def test_a_file_with_another_ending_is_refused_for_batches(client):
    with pytest.raises(openai.BadRequestError, match=r"Must be \.jsonl"):
        upload(client, [line("Ada")], "a.txt")


def test_a_batch_that_expires_keeps_and_bills_what_was_done(api, client):
    use(api, replace(SLOW, seconds=0.4, window_seconds=0.2))

    batch = ended(client, submit(client, *map(str, range(40))))

    assert batch.status == "expired"
    done, rest = results(client, batch.output_file_id), results(client, batch.error_file_id)
    assert done
    assert {one["error"]["code"] for one in rest.values()} == {"batch_expired"}
    assert not done.keys() & rest.keys()
    assert len(done | rest) == 40
    assert api.journal.paid_calls == len(done)


def test_a_cancelled_batch_answers_no_further_line(api, client):
    use(api, SLOW)
    batch = submit(client, "Ada")

    assert client.batches.cancel(batch.id).status == "cancelling"
    last = ended(client, batch)

    assert (last.status, last.output_file_id) == ("cancelled", None)
    assert results(client, last.error_file_id)["Ada"]["error"]["code"] == "batch_cancelled"
    with pytest.raises(openai.ConflictError):
        client.batches.cancel(batch.id)


def test_the_token_queue_refuses_a_batch_while_another_one_fills_it(api, client):
    use(api, replace(SLOW, queue_tokens=60))
    first = submit(client, "Ada")
    wait_until(lambda: client.batches.retrieve(first.id).status == "in_progress")

    second = ended(client, submit(client, "Björk"))

    assert second.errors.data[0].code == "token_limit_exceeded"
    assert "Limit: 60 enqueued tokens" in second.errors.data[0].message


def test_an_upload_or_a_creation_whose_reply_is_lost_may_have_had_its_effect(api, client):
    use(api, replace(QUICK, cut_upload=1.0, lost_create=1.0))
    for _ in range(8):
        with pytest.raises(openai.APIConnectionError):
            upload(client, [line("Ada")])
    assert 0 < len(api.desk.files.files) < 8

    use(api, replace(QUICK, lost_create=1.0))
    for _ in range(8):
        with pytest.raises((openai.APIConnectionError, openai.InternalServerError)):
            submit(client, "Ada")
    assert 0 < len(api.desk.batches) < 8


def test_lists_lag_and_are_read_in_pages(api, client):
    for name in ("a.jsonl", "b.jsonl", "c.jsonl"):
        upload(client, [line("Ada")], name)
    use(api, replace(QUICK, list_lag_seconds=60.0))
    upload(client, [line("Ada")], "d.jsonl")

    first = client.files.list(purpose="batch", order="desc", limit=2)

    assert [file.filename for file in first.data] == ["c.jsonl", "b.jsonl"]
    assert [file.filename for file in first] == ["c.jsonl", "b.jsonl", "a.jsonl"]


def test_a_file_is_gone_after_its_deletion(api, client):
    file = upload(client, [line("Ada")])

    assert client.files.delete(file.id).deleted

    with pytest.raises(openai.NotFoundError):
        client.files.content(file.id)
    assert api.desk.files.deleted == [file.id]


def test_a_line_may_be_missing_or_have_the_status_zero(api, client):
    use(api, replace(QUICK, missing_line=0.3, zero_status=0.3))

    batch = ended(client, submit(client, *map(str, range(40))))

    found = results(client, batch.output_file_id)
    assert 0 < len(found) < 40
    assert {one["response"]["status_code"] for one in found.values()} == {0, 200}


@pytest.mark.parametrize("name", [name for name in SCENARIOS if name.startswith("batch-")])
def test_every_batch_scenario_brings_a_batch_to_an_end(name):
    with rehearsal(name) as api, openai.OpenAI(base_url=api.base_url, api_key="any", max_retries=8) as client:
        quick = replace(api.scenario.batch, seconds=0.1, window_seconds=min(api.scenario.batch.window_seconds, 0.05))
        api.scenario = replace(api.scenario, batch=quick)

        assert ended(client, submit(client, *map(str, range(5)))).status in FINAL
