"""Estimates of tokens, cost and time: from earlier answers if there are any, else from assumptions.

Every estimate is an interval with a middle value, and states its basis. Assumptions give wide intervals.
"""

import math
from dataclasses import dataclass
from typing import Final

from artistjobs.core.attempt import Usage
from artistjobs.core.controls import MOST_AUTO_CALLS
from artistjobs.core.formatting import count_text
from artistjobs.core.pricing import Cost
from artistjobs.core.prompt import Prompt
from artistjobs.core.statistics import AnswerStats, Interval, RunningStats
from artistjobs.worker.limits.latency_window import FIRST_WINDOW, MIN_COHORT

MILLION: Final = 1_000_000


BYTES_A_TOKEN: Final = Interval(2.5, 4.0, 5.0)
"""Bytes of a request (JSON in UTF-8) per token: English about 5, names and numbers about 4, other scripts about 2.5."""


HIDDEN_INPUT: Final = Interval(0.0, 500.0, 4_096.0)
"""Tokens assumed for the text of a stored prompt, which only the API knows."""


UNKNOWN_OUTPUT: Final = Interval(100.0, 500.0, 4_000.0)
"""Tokens assumed for an answer, including reasoning, if there is neither a maximum nor an earlier answer."""


USUAL_AUTO_CALLS: Final = 64
"""Calls in flight for which the middle of an estimate stands if the run finds their number."""


