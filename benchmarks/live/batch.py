"""Claims about the Files and Batch APIs: a batch of three lines, one that is refused, and one that is cancelled."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from time import monotonic
from uuid import uuid4

from artistjobs.core.json_values import Json
from benchmarks.live.probe import Probe, Seen
from benchmarks.live.receipt import Finding, Verdict, finding

FINAL = ("completed", "failed", "expired", "cancelled")


async def try_batches(probe: Probe) -> AsyncIterator[Finding]:
    """Try a batch of three lines, of which one is refused."""
    seen = await probe.request("POST", "files", upload=("artistjobs.txt", b"{}\n"))
    yield finding("a file for a batch must end in .jsonl", seen.status == 400, seen.error)
    mark, name = str(uuid4()), f"artistjobs-{uuid4()}.jsonl"
    bodies = [probe.body("Say yes."), probe.body("Say no."), {**probe.body("Say no."), "max_output_tokens": 15}]
    bounds = [probe.ledger.bound_usd(body, is_batch=True) for body in bodies]
    file = await probe.request("POST", "files", upload=(name, _lines(bodies)))
    yield finding("a file of requests can be uploaded", isinstance(file.get("id"), str), file.error)
    listed = await probe.request("GET", "files?purpose=batch&order=desc&limit=100")
    yield finding(
        "the file is listed with its name", name in _values(listed, "filename"), len(_values(listed, "filename"))
    )
    batch = await _create(probe, file, mark)
    yield finding("a batch begins in validating", batch.get("status") == "validating", {**_brief(batch), **batch.error})
    listed = await probe.request("GET", "batches?limit=100")
    marks = [one.get("artistjobs") for one in _values(listed, "metadata") if isinstance(one, dict)]
    yield finding("the batch is listed with its metadata", mark in marks, {"batches": len(marks)})
    yield finding("and with its input file", file.get("id") in _values(listed, "input_file_id"), None)
    ended = await _ended(probe, batch)
    async for one in _results(probe, ended, bounds):
        yield one
    if ended.get("status") in FINAL:
        gone = await probe.request("DELETE", f"files/{file.get('id')}")
        yield finding("a file can be deleted", gone.get("deleted") is True, gone.error)


async def try_odd_batches(probe: Probe) -> AsyncIterator[Finding]:
    """Try a batch that the service refuses as a whole, and one that is cancelled."""
    file = await probe.request("POST", "files", upload=("artistjobs-refused.jsonl", _lines([{"input": "Say yes."}])))
    seen = await _ended(probe, await _create(probe, file, str(uuid4())))
    errors = seen.get("errors", "data")
    yield finding("a line without a model fails the whole batch", seen.get("status") == "failed", errors)
    body = probe.body("Say yes.")
    bound_usd = probe.ledger.bound_usd(body, is_batch=True)
    file = await probe.request("POST", "files", upload=("artistjobs-cancelled.jsonl", _lines([body])))
    created = await _create(probe, file, str(uuid4()))
    seen = await probe.request("POST", f"batches/{created.get('id')}/cancel")
    probe.ledger.settle(created, bound_usd, is_batch=True)  # its line may have been answered before
    is_ending = seen.get("status") in ("cancelling", *FINAL)
    yield finding("a batch can be cancelled", is_ending, {**_brief(seen), **seen.error})


async def _results(probe: Probe, ended: Seen, bounds: Sequence[float]) -> AsyncIterator[Finding]:
    claims = (
        "the answers of a batch are in its output file by custom_id",
        "a line that is refused is in the error file with its status",
        "an answer in a batch has its usage",
        "an answer in a batch names the tier default",
    )
    if ended.get("status") != "completed":
        if ended.get("status") not in FINAL:
            await probe.request("POST", f"batches/{ended.get('id')}/cancel")
        for bound_usd in bounds:
            probe.ledger.settle(ended, bound_usd, is_batch=True)
        for claim in claims:
            yield Finding(claim, Verdict.NOT_TRIED, {**_brief(ended), "waited_seconds": probe.wait_seconds})
        return
    good, bad = [await _lines_of(probe, ended.get(name)) for name in ("output_file_id", "error_file_id")]
    answers = {name: Seen(200, {}, body, b"") for name, (_, body) in good.items()}
    for name, answer in answers.items():
        probe.ledger.settle(answer, bounds[int(name)], is_batch=True)
    yield finding(claims[0], set(answers) == {"0", "1"}, [*good])
    yield finding(claims[1], [status for status, _ in bad.values()] == [400], [status for status, _ in bad.values()])
    yield finding(claims[2], all(isinstance(one.get("usage", "output_tokens"), int) for one in answers.values()), None)
    tiers = {str(one.get("service_tier")) for one in answers.values()}
    yield finding(claims[3], tiers == {"default"}, [*sorted(tiers)])


async def _create(probe: Probe, file: Seen, mark: str) -> Seen:
    body: dict[str, Json] = {
        "input_file_id": file.get("id"), "endpoint": "/v1/responses", "completion_window": "24h",
        "metadata": {"artistjobs": mark},
    }  # fmt: skip
    return await probe.request("POST", "batches", body)


async def _ended(probe: Probe, created: Seen) -> Seen:
    seen, until = created, monotonic() + probe.wait_seconds
    while isinstance(seen.get("id"), str) and seen.get("status") not in FINAL and monotonic() < until:
        await asyncio.sleep(probe.poll_seconds)
        seen = await probe.request("GET", f"batches/{created.get('id')}")
    return seen


async def _lines_of(probe: Probe, file_id: Json) -> dict[str, tuple[Json, Json]]:
    """Return the status and the body of each line of a result file, by its custom_id."""
    if not isinstance(file_id, str):
        return {}
    content = (await probe.request("GET", f"files/{file_id}/content")).raw
    seen = [Seen(200, {}, json.loads(line), b"") for line in content.splitlines()]
    return {
        str(one.get("custom_id")): (one.get("response", "status_code"), one.get("response", "body")) for one in seen
    }


def _lines(bodies: Sequence[dict[str, Json]]) -> bytes:
    lines = [
        {"custom_id": str(number), "method": "POST", "url": "/v1/responses", "body": body}
        for number, body in enumerate(bodies)
    ]
    return "".join(json.dumps(line) + "\n" for line in lines).encode()


def _values(page: Seen, name: str) -> list[Json]:
    data = page.get("data")
    return [one.get(name) for one in data if isinstance(one, dict)] if isinstance(data, list) else []


def _brief(seen: Seen) -> dict[str, Json]:
    return {"http_status": seen.status, "status": seen.get("status"), "request_counts": seen.get("request_counts")}
