"""Bound of the cost of a call: the most that it can cost, and what that rests on.

A call is bounded if every part of its bill is: the input by the size of the request, or by the context window if the
API adds to the request; the output by ``max_output_tokens``, or by the model's longest answer; the tools by
``max_tool_calls``, since the model reads its whole context again after each call of a tool.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from artistjobs.core.attempt import Answer, Usage
from artistjobs.core.formatting import cost_text
from artistjobs.core.json_values import Json
from artistjobs.core.model_limits import ModelLimits, model_limits
from artistjobs.core.pricing import Cost
from artistjobs.core.prompt import Body
from artistjobs.core.tools import max_call_usd, server_tools

HIDDEN_INPUT = {
    "prompt": "the stored prompt",
    "previous_response_id": "the previous response",
    "conversation": "the conversation",
}
"""Fields that make the API add text to a request, as much as fits into the context window. A conversation grows."""


CONSTANT_MARGIN: Final = 1.5
"""Factor by which a text that the API adds to each request may be longer than an answer showed."""


DEAREST_TIERS: Final = (None, "priority")
"""Tiers that may be billed whatever the request asks for: the project may set another default, and flex may be full."""


OVERHEAD_TOKENS: Final = 256
"""Input tokens that a server may add to a request that refers to nothing: the marks between messages and the like."""


SYSTEM_PROMPT_TOKENS: Final = 4_096
"""Input tokens beyond the request up to which they are taken for a text that a gateway adds to every request."""


ASSUMED_LIMITS: Final = ModelLimits(400_000, 128_000)
"""Limits assumed for a model with unknown ones, to limit the calls whose bound no answer has confirmed yet."""


BILLED_MAX: Final = 8
"""Number of models and tiers that answered unexpectedly whose prices are compared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallBound:
    """Bound of each call of one prompt configuration.

    ``turns`` is the number of times that the model reads its context; ``context_tokens`` is None if the input is the
    request and nothing else, with at most ``extra_tokens`` around it. ``is_constant`` is True if what the API adds is
    the same for each request, so that an answer shows its length. Tokens are priced at the dearest tier, and at the
    dearest of the model asked for and of the models and tiers that were ``billed`` before. ``gaps`` are the reasons why
    the cost has no bound, each with its remedy: then the other fields are estimates. ``basis`` says what the bound
    rests on.
    """

    model: str
    service_tier: str | None
    output_tokens: int
    context_tokens: int | None = None
    is_constant: bool = False
    turns: int = 1
    extra_tokens: int = OVERHEAD_TOKENS
    fees_usd: float = 0.0
    gaps: tuple[str, ...] = ()
    basis: tuple[str, ...] = ()
    billed: frozenset[tuple[str, str | None]] = frozenset()

    def input_tokens(self, size: int) -> int:
        """Return the most input tokens of a request of ``size`` bytes. A token is at least one byte."""
        return max(size + self.extra_tokens, (self.context_tokens or 0) * self.turns)

    def usd(self, size: int, cost: Cost) -> float | None:
        """Return the most that a request of ``size`` bytes costs in dollars, None if a price is unknown."""
        return self._price(self.input_tokens(size), self.output_tokens, cost)

    def ceiling_usd(self, size: int, cost: Cost) -> float | None:
        """Return the cost of a call whose answer is as long as the model allows, whatever else bounds it."""
        longest = assumed_limits(self.model).output_tokens or 0
        return self._price(self.input_tokens(size), max(self.output_tokens, longest), cost)

    def confirmed(self, answer: Answer) -> "CallBound":
        """Return the bound after an answer within it, which shows the length of a text that the API always adds."""
        into = answer.usage.input_tokens
        if not self.is_constant or into is None:
            return self
        extra = max(self.extra_tokens, math.ceil(CONSTANT_MARGIN * into))
        return replace(self, context_tokens=None, extra_tokens=extra)

    def corrected(self, answer: Answer, size: int) -> "CallBound":
        """Return the bound after an answer to a request of ``size`` bytes cost more than the bound allows."""
        limits, into, out = assumed_limits(self.model), answer.usage.input_tokens or 0, answer.usage.output_tokens or 0
        bound = replace(self, is_constant=False)
        if answer.model and len(self.billed) < BILLED_MAX:
            bound = replace(bound, billed=self.billed | {(answer.model, answer.service_tier)})
        if out > self.output_tokens:
            bound = replace(bound, output_tokens=max(limits.output_tokens or 0, 2 * out))
        if into > self.input_tokens(size):
            if into - size <= SYSTEM_PROMPT_TOKENS:
                return replace(bound, extra_tokens=2 * (into - size))
            return replace(bound, context_tokens=max(limits.context_tokens or 0, 2 * into // self.turns))
        return bound

    def _price(self, into: int, out: int, cost: Cost) -> float | None:
        # Where writing to the prompt cache has a price of its own, it is the dearest kind of input.
        usage = Usage(input_tokens=into, output_tokens=out, cache_write_tokens=into)
        asked = cost(self.model, self.service_tier, usage)
        if asked is None:
            return None
        dearest = {(model, tier) for model, _ in {(self.model, None), *self.billed} for tier in DEAREST_TIERS}
        return self.fees_usd + max(asked, *(cost(*billed, usage) or 0.0 for billed in dearest | self.billed))


def bound_call(request: Mapping[str, Json], cost: Cost) -> CallBound:
    """Return the bound of the calls with a request body; a body without the fields of the row will do."""
    model, tier = str(request.get("model")), request.get("service_tier")
    service_tier = tier if isinstance(tier, str) else None
    limits = model_limits(model)
    parts = [
        _price(model, service_tier, cost), _output(request, model, limits), _input(request, model, limits),
        _tools(request, model, limits),
    ]  # fmt: skip
    return CallBound(
        model=model,
        service_tier=service_tier,
        output_tokens=max(part.output_tokens for part in parts),
        context_tokens=max((part.context_tokens for part in parts if part.context_tokens), default=None),
        is_constant=all(part.is_constant for part in parts),
        turns=max(part.turns for part in parts),
        fees_usd=max(part.fees_usd for part in parts),
        gaps=tuple(part.gap for part in parts if part.gap),
        basis=tuple(part.basis for part in parts if part.basis),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """Contribution of one part of a bill to the bound."""

    output_tokens: int = 0
    context_tokens: int | None = None
    is_constant: bool = True
    turns: int = 1
    fees_usd: float = 0.0
    gap: str = ""
    basis: str = ""


def _price(model: str, tier: str | None, cost: Cost) -> _Part:
    tokens = Usage(input_tokens=1000, output_tokens=1000)
    for asked in dict.fromkeys((None, tier)):
        if cost(model, asked, tokens) is None:
            what = f"{model} at the tier {asked}" if asked else model
            return _Part(
                gap=f"the price of {what} is unknown; set it with --price-input USD and --price-output USD per million "
                "tokens"
            )
    return _Part()


def _output(request: Mapping[str, Json], model: str, limits: ModelLimits) -> _Part:
    if (most := _positive(request.get("max_output_tokens"))) is not None:
        return _Part(output_tokens=most, basis=f"max_output_tokens={most}")
    if limits.output_tokens is not None:
        longest = limits.output_tokens
        return _Part(output_tokens=longest, basis=f"the longest answer of {model} ({longest:,} tokens)")
    return _Part(
        output_tokens=ASSUMED_LIMITS.output_tokens or 0,
        gap=f"the longest answer of {model} is unknown; set --param max_output_tokens=N",
    )


def _input(request: Mapping[str, Json], model: str, limits: ModelLimits) -> _Part:
    found = [field for field in HIDDEN_INPUT if request.get(field) is not None]
    if not found:
        return _Part(basis="the size of each request")
    what = " and ".join(HIDDEN_INPUT[field] for field in found)
    if limits.context_tokens is None:
        return _Part(
            context_tokens=ASSUMED_LIMITS.context_tokens,
            gap=f"{what} adds an unknown text to each request, and the context window of {model} is unknown",
        )
    basis = f"the context window of {model} ({limits.context_tokens:,} tokens), because of {what}"
    is_constant = "conversation" not in found
    return _Part(context_tokens=limits.context_tokens, is_constant=is_constant, basis=basis)


def _tools(request: Mapping[str, Json], model: str, limits: ModelLimits) -> _Part:
    tools, calls = server_tools(request), request.get("max_tool_calls")
    if not tools or calls == 0:
        return _Part()
    fees = [max_call_usd(tool, request) for tool in tools]
    most = _positive(calls)
    part = _Part(
        context_tokens=limits.context_tokens or ASSUMED_LIMITS.context_tokens,
        is_constant=False,
        turns=(most or 1) + 1,
        fees_usd=(most or 1) * max(usd or 0.0 for usd in fees),
    )
    if None in fees:
        return replace(part, gap=f"what the tool {tools[fees.index(None)]} reads and costs has no known limit")
    if most is None:
        return replace(part, gap=f"{tools[0]} reads as much as it finds; set --param max_tool_calls=N")
    if limits.context_tokens is None:
        return replace(part, gap=f"the context window of {model} is unknown, which {tools[0]} may fill")
    return replace(
        part, basis=f"max_tool_calls={most} and the context window of {model} ({limits.context_tokens:,} tokens)"
    )


def _positive(value: Json) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def assumed_limits(model: str) -> ModelLimits:
    """Return the limits of a model, or assumed ones where they are unknown."""
    limits = model_limits(model)
    return ModelLimits(
        limits.context_tokens or ASSUMED_LIMITS.context_tokens, limits.output_tokens or ASSUMED_LIMITS.output_tokens
    )


def request_bytes(body: Body) -> int:
    """Return the size of a request body in bytes, which is at least the number of its input tokens."""
    return len(str(body).encode("utf-8", "replace"))


def cap_refusal(bound: CallBound) -> str:
    """Return the error message for a cost cap that cannot be kept, with the remedies."""
    return (
        f"--max-cost cannot be enforced: {' and '.join(bound.gaps)}, or estimate the cost of calls with --soft-cap, "
        "or omit --max-cost and limit the run with --limit."
    )


def cap_basis(bound: CallBound, cap_usd: float, cost: Cost, *, is_soft: bool) -> str:
    """Return the sentence that says what a cost cap rests on."""
    cap = f"--max-cost {cap_usd:.10g}"
    if is_soft:
        return (
            f"{cap} with --soft-cap: the cost of calls is estimated from answers, and calls in flight may pass the cap"
        )
    most = cost_text(bound.usd(0, cost) or 0.0)
    return f"{cap}: each call of {bound.model} holds back {most} plus its request, by {' and '.join(bound.basis)}"
