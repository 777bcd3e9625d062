"""Text output of the command ``status``: lines and tables that fit the width of the terminal."""

from collections.abc import Sequence

from artistjobs.commands.control import control_lines
from artistjobs.commands.estimate_text import interval_cost_text, interval_duration_text
from artistjobs.commands.prompts import prompt_title
from artistjobs.commands.status import Projection, Status, project, retry_command, run_pace, run_seconds, spool_sentence
from artistjobs.core.bound import NAMES, REMEDIES, Bound
from artistjobs.core.command_text import command
from artistjobs.core.formatting import cost_text, count_text, duration_text
from artistjobs.store.batch_text import background_line, batch_line
from artistjobs.store.models import FailureGroup, Kind, Progress, Run, WorkTotals
from artistjobs.terminal.escape import escape_controls
from artistjobs.terminal.local_time import local_time
from artistjobs.terminal.screen import Style, styled
from artistjobs.terminal.table import TableColumn, table, truncate_cells, wrapped

_PROMPT_COLUMNS = (
    TableColumn("no."),
    TableColumn("prompt", is_number=False, may_be_cut=True),
    TableColumn("ingested", rank=5, is_number=False),
    TableColumn("model", rank=1, is_number=False),
    TableColumn("jobs", rank=3),
    TableColumn("done"),
    TableColumn("failed"),
    TableColumn("running", rank=4),
    TableColumn("pending"),
    TableColumn("done %", rank=2),
)


_RUN_COLUMNS = (
    TableColumn("run", rank=6),
    TableColumn("started", is_number=False),
    TableColumn("duration", rank=3, is_number=False),
    TableColumn("done"),
    TableColumn("failed", rank=2),
    TableColumn("calls", rank=5),
    TableColumn("jobs/min", rank=1),
    TableColumn("cost", rank=4),
    TableColumn("ended", is_number=False),
)


def status_lines(status: Status, width: int | None = None, *, is_coloured: bool = False) -> list[str]:
    """Return a status as lines, at most ``width`` cells wide if a width is given."""
    counts, work = status.counts, status.work
    kind = " (rehearsal)" if status.kind is Kind.REHEARSAL else ""
    which = "" if status.prompt is None else f", prompt {status.prompt}"
    names = ["done", "failed", "running", "pending", *(["dropped"] if counts.dropped else [])]
    states = [f"{name} {getattr(counts, name):,}" for name in names]
    tokens = f"{work.input_tokens:,} tokens in{_cached_text(work)}, {work.output_tokens:,} out"
    facts = [
        "   ".join(states),
        f"{status.jobs_per_minute:,.0f} jobs a minute",
        f"{count_text(work.calls, 'call')} ({work.retries:,} retried), {tokens}",
        f"{cost_text(work.cost_usd, work.unpriced)} so far",
        *_lost_lines(status),
        *_spool_lines(status),
        *_projection_lines(project(status)),
        *control_lines(status.changes, status.workers, status.path),
        *_worker_lines(status.workers),
        *(batch_line(batch, status.at) for batch in status.batches),
        *([background_line(status.background, status.at)] if status.background.answers else []),
    ]
    lines = [
        (Style.TITLE, f"{escape_controls(str(status.path))}{which}: {count_text(counts.total, 'job')}{kind}"),
        *((Style.PLAIN, line) for fact in facts for line in wrapped(fact, width, "  ")),
        *_section(_PROMPT_COLUMNS, [_prompt_row(progress) for progress in status.progress], width),
        *_section(_RUN_COLUMNS, [_run_row(run, status.at) for run in status.runs], width),
        *_failure_lines(status, width),
    ]
    return [
        styled(text if style is Style.COMMAND else truncate_cells(text, width), style, is_coloured)
        for style, text in lines
    ]


def _cached_text(work: WorkTotals) -> str:
    return f" ({100 * work.cached_share:.0f} % cached)" if work.cached_share else ""


