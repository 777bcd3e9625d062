"""Command ``status``: a snapshot of a database with job counts, throughput, tokens, cost and failures; as JSON."""

import shlex
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from time import time

from artistjobs.commands.control import control_json
from artistjobs.commands.estimate_text import interval_json
from artistjobs.commands.prompts import ensure_known_prompt
from artistjobs.core.command_text import command
from artistjobs.core.controls import ControlChange
from artistjobs.core.formatting import count_text
from artistjobs.core.job import EVERYTHING
from artistjobs.core.json_values import Json
from artistjobs.core.statistics import Interval
from artistjobs.core.timestamps import from_timestamp, to_timestamp
from artistjobs.store.address import Address
from artistjobs.store.batch_text import age_seconds
from artistjobs.store.interface import Reader
from artistjobs.store.models import (
    NOTHING_AWAITED,
    BackgroundAnswers,
    BatchRecord,
    Counts,
    FailureGroup,
    Kind,
    Money,
    Progress,
    RecentAnswers,
    Run,
    Spool,
    WorkTotals,
)
from artistjobs.terminal.escape import escape_controls

PACE_SECONDS = 60.0


RUNS = 5
"""Number of latest runs that are shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """Snapshot of a database, or of the prompt with the number ``prompt``; ``at`` is in seconds since the epoch."""

    at: float
    path: Address
    kind: Kind
    counts: Counts
    work: WorkTotals
    money: Money
    jobs_per_minute: float
    latest: RecentAnswers
    failures: Sequence[FailureGroup]
    workers: Sequence[Run]
    progress: Sequence[Progress]
    runs: Sequence[Run]
    changes: Sequence[ControlChange] = ()
    batches: Sequence[BatchRecord] = ()
    background: BackgroundAnswers = NOTHING_AWAITED
    prompt: int | None = None
    spool: Spool | None = None


def read_status(reader: Reader, prompt: int | None = None) -> Status:
    """Return a snapshot of the database, or of one prompt. It does not block workers.

    That of a database is fast with a million jobs. Workers and money are those of the whole database.

    Raises:
        WrongUseError: if there is no such prompt.

    """
    records, job_queries = reader.records, reader.job_queries
    with reader.snapshot():
        ensure_known_prompt(records, prompt)
        progress = [one for one in job_queries.progress() if prompt in (None, one.prompt)]
        counts = records.counts(EVERYTHING) if prompt is None else _counts_of(progress)
        return Status(
            at=time(),
            path=reader.path,
            kind=reader.kind,
            prompt=prompt,
            counts=counts,
            work=records.work(prompt),
            money=records.money(),
            jobs_per_minute=records.jobs_per_minute(PACE_SECONDS, prompt),
            latest=records.latest(prompt),
            failures=records.failures(prompt),
            workers=records.workers(),
            progress=progress,
            runs=job_queries.runs(RUNS) if prompt is None else [],
            changes=job_queries.control_changes(),
            batches=reader.batches.open_batches(),
            background=reader.batches.background(),
            spool=reader.spool(),
        )


def _counts_of(progress: Sequence[Progress]) -> Counts:
    """Return the jobs of one prompt; none if nothing was ingested with it."""
    return progress[0].counts if progress else Counts(pending=0, running=0, done=0, failed=0)


def run_seconds(run: Run, now: float) -> float:
    """Return the duration of a run in seconds: so far if it is alive, until it was last seen if it died."""
    ended_at = now if run.is_alive else from_timestamp(run.ended_at or run.seen_at)
    return max(0.0, ended_at - from_timestamp(run.started_at))


def run_pace(run: Run, now: float) -> float:
    """Return the jobs done per minute in a run."""
    return run.done * 60 / max(run_seconds(run, now), 0.001)


def retry_command(group: FailureGroup, path: Address) -> str:
    """Return the command line that makes these failed jobs pending again."""
    return command(path, f"retry --code {shlex.quote(group.code)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Projection:
    """Projection for the remaining jobs from the latest ``answers``; a field is None if there is no data for it."""

    answers: int
    jobs_left: int
    total_cost_usd: Interval | None
    seconds_left: Interval | None


def project(status: Status) -> Projection | None:
    """Return the projected total cost and remaining time; None if no jobs are left or there are no answers."""
    left, latest = status.counts.pending + status.counts.running, status.latest
    if not left or not latest.answers:
        return None
    cost, gaps, spent = latest.cost_usd, latest.gap_seconds, status.work.cost_usd
    # With one answer of unknown price, the sum of the others is not the total.
    is_priced = cost.count == latest.answers and not status.work.unpriced
    return Projection(
        answers=latest.answers,
        jobs_left=left,
        total_cost_usd=cost.forecast(left).plus(Interval(spent, spent, spent)) if is_priced else None,
        seconds_left=gaps.forecast(left) if gaps.count else None,
    )


def spool_sentence(path: Address, spool: Spool) -> str:
    """Return the sentence about answers on this machine that a database has not taken yet."""
    answers, work = count_text(spool.answers, "answer"), escape_controls(command(path, "work"))
    return f"{answers} in {escape_controls(str(spool.folder))} not stored yet; a run on this machine does: {work}"


def _spool_json(spool: Spool | None) -> Json:
    return None if spool is None else {"folder": str(spool.folder), "answers": spool.answers}


def status_json(status: Status) -> dict[str, Json]:
    """Return a status as JSON with stable keys."""
    work = status.work
    return {
        "at": to_timestamp(status.at),
        "database": str(status.path),
        "kind": status.kind.value,
        "jobs": {"total": status.counts.total, **asdict(status.counts)},
        "jobs_per_minute": round(status.jobs_per_minute, 1),
        "calls": work.calls,
        "retries": work.retries,
        "input_tokens": work.input_tokens,
        "output_tokens": work.output_tokens,
        "cached_share": None if work.cached_share is None else round(work.cached_share, 4),
        "cost_usd": round(work.cost_usd, 6),
        "unpriced_answers": work.unpriced,
        "lost_usd": round(status.money.lost_usd, 6),
        "written_off_usd": round(status.money.written_off_usd, 6),
        "projection": _projection_json(project(status)),
        "failures": [{**asdict(group), "retry": retry_command(group, status.path)} for group in status.failures],
        "workers": [_worker_json(worker) for worker in status.workers],
        "prompts": [_prompt_json(progress) for progress in status.progress],
        "runs": [_run_json(run, status.at) for run in status.runs],
        "control": control_json(status.changes, status.workers),
        "batches": [_batch_json(batch, status.at) for batch in status.batches],
        "background": asdict(status.background),
        "spool": _spool_json(status.spool),
    }


def _batch_json(batch: BatchRecord, now: float) -> dict[str, Json]:
    names = ("id", "state", "model", "lines", "service_status", "service_completed", "service_failed", "done", "failed")
    found = {name: getattr(batch, name) for name in (*names, "created_at", "submitted_at", "batch_id")}
    return {**found, "age_seconds": round(age_seconds(batch, now), 1)}


def _worker_json(worker: Run) -> dict[str, Json]:
    return {
        "worker": worker.worker,
        "host": worker.host,
        "pid": worker.pid,
        "started_at": worker.started_at,
        "seen_at": worker.seen_at,
        "done": worker.done,
        "failed": worker.failed,
        "calls": worker.calls,
        "is_alive": worker.is_alive,
        "bounded_by": worker.bounded_by,
    }


def _prompt_json(progress: Progress) -> dict[str, Json]:
    counts = progress.counts
    return {
        "prompt": progress.prompt,
        "prompt_id": progress.prompt_id,
        "version": progress.version,
        "prompt_file": progress.prompt_file,
        "model": progress.model,
        "params": progress.params,
        "created_at": progress.created_at,
        "total": counts.total,
        "pending": counts.pending,
        "running": counts.running,
        "failed": counts.failed,
        "done": counts.done,
        "dropped": counts.dropped,
    }


def _run_json(run: Run, now: float) -> dict[str, Json]:
    return {
        **asdict(run),
        "seconds": round(run_seconds(run, now), 3),
        "jobs_per_minute": round(run_pace(run, now), 1),
    }


def _projection_json(projection: Projection | None) -> dict[str, Json] | None:
    if projection is None:
        return None
    return {
        "answers": projection.answers,
        "jobs_left": projection.jobs_left,
        "total_cost_usd": interval_json(projection.total_cost_usd, 6),
        "seconds_left": interval_json(projection.seconds_left, 1),
    }
