"""Live view: draws the state of a run in lines that fit a terminal of any width.

Each fact has its place in columns of equal width, so that the layout stays the same while numbers grow. On a narrow
terminal facts take their short forms, then more lines; no number is cut.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from rich.cells import cell_len
from rich.text import Text

from artistjobs.core.formatting import cost_text, count_text, duration_text
from artistjobs.store.models import Counts
from artistjobs.terminal.escape import escape_controls
from artistjobs.terminal.table import truncate_cells
from artistjobs.worker.progress.counters import LatestFailure
from artistjobs.worker.progress.snapshot import (
    RunSnapshot,
    jobs_left,
    jobs_per_minute,
    overall_per_minute,
    projected_usd,
    seconds_left,
    waiting_for,
)
from artistjobs.worker.progress.throughput import quantile

COLUMN: Final = 20
"""Width of a column in cells; four columns fill the usual 80."""


MIN_NAME_WIDTH, MAX_NAME_LENGTH = 12, 60


BATCHES_SHOWN: Final = 5


DONE, FAILED, WAITING, LABEL, REST = "green", "red", "yellow", "dim", "bright_black"


@dataclass(frozen=True, slots=True)
class Fact:
    """A number with a label before and after it, and an optional short form for narrow terminals."""

    before: str
    value: str
    after: str = ""
    style: str = ""
    short: str | None = None

    def whole(self) -> Text:
        """Return the full form."""
        return Text.assemble((self.before, LABEL), (self.value, self.style), (self.after, LABEL))

    def brief(self) -> Text:
        """Return the short form, or the full form if there is no short one."""
        return self.whole() if self.short is None else Text(self.short, style=self.style)


def draw(snapshot: RunSnapshot, width: int) -> list[Text]:
    """Return the lines of the block for a snapshot, none of them wider than ``width`` cells."""
    lines = [_bar(snapshot.job_progress.counts, width)]
    for facts in (_jobs(snapshot), _speed(snapshot), _answers(snapshot), _money(snapshot), _situation(snapshot)):
        lines += _rows(facts, width)
    lines += [Text(truncate_cells(escape_controls(batch), width)) for batch in _first_batches(snapshot.batches)]
    lines += [_failure(snapshot, seen, width) for seen in snapshot.failures]
    for line in lines:
        line.truncate(width)  # for a terminal narrower than a single number
    return lines


def _bar(counts: Counts, width: int) -> Text:
    """Return the progress bar: done, failed and remaining jobs in proportion."""
    total, settled = max(counts.total, 1), counts.done + counts.failed
    label = f" {settled:,} of {counts.total:,} {100 * settled // total:3} %"
    if width < 2 * cell_len(label):
        label = f" {100 * settled // total:3} %"
    cells = max(0, width - cell_len(label))
    done, failed = _shares(cells, counts.done, counts.failed, total)
    return Text.assemble(("━" * done, DONE), ("━" * failed, FAILED), ("─" * (cells - done - failed), REST), label)


def _shares(cells: int, done: int, failed: int, total: int) -> tuple[int, int]:
    """Return the cells for done and failed jobs: a failure is always visible, and a full bar means no job is left."""
    red = max(1, cells * failed // total) if failed and cells else 0
    return min(cells - red, cells * done // total), red


def _jobs(snapshot: RunSnapshot) -> list[Fact]:
    counts, most = snapshot.job_progress.counts, snapshot.max_workers
    return [
        Fact("done ", f"{counts.done:,}", style=DONE),
        Fact("failed ", f"{counts.failed:,}", style=FAILED if counts.failed else ""),
        Fact("pending ", f"{counts.pending + counts.running:,}"),
        Fact(
            "in flight ", f"{snapshot.in_flight:,} of {most:,}",
            short=f"in flight {snapshot.in_flight:,}/{most:,}",
        ),
    ]  # fmt: skip


def _speed(snapshot: RunSnapshot) -> list[Fact]:
    facts = [
        Fact("", f"{jobs_per_minute(snapshot):,.0f}", " jobs a minute", short=f"{jobs_per_minute(snapshot):,.0f}/min"),
        Fact("overall ", f"{overall_per_minute(snapshot):,.0f}"),
    ]
    if not snapshot.stopping:  # the remaining jobs stay pending for another run
        left = seconds_left(snapshot)
        facts.append(Fact("left ", "not yet known" if left is None else duration_text(left)))
    return facts + ([Fact("", f"{snapshot.workers:,}", " workers")] if snapshot.workers > 1 else [])


def _answers(snapshot: RunSnapshot) -> list[Fact]:
    middle, high = quantile(snapshot.latencies, 0.5), quantile(snapshot.latencies, 0.95)
    totals = snapshot.totals
    return [
        Fact("", f"{totals.input_tokens:,}", " tokens in", short=f"{totals.input_tokens:,} in"),
        Fact("", f"{totals.output_tokens:,}", " out"),
        Fact("median ", _latency(middle)),
        Fact("95 % within ", _latency(high)),
    ]


def _money(snapshot: RunSnapshot) -> list[Fact]:
    totals, projected = snapshot.totals, projected_usd(snapshot)
    facts = [Fact("cost ", cost_text(totals.cost_usd, totals.unpriced), short=_brief_cost(snapshot))]
    if projected is not None:
        facts.append(Fact("about ", cost_text(projected), " in all", short=f"in all {cost_text(projected)}"))
    if snapshot.cap_usd is not None:
        cap, spent = cost_text(snapshot.cap_usd), cost_text(max(snapshot.spent_usd, totals.cost_usd))
        facts.append(Fact("cap ", cap, f", {spent} spent", short=f"{spent} of cap {cap}"))
    if snapshot.limit is not None:
        facts.append(
            Fact("limit ", f"{snapshot.limit:,}, {jobs_left(snapshot):,} left", short=f"limit {snapshot.limit:,}")
        )
    return facts


def _brief_cost(snapshot: RunSnapshot) -> str | None:
    totals = snapshot.totals
    return f"cost {cost_text(totals.cost_usd)}, {totals.unpriced:,} unpriced" if totals.unpriced else None


def _situation(snapshot: RunSnapshot) -> list[Fact]:
    facts = [Fact("running ", duration_text(snapshot.at - snapshot.started_at))]
    if snapshot.stopping:
        facts.append(Fact("stopping: ", count_text(snapshot.in_flight, "call") + " in flight", style=WAITING))
    elif snapshot.paused:
        facts.append(Fact("", "paused", style=WAITING))
    elif wait := waiting_for(snapshot):
        facts.append(Fact("waiting for ", escape_controls(wait), style=WAITING))
    elif snapshot.slowed_to is not None:
        facts.append(Fact("after refusals ", count_text(snapshot.slowed_to, "call"), " at once"))
    return facts


def _first_batches(batches: Sequence[str]) -> list[str]:
    """Return the lines of the oldest batches, and one that counts the others."""
    rest = len(batches) - BATCHES_SHOWN
    return [*batches[:BATCHES_SHOWN], *([f"{rest:,} more batches"] if rest > 0 else [])]


def _failure(snapshot: RunSnapshot, seen: LatestFailure, width: int) -> Text:
    """Return a line with the number of jobs that failed with a code, and the latest artist as far as there is room."""
    jobs, age = snapshot.totals.codes.get(seen.code, 1), duration_text(max(0.0, snapshot.at - seen.at))
    line = Text.assemble(
        (escape_controls(seen.code), FAILED), f": {count_text(jobs, 'job')}", (f", {age} ago: ", LABEL)
    )
    if width - line.cell_len < MIN_NAME_WIDTH:
        line = Text.assemble((escape_controls(seen.code), FAILED), f": {count_text(jobs, 'job')}", ", ")
    if (room := min(MAX_NAME_LENGTH, width - line.cell_len)) > 0:
        line.append(truncate_cells(escape_controls(seen.artist_name), room))
    return line if line.cell_len <= width else Text(truncate_cells(line.plain, width))


def _rows(facts: Sequence[Fact], width: int) -> list[Text]:
    """Return the facts in one line, in their short forms if necessary, or else in as many lines as they need."""
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
