"""Text and JSON output of estimates."""

from collections.abc import Callable

from artistjobs.commands.estimate import Estimate
from artistjobs.core.formatting import cost_text, counted, duration_text
from artistjobs.core.json_values import Json
from artistjobs.core.statistics import Spread


def estimate_lines(made: Estimate) -> list[str]:
    """Return an estimate as lines, each with its basis."""
    if not made.calls:
        return ["estimate: no calls left to make, nothing to pay"]
    said = (made.input_tokens, "input"), (made.output_tokens, "output")
    named = [f"{spread_tokens_text(spread)} of {name}" for spread, name in said]
    cost = spread_cost_text(made.cost_usd) if made.cost_usd else "unknown"
    lines = zip((*named, f"cost {cost}"), made.how, strict=True)
    return [f"estimate for {counted(made.calls, 'call')}:", *(f"  {what}: {how}" for what, how in lines)]


def spread_tokens_text(spread: Spread) -> str:
    """Return an interval of tokens as text, such as ``about 400 (80 to 800) tokens``."""
    return _spread_text(spread, lambda number: f"{number:,.0f}") + " tokens"


def spread_cost_text(spread: Spread) -> str:
    """Return an interval of US dollars as text, such as ``about $1.20 ($1.00 to $1.40)``."""
    return _spread_text(spread, cost_text)


def spread_duration_text(spread: Spread) -> str:
    """Return an interval of seconds as text, such as ``about 40 s (30 s to 50 s)``."""
    return _spread_text(spread, duration_text)


def _spread_text(spread: Spread, text: Callable[[float], str]) -> str:
    low, middle, high = text(spread.low), text(spread.middle), text(spread.high)
    return middle if low == high else f"about {middle} ({low} to {high})"


def estimate_json(made: Estimate) -> dict[str, Json]:
    """Return an estimate as JSON with stable keys."""
    return {
        "calls": made.calls,
        "input_tokens": spread_json(made.input_tokens, 0),
        "output_tokens": spread_json(made.output_tokens, 0),
        "cost_usd": spread_json(made.cost_usd, 6),
        "how": dict(zip(("input_tokens", "output_tokens", "cost_usd"), made.how, strict=True)),
    }


def spread_json(spread: Spread | None, digits: int) -> dict[str, Json] | None:
    """Return an interval as JSON, rounded to ``digits``; None if it is unknown."""
    if spread is None:
        return None
    return {
        "low": _rounded(spread.low, digits),
        "middle": _rounded(spread.middle, digits),
        "high": _rounded(spread.high, digits),
    }


def _rounded(value: float, digits: int) -> float:
    return round(value, digits) if digits else round(value)
