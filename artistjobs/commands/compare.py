"""Command ``compare``: choice of the two prompt configurations, and the summary as text and as JSON."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from artistjobs.core.comparison import ComparisonTotals, SideTotals, Verdict
from artistjobs.core.formatting import cost_text, count_text
from artistjobs.core.json_values import Json
from artistjobs.errors import WrongUseError
from artistjobs.store.models import Progress

PROPERTIES_SHOWN = 10
"""Properties that the summary names with the number of rows in which they differ."""


def choose_prompts(known: Sequence[Progress], first: str | None, second: str | None) -> tuple[Progress, Progress]:
    """Return the two prompt configurations to compare; the two of the database if none is named.

    Args:
        known: All prompt configurations.
        first: A number, a model, a stored prompt or the name of a prompt file.
        second: The same for the other one.

    Raises:
        WrongUseError: if there is none of that name or several, or both are the same.

    """
    if first is None or second is None:
        if len(known) != 2 or first is not None:  # noqa: PLR2004
            raise WrongUseError(f"name the two to compare, for example: artistjobs compare 1 2; {_choices(known)}.")
        return known[0], known[1]
    chosen = _find(known, first), _find(known, second)
    if chosen[0].prompt == chosen[1].prompt:
        raise WrongUseError(f"{first} and {second} are the same; {_choices(known)}.")
    return chosen


def _find(known: Sequence[Progress], name: str) -> Progress:
    by_number = [one for one in known if str(one.prompt) == name]
    found = by_number or [one for one in known if name in (one.model, one.prompt_id, one.prompt_file)]
    if len(found) != 1:
        problem = "there is no prompt" if not found else f"{len(found)} prompts are named"
        raise WrongUseError(f"{problem} {name!r}; give the number of one: {_choices(known)}.")
    return found[0]


def _choices(known: Sequence[Progress]) -> str:
    shown = [f"{one.prompt} ({_name(one)})" for one in known]
    return "the database has " + (", ".join(shown) if shown else "no prompts")


def _name(one: Progress) -> str:
    version = f" version {one.version}" if one.version is not None else ""
    return f"{one.prompt_id or one.prompt_file}{version}, {one.model}"


def comparison_lines(totals: ComparisonTotals, sides: Sequence[Progress]) -> list[str]:
    """Return the summary of a comparison as lines."""
    lines = [
        f"{label}: prompt {one.prompt}, {_name(one)}: {_side_text(side, totals.rows)}"
        for label, one, side in zip(("first", "second"), sides, (totals.first, totals.second), strict=True)
    ]
    counts = totals.verdicts
    lines.append(
        f"{count_text(totals.rows, 'row')} asked with both: {counts[Verdict.SAME]:,} same, "
        f"{counts[Verdict.DIFFERENT]:,} different, {counts[Verdict.ONLY_FIRST]:,} only first done, "
        f"{counts[Verdict.ONLY_SECOND]:,} only second done, {counts[Verdict.NEITHER]:,} neither done"
    )
    if totals.differing:
        shown = [f"{name} ({count:,})" for name, count in totals.differing.most_common(PROPERTIES_SHOWN)]
        more = ", …" if len(totals.differing) > PROPERTIES_SHOWN else ""
        lines.append(f"properties that differ: {', '.join(shown)}{more}")
    return lines


def _side_text(side: SideTotals, rows: int) -> str:
    cost = cost_text(side.cost_usd, side.unpriced)
    return f"{side.done:,} of {rows:,} done, {cost}, {side.input_tokens:,} tokens in, {side.output_tokens:,} out"


def comparison_json(totals: ComparisonTotals, sides: Sequence[Progress], output: Path) -> dict[str, Json]:
    """Return the summary of a comparison as JSON with stable keys."""
    counts = totals.verdicts
    first, second = (_side_json(one, side) for one, side in zip(sides, (totals.first, totals.second), strict=True))
    differing: Mapping[str, int] = totals.differing
    return {
        "output": str(output),
        "rows": totals.rows,
        **{kind.value: counts[kind] for kind in Verdict},
        "differing": dict(differing),
        "first": first,
        "second": second,
    }


def _side_json(one: Progress, side: SideTotals) -> dict[str, Json]:
    return {
        "prompt": one.prompt,
        "prompt_id": one.prompt_id,
        "version": one.version,
        "prompt_file": one.prompt_file,
        "model": one.model,
        "done": side.done,
        "input_tokens": side.input_tokens,
        "output_tokens": side.output_tokens,
        "cost_usd": round(side.cost_usd, 6),
        "unpriced_answers": side.unpriced,
    }
