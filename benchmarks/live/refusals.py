"""Claims about descriptions of models, and about requests that the API refuses; all of them are free."""

from collections.abc import AsyncIterator

from artistjobs.core.json_values import Json
from benchmarks.live.probe import Probe, Seen
from benchmarks.live.receipt import Finding, finding

UNKNOWN_MODEL = "missing-model-of-artistjobs"
UNKNOWN_PROMPT = "pmpt_00000000000000000000000000000000"
WRONG_KEY = "bad-key-of-artistjobs"


async def try_models(probe: Probe) -> AsyncIterator[Finding]:
    """Try the free look-up of a model, which is made before the first call of a run."""
    seen = await probe.request("GET", f"models/{probe.model}")
    keys: list[Json] = [*seen.value] if isinstance(seen.value, dict) else []
    yield finding(
        "a model is described with its id", seen.get("id") == probe.model, {"status": seen.status, "keys": keys}
    )
    yield finding("the description has shutdown_date", "shutdown_date" in keys, seen.get("shutdown_date"))
    seen = await probe.request("GET", f"models/{UNKNOWN_MODEL}")
    yield _refused("an unknown model is 404 model_not_found", seen, 404, code="model_not_found")
    seen = await probe.request("GET", f"models/{probe.model}", headers={"Authorization": f"Bearer {WRONG_KEY}"})
    yield _refused("a wrong key is 401 invalid_api_key", seen, 401, code="invalid_api_key")


async def try_refusals(probe: Probe) -> AsyncIterator[Finding]:
    """Try requests that every job of a run would share, and so stop the run."""
    usual = probe.body("Say yes.")
    seen = await probe.create({**usual, "artistjobs_unknown": 1})
    yield _refused("an unknown field is 400 unknown_parameter", seen, 400, code="unknown_parameter")
    seen = await _asked(probe, {"input": "Say yes.", "max_output_tokens": 16})
    yield _refused(
        "a call without a model is 400 missing_required_parameter", seen, 400, code="missing_required_parameter"
    )
    seen = await probe.create({**usual, "max_output_tokens": 15})
    yield _refused("max_output_tokens below 16 is 400 with this param", seen, 400, param="max_output_tokens")
    seen = await probe.create({**usual, "metadata": {f"k{number}": "v" for number in range(17)}})
    yield _refused("more than 16 pairs of metadata are 400", seen, 400)
    seen = await probe.create({**usual, "metadata": {"k": "v" * 513}})
    yield _refused("a value of metadata above 512 characters is 400", seen, 400)
    seen = await _asked(probe, {**usual, "max_output_tokens": 16, "model": UNKNOWN_MODEL})
    code = seen.get("error", "code")
    yield finding("a call of an unknown model is model_not_found", code == "model_not_found", seen.error)
    schema: Json = {"type": "json_schema", "name": "x", "strict": True, "schema": {"type": "object", "properties": {}}}
    seen = await probe.create({**usual, "text": {"format": schema}})
    param = str(seen.get("error", "param"))
    yield finding(
        "a strict schema without additionalProperties is 400 with a param of text.format",
        seen.status == 400 and param.startswith("text.format"), seen.error,
    )  # fmt: skip
    seen = await _asked(probe, {"model": probe.model, "max_output_tokens": 16, "prompt": {"id": UNKNOWN_PROMPT}})
    yield _refused("an unknown stored prompt is 404 with code null", seen, 404, code=None)
    begins = str(seen.get("error", "message")).startswith("Prompt with id")
    yield finding("its message begins with: Prompt with id", begins, seen.error)


async def _asked(probe: Probe, body: dict[str, Json]) -> Seen:
    """Make a call whose cost has no bound but that of 16 tokens, since it is refused; if it is not, it is counted."""
    bound_usd = probe.ledger.bound_usd(probe.body("Say yes."))
    seen = await probe.request("POST", "responses", body)
    probe.ledger.settle(seen, bound_usd)
    return seen


def _refused(claim: str, seen: Seen, status: int, **parts: Json) -> Finding:
    holds = seen.status == status and all(seen.get("error", name) == value for name, value in parts.items())
    return finding(claim, holds, seen.error)
