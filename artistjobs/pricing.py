"""What an answer cost, from its own usage, model and service tier; unknown is None, never 0."""

from artistjobs.outcome import Answer, Usage

PROVIDER = "openai"


def answer_cost(answer: Answer) -> float | None:
    """Return the cost of an answer in dollars, None if model, tier or usage is not known.

    Prices are those that genai-prices carries, so they work offline and are as new as it is.
    """
    usage = answer.usage
    if not answer.model or usage.input_tokens is None or usage.output_tokens is None:
        return None
    return usage_cost(answer.model, answer.service_tier, usage)


def usage_cost(model: str, service_tier: str | None, usage: Usage) -> float | None:
    """Return what tokens cost at a model and tier in dollars, None if there is no price for them."""
    standard = _total(model, None, usage)
    if standard is None or service_tier in (None, "", "default", "auto"):
        return standard
    # A tier that has no price of its own silently gets the standard one (genai-prices 0.2.3).
    of_tier = _total(model, service_tier, usage)
    return of_tier if of_tier != standard else None


def _total(model: str, service_tier: str | None, usage: Usage) -> float | None:
    from genai_prices import Usage as Tokens
    from genai_prices import calc_price

    tokens = Tokens(
        input_tokens=usage.input_tokens,
        cache_read_tokens=usage.cached_tokens or None,
        cache_write_tokens=usage.cache_write_tokens or None,
        output_tokens=usage.output_tokens,
    )
    context = {"service_tier": service_tier} if service_tier else None
    try:
        return float(calc_price(tokens, model, provider_id=PROVIDER, price_context=context).total_price)
    except (LookupError, ValueError):
        return None
