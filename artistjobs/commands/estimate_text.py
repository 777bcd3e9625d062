"""Text and JSON output of estimates."""

from collections.abc import Callable

from artistjobs.commands.estimate import Estimate
from artistjobs.core.formatting import cost_text, count_text, duration_text
from artistjobs.core.json_values import Json
from artistjobs.core.statistics import Interval


def estimate_lines(estimate: Estimate) -> list[str]:
    """Return an estimate as lines, each with its basis."""
    if not estimate.calls:
        return ["estimate: no calls left to make, nothing to pay"]
    parts = (estimate.input_tokens, "input"), (estimate.output_tokens, "output")
    named = [f"{interval_tokens_text(interval)} of {name}" for interval, name in parts]
    cost = interval_cost_text(estimate.cost_usd) if estimate.cost_usd else "unknown"
    lines = zip((*named, f"cost {cost}"), estimate.basis, strict=True)
    return [f"estimate for {count_text(estimate.calls, 'call')}:", *(f"  {what}: {basis}" for what, basis in lines)]


def interval_tokens_text(interval: Interval) -> str:
    """Return an interval of tokens as text, such as ``about 400 (80 to 800) tokens``."""
    return _interval_text(interval, lambda number: f"{number:,.0f}") + " tokens"


def interval_cost_text(interval: Interval) -> str:
    """Return an interval of US dollars as text, such as ``about $1.20 ($1.00 to $1.40)``."""
    return _interval_text(interval, cost_text)


def interval_duration_text(interval: Interval) -> str:
    """Return an interval of seconds as text, such as ``about 40 s (30 s to 50 s)``."""
    return _interval_text(interval, duration_text)


def _interval_text(interval: Interval, text: Callable[[float], str]) -> str:
    low, middle, high = text(interval.low), text(interval.middle), text(interval.high)
    return middle if low == high else f"about {middle} ({low} to {high})"


def estimate_json(estimate: Estimate) -> dict[str, Json]:
    """Return an estimate as JSON with stable keys."""
    return {
        "calls": estimate.calls,
        "input_tokens": interval_json(estimate.input_tokens, 0),
        "output_tokens": interval_json(estimate.output_tokens, 0),
        "cost_usd": interval_json(estimate.cost_usd, 6),
        "how": dict(zip(("input_tokens", "output_tokens", "cost_usd"), estimate.basis, strict=True)),
    }


def interval_json(interval: Interval | None, digits: int) -> dict[str, Json] | None:
    """Return an interval as JSON, rounded to ``digits``; None if it is unknown."""
    if interval is None:
        return None
    return {
        "low": _rounded(interval.low, digits),
        "middle": _rounded(interval.middle, digits),
        "high": _rounded(interval.high, digits),
    }


def _rounded(value: float, digits: int) -> float:
    return round(value, digits) if digits else round(value)
