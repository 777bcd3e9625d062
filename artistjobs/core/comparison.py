"""Comparison of two answers to the same row, and the counts over many rows."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from artistjobs.core.json_values import Json


class Verdict(StrEnum):
    """Result of the comparison of one row."""

    SAME = "same"
    DIFFERENT = "different"
    ONLY_FIRST = "only_first"  # the second answer is missing
    ONLY_SECOND = "only_second"
    NEITHER = "neither"


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedAnswer:
    """One of two answers; ``data`` is its value if it is structured, ``is_done`` is False if there is none.

    Tokens and cost are those of all answers to the job, with corrections. ``cost_usd`` is None if no price is known,
    and ``unpriced`` counts the answers without one.
    """

    job: int
    is_done: bool
    text: str | None
    data: Json
    is_structured: bool
    model: str | None
    input_tokens: int
    output_tokens: int
    cost_usd: float | None
    unpriced: int
    seconds: float | None
    error_code: str | None


def verdict(first: ComparedAnswer, second: ComparedAnswer) -> Verdict:
    """Return the result of a comparison: structured answers by value, all others by text without outer white space."""
    if not first.is_done or not second.is_done:
        if first.is_done or second.is_done:
            return Verdict.ONLY_FIRST if first.is_done else Verdict.ONLY_SECOND
        return Verdict.NEITHER
    if first.is_structured and second.is_structured:
        return Verdict.SAME if are_equal(first.data, second.data) else Verdict.DIFFERENT
    is_same = (first.text or "").strip() == (second.text or "").strip()
    return Verdict.SAME if is_same else Verdict.DIFFERENT


def differing_properties(first: Json, second: Json) -> list[str]:
    """Return the names of the properties in which two objects differ; none unless both are objects."""
    if not isinstance(first, dict) or not isinstance(second, dict):
        return []
    names = dict.fromkeys([*first, *second])
    return [
        name for name in names if name not in first or name not in second or not are_equal(first[name], second[name])
    ]


def are_equal(first: Json, second: Json) -> bool:
    """Return True if two JSON values are equal: 1 and 1.0 are, 1 and true are not."""
    if isinstance(first, dict) and isinstance(second, dict):
        return first.keys() == second.keys() and all(are_equal(value, second[name]) for name, value in first.items())
    if isinstance(first, list) and isinstance(second, list):
        return len(first) == len(second) and all(map(are_equal, first, second))
    return isinstance(first, bool) == isinstance(second, bool) and first == second


@dataclass(slots=True)
class SideTotals:
    """Totals over the answers of one side."""

    done: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0
    unpriced: int = 0

    def add(self, answer: ComparedAnswer) -> None:
        """Add one answer."""
        self.done += answer.is_done
        self.input_tokens += answer.input_tokens
        self.output_tokens += answer.output_tokens
        self.cost_usd += answer.cost_usd or 0.0
        self.unpriced += answer.unpriced


@dataclass(slots=True)
class ComparisonTotals:
    """Totals over all rows; ``differing`` counts the rows in which a property differs."""

    first: SideTotals = field(default_factory=SideTotals)
    second: SideTotals = field(default_factory=SideTotals)
    verdicts: Counter[Verdict] = field(default_factory=Counter)
    differing: Counter[str] = field(default_factory=Counter)

    @property
    def rows(self) -> int:
        """Number of rows that were asked with both."""
        return self.verdicts.total()

    def add(self, found: Verdict, first: ComparedAnswer, second: ComparedAnswer, differing: Iterable[str]) -> None:
        """Add one row."""
        self.verdicts[found] += 1
        self.first.add(first)
        self.second.add(second)
        self.differing.update(differing)
