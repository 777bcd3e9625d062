"""Snapshot of a run at one moment: a value that is taken by the observer, merged across processes and displayed.

A snapshot holds no reference to the run, so that it can be sent from one process to another.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

from artistjobs.core.bound import Bound
from artistjobs.core.formatting import count_text, duration_text
from artistjobs.core.json_values import Json
from artistjobs.store.models import Counts
from artistjobs.worker.limits.rate_limiter import Wait
from artistjobs.worker.progress.counters import FAILURES_SHOWN, LatestFailure, RunTotals, merge_totals, totals_from_json
from artistjobs.worker.progress.job_counts import JobProgress

MIN_SECONDS_LEFT = 1.0
"""Shortest remaining time that is shown while jobs are left."""


STALL_SECONDS, STALL_JOBS = 5.0, 3.0
"""Time without a finished job, in seconds plus expected jobs, after which the rate says nothing about the rest."""


SETTLING_SECONDS = 3.0
"""Time after the start of a run before which its remaining time is not estimated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSnapshot:
    """State of a run at the time ``at``; times are in seconds on the monotonic clock, which all processes share.

    ``job_progress`` covers all jobs of the scope, ``totals`` and ``jobs_per_minute`` only the ``processes`` of this
    snapshot; ``workers`` includes those of other commands. ``latencies`` are buckets for ``throughput.quantile``, and
    ``failures`` begin with the latest. ``spent_usd`` is the spending of all workers, known only under a cap.
    ``slowed_to`` is the maximum number of calls in flight after refusals. ``last_done_at`` is the time at which these
    processes last finished a job. ``batches`` has a line for each open batch.
    """

    at: float
    started_at: float
    job_progress: JobProgress
    totals: RunTotals
    jobs_per_minute: float
    in_flight: int
    max_workers: int
    workers: int = 1
    processes: int = 1
    claimed_by_others: int = 0
    limit: int | None = None
    cap_usd: float | None = None
    spent_usd: float = 0.0
    slowed_to: int | None = None
    latencies: Mapping[int, int] = field(default_factory=dict)
    wait: Wait | None = None
    failures: tuple[LatestFailure, ...] = ()
    paused: bool = False
    stopping: bool = False
    last_done_at: float | None = None
    batches: tuple[str, ...] = ()

    @property
    def settled(self) -> int:
        """Number of jobs that the processes of this snapshot have finished."""
        return self.totals.done + self.totals.failed


TakeSnapshot = Callable[[], RunSnapshot]
"""Takes a snapshot; cheap enough to call several times a second."""


class Display(Protocol):
    """Shows a run to people while it works."""

    async def watch(self, take_snapshot: TakeSnapshot) -> None:
        """Show the run until cancelled."""


def merge(snapshots: Sequence[RunSnapshot]) -> RunSnapshot:
    """Return one snapshot for several processes that work on the same jobs; at least one is required."""
    latest = max(snapshots, key=lambda snapshot: (snapshot.job_progress.counted_at, snapshot.job_progress.counts.done))
    # The totals of processes that have ended still count, but these make no calls and wait for nothing.
    working = [snapshot for snapshot in snapshots if snapshot.processes] or snapshots
    limits = [snapshot.limit for snapshot in snapshots if snapshot.limit is not None]
    waits = [snapshot.wait for snapshot in snapshots if snapshot.wait is not None]
    return RunSnapshot(
        at=max(snapshot.at for snapshot in snapshots),
        started_at=min(snapshot.started_at for snapshot in snapshots),
        job_progress=latest.job_progress,
        totals=merge_totals(snapshot.totals for snapshot in snapshots),
        jobs_per_minute=sum(snapshot.jobs_per_minute for snapshot in snapshots),
        in_flight=sum(snapshot.in_flight for snapshot in snapshots),
        max_workers=sum(snapshot.max_workers for snapshot in working),
        workers=max(snapshot.workers for snapshot in working),
        processes=sum(snapshot.processes for snapshot in snapshots),
        claimed_by_others=min(snapshot.claimed_by_others for snapshot in working),
        limit=sum(limits) if len(limits) == len(snapshots) else None,
        cap_usd=max((snapshot.cap_usd for snapshot in snapshots if snapshot.cap_usd is not None), default=None),
        spent_usd=max(snapshot.spent_usd for snapshot in snapshots),
        slowed_to=_slowed_to(working),
        latencies=_total_latencies(snapshots),
        wait=max(waits, key=lambda wait: (wait.until, wait.reason), default=None),
        failures=_latest_of_each_code([seen for snapshot in snapshots for seen in snapshot.failures]),
        paused=all(snapshot.paused for snapshot in working),
        stopping=any(snapshot.stopping for snapshot in snapshots),
        batches=latest.batches,
        last_done_at=max(
            (snapshot.last_done_at for snapshot in snapshots if snapshot.last_done_at is not None), default=None
        ),
    )


def _total_latencies(snapshots: Sequence[RunSnapshot]) -> dict[int, int]:
    buckets: Counter[int] = Counter()
    for snapshot in snapshots:
        buckets.update(snapshot.latencies)
    return dict(buckets)


def _slowed_to(snapshots: Sequence[RunSnapshot]) -> int | None:
    if all(snapshot.slowed_to is None for snapshot in snapshots):
        return None
    return sum(snapshot.max_workers if snapshot.slowed_to is None else snapshot.slowed_to for snapshot in snapshots)


