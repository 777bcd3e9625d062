"""The live block: how a run stands, in five lines that fit 80 columns."""

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from artistjobs.tally import Tally
from artistjobs.terminal import cost_text, duration_text
from artistjobs.view import View, seconds_left, waiting_for


def draw(view: View, now: float) -> RenderableType:
    """Return the block as it stands at this moment."""
    return Group(_bar(view.tally), *(_line(parts) for parts in _lines(view, now)))


def _bar(tally: Tally) -> RenderableType:
    total = max(tally.before.total, 1)
    done = tally.before.done + tally.done
    grid = Table.grid(expand=True, padding=(0, 1))
    grid.add_column(ratio=1)
    grid.add_column(justify="right", no_wrap=True)
    grid.add_row(ProgressBar(total=total, completed=done), f"{done:,}/{total:,} {100 * done / total:3.0f} %")
    return grid


def _lines(view: View, now: float) -> list[list[tuple[str, str]]]:
    tally = view.tally
    failed = tally.before.failed + tally.failed
    left = seconds_left(view, now)
    return [
        [
            ("done", f"{tally.before.done + tally.done:,}"),
            ("failed", f"{failed:,}"),
            ("pending", f"{tally.pending:,}"),
            ("in flight", f"{tally.in_flight} of {view.max_workers}"),
        ],
        [
            (
                "jobs a minute",
                f"{tally.recent_jobs_per_minute(now):,.0f} (overall {tally.jobs_per_minute(now):,.0f})",
            ),
            ("left", duration_text(left) if left is not None else "not known yet"),
        ],
        [
            ("tokens", f"{tally.input_tokens:,} in, {tally.output_tokens:,} out"),
            ("cost", _cost(tally)),
        ],
        [("waiting for", wait)]
        if (wait := waiting_for(view, now))
        else [("running", duration_text(now - tally.started_at))],
    ]


def _cost(tally: Tally) -> str:
    so_far = cost_text(tally.cost_usd, tally.unpriced)
    if not tally.cost_usd or not tally.done or not tally.pending:
        return so_far
    return f"{so_far} of about {cost_text(tally.cost_usd * (1 + tally.pending / tally.done))}"


def _line(parts: list[tuple[str, str]]) -> Text:
    text = Text(no_wrap=True, overflow="ellipsis")
    for name, value in parts:
        text.append(f"{name} ", style="dim").append(value).append("   ")
    return text
