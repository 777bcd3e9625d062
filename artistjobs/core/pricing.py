"""Cost of an answer in dollars, from its usage, model and service tier; an unknown cost is None, never 0.

Prices come from the package genai-prices: they work offline and are as current as the installed version.
A calculation there takes 0.1 ms or more, so the prices of a model and tier are read once and cached.
Prices given by the user take precedence, for every model and tier.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

from artistjobs.core.attempt import Usage, Way
from artistjobs.core.tools import fees_usd

if TYPE_CHECKING:
    from genai_prices.types import TieredPrices


PROVIDER = "openai"


STANDARD_TIERS = (None, "", "default", "auto")


REHEARSAL_MODEL = "rehearsal"
"""Model name of a rehearsal; its price is 0."""


Cost = Callable[[str, str | None, Usage], float | None]
"""Returns the price of tokens for a model and tier in dollars, None if it is unknown."""


BATCH_TIER = "batch"
"""Name under which prices of the Batch API are looked up. It is no service tier: a batch is billed as ``default``."""


def batch_cost(cost: Cost) -> Cost:
    """Return the cost function for lines of batches, whatever tier they name."""
    return lambda model, _tier, usage: cost(model, BATCH_TIER, usage)


WINDOW_FACTORS: Mapping[str, float] = {"2h": 0.7, "8h": 0.6}
"""Price of tokens in a completion window as a part of the standard price (OpenAI's guide to GPT-6.2, November 2026)."""


def window_cost(cost: Cost, window: str | None) -> Cost:
    """Return the cost function for responses in a completion window, None for none."""
    factor = WINDOW_FACTORS.get(window or "", 1.0)

    def cost_in_window(model: str, service_tier: str | None, usage: Usage) -> float | None:
        usd = cost(model, service_tier, usage)
        return None if usd is None else usd * factor

    return cost if factor == 1.0 else cost_in_window


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenPrices:
    """Dollars per million tokens, as given by the user; cached tokens count as any other input."""

    input_usd: float
    output_usd: float

    def cost(self, _model: str, _service_tier: str | None, usage: Usage) -> float | None:
        """Return the cost of tokens in dollars for any model and tier; None if their number is unknown."""
        if usage.input_tokens is None or usage.output_tokens is None:
            return None
        return (usage.input_tokens * self.input_usd + usage.output_tokens * self.output_usd) / 1e6


def cost_on(day: date, model: str, service_tier: str | None, usage: Usage) -> float | None:
    """Return the cost of tokens in dollars for a model and tier on a UTC day, None if there is no price for them."""
    into, out = usage.input_tokens, usage.output_tokens
    if model == REHEARSAL_MODEL:
        return 0.0
    if into is None or out is None or not model:
        return None
    for rates in _price_list(model, service_tier, day):
        if into >= rates.input_from:
            return rates.cost(into, out, usage.cached_tokens or 0, usage.cache_write_tokens or 0)
    return None


@dataclass(frozen=True, slots=True)
class Billing:
    """How answers come, and what their tokens cost; without ``cost`` their cost stays unknown."""

    way: Way = Way.LIVE
    cost: Cost | None = None

    def answer_usd(self, model: str | None, service_tier: str | None, usage: Usage, body: str) -> float | None:
        """Return the dollars for an answer and its tool calls, None if model, tier, usage or a fee is unknown."""
        if self.cost is None:
            return None
        tokens_usd = self.cost(model or "", service_tier, usage)
        tools_usd = fees_usd(body, model) if model != REHEARSAL_MODEL else 0.0
        return None if tokens_usd is None or tools_usd is None else tokens_usd + tools_usd


UNPRICED = Billing()


@dataclass(frozen=True, slots=True)
class _Rates:
    """Dollars per million tokens, for requests with at least ``input_from`` input tokens.

    None means that such tokens have no price of their own and count as plain input.
    """

    input_from: int
    plain: float
    cached: float | None
    written: float | None
    output: float

    def cost(self, into: int, out: int, cached: int, written: int) -> float | None:
        cached = cached if self.cached is not None else 0
        written = written if self.written is not None else 0
        if (plain := into - cached - written) < 0:
            return None
        special = cached * (self.cached or 0.0) + written * (self.written or 0.0)
        return (plain * self.plain + special + out * self.output) / 1e6


_PriceList: TypeAlias = tuple[_Rates, ...]


@lru_cache(maxsize=256)
def _price_list(model: str, service_tier: str | None, today: date) -> _PriceList:
    """Return the rates of a model and tier, those for the longest input first; empty if it has no price.

    ``today`` is part of the cache key, since prices change from day to day.
    """
    standard = _look_up(model, None, today)
    if service_tier in STANDARD_TIERS:
        return standard
    # For a tier without a price of its own genai-prices silently returns the standard price (0.2.3).
    of_tier = _look_up(model, service_tier, today)
    return of_tier if of_tier != standard else ()


def _look_up(model: str, service_tier: str | None, today: date) -> _PriceList:
    from genai_prices import Usage as Tokens
    from genai_prices import calc_price
    from genai_prices.types import TieredPrices

    context = {"service_tier": service_tier} if service_tier else None
    if service_tier == BATCH_TIER:
        context = {"processing": "batch"}
    try:
        found = calc_price(
            Tokens(),
            model,
            provider_id=PROVIDER,
            genai_request_timestamp=datetime.combine(today, time(), UTC),
            price_context=context,
        ).model_price
    except (LookupError, ValueError):
        return ()
    names = ("input_mtok", "cache_read_mtok", "cache_write_mtok", "output_mtok")
    prices = [getattr(found, name) for name in names]

    def rates_from(start: int) -> _Rates:
        plain, cached, written, output = (_price_at(price, start) for price in prices)
        return _Rates(start, plain or 0.0, cached, written, output or 0.0)

    # A price tier of genai-prices applies to inputs of more than ``start`` tokens.
    tiered = (price for price in prices if isinstance(price, TieredPrices))
    starts = {0, *(tier.start + 1 for price in tiered for tier in price.tiers)}
    return tuple(rates_from(start) for start in sorted(starts, reverse=True))


def _price_at(price: "Decimal | TieredPrices | None", input_tokens: int) -> float | None:
    if price is None or isinstance(price, Decimal):
        return None if price is None else float(price)
    held = [tier.price for tier in price.tiers if input_tokens > tier.start]
    return float(held[-1] if held else price.base)
