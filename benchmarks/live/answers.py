"""Claims about answers: their form, their headers, their tokens and their tiers."""

import json
from collections.abc import AsyncIterator

from artistjobs.api.rate_limit_headers import duration_seconds
from artistjobs.core.json_values import Json
from benchmarks.live.probe import Probe, Seen
from benchmarks.live.receipt import Finding, Verdict, finding

LIMIT_HEADERS = [
    f"x-ratelimit-{what}-{unit}" for what in ("limit", "remaining", "reset") for unit in ("requests", "tokens")
]

USAGE = ("input_tokens", "output_tokens", "total_tokens")

SCHEMA: Json = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "born": {"type": "integer"}},
    "required": ["name", "born"],
    "additionalProperties": False,
}

LONG = "These are the notes of a museum about its rooms, its doors, its lamps and its chairs. " * 90
"""A text of more than 1,024 tokens, from which on prompts are cached."""


PROMPT_BYTES = 100_000


async def try_answers(probe: Probe) -> AsyncIterator[Finding]:
    """Try plain answers, a cut one and a structured one."""
    body = probe.body("Say yes.", instructions="Answer in one word.", metadata={"made_by": "artistjobs"}, store=False)
    seen = await probe.create(body, headers={"Idempotency-Key": "artistjobs-live"})
    async for one in _form(seen):
        yield one
    again = await probe.create(body, headers={"Idempotency-Key": "artistjobs-live"})
    is_other = seen.get("id") is not None and seen.get("id") != again.get("id")
    yield finding("the same call with the same Idempotency-Key is made and billed again", is_other, _brief(again))
    seen = await probe.create({**probe.body("Write a story of 500 words."), "max_output_tokens": 16})
    reason = seen.get("incomplete_details", "reason")
    is_cut = (seen.status, seen.get("status"), reason) == (200, "incomplete", "max_output_tokens")
    yield finding("an answer that is cut is 200 with status incomplete", is_cut, _brief(seen))
    named: Json = {"format": {"type": "json_schema", "name": "artist", "strict": True, "schema": SCHEMA}}
    seen = await probe.create(probe.body("Who painted The Two Fridas?", text=named))
    yield finding("a strict schema is satisfied", _satisfies(seen.text), {**_brief(seen), "text": seen.text})


async def try_tiers(probe: Probe) -> AsyncIterator[Finding]:
    """Try service tiers, the prompt cache, and a field that reasoning models refuse."""
    seen = await probe.create(probe.body("Say yes.", service_tier="default"))
    yield finding("the tier default is answered as default", seen.get("service_tier") == "default", _brief(seen))
    seen = await probe.create(probe.body("Say yes.", service_tier="flex"))
    is_full = seen.status == 429 and seen.get("error", "code") == "resource_unavailable"
    holds = None if seen.status != 200 and not is_full else is_full or seen.get("service_tier") == "flex"
    yield finding("the tier flex is answered as flex, or is full with 429", holds, {**_brief(seen), **seen.error})
    for _ in range(2):
        seen = await probe.create(probe.body(f"{LONG} Say yes.", prompt_cache_key="artistjobs-live"))
    cached = seen.get("usage", "input_tokens_details", "cached_tokens")
    is_cached = isinstance(cached, int) and cached > 0
    yield finding("a long prompt is read from the cache the second time", is_cached or None, seen.get("usage"))
    seen = await probe.create(probe.body("Say yes.", temperature=0.5))
    is_refused = seen.status == 400 and seen.get("error", "param") == "temperature"
    yield finding("a reasoning model refuses temperature with 400 and this param", is_refused or None, seen.error)


async def try_stored_prompt(probe: Probe) -> AsyncIterator[Finding]:
    """Try a stored prompt with the variables ``artist_name`` and ``artist_data``, if one is named."""
    claims = (
        "a stored prompt answers with its variables",
        "a variable that the prompt does not have is 400 Unknown prompt variables",
        "a variable that the prompt has may be left out",
    )
    if probe.prompt_id is None:
        for claim in claims:
            yield Finding(claim, Verdict.NOT_TRIED, "name a stored prompt with --prompt-id")
        return
    both: dict[str, Json] = {"artist_name": "Frida Kahlo", "artist_data": "painter"}
    seen = await _prompted(probe, both)
    yield finding(claims[0], seen.get("status") == "completed", {**_brief(seen), **seen.error})
    seen = await _prompted(probe, {**both, "artistjobs_unknown": "x"})
    is_refused = str(seen.get("error", "message")).startswith("Unknown prompt variables")
    yield finding(claims[1], is_refused, seen.error)
    seen = await _prompted(probe, {"artist_name": "Frida Kahlo"})
    yield finding(claims[2], seen.get("status") == "completed", {**_brief(seen), **seen.error})


async def _prompted(probe: Probe, variables: dict[str, Json]) -> Seen:
    body: dict[str, Json] = {**probe.body(""), "prompt": {"id": probe.prompt_id, "variables": {**variables}}}
    del body["input"]
    # No stored prompt has more than 100,000 bytes.
    return await probe.create(body, bounded_by=probe.body("x" * PROMPT_BYTES))


async def _form(seen: Seen) -> AsyncIterator[Finding]:
    is_whole = seen.status == 200 and seen.get("object") == "response" and seen.get("status") == "completed"
    yield finding("an answer is 200, an object response with status completed", is_whole, _brief(seen))
    yield finding("its id begins with resp_", str(seen.get("id")).startswith("resp_"), None)
    yield finding("its text is in parts of the type output_text", bool(seen.text.strip()), seen.text)
    created = seen.get("created_at")
    yield finding("created_at is a number of seconds", isinstance(created, int | float), created)
    usage = seen.get("usage")
    counts = [seen.get("usage", name) for name in USAGE]
    yield finding("usage has input, output and total tokens", all(isinstance(one, int) for one in counts), usage)
    reasoning, output = (
        seen.get("usage", "output_tokens_details", "reasoning_tokens"),
        seen.get("usage", "output_tokens"),
    )
    within = reasoning <= output if isinstance(reasoning, int) and isinstance(output, int) else None
    yield finding("reasoning tokens are part of the output tokens", within, usage)
    yield finding("the answer names the tier that is billed", isinstance(seen.get("service_tier"), str), _brief(seen))
    yield finding("metadata comes back", seen.get("metadata", "made_by") == "artistjobs", seen.get("metadata"))
    yield finding("each reply has x-request-id", "x-request-id" in seen.headers, None)
    yield finding("each reply has openai-processing-ms", "openai-processing-ms" in seen.headers, None)
    limits: dict[str, Json] = {name: seen.headers.get(name) for name in LIMIT_HEADERS}
    yield finding("each reply has the six headers of the rate limits", all(limits.values()), limits)
    resets = [seen.headers[name] for name in LIMIT_HEADERS if "reset" in name and name in seen.headers]
    yield finding("resets are durations such as 6m0s", _are_durations(resets), list(resets))


def _are_durations(texts: list[str]) -> bool | None:
    # The sum of both parts is 0 if the second one is no duration.
    return all(duration_seconds(f"1s{text}") >= 1 for text in texts) if texts else None


def _satisfies(text: str) -> bool:
    try:
        value = json.loads(text)
    except ValueError:
        return False
    return isinstance(value, dict) and value.keys() == {"name", "born"} and isinstance(value["born"], int)


def _brief(seen: Seen) -> dict[str, Json]:
    names = ("status", "model", "service_tier", "incomplete_details", "usage")
    return {"http_status": seen.status, **{name: seen.get(name) for name in names}}
