"""Claims about answers in the background: creation, looks, cancellation and completion windows."""

import asyncio
from collections.abc import AsyncIterator
from time import monotonic

from artistjobs.core.json_values import Json
from benchmarks.live.probe import Probe, Seen
from benchmarks.live.receipt import Finding, finding

OK = 200

OPEN = ("queued", "in_progress")

UNKNOWN_RESPONSE = "resp_000000000000000000000000000000000000000000000000"


async def try_background(probe: Probe) -> AsyncIterator[Finding]:
    """Try answers in the background."""
    body = probe.body("Say yes.", background=True, store=True)
    bound_usd = probe.ledger.bound_usd(body)
    seen = await probe.create(body)
    state, usage = seen.get("status"), seen.get("usage")
    yield finding("a response in the background is created at once, without an answer", state in OPEN, _brief(seen))
    yield finding("its usage is null until it is answered", usage is None, usage)
    ended = await _ended(probe, seen)
    probe.ledger.settle(ended, bound_usd)
    is_whole = ended.get("status") == "completed" and isinstance(ended.get("usage", "output_tokens"), int)
    yield finding("looks at its id end with the answer and its usage", is_whole, _brief(ended))
    seen = await probe.request("GET", f"responses/{UNKNOWN_RESPONSE}")
    yield finding("an id that the service does not know is 404", seen.status == 404, seen.error)
    story = probe.body("Write a story of 300 words.", background=True, store=True)
    _, seen = await _cancelled(probe, story)
    is_over = seen.status == OK and seen.get("status") in ("cancelled", "completed")
    yield finding("a response in the background can be cancelled", is_over, {**_brief(seen), **seen.error})
    window: Json = {"completion_window": "8h"}
    created, _ = await _cancelled(probe, {**story, "background_options": window})
    is_taken = created.status == OK and created.get("status") in OPEN
    yield finding("the window 8h is accepted in the background", is_taken, {**_brief(created), **created.error})


async def _cancelled(probe: Probe, body: dict[str, Json]) -> tuple[Seen, Seen]:
    """Create a response, cancel it, and return both replies; without a usage it counts as much as it may cost."""
    bound_usd = probe.ledger.bound_usd(body)
    created = await probe.create(body)
    if created.get("id") is None:
        return created, created
    seen = await probe.request("POST", f"responses/{created.get('id')}/cancel")
    probe.ledger.settle(created if seen.get("usage") is None else seen, bound_usd)
    return created, seen


async def _ended(probe: Probe, created: Seen) -> Seen:
    seen, until = created, monotonic() + probe.wait_seconds
    while seen.get("status") in OPEN and monotonic() < until:
        await asyncio.sleep(probe.poll_seconds)
        seen = await probe.request("GET", f"responses/{created.get('id')}")
    return seen


def _brief(seen: Seen) -> dict[str, Json]:
    return {"http_status": seen.status, **{name: seen.get(name) for name in ("status", "service_tier", "usage")}}
