"""Way of calling in a check before a run: its prices, whether it can be used, and how long it takes."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil

from artistjobs.commands.estimate import price_per_million
from artistjobs.core.batch import MAX_BYTES, MAX_LINES
from artistjobs.core.findings import Finding, Level
from artistjobs.core.pricing import WINDOW_FACTORS, Cost, batch_cost, window_cost
from artistjobs.core.prompt import Prompt
from artistjobs.errors import WrongUseError

LINE_BYTES = 110
"""Bytes of a line of a batch around its request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallingWay:
    """Way in which a run calls: through the Batch API, in a completion window of the background, or else live."""

    uses_batches: bool = False
    window: str | None = None

    @property
    def is_live(self) -> bool:
        """True if calls are made live."""
        return not self.uses_batches and self.window is None

    def cost(self, cost: Cost) -> Cost:
        """Return the prices of this way."""
        return batch_cost(cost) if self.uses_batches else window_cost(cost, self.window)


LIVE = CallingWay()


def way_findings(way: CallingWay, model: str | None, prompt: Prompt | None, cost: Cost) -> Iterator[Finding]:
    """Yield what is to be known about a way; ``cost`` has its prices."""
    if way.window is not None:
        saved = 100 * (1 - WINDOW_FACTORS[way.window])
        text = f"{saved:.0f} % less for tokens; answers within {way.window} are a target of the service, not a promise"
        yield Finding(Level.OK, "window", text)
    if not way.uses_batches or model is None:
        return
    if prompt is not None and prompt.prompt_id is not None:
        text = "the Batch API takes no stored prompts; put the text into a file and use --prompt-file"
        yield Finding(Level.FAIL, "batch", text, WrongUseError.exit_code)
    elif price_per_million(prompt or Prompt(model=model, template=""), cost) is None:
        text = f"no price of {model} in batches is known; its model page says whether it can be used in batches"
        yield Finding(Level.WARN, "batch", text)
    else:
        yield Finding(Level.OK, "batch", f"{model} can be used in batches")


def way_time(way: CallingWay, calls: int, mean_bytes: float) -> str | None:
    """Return the time that a run takes if the service decides about it, None for live calls."""
    if way.window is not None:
        return f"about {way.window}, as the service has room"
    if not way.uses_batches:
        return None
    count = max(ceil(calls / MAX_LINES), ceil((mean_bytes + LINE_BYTES) * calls / MAX_BYTES))
    batches = "1 batch" if count == 1 else f"{count:,} batches"
    return f"{batches} of at most {MAX_LINES:,} requests, each within a day; a full token queue makes more"
