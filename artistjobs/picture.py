"""The live block: how a run stands, in five lines that fit 80 columns."""

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from artistjobs.store import Counts
from artistjobs.tally import Totals
from artistjobs.terminal import cost_text, duration_text
from artistjobs.view import Glance, jobs_per_minute, projected_usd, seconds_left, waiting_for


def draw(glance: Glance) -> RenderableType:
    """Return the block as it stands at this moment."""
    return Group(_bar(glance.standing.counts), *(_line(parts) for parts in _lines(glance)))


def _bar(counts: Counts) -> RenderableType:
    total, done = max(counts.total, 1), counts.done
    grid = Table.grid(expand=True, padding=(0, 1))
    grid.add_column(ratio=1)
    grid.add_column(justify="right", no_wrap=True)
    grid.add_row(ProgressBar(total=total, completed=done), f"{done:,}/{total:,} {100 * done / total:3.0f} %")
    return grid


def _lines(glance: Glance) -> list[list[tuple[str, str]]]:
    counts, totals, left = glance.standing.counts, glance.totals, seconds_left(glance)
    overall = totals.done * 60 / max(glance.at - glance.started_at, 0.001)
    return [
        [
            ("done", f"{counts.done:,}"),
            ("failed", f"{counts.failed:,}"),
            ("pending", f"{counts.pending + counts.running:,}"),
            ("in flight", f"{glance.in_flight} of {glance.max_workers}"),
        ],
        [
            ("jobs a minute", f"{jobs_per_minute(glance):,.0f} (overall {overall:,.0f})"),
            ("left", duration_text(left) if left is not None else "not known yet"),
        ],
        [
            ("tokens", f"{totals.input_tokens:,} in, {totals.output_tokens:,} out"),
            ("cost", _cost(totals, projected_usd(glance))),
        ],
        [("waiting for", wait)]
        if (wait := waiting_for(glance))
        else [("running", duration_text(glance.at - glance.started_at))],
    ]


def _cost(totals: Totals, projected: float | None) -> str:
    so_far = cost_text(totals.cost_usd, totals.unpriced)
    return so_far if projected is None else f"{so_far} of about {cost_text(projected)}"


def _line(parts: list[tuple[str, str]]) -> Text:
    text = Text(no_wrap=True, overflow="ellipsis")
    for name, value in parts:
        text.append(f"{name} ", style="dim").append(value).append("   ")
    return text
