"""Probe: single requests to the API, with a hard cap of what they may cost."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import httpx2

from artistjobs.api.output import read_usage
from artistjobs.core.cost_bound import bound_call
from artistjobs.core.json_values import Json
from artistjobs.core.pricing import Cost, batch_cost
from artistjobs.core.prompt import Body
from benchmarks.live.receipt import Totals

TIMEOUT_SECONDS = 300.0

MAX_OUTPUT_TOKENS = 1_000
"""Longest answer of a call: enough for a model that reasons, and a bound of the cost."""


class CapError(Exception):
    """Raised in place of a call that could pass the cap."""


@dataclass(frozen=True, slots=True)
class Seen:
    """Reply to a request: status, headers with lower-case names, and the value of the body."""

    status: int
    headers: Mapping[str, str]
    value: Json
    raw: bytes

    def get(self, *path: str | int) -> Json:
        """Return a part of the body, None if there is none."""
        part: Json = self.value
        for step in path:
            if isinstance(part, dict) and isinstance(step, str):
                part = part.get(step)
            elif isinstance(part, list) and isinstance(step, int) and step < len(part):
                part = part[step]
            else:
                return None
        return part

    @property
    def error(self) -> dict[str, Json]:
        """The status and the error of the reply, for a receipt."""
        return {
            "status": self.status,
            **{name: self.get("error", name) for name in ("type", "code", "param", "message")},
        }

    @property
    def text(self) -> str:
        """The text of the answer."""
        output = self.get("output")
        parts = (
            [part for item in output if isinstance(item, dict) for part in _parts(item)]
            if isinstance(output, list)
            else []
        )
        return "".join(str(part.get("text")) for part in parts if part.get("type") == "output_text")


def _parts(item: Mapping[str, Json]) -> list[dict[str, Json]]:
    content = item.get("content")
    return [part for part in content if isinstance(part, dict)] if isinstance(content, list) else []


@dataclass(slots=True)
class Ledger:
    """Cost of the calls so far, and the cap that they never pass; all in dollars."""

    cap_usd: float
    cost: Cost
    spent_usd: float = 0.0
    billed: int = 0
    bounds_hold: bool = True

    def bound_usd(self, body: Mapping[str, Json], *, is_batch: bool = False) -> float:
        """Return the most that a call may cost. Raises CapError if that has no bound or passes the cap."""
        cost = batch_cost(self.cost) if is_batch else self.cost
        bound = bound_call(body, cost)
        usd = bound.usd(len(json.dumps(body).encode()), cost)
        if bound.gaps or usd is None:
            raise CapError("the cost of this call has no bound")
        if self.spent_usd + usd > self.cap_usd:
            raise CapError(f"this call could pass the cap of ${self.cap_usd:.2f}")
        return usd

    def settle(self, answer: Seen, bound_usd: float, *, is_batch: bool = False) -> None:
        """Count an answer; one of unknown cost counts as much as it may have cost."""
        usage = answer.get("usage")
        if answer.status >= 400 or (usage is None and answer.get("id") is None):
            return
        tier = answer.get("service_tier")
        cost = batch_cost(self.cost) if is_batch else self.cost
        usd = cost(str(answer.get("model")), tier if isinstance(tier, str) else None, read_usage(usage))
        self.bounds_hold = self.bounds_hold and (usd or 0.0) <= bound_usd
        self.spent_usd += bound_usd if usd is None else usd
        self.billed += 1


@dataclass(slots=True)
class Probe:
    """Makes requests with a key, one at a time; ``prompt_id`` names a stored prompt if there is one to try."""

    client: httpx2.AsyncClient
    model: str
    ledger: Ledger
    wait_seconds: float
    poll_seconds: float
    prompt_id: str | None = None
    calls: int = field(default=0, init=False)

    async def request(
        self, method: str, path: str, body: Json = None, *, headers: Mapping[str, str] | None = None,
        upload: tuple[str, bytes] | None = None,
    ) -> Seen:  # fmt: skip
        """Make one request; ``upload`` is the name and the content of an input file of a batch."""
        self.calls += 1
        files = None if upload is None else {"file": (*upload, "application/jsonl")}
        reply = await self.client.request(
            method, path, json=body, headers=dict(headers or {}), files=files,
            data={"purpose": "batch"} if upload else None,
        )  # fmt: skip
        try:
            value: Json = reply.json()
        except ValueError:
            value = None
        return Seen(
            reply.status_code, {name.lower(): text for name, text in reply.headers.items()}, value, reply.content
        )

    def body(self, question: str, **fields: Json) -> dict[str, Json]:
        """Return the body of a call with a bounded answer."""
        return {"model": self.model, "input": question, "max_output_tokens": MAX_OUTPUT_TOKENS, **fields}

    async def create(
        self, body: Mapping[str, Json], headers: Mapping[str, str] | None = None, bounded_by: Body | None = None
    ) -> Seen:
        """Create a response. Raises CapError if it could pass the cap; ``bounded_by`` is a body that costs more."""
        bound_usd = self.ledger.bound_usd(bounded_by or body)
        seen = await self.request("POST", "responses", dict(body), headers=headers)
        if not body.get("background"):
            self.ledger.settle(seen, bound_usd)
        return seen

    def totals(self) -> Totals:
        """Return what was done so far."""
        ledger = self.ledger
        return Totals(
            calls=self.calls, billed=ledger.billed, cost_usd=round(ledger.spent_usd, 6), cap_usd=ledger.cap_usd
        )