UNKNOWN_SECONDS: Final = Interval(2.0, 10.0, 60.0)
"""Seconds assumed for a call if none was made yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """Calls to be made with a prompt, and the total size of their requests in bytes."""

    prompt: Prompt
    calls: int
    request_bytes: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """Tokens and US dollars of all calls.

    ``cost_usd`` is None without a price; ``basis`` states the data or the assumptions behind input, output and cost.
    """

    calls: int
    input_tokens: Interval
    output_tokens: Interval
    cost_usd: Interval | None
    basis: tuple[str, str, str]


def estimate(workload: Workload, measured: AnswerStats | None, cost: Cost) -> Estimate:
    """Return the estimate for a workload; ``measured`` are statistics of earlier answers, None if there are none."""
    if measured is not None and not (measured.input_tokens.count and measured.output_tokens.count):
        measured = None
    into, how_into = _input(workload, measured)
    out, how_out = _output(workload, measured)
    money, how_money = _money(workload, measured, cost, (into, out))
    return Estimate(
        calls=workload.calls,
        input_tokens=into,
        output_tokens=out,
        cost_usd=money,
        basis=(how_into, how_out, how_money),
    )


def _input(workload: Workload, measured: AnswerStats | None) -> tuple[Interval, str]:
    if measured is not None:
        return measured.input_tokens.forecast(workload.calls), _measured_text(measured)
    size, rule = workload.request_bytes, BYTES_A_TOKEN
    known = Interval(size / rule.high, size / rule.middle, size / rule.low)
    basis = (
        f"{size:,.0f} bytes of requests at {rule.middle:g} bytes a token, "
        f"{rule.high:g} at best and {rule.low:g} at worst"
    )
    if workload.prompt.prompt_id is None:
        return known, basis
    hidden = HIDDEN_INPUT
    basis += (
        f"; the text of the stored prompt is unknown: {hidden.middle:,.0f} tokens a call are assumed for it, "
        f"at most {hidden.high:,.0f}"
    )
    return known.plus(hidden.times(workload.calls)), basis


def _output(workload: Workload, measured: AnswerStats | None) -> tuple[Interval, str]:
    if measured is not None:
        return measured.output_tokens.forecast(workload.calls), _measured_text(measured)
    bound = workload.prompt.param("max_output_tokens")
    if isinstance(bound, int) and not isinstance(bound, bool) and bound > 0:
        interval = Interval(bound / 10, bound / 2, bound)
        basis = f"at most max_output_tokens, {bound:,} a call; half of it is assumed, a tenth at least"
        return interval.times(workload.calls), basis
    unknown = UNKNOWN_OUTPUT
    basis = (
        f"unknown; {unknown.middle:,.0f} tokens a call are assumed, "
        f"{unknown.low:,.0f} to {unknown.high:,.0f} (set a maximum with --param max_output_tokens=N)"
    )
    return unknown.times(workload.calls), basis


def _measured_text(measured: AnswerStats) -> str:
    return f"measured on {count_text(measured.answers, 'earlier answer')} to this prompt by this model"


def _money(
    workload: Workload, measured: AnswerStats | None, cost: Cost, tokens: tuple[Interval, Interval]
) -> tuple[Interval | None, str]:
    if measured is not None and measured.cost_usd.count == measured.answers:
        return measured.cost_usd.forecast(workload.calls), _measured_text(measured)
    model, into, out = workload.prompt.model, *tokens
    tier = workload.prompt.service_tier
    sums = [
        _dollars(model, tier, cost, (a / max(workload.calls, 1), b / max(workload.calls, 1)))
        for a, b in ((into.low, out.low), (into.middle, out.middle), (into.high, out.high))
    ]
    low, middle, high = sums
    if low is None or middle is None or high is None:
        return None, f"the price of {price_name(workload.prompt)} is unknown"
    return Interval(low, middle, high).times(workload.calls), price_text(workload.prompt, cost)


def _dollars(model: str, tier: str | None, cost: Cost, tokens: tuple[float, float]) -> float | None:
    """Return the cost of one call in US dollars for a mean number of tokens; None if there is no price."""
    into, out = (max(1, math.ceil(number)) for number in tokens)
    both = cost(model, tier, Usage(input_tokens=into, output_tokens=out))
    first = cost(model, tier, Usage(input_tokens=into, output_tokens=0))
    if both is None or first is None:
        return None
    return first * tokens[0] / into + (both - first) * tokens[1] / out


def price_per_million(prompt: Prompt, cost: Cost) -> tuple[float, float] | None:
    """Return the price in US dollars of a million input and output tokens; None if there is no price.

    The price is that of a request with 1,000 tokens, because some models cost more for long requests.
    """
    tier, usual = prompt.service_tier, 1_000
    into = cost(prompt.model, tier, Usage(input_tokens=usual, output_tokens=0))
    both = cost(prompt.model, tier, Usage(input_tokens=usual, output_tokens=usual))
    if into is None or both is None:
        return None
    return into * MILLION / usual, (both - into) * MILLION / usual


def price_text(prompt: Prompt, cost: Cost) -> str:
    """Return the price of a model as text."""
    price = price_per_million(prompt, cost)
    if price is None:
        return f"the price of {price_name(prompt)} is unknown"
    return f"{price_name(prompt)} at ${price[0]:,.2f} in and ${price[1]:,.2f} out per million tokens"


def price_name(prompt: Prompt) -> str:
    """Return the model, with the service tier if the prompt sets one."""
    tier = prompt.service_tier
    return f"{prompt.model} ({tier})" if tier else prompt.model


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimits:
    """Limits on the call rate: requests and tokens per minute, None if unknown.

    ``max_workers`` is the number of calls in flight, None if the run finds it.
    """

    max_workers: int | None
    rpm: float | None = None
    tpm: float | None = None


def estimate_duration(estimate: Estimate, seconds: RunningStats, pace: RateLimits) -> tuple[Interval, str]:
    """Return the time for all calls in seconds, and its basis; ``seconds`` are statistics of earlier calls."""
    calls, mean = estimate.calls, seconds.mean
    each = Interval(mean, mean, mean) if seconds.count else UNKNOWN_SECONDS
    work = seconds.forecast(calls) if seconds.count else each.times(calls)
    if pace.max_workers is None:
        few, usual, many = (_mean_in_flight(calls, n) for n in (FIRST_WINDOW, USUAL_AUTO_CALLS, MOST_AUTO_CALLS))
        work = Interval(work.low / many, work.middle / usual, work.high / few)
    else:
        work = work.times(1 / pace.max_workers)
    # All calls take at least as long as one call, however many are in flight.
    work = _at_least(work, each) if calls else work
    basis = f"{each.middle:,.1f} s a call " + ("measured" if seconds.count else "assumed")
    in_flight = f"{FIRST_WINDOW} to {MOST_AUTO_CALLS}" if pace.max_workers is None else pace.max_workers
    basis += f", {in_flight} in flight"
    tokens = estimate.input_tokens.plus(estimate.output_tokens)
    limits = [
        (f"{pace.rpm or 0:,.0f} requests a minute", Interval(calls, calls, calls).times(60 / (pace.rpm or math.inf))),
        (f"{pace.tpm or 0:,.0f} tokens a minute", tokens.times(60 / (pace.tpm or math.inf))),
    ]
    for name, least in limits:
        if least.middle > work.middle:
            basis = f"limited by {name}"
        work = _at_least(work, least)
    return work, basis


def _mean_in_flight(calls: int, most: int) -> float:
    """Return the mean number of calls in flight, weighted by calls, if their number doubles up to ``most``."""
    size, left, latencies = FIRST_WINDOW, float(calls), 0.0
    while size < most and left > 0:
        # A cohort of calls starts, and then its end is awaited.
        seen = min(left, max(MIN_COHORT, size) + size)
        latencies += seen / size
        left -= seen
        size *= 2
    latencies += left / most
    return calls / latencies if latencies else 1.0


def _at_least(interval: Interval, least: Interval) -> Interval:
    return Interval(max(interval.low, least.low), max(interval.middle, least.middle), max(interval.high, least.high))
