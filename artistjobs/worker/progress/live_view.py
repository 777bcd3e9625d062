"""The live block: how a run stands, in lines that fit the terminal, however narrow or wide it is.

Each fact has its place in columns of equal width, so that the block keeps its shape while numbers
grow. Where it is narrow facts take their short forms, then more lines; no number is ever cut.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from rich.cells import cell_len
from rich.text import Text

from artistjobs.core.formatting import cost_text, counted, duration_text
from artistjobs.store.models import Counts
from artistjobs.terminal.escape import visible
from artistjobs.terminal.table import cut
from artistjobs.worker.progress.counters import Seen
from artistjobs.worker.progress.snapshot import (
    Glance,
    jobs_left,
    jobs_per_minute,
    overall_per_minute,
    projected_usd,
    seconds_left,
    waiting_for,
)
from artistjobs.worker.progress.throughput import quantile

COLUMN: Final = 20
"""Cells that a fact takes; four of them fill the usual 80."""


SHORTEST_NAME, LONGEST_NAME = 12, 60


DONE, FAILED, WAITING, LABEL, REST = "green", "red", "yellow", "dim", "bright_black"


@dataclass(frozen=True, slots=True)
class Fact:
    """A number with its name before and after it, and how both are said where there is little room."""

    before: str
    value: str
    after: str = ""
    style: str = ""
    short: str | None = None

    def whole(self) -> Text:
        """Return it in its full form."""
        return Text.assemble((self.before, LABEL), (self.value, self.style), (self.after, LABEL))

    def brief(self) -> Text:
        """Return it in its short form, if it has one."""
        return self.whole() if self.short is None else Text(self.short, style=self.style)


def draw(glance: Glance, width: int) -> list[Text]:
    """Return the lines of the block as it stands at this moment, none of them wider than ``width``."""
    lines = [_bar(glance.standing.counts, width)]
    for facts in (_jobs(glance), _speed(glance), _answers(glance), _money(glance), _situation(glance)):
        lines += _rows(facts, width)
    lines += [_failure(glance, seen, width) for seen in glance.failures]
    for line in lines:
        line.truncate(width)  # narrower than any number is long
    return lines


def _bar(counts: Counts, width: int) -> Text:
    """Return the bar: done, failed and the rest, each as long as its share."""
    total, settled = max(counts.total, 1), counts.done + counts.failed
    label = f" {settled:,} of {counts.total:,} {100 * settled // total:3} %"
    if width < 2 * cell_len(label):
        label = f" {100 * settled // total:3} %"
    cells = max(0, width - cell_len(label))
    done, failed = _shares(cells, counts.done, counts.failed, total)
    return Text.assemble(("━" * done, DONE), ("━" * failed, FAILED), ("─" * (cells - done - failed), REST), label)


def _shares(cells: int, done: int, failed: int, total: int) -> tuple[int, int]:
    """Return the cells of done and failed: whoever failed is seen, and only what is all done fills the bar."""
    red = max(1, cells * failed // total) if failed and cells else 0
    return min(cells - red, cells * done // total), red


def _jobs(glance: Glance) -> list[Fact]:
    counts, most = glance.standing.counts, glance.max_workers
    return [
        Fact("done ", f"{counts.done:,}", style=DONE),
        Fact("failed ", f"{counts.failed:,}", style=FAILED if counts.failed else ""),
        Fact("pending ", f"{counts.pending + counts.running:,}"),
        Fact(
            "in flight ", f"{glance.in_flight:,} of {most:,}",
            short=f"in flight {glance.in_flight:,}/{most:,}",
        ),
    ]  # fmt: skip


def _speed(glance: Glance) -> list[Fact]:
    facts = [
        Fact("", f"{jobs_per_minute(glance):,.0f}", " jobs a minute", short=f"{jobs_per_minute(glance):,.0f}/min"),
        Fact("overall ", f"{overall_per_minute(glance):,.0f}"),
    ]
    if not glance.stopping:  # what is left stays, for another run
        left = seconds_left(glance)
        facts.append(Fact("left ", "not yet known" if left is None else duration_text(left)))
    return facts + ([Fact("", f"{glance.workers:,}", " workers")] if glance.workers > 1 else [])


def _answers(glance: Glance) -> list[Fact]:
    middle, high = quantile(glance.latencies, 0.5), quantile(glance.latencies, 0.95)
    totals = glance.totals
    return [
        Fact("", f"{totals.input_tokens:,}", " tokens in", short=f"{totals.input_tokens:,} in"),
        Fact("", f"{totals.output_tokens:,}", " out"),
        Fact("median ", _latency(middle)),
        Fact("95 % within ", _latency(high)),
    ]


def _money(glance: Glance) -> list[Fact]:
    totals, projected = glance.totals, projected_usd(glance)
    facts = [Fact("cost ", cost_text(totals.cost_usd, totals.unpriced), short=_brief_cost(glance))]
    if projected is not None:
        facts.append(Fact("about ", cost_text(projected), " in all", short=f"in all {cost_text(projected)}"))
    if glance.cap_usd is not None:
        cap, spent = cost_text(glance.cap_usd), cost_text(max(glance.spent_usd, totals.cost_usd))
        facts.append(Fact("cap ", cap, f", {spent} spent", short=f"{spent} of cap {cap}"))
    if glance.limit is not None:
        facts.append(Fact("limit ", f"{glance.limit:,}, {jobs_left(glance):,} left", short=f"limit {glance.limit:,}"))
    return facts


def _brief_cost(glance: Glance) -> str | None:
    totals = glance.totals
    return f"cost {cost_text(totals.cost_usd)}, {totals.unpriced:,} unpriced" if totals.unpriced else None


def _situation(glance: Glance) -> list[Fact]:
    facts = [Fact("running ", duration_text(glance.at - glance.started_at))]
    if glance.stopping:
        facts.append(Fact("stopping: ", counted(glance.in_flight, "call") + " in flight", style=WAITING))
    elif glance.paused:
        facts.append(Fact("", "paused", style=WAITING))
    elif wait := waiting_for(glance):
        facts.append(Fact("waiting for ", visible(wait), style=WAITING))
    elif glance.slowed_to is not None:
        facts.append(Fact("after refusals ", counted(glance.slowed_to, "call"), " at once"))
    return facts


def _failure(glance: Glance, seen: Seen, width: int) -> Text:
    """Return how often a job failed with a code, and the artist of the last one as far as there is room."""
    jobs, age = glance.totals.codes.get(seen.code, 1), duration_text(max(0.0, glance.at - seen.at))
    line = Text.assemble((visible(seen.code), FAILED), f": {counted(jobs, 'job')}", (f", {age} ago: ", LABEL))
    if width - line.cell_len < SHORTEST_NAME:
        line = Text.assemble((visible(seen.code), FAILED), f": {counted(jobs, 'job')}", ", ")
    if (room := min(LONGEST_NAME, width - line.cell_len)) > 0:
        line.append(cut(visible(seen.artist_name), room))
    return line if line.cell_len <= width else Text(cut(line.plain, width))


def _rows(facts: Sequence[Fact], width: int) -> list[Text]:
    """Return the facts in one line, if need be in their short forms, or else in as many lines as they need."""
    rows = _in_columns([fact.whole() for fact in facts], width)
    return rows if len(rows) == 1 else _in_columns([fact.brief() for fact in facts], width)


def _in_columns(texts: Sequence[Text], width: int) -> list[Text]:
    rows = [Text()]
    for text in texts:
        column = _next_column(rows[-1].cell_len)
        if column and column + text.cell_len > width:
            rows.append(Text())
            column = 0
        rows[-1].pad_right(column - rows[-1].cell_len)
        rows[-1].append_text(text)
    return rows


def _next_column(cells: int) -> int:
    return -(-(cells + 1) // COLUMN) * COLUMN if cells else 0


def _latency(seconds: float | None) -> str:
    if seconds is None:
        return "not yet"
    return f"{seconds:.1f} s" if seconds < 100 else duration_text(seconds)  # noqa: PLR2004