def _spool_lines(status: Status) -> list[str]:
    return [] if status.spool is None else [spool_sentence(status.path, status.spool)]


def _lost_lines(status: Status) -> list[str]:
    if not (usd := status.money.lost_usd):
        return []
    seen = escape_controls(command(status.path, "lost"))
    return [f"up to {cost_text(usd)} more for calls whose answers were lost, counted under --max-cost; see: {seen}"]


def _section(
    columns: Sequence[TableColumn], rows: Sequence[Sequence[str]], width: int | None
) -> list[tuple[Style, str]]:
    """Return an empty line and a table; no lines if the table has no rows."""
    if not rows:
        return []
    head, *body = table(columns, rows, None if width is None else width - 2)
    return [(Style.PLAIN, ""), (Style.HEAD, f"  {head}"), *((Style.PLAIN, f"  {line}") for line in body)]


def _prompt_row(progress: Progress) -> list[str]:
    counts = progress.counts
    return [
        str(progress.prompt),
        prompt_title(progress),
        local_time(progress.created_at, "%Y-%m-%d"),
        escape_controls(progress.model),
        f"{counts.total:,}",
        f"{counts.done:,}",
        f"{counts.failed:,}",
        f"{counts.running:,}",
        f"{counts.pending:,}",
        f"{100 * counts.done / max(counts.total, 1):.1f}",
    ]


def _run_row(run: Run, now: float) -> list[str]:
    return [
        str(run.worker),
        local_time(run.started_at),
        duration_text(run_seconds(run, now)),
        f"{run.done:,}",
        f"{run.failed:,}",
        f"{run.calls:,}",
        f"{run_pace(run, now):,.0f}",
        cost_text(run.cost_usd) if run.cost_usd or not run.unpriced else "unknown",
        _ending(run),
    ]


def _ending(run: Run) -> str:
    if run.ended_at is not None:
        return escape_controls(run.ending or "finished")
    return "working" if run.is_alive else "died"


def _projection_lines(projection: Projection | None) -> list[str]:
    if projection is None:
        return []
    cost, left = projection.total_cost_usd, projection.seconds_left
    return [
        f"projected total cost: {interval_cost_text(cost)}" if cost else "projected total cost: unknown",
        f"{count_text(projection.jobs_left, 'job')} left" + (f", {interval_duration_text(left)}" if left else ""),
        f"projected from the latest {count_text(projection.answers, 'answer')}, mean ± 2 standard errors",
    ]


def _working_text(worker: Run) -> str:
    """Return that a worker is working, and what bounds it; a newer version may name a bound that is unknown here."""
    if worker.bounded_by not in set(Bound):
        return "working"
    bound = Bound(worker.bounded_by)
    remedy = f"; {REMEDIES[bound]}" if REMEDIES[bound] else ""
    return f"working, bounded by {NAMES[bound]}{remedy}"


def _worker_lines(workers: Sequence[Run]) -> list[str]:
    return [
        f"worker {worker.worker}: process {worker.pid} on {escape_controls(worker.host)}, {worker.done:,} done, "
        + (_working_text(worker) if worker.is_alive else "dead; the next worker takes over its jobs")
        for worker in workers
    ]


def _failure_lines(status: Status, width: int | None) -> list[tuple[Style, str]]:
    lines: list[tuple[Style, str]] = []
    for group in status.failures:
        lines += [
            (Style.PLAIN, ""),
            (Style.BAD, f"  {group.jobs:,} failed with {escape_controls(group.code)}{_http(group)}"),
            (Style.PLAIN, truncate_cells(f"    {_example(group)}", width)),
            (Style.COMMAND, f"    {retry_command(group, status.path)}"),
        ]
    return lines


def _http(group: FailureGroup) -> str:
    return f" (HTTP {group.status})" if group.status is not None else ""


def _example(group: FailureGroup) -> str:
    message = escape_controls(" ".join((group.message or "").split()))[:200]
    return f"for example {escape_controls(group.artist_name)[:40]}: {message}"
