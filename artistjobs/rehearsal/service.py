"""Simulated service: plans the reply and the latency of each request, without any network code."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import NoReturn

from artistjobs.rehearsal import faults
from artistjobs.rehearsal.call_log import Arrival
from artistjobs.rehearsal.rate_limits import Limits
from artistjobs.rehearsal.replies import ApiError, Body, SimulatedReply, encode, estimate_tokens, make_answer
from artistjobs.rehearsal.sampling import Draw, draw
from artistjobs.rehearsal.scenarios import Fault, Scenario
from artistjobs.rehearsal.validation import check_request

Script = Callable[[Body, int], Fault | None]
"""Returns the fault of a request from its body and its repetition, counted from 1; None is a good answer."""


_NO_KEY = ApiError(401, "Missing bearer authentication in header.")


_NOT_JSON = ApiError(400, "We could not parse the JSON body of your request.")


_NOT_AN_OBJECT = ApiError(400, "The JSON body of your request is not an object.", "invalid_type")


_BAD_KEY = "Bearer bad-"


_MISSING_MODEL = "missing-"


_MODEL_MADE_AT = 1_735_689_600


@dataclass(frozen=True, slots=True)
class Plan:
    """A reply and its latency."""

    reply: SimulatedReply
    latency_seconds: float = 0.0


@dataclass(slots=True, kw_only=True)
class Service:
    """Plans replies according to a scenario; scenario and script may be replaced at any time.

    Two prefixes let users try out errors: a model whose name begins with ``missing-`` does not exist, and a key that
    begins with ``bad-`` is rejected.
    """

    scenario: Scenario
    seed: int
    script: Script | None
    limits: Limits
    answers: int = field(default=0, init=False)
    """Number of answers that the credit has paid for."""

    def plan(self, authorization: str | None, raw: bytes, body: Body | ApiError, arrival: Arrival) -> Plan:
        """Return the reply to a request that creates a response; ``body`` is the result of ``read_body(raw)``."""
        error = check_key(authorization)
        if error:
            return Plan(error.reply())
        if isinstance(body, ApiError):
            return Plan(body.reply())
        error = check_request(body) or check_model(str(body["model"]))
        if error:
            return Plan(error.reply())
        return self._plan_within_limits(raw, body, arrival)

    def batch_reply(self, raw: bytes, body: Body, arrival: Arrival) -> SimulatedReply:
        """Return the reply to a line of a batch: batches have rate limits of their own."""
        error = check_request(body) or check_model(str(body["model"]))
        return error.reply() if error else self._plan_by_chance(raw, body, arrival).reply

    def model_reply(self, authorization: str | None, model: str) -> SimulatedReply:
        """Return the reply to a request for the description of a model."""
        if not self.scenario.has_models_endpoint:
            return unknown_url(f"GET /v1/models/{model}")
        error = check_key(authorization) or check_model(model)
        if error:
            return error.reply()
        described = {"id": model, "object": "model", "created": _MODEL_MADE_AT, "owned_by": "rehearsal"}
        return SimulatedReply(name="model", content=encode({**described, "shutdown_date": self.scenario.shutdown_date}))

    def _plan_within_limits(self, raw: bytes, body: Body, arrival: Arrival) -> Plan:
        limit = body.get("max_output_tokens")
        expected = limit if isinstance(limit, int) else self.scenario.output_tokens
        tokens = estimate_tokens(len(raw)) + expected
        admission = self.limits.admit(self.scenario, str(body["model"]), tokens)
        plan = Plan(admission.refusal) if admission.refusal else self._plan_by_chance(raw, body, arrival)
        if not admission.headers:
            return plan
        headers = {**admission.headers, **plan.reply.headers}
        return replace(plan, reply=replace(plan.reply, headers=headers))

    def _plan_by_chance(self, raw: bytes, body: Body, arrival: Arrival) -> Plan:
        sampling = draw(self.scenario, seed=self.seed, key=arrival.key, nth=arrival.nth)
        fault = self.script(body, arrival.nth) if self.script else sampling.fault
        reply = faults.reply_without_answer(fault, body, sampling.rng) if fault else None
        reply = reply or self._generate(raw, body, arrival.key, sampling, fault)
        # Refusals are sent at once; all other replies have a latency.
        is_refused = 400 <= reply.status < 500  # noqa: PLR2004
        return Plan(reply, 0.0 if is_refused else sampling.latency_seconds)

    def _generate(self, raw: bytes, body: Body, key: str, sampling: Draw, fault: Fault | None) -> SimulatedReply:
        credit = self.scenario.credit_calls
        if credit is not None and self.answers >= credit:
            return faults.error_of(Fault.NO_CREDIT, body).reply(Fault.NO_CREDIT)
        tokens = self.scenario.output_tokens
        answer = make_answer(body, key=key, rng=sampling.rng, output_tokens=tokens, size=len(raw))
        reply = faults.reply_with_answer(answer, fault)
        self.answers += reply.paid
        return reply


def read_body(raw: bytes) -> Body | ApiError:
    """Return the JSON object in ``raw``, or the error with which the API answers it."""
    try:
        body: object = _decode(raw.decode())
    except (ValueError, RecursionError):
        return _NOT_JSON
    return body if isinstance(body, dict) else _NOT_AN_OBJECT


def check_key(authorization: str | None) -> ApiError | None:
    """Return the error for a missing or wrong API key; None for any other key."""
    if not authorization or not authorization.startswith("Bearer "):
        return _NO_KEY
    return faults.error_of(Fault.BAD_KEY) if authorization.startswith(_BAD_KEY) else None


def check_model(model: str) -> ApiError | None:
    """Return the error for a model that does not exist; None for any other model."""
    if model.startswith(_MISSING_MODEL):
        return faults.error_of(Fault.MODEL_NOT_FOUND, {"model": model})
    return None


def unknown_url(request_line: str) -> SimulatedReply:
    """Return the reply 404 to a request for an unknown URL."""
    return ApiError(404, f"Invalid URL ({request_line}).").reply("unknown_url")


def _reject_constant(name: str) -> NoReturn:
    # The same rule as in core.json_values, repeated because this room may import only errors.
    raise ValueError(f"{name} is not JSON")


_decode = json.JSONDecoder(parse_constant=_reject_constant).decode
