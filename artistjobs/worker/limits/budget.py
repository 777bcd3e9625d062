"""Budget: the worst-case cost of each call, and what remains of it when the call has ended.

The cap itself is kept in one place for all workers of a database: ``worker/reservations.py``.
"""

import math
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
    """Computes the worst-case cost of calls, remembers what is reserved for them, and settles it afterwards."""

    def __init__(self, cost: Cost) -> None:
        self._cost = cost
        self._reserved: dict[int, float] = {}
        self._largest = _Largest()
        self._tokens = 0.0
        self._answers = 0

    def worst_case(self, body: Body) -> float | None:
        """Return the most that a call may cost in US dollars, None if the price is unknown."""
        # A token is at least one byte, so the size of the request in bytes is an upper bound of its input tokens.
        size = len(str(body).encode("utf-8", "replace"))
        usage = Usage(
            input_tokens=size + (self._largest.hidden_input if "prompt" in body else 0),
            output_tokens=_bound(body.get("max_output_tokens")) or self._largest.output,
        )
        tier = body.get("service_tier")
        return self._cost(str(body["model"]), tier if isinstance(tier, str) else None, usage)

    def remember(self, job: int, usd: float) -> None:
        """Remember the money reserved for the next call of a job, in US dollars."""
        self._reserved[job] = usd

    def settle(self, attempt: Attempt) -> Attempt:
        """Learn from the answer of an attempt, and return the attempt with the amounts that it frees and loses.

        A call that may have been answered although no answer arrived is lost at its worst case; one that was not made
        costs nothing.
        """
        reserved = self._reserved.pop(attempt.claim.job, 0.0)
        if attempt.answer is not None:
            self._learn(attempt.answer.usage)
        if not reserved:
            return attempt
        return replace(attempt, reserved_usd=reserved, lost_usd=reserved if _is_lost(attempt) else 0.0)

    @property
    def expected_tokens(self) -> float:
        """Tokens that a call is expected to consume: the mean of the answers so far."""
        return self._tokens / self._answers if self._answers else TOKENS_PRIOR

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
