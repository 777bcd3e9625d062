"""Responses in the background: their creation returns an id at once, and looks at them return the answer later."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import count
from random import Random

from artistjobs.rehearsal.replies import ApiError, Body, Delivery, SimulatedReply, encode
from artistjobs.rehearsal.scenarios import BackgroundRules
from artistjobs.rehearsal.service import Service

_SERVER_ERROR = ApiError(500, "The server had an error while processing your request.", type="server_error")


_SLOW_DOWN = ApiError(429, "Rate limit reached for requests.", code="rate_limit_exceeded", type="requests")


@dataclass(frozen=True, slots=True)
class _Response:
    final: SimulatedReply
    queued: Body
    found_from: float
    final_from: float


@dataclass(slots=True)
class BackgroundDesk:
    """All responses in the background by id; ``looks`` counts the looks at them."""

    service: Service
    clock: Callable[[], float] = time.monotonic
    looks: int = 0
    responses: dict[str, _Response] = field(default_factory=dict)
    _numbers: "count[int]" = field(default_factory=count)

    @property
    def rules(self) -> BackgroundRules:
        """The rules of the scenario."""
        return self.service.scenario.background

    def created(self, body: Body, reply: SimulatedReply) -> SimulatedReply:
        """Return the reply to the creation of a response whose answer is ``reply``; others are returned as they are.

        A response is billed whether anyone looks at it or not.
        """
        is_answer = reply.status == 200 and reply.response_id is not None  # noqa: PLR2004
        if not body.get("background") or self.rules.answers_at_once or not is_answer:
            return reply
        answer: Body = json.loads(reply.content) if reply.content.endswith(b"}") else {}
        if not answer:
            return reply
        now, rng = self.clock(), self._chance("created")
        queued = {**answer, "status": "queued", "output": [], "usage": None, "service_tier": "auto", "error": None}
        if rng.random() >= self.rules.forgotten:
            self.responses[str(reply.response_id)] = _Response(
                final=replace(reply, manner=Delivery.WHOLE, content=encode(answer)), queued=queued,
                found_from=now + self.rules.lag_seconds, final_from=now + self.rules.seconds,
            )  # fmt: skip
        return replace(reply, content=encode(queued))

    def retrieve(self, response_id: str) -> SimulatedReply:
        """Return the reply to a look at a response."""
        self.looks += 1
        chance, now = self._chance("look"), self.clock()
        if chance.random() < self.rules.server_error:
            return chance.choice([_SERVER_ERROR, _SLOW_DOWN]).reply()
        found = self.responses.get(response_id)
        if found is None or found.found_from > now:
            return ApiError(404, f"Response with id '{response_id}' not found.").reply("response_not_found")
        if found.final_from > now:
            return SimulatedReply(name="queued", content=encode({**found.queued, "status": "in_progress"}))
        return found.final

    def cancel(self, response_id: str) -> SimulatedReply:
        """Return the reply to a cancellation: of a response that is not final it ends the work, which is not billed."""
        found, now = self.responses.get(response_id), self.clock()
        if found is None or found.found_from > now:
            return ApiError(404, f"Response with id '{response_id}' not found.").reply("response_not_found")
        if found.final_from > now:
            final = SimulatedReply(name="cancelled", content=encode({**found.queued, "status": "cancelled"}))
            self.responses[response_id] = replace(found, final=final, final_from=now)
        return self.responses[response_id].final

    def _chance(self, what: str) -> Random:
        return Random(f"{self.service.seed} {what} {next(self._numbers)}")