def _latest_of_each_code(failures: Sequence[LatestFailure]) -> tuple[LatestFailure, ...]:
    by_age = sorted(failures, key=lambda seen: (seen.at, seen.code, seen.artist_name))
    # The dictionary keeps the last failure of each code.
    latest = {seen.code: seen for seen in by_age}
    ranked = sorted(latest.values(), key=lambda seen: (seen.at, seen.code, seen.artist_name), reverse=True)
    return tuple(ranked[:FAILURES_SHOWN])


def snapshot_json(snapshot: RunSnapshot) -> dict[str, Json]:
    """Return a snapshot as JSON, to send to another process."""
    value: dict[str, Json] = asdict(snapshot)
    # JSON keys are text.
    return value | {"latencies": {str(bucket): count for bucket, count in snapshot.latencies.items()}}


def snapshot_from_json(value: Mapping[str, Any]) -> RunSnapshot:
    """Return the snapshot from its JSON."""
    job_progress, wait = value["job_progress"], value["wait"]
    fields = {
        "job_progress": JobProgress(**{**job_progress, "counts": Counts(**job_progress["counts"])}),
        "totals": totals_from_json(value["totals"]),
        "latencies": {int(bucket): count for bucket, count in value["latencies"].items()},
        "wait": wait and Wait(**wait | {"bound": wait["bound"] and Bound(wait["bound"])}),
        "batches": tuple(value["batches"]),
        "failures": tuple(LatestFailure(**seen) for seen in value["failures"]),
    }
    return RunSnapshot(**{**value, **fields})


def jobs_per_minute(snapshot: RunSnapshot) -> float:
    """Return the jobs done per minute over the last minute, including those of other workers."""
    job_progress = snapshot.job_progress
    # The counts are up to a second old, so at first they contain less than this process has done.
    seconds = max(snapshot.at - job_progress.window_start, 1.0)
    return max(snapshot.jobs_per_minute, (job_progress.counts.done - job_progress.done_at_window_start) * 60 / seconds)


def overall_per_minute(snapshot: RunSnapshot) -> float:
    """Return the jobs done per minute since the run began, including those of other workers."""
    job_progress = snapshot.job_progress
    done = max(snapshot.totals.done, job_progress.counts.done - job_progress.done_before)
    return done * 60 / max(snapshot.at - snapshot.started_at, 1.0)


def jobs_left(snapshot: RunSnapshot) -> int:
    """Return the number of jobs left for this run: all that are not final, or what ``--limit`` leaves of them."""
    counts = snapshot.job_progress.counts
    pending = counts.pending + counts.running
    return pending if snapshot.limit is None else min(pending, max(0, snapshot.limit - snapshot.settled))


def seconds_left(snapshot: RunSnapshot) -> float | None:
    """Return the estimated remaining time at the rate of the last minute; None if it cannot be estimated.

    A wait with a known end is added to it. During an outage, or if jobs have stopped to finish, there is no estimate.
    """
    pace, wait = jobs_per_minute(snapshot), snapshot.wait
    if not pace or snapshot.paused or snapshot.at - snapshot.started_at < SETTLING_SECONDS:
        return None
    if (wait is not None and wait.gives_up_at is not None) or _has_stalled(snapshot, pace):
        return None
    left = jobs_left(snapshot)
    waiting = max(0.0, wait.until - snapshot.at) if wait is not None else 0.0
    return max(MIN_SECONDS_LEFT, waiting + left * 60 / pace) if left else 0.0


def _has_stalled(snapshot: RunSnapshot, pace: float) -> bool:
    """Return True if no job has finished for much longer than its rate lets expect, and no wait explains it."""
    is_alone = snapshot.workers <= snapshot.processes
    if snapshot.wait is not None or snapshot.last_done_at is None or not is_alone:
        return False
    return snapshot.at - snapshot.last_done_at > STALL_SECONDS + STALL_JOBS * 60 / pace


def projected_usd(snapshot: RunSnapshot) -> float | None:
    """Return the projected total cost at the mean cost of the answers so far; None if it cannot be estimated."""
    totals, left = snapshot.totals, jobs_left(snapshot)
    if not totals.cost_usd or not totals.done or not left or totals.unpriced:
        return None
    return totals.cost_usd * (1 + left / totals.done)


def waiting_for(snapshot: RunSnapshot) -> str:
    """Return the reason and duration of the current wait; empty if there is none."""
    if snapshot.stopping:
        return f"{count_text(snapshot.in_flight, 'call')} in flight, to stop"
    if snapshot.paused:
        return f"the command resume (paused, {count_text(snapshot.in_flight, 'call')} in flight)"
    wait = snapshot.wait
    if wait is not None and wait.gives_up_at is not None:
        return _outage_text(wait, snapshot.at)
    if wait is not None and wait.until - snapshot.at >= 1:
        return f"{wait.reason}, {duration_text(wait.until - snapshot.at)}"
    if not snapshot.in_flight and snapshot.claimed_by_others:
        return f"{count_text(snapshot.claimed_by_others, 'job')} that another worker holds"
    return ""


def _outage_text(wait: Wait, now: float) -> str:
    seconds = wait.until - now
    when = f"next try in {duration_text(seconds)}" if seconds >= 1 else "trying now"
    assert wait.gives_up_at is not None
    return f"the service ({wait.reason}): {when}, at most {duration_text(max(0.0, wait.gives_up_at - now))} more"
