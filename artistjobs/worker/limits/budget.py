"""Budget: the worst-case cost of each call, and what remains of it when the call has ended.

The cap itself is kept in one place for all workers of a database: ``worker/reservations.py``.

The worst case follows from the request and the limits of the model (``core/cost_bound.py``). It rests on promises of
the server, for example that it obeys ``max_output_tokens``. OpenAI documents them; at any other server, each call also
holds back a margin towards the longest answer of the model. The margin shrinks as answers confirm the bound: after
``n`` of them, the probability that the next one breaks it is about 1 in ``n + 2`` (Laplace's rule of succession). An
answer that breaks it raises the bound, and doubts about the server begin again.
"""

import logging
from dataclasses import dataclass, replace
from typing import Final

from artistjobs.core.attempt import Answer, Attempt, Usage
from artistjobs.core.cost_bound import CallBound, bound_call, request_bytes
from artistjobs.core.formatting import cost_text
from artistjobs.core.pricing import Cost
from artistjobs.core.prompt import Body

log = logging.getLogger(__name__)


OUTPUT_PRIOR_TOKENS: Final = 1_000
"""Output tokens assumed for the first call if the cap may rest on estimates; it is made alone if the cap is small."""


TOKENS_PRIOR: Final = 1_000.0
"""Tokens assumed for a call before the first answer, to keep to a limit on tokens per minute."""


MAYBE_ANSWERED: Final = frozenset({408, 502, 504, 520, 522, 524})
"""Error statuses that a proxy sends when it lost an answer or gave up waiting for it; the call may have been billed."""


MARGIN: Final = 1.5
"""Factor by which the next answer may cost more than the dearest one so far, if the cap may rest on estimates."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Money held back for a call in US dollars: its worst case, and a margin until answers have confirmed it.

    ``size`` is the size of the request in bytes.
    """

    usd: float
    margin_usd: float = 0.0
    size: int = 0


@dataclass(slots=True)
class _Experience:
    """The bound of one prompt configuration, and what the answers have shown about it."""

    bound: CallBound
    confirmed: int = 0
    dearest_usd: float = 0.0
    is_broken: bool = False


class Budget:
    """Computes the worst-case cost of calls, remembers what is held back for them, and settles it afterwards.

    With ``is_soft`` the worst case is estimated from the answers so far instead; then there need not be a bound.
    With ``trusts_server`` no margin is held back.
    """

    def __init__(self, cost: Cost, *, is_soft: bool = False, trusts_server: bool = False) -> None:
        self._cost = cost
        self._trusts_server = trusts_server and not is_soft
        self.is_soft = is_soft
        self._held: dict[int, Hold] = {}
        self._experience: dict[int, _Experience] = {}
        self._tokens = 0.0
        self._answers = 0

    def worst_case(self, prompt: int, body: Body) -> Hold | None:
        """Return the money to hold back for a call of a prompt configuration, None if its cost has no bound."""
        if (seen := self._experience.get(prompt)) is None:
            seen = self._experience[prompt] = _Experience(bound_call(body, self._cost))
        size = request_bytes(body)
        worst = self._estimate(seen, size) if self.is_soft else self._bound(seen, size)
        if worst is None:
            return None
        if self._trusts_server and not seen.is_broken:
            return Hold(worst, 0.0, size)
        ceiling = seen.bound.ceiling_usd(size, self._cost) or 0.0
        return Hold(worst, max(0.0, ceiling - worst) / (seen.confirmed + 2), size)

    def remember(self, job: int, hold: Hold) -> None:
        """Remember the money that is held back for the next call of a job."""
        self._held[job] = hold

    def settle(self, attempt: Attempt) -> Attempt:
        """Learn from the answer of an attempt, and return the attempt with the amounts that it frees and loses.

        A call that may have been answered although no answer arrived is lost at its worst case; one that was not made
        costs nothing.
        """
        hold = self._held.pop(attempt.claim.job, None)
        if attempt.answer is not None:
            self._learn(attempt.claim.prompt, attempt.answer, hold)
        if hold is None:
            return attempt
        lost = hold.usd if _is_lost(attempt) else 0.0
        return replace(attempt, reserved_usd=hold.usd, margin_usd=hold.margin_usd, lost_usd=lost)

    @property
    def expected_tokens(self) -> float:
        """Tokens that a call is expected to consume: the mean of the answers so far."""
        return self._tokens / self._answers if self._answers else TOKENS_PRIOR

    def _bound(self, seen: _Experience, size: int) -> float | None:
        return None if seen.bound.gaps else seen.bound.usd(size, self._cost)

    def _estimate(self, seen: _Experience, size: int) -> float:
        if seen.dearest_usd:
            return MARGIN * seen.dearest_usd
        out = min(seen.bound.output_tokens, OUTPUT_PRIOR_TOKENS)
        first = replace(seen.bound, output_tokens=out, context_tokens=None, fees_usd=0.0)
        return first.usd(size, self._cost) or 0.0

    def _learn(self, prompt: int, answer: Answer, hold: Hold | None) -> None:
        self._count_tokens(answer.usage)
        seen, cost = self._experience.get(prompt), answer.cost_usd
        if seen is None or cost is None or hold is None:
            return
        seen.dearest_usd = max(seen.dearest_usd, cost)
        if not hold.usd:
            return
        if cost <= hold.usd * _ROUNDING:
            seen.confirmed += 1
            seen.bound = seen.bound.confirmed(answer)
        else:
            seen.confirmed = 0
            self._correct(seen, answer, cost, hold)

    def _correct(self, seen: _Experience, answer: Answer, cost: float, hold: Hold) -> None:
        """Raise the bound of a prompt configuration after an answer that cost more."""
        seen.bound = seen.bound.corrected(answer, hold.size)
        if (seen.bound.usd(hold.size, self._cost) or 0.0) < cost:
            # For example fees of tools that the request does not name.
            seen.bound = replace(seen.bound, fees_usd=seen.bound.fees_usd + 2 * cost)
        if not seen.is_broken and not self.is_soft:
            seen.is_broken = True
            log.warning("%s", _broken(answer, cost, hold, seen.bound))

    def _count_tokens(self, usage: Usage) -> None:
        self._tokens += usage.total_tokens or 0
        self._answers += usage.total_tokens is not None


_ROUNDING = 1 + 1e-9


def _broken(answer: Answer, cost: float, hold: Hold, bound: CallBound) -> str:
    usage = answer.usage
    return (
        f"an answer cost {cost_text(cost)}, but at most {cost_text(hold.usd)} was expected, by "
        f"{' and '.join(bound.basis)}: {answer.model} at the tier {answer.service_tier or 'default'} billed "
        f"{usage.input_tokens or 0:,} tokens in, {usage.output_tokens or 0:,} out; the next calls hold back more"
    )


def _is_lost(attempt: Attempt) -> bool:
    """Return True if a call may have been billed although its cost is unknown."""
    if attempt.answer is not None:
        return attempt.answer.cost_usd is None
    return bool(attempt.calls) and (attempt.failure is None or not _is_free(attempt.failure.status))


def _is_free(status: int | None) -> bool:
    """Return True if a refused call was certainly not billed: the API sends either an error or an answer."""
    return status is not None and status >= 400 and status not in MAYBE_ANSWERED  # noqa: PLR2004
