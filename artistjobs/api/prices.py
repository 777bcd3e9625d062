"""Prices of the current day: the one place that reads the clock for them."""

from datetime import UTC, datetime

from artistjobs.core.attempt import Usage
from artistjobs.core.pricing import Cost, GivenPrices, cost_on


def usage_cost(model: str, service_tier: str | None, usage: Usage) -> float | None:
    """Return the cost of tokens in dollars at today's prices (UTC), None if there is no price for them."""
    return cost_on(datetime.now(UTC).date(), model, service_tier, usage)


def cost_by(given: GivenPrices | None) -> Cost:
    """Return the cost function: with the given prices, or with today's prices of genai-prices."""
    return given.cost if given is not None else usage_cost
