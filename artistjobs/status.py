"""How a database stands: counts, speed, tokens, cost, and what failed and why."""

import shlex
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from artistjobs.control import Said
from artistjobs.estimate import Spread, spread_cost_text, spread_duration_text, spread_json
from artistjobs.job import EVERYTHING
from artistjobs.remote import control_json, control_lines
from artistjobs.reply import Json
from artistjobs.stdio import command
from artistjobs.store import Counts, FailureGroup, Kind, Latest, Store, Work, WorkerRow
from artistjobs.terminal import cost_text, counted, visible

PACE_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """How a database stood at one moment."""

    path: Path
    kind: Kind
    counts: Counts
    work: Work
    jobs_per_minute: float
    latest: Latest
    failures: Sequence[FailureGroup]
    workers: Sequence[WorkerRow]
    said: Sequence[Said] = ()


def read_status(store: Store) -> Status:
    """Return how the database stands; quick on a million jobs, and while workers write."""
    records = store.records
    return Status(
        path=store.path,
        kind=store.kind,
        counts=records.counts(EVERYTHING),
        work=records.work(),
        jobs_per_minute=records.jobs_per_minute(PACE_SECONDS),
        latest=records.latest(),
        failures=records.failures(),
        workers=records.workers(),
        said=store.controls.read(),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Projection:
    """What is expected of the jobs that are left, from so many answers; None where nothing tells."""

    answers: int
    jobs_left: int
    total_cost_usd: Spread | None
    seconds_left: Spread | None


def project(status: Status) -> Projection | None:
    """Return what all will have cost and how long the rest takes; None if nothing is left, or nothing known."""
    left, latest = status.counts.pending + status.counts.running, status.latest
    if not left or not latest.answers:
        return None
    cost, gaps, spent = latest.cost_usd, latest.gap_seconds, status.work.cost_usd
    # One answer without a price makes a sum of the others no total.
    is_priced = cost.count == latest.answers and not status.work.unpriced
    return Projection(
        answers=latest.answers,
        jobs_left=left,
        total_cost_usd=cost.ahead(left).plus(Spread(spent, spent, spent)) if is_priced else None,
        seconds_left=gaps.ahead(left) if gaps.count else None,
    )


def status_json(status: Status) -> dict[str, Json]:
    """Return a status as JSON; its keys stay as they are."""
    work = status.work
    return {
        "database": str(status.path),
        "kind": status.kind.value,
        "jobs": {
            "total": status.counts.total,
            "pending": status.counts.pending,
            "running": status.counts.running,
            "done": status.counts.done,
            "failed": status.counts.failed,
        },
        "jobs_per_minute": round(status.jobs_per_minute, 1),
        "calls": work.calls,
        "retries": work.retries,
        "input_tokens": work.input_tokens,
        "output_tokens": work.output_tokens,
        "cost_usd": round(work.cost_usd, 6),
        "unpriced_answers": work.unpriced,
        "projection": _projection_json(project(status)),
        "failures": [asdict(group) for group in status.failures],
        "workers": [asdict(worker) for worker in status.workers],
        "control": control_json(status.said, status.workers),
    }


def status_lines(status: Status) -> list[str]:
    """Return a status in words, a line each."""
    counts, work = status.counts, status.work
    kind = " (rehearsal)" if status.kind is Kind.REHEARSAL else ""
    lines = [
        f"{visible(str(status.path))}: {counts.total:,} jobs{kind}",
        f"  done {counts.done:,}   failed {counts.failed:,}   running {counts.running:,}   pending {counts.pending:,}",
        f"  {status.jobs_per_minute:,.0f} jobs in the last minute",
        f"  {work.calls:,} calls ({work.retries:,} repeated)",
        f"  {work.input_tokens:,} tokens in, {work.output_tokens:,} out",
        f"  {cost_text(work.cost_usd, work.unpriced)}",
    ]
    lines += control_lines(status.said, status.workers, status.path)
    lines += _projection_lines(project(status))
    return lines + _worker_lines(status.workers) + _failure_lines(status.failures, status.path)


def _projection_json(projection: Projection | None) -> dict[str, Json] | None:
    if projection is None:
        return None
    return {
        "answers": projection.answers,
        "jobs_left": projection.jobs_left,
        "total_cost_usd": spread_json(projection.total_cost_usd, 6),
        "seconds_left": spread_json(projection.seconds_left, 1),
    }


def _projection_lines(projection: Projection | None) -> list[str]:
    if projection is None:
        return []
    cost, left = projection.total_cost_usd, projection.seconds_left
    return [
        f"  in all {spread_cost_text(cost)}" if cost else "  what it will cost in all is not known",
        f"  {counted(projection.jobs_left, 'job')} left"
        + (f", {spread_duration_text(left)} at the pace of the latest answers" if left else "")
        + f" (projected from {counted(projection.answers, 'answer')}, mean ± 2 standard errors)",
    ]


def _worker_lines(workers: Sequence[WorkerRow]) -> list[str]:
    return [
        f"  worker {worker.worker}: process {worker.pid} on {visible(worker.host)}, {worker.done:,} done, "
        + ("working" if worker.is_alive else "dead; the next work takes its jobs over")
        for worker in workers
    ]


def _failure_lines(failures: Sequence[FailureGroup], path: Path) -> list[str]:
    lines = []
    for group in failures:
        message = visible(" ".join((group.message or "").split()))[:100]
        code, name = visible(group.code), visible(group.artist_name)[:40]
        lines.append(f"  {group.jobs:,} failed with {code}, such as {name}: {message}")
        lines.append(f"    call them again: {command(path, f'retry --code {shlex.quote(code)}')}")
    return lines
