"""The Files and Batch APIs through the SDK against a real server: each request once, and each reply as it is."""

import io
import json
import tempfile
from dataclasses import replace

import pytest

from artistjobs.api.config import ApiConfig
from artistjobs.api.responses import open_responses_api
from artistjobs.rehearsal import rehearsal
from artistjobs.rehearsal.scenarios import BatchRules

QUICK = BatchRules(validating_seconds=0.0, seconds=0.0, finalizing_seconds=0.0, cancelling_seconds=0.0)


@pytest.fixture
def api():
    with rehearsal("calm") as running:
        running.scenario = replace(running.scenario, latency_seconds=0.0, batch=QUICK)
        yield running


def client(api):
    return open_responses_api(ApiConfig(api_key="sk-secret-0123456789", base_url=api.base_url))


def line(name):
    body = {"model": "gpt-5", "input": f"Who is {name}?"}
    return json.dumps({"custom_id": name, "method": "POST", "url": "/v1/responses", "body": body}).encode() + b"\n"


async def retrieved(batches, batch_id):
    while True:
        found = json.loads((await batches.retrieve(batch_id)).body)
        if found["status"] in ("completed", "failed"):
            return found


class TakesLittle(io.BytesIO):
    """A file that takes a few bytes of each piece, as a raw file may."""

    def write(self, piece):
        return super().write(piece[:7])


async def test_every_byte_of_a_download_is_written_to_a_file_that_takes_parts(api):
    content = line("Ada") + line("Björk")
    async with client(api) as calls:
        uploaded = json.loads((await calls.batches.upload("artistjobs-1.jsonl", io.BytesIO(content))).body)
        reply = await calls.batches.download(uploaded["id"], into := TakesLittle())

    assert (reply.status, into.getvalue()) == (200, content)


async def test_a_batch_goes_to_the_service_and_its_results_come_back(api):
    async with client(api) as calls:
        batches = calls.batches
        uploaded = await batches.upload("artistjobs-1.jsonl", io.BytesIO(line("Ada") + line("Björk")))
        file = json.loads(uploaded.body)
        listed = json.loads((await batches.list_files(None)).body)
        batch = json.loads((await batches.create(file["id"], {"artistjobs": "1"})).body)
        found = await retrieved(batches, batch["id"])
        into = io.BytesIO()
        reply = await batches.download(found["output_file_id"], into)
        pages = json.loads((await batches.list_batches(None)).body)
        deleted = await batches.delete_file(file["id"])

    assert (uploaded.status, reply.status, reply.body, deleted.status) == (200, 200, b"", 200)
    assert (file["filename"], file["bytes"]) == ("artistjobs-1.jsonl", len(line("Ada") + line("Björk")))
    assert [one["id"] for one in listed["data"]] == [file["id"]]
    assert [(one["id"], one["metadata"]) for one in pages["data"]] == [(batch["id"], {"artistjobs": "1"})]
    assert {json.loads(text)["custom_id"] for text in into.getvalue().splitlines()} == {"Ada", "Björk"}


async def test_a_file_larger_than_any_other_reply_is_uploaded_and_downloaded_in_pieces(api):
    with tempfile.TemporaryFile() as content, tempfile.TemporaryFile() as into:
        for _ in range(80):
            content.write(b"x" * 2**20)
        content.seek(0)
        async with client(api) as calls:
            file = json.loads((await calls.batches.upload("a.jsonl", content)).body)
            reply = await calls.batches.download(file["id"], into)

        assert (reply.status, reply.fault, into.tell()) == (200, None, 80 * 2**20)


async def test_a_download_that_is_cut_off_is_a_fault(api):
    async with client(api) as calls:
        file = json.loads((await calls.batches.upload("a.jsonl", io.BytesIO(line("Ada")))).body)
        api.scenario = replace(api.scenario, batch=replace(QUICK, cut_download=1.0))

        reply = await calls.batches.download(file["id"], io.BytesIO())

    assert (reply.status, reply.fault) == (None, "connection_error")


async def test_an_upload_is_made_once_whatever_comes_of_it(api):
    api.scenario = replace(api.scenario, batch=replace(QUICK, cut_upload=1.0, lost_create=1.0))
    async with client(api) as calls:
        reply = await calls.batches.upload("a.jsonl", io.BytesIO(line("Ada")))
        await calls.batches.create("file-1", {})

    assert (reply.status, reply.was_sent) == (None, True)
    assert api.desk.log == ["POST /v1/files", "POST /v1/batches"]


async def test_an_error_of_a_download_has_its_body(api):
    async with client(api) as calls:
        reply = await calls.batches.download("file-none", into := io.BytesIO())

    assert (reply.status, into.getvalue()) == (404, b"")
    assert "No such File object: file-none" in reply.body.decode()
