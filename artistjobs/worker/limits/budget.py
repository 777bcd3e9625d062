"""Cost budget of one process: money spent, money reserved for calls in flight, and the cap on their sum.

``worker/reservations.py`` keeps the same cap for all workers of a database.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Final

from artistjobs.core.attempt import Attempt, Usage
from artistjobs.core.json_values import Json
from artistjobs.core.pricing import Cost
from artistjobs.core.prompt import Body

OUTPUT_PRIOR_TOKENS: Final = 8_192
"""Output tokens assumed for a call until there are enough answers to estimate from, if the request sets no maximum."""


HIDDEN_INPUT_TOKENS: Final = 4_096
"""Input tokens assumed for the text of a stored prompt, which only the API knows, until there are enough answers."""


TOKENS_PRIOR: Final = 1_000.0
"""Tokens assumed for a call before the first answer, to keep to a limit on tokens per minute."""


MIN_ANSWERS: Final = 10
"""Answers needed to estimate the next one: the first may be a short refusal, and the second a long text."""


MAYBE_ANSWERED: Final = frozenset({408, 502, 504, 520, 522, 524})
"""Error statuses that a proxy sends when it lost an answer or gave up waiting for it; the call may have been billed."""


MARGIN: Final = 1.5
"""Factor by which the next answer may be longer than the longest one so far."""


Reserve = Callable[[float], Awaitable[bool]]
"""Reserves money for a call in the database, where all workers see it; returns False if the cap leaves no room."""


async def _granted(_usd: float) -> bool:
    return True


@dataclass(slots=True)
class _Largest:
    """The largest token counts so far, and the maximum to expect of the next call."""

    input_tokens: int = 0
    output_tokens: int = 0
    answers: int = 0

    def learn(self, usage: Usage) -> None:
        if usage.input_tokens and usage.output_tokens:
            self.input_tokens = max(self.input_tokens, usage.input_tokens)
            self.output_tokens = max(self.output_tokens, usage.output_tokens)
            self.answers += 1

    @property
    def hidden_input(self) -> int:
        return self._expect(self.input_tokens, HIDDEN_INPUT_TOKENS)

    @property
    def output(self) -> int:
        return self._expect(self.output_tokens, OUTPUT_PRIOR_TOKENS)

    def _expect(self, largest: int, prior: int) -> int:
        expected = math.ceil(largest * MARGIN)
        return expected if self.answers >= MIN_ANSWERS else max(prior, expected)


class Budget:
    """Reserves the worst-case cost of a call before it is made, and replaces it with the actual cost afterwards.

    Without a cap every reservation succeeds. With a cap, a call that does not fit beside the calls of this process is
    refused or waits; the database decides about the others, because other processes spend too.
    """

    def __init__(self, cap_usd: float | None, spent_usd: float, cost: Cost, reserve: Reserve = _granted) -> None:
        self._cap = cap_usd
        self._reserve = reserve
        self._cost = cost
        self.spent_usd = spent_usd
        self._reserved: dict[int, float] = {}
        self._changed = asyncio.Event()
        self._largest = _Largest()
        self._tokens = 0.0
        self._answers = 0

    def change_cap(self, cap_usd: float | None) -> None:
        """Apply another cap, or none, from the next call on; calls that wait for room check again."""
        self._cap = cap_usd
        self._changed.set()

    async def reserve(self, job: int, body: Body) -> bool:
        """Reserve the worst-case cost of a call in US dollars; return False if the cap leaves no room for it.

        While other calls are in flight, wait: settling them may make room. Raises StoreError.
        """
        worst = 0.0
        while self._cap is not None and self._taken_usd + (worst := self.worst_case(body)) > self._cap:
            if not self._reserved:
                return False
            self._changed.clear()
            await self._changed.wait()
        if self._cap is None:
            return True
        if not await self._reserve(worst):
            return False
        self._reserved[job] = worst
        return True

    def settle(self, attempt: Attempt) -> Attempt:
        """Replace the reservation of a call with its cost, and return the attempt with its reserved and lost amounts.

        A call that may have been answered although no answer arrived counts with its worst case, and one that was not
        made counts with nothing.
        """
        reserved = self._reserved.pop(attempt.claim.job, 0.0)
        lost = reserved if _is_lost(attempt) else 0.0
        self.spent_usd += lost
        if attempt.answer is not None:
            self.spent_usd += attempt.answer.cost_usd or 0.0
            self._learn(attempt.answer.usage)
        self._changed.set()
        return replace(attempt, reserved_usd=reserved, lost_usd=lost) if reserved else attempt

    @property
    def expected_tokens(self) -> float:
        """Tokens that a call is expected to consume: the mean of the answers so far."""
        return self._tokens / self._answers if self._answers else TOKENS_PRIOR

    @property
    def _taken_usd(self) -> float:
        return self.spent_usd + sum(self._reserved.values())

    def worst_case(self, body: Body) -> float:
        """Return the largest cost of a call in US dollars that is expected, infinity if its price is unknown."""
        # A token is at least one byte, so the size of the request in bytes is an upper bound of its input tokens.
        size = len(str(body).encode("utf-8", "replace"))
        usage = Usage(
            input_tokens=size + (self._largest.hidden_input if "prompt" in body else 0),
            output_tokens=_bound(body.get("max_output_tokens")) or self._largest.output,
        )
        tier = body.get("service_tier")
        cost = self._cost(str(body["model"]), tier if isinstance(tier, str) else None, usage)
        return cost if cost is not None else float("inf")

    def _learn(self, usage: Usage) -> None:
        self._tokens += usage.total_tokens or 0
        self._answers += usage.total_tokens is not None
        self._largest.learn(usage)


def _is_lost(attempt: Attempt) -> bool:
    """Return True if a call may have been billed although its cost is unknown."""
    if attempt.answer is not None:
        return attempt.answer.cost_usd is None
    return bool(attempt.calls) and (attempt.failure is None or not _is_free(attempt.failure.status))


def _is_free(status: int | None) -> bool:
    """Return True if a refused call was certainly not billed: the API sends either an error or an answer."""
    return status is not None and status >= 400 and status not in MAYBE_ANSWERED  # noqa: PLR2004


def _bound(value: Json) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None
