"""What there is to be seen of a run at one moment, as a value, and who looks at it.

A glance knows nothing of what it was taken of: it can be sent from one process to another, and
those of several processes make one.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

from artistjobs.core.formatting import counted, duration_text
from artistjobs.core.json_values import Json
from artistjobs.store.models import Counts
from artistjobs.worker.limits.rate_limiter import Wait
from artistjobs.worker.progress.counters import FAILURES_SHOWN, Seen, Totals, merge_totals
from artistjobs.worker.progress.job_counts import Standing

SETTLING_SECONDS = 3.0
"""Before so much of a run is over nobody can say what the rest will take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Glance:
    """A run at the moment ``at``; moments are on the monotonic clock, which all processes of a machine share.

    ``standing`` is of all jobs in the database, ``totals`` and ``jobs_per_minute`` of the
    ``processes`` that were looked at; ``workers`` counts those of others too. ``latencies`` are
    buckets for ``pace.quantile``, ``failures`` the latest first. ``spent_usd`` is what all workers
    spent and only known under a cap, ``slowed_to`` how many calls there may be at once after refusals.
    """

    at: float
    started_at: float
    standing: Standing
    totals: Totals
    jobs_per_minute: float
    in_flight: int
    max_workers: int
    workers: int = 1
    processes: int = 1
    held_elsewhere: int = 0
    limit: int | None = None
    cap_usd: float | None = None
    spent_usd: float = 0.0
    slowed_to: int | None = None
    latencies: Mapping[int, int] = field(default_factory=dict)
    wait: Wait | None = None
    failures: tuple[Seen, ...] = ()
    paused: bool = False
    stopping: bool = False

    @property
    def settled(self) -> int:
        """Jobs that were finished by the processes looked at."""
        return self.totals.done + self.totals.failed


Look = Callable[[], Glance]
"""Takes a glance; cheap enough for several a second."""


class Watch(Protocol):
    """Looks on while a run works, and shows it to people."""

    async def watch(self, look: Look) -> None:
        """Show the run until cancelled."""


def merge(glances: Sequence[Glance]) -> Glance:
    """Return what several processes that work on the same jobs come to together; there has to be one at least."""
    latest = max(glances, key=lambda glance: (glance.standing.counted_at, glance.standing.counts.done))
    buckets: Counter[int] = Counter()
    for glance in glances:
        buckets.update(glance.latencies)
    # What processes that have ended came to still counts, but they make no calls and wait for nothing.
    working = [glance for glance in glances if glance.processes] or glances
    limits = [glance.limit for glance in glances if glance.limit is not None]
    waits = [glance.wait for glance in glances if glance.wait is not None]
    return Glance(
        at=max(glance.at for glance in glances),
        started_at=min(glance.started_at for glance in glances),
        standing=latest.standing,
        totals=merge_totals(glance.totals for glance in glances),
        jobs_per_minute=sum(glance.jobs_per_minute for glance in glances),
        in_flight=sum(glance.in_flight for glance in glances),
        max_workers=sum(glance.max_workers for glance in working),
        workers=max(glance.workers for glance in working),
        processes=sum(glance.processes for glance in glances),
        held_elsewhere=min(glance.held_elsewhere for glance in working),
        limit=sum(limits) if len(limits) == len(glances) else None,
        cap_usd=max((glance.cap_usd for glance in glances if glance.cap_usd is not None), default=None),
        spent_usd=max(glance.spent_usd for glance in glances),
        slowed_to=_slowed_to(working),
        latencies=dict(buckets),
        wait=max(waits, key=lambda wait: (wait.until, wait.reason), default=None),
        failures=_latest_of_each_code([seen for glance in glances for seen in glance.failures]),
        paused=all(glance.paused for glance in working),
        stopping=any(glance.stopping for glance in glances),
    )


def _slowed_to(glances: Sequence[Glance]) -> int | None:
    if all(glance.slowed_to is None for glance in glances):
        return None
    return sum(glance.max_workers if glance.slowed_to is None else glance.slowed_to for glance in glances)


def _latest_of_each_code(failures: Sequence[Seen]) -> tuple[Seen, ...]:
    by_age = sorted(failures, key=lambda seen: (seen.at, seen.code, seen.artist_name))
    # Of those with the same code the last one stays.
    latest = {seen.code: seen for seen in by_age}
    ranked = sorted(latest.values(), key=lambda seen: (seen.at, seen.code, seen.artist_name), reverse=True)
    return tuple(ranked[:FAILURES_SHOWN])


def glance_json(glance: Glance) -> dict[str, Json]:
    """Return a glance as JSON, for another process."""
    value: dict[str, Json] = asdict(glance)
    # The keys of JSON are text.
    return value | {"latencies": {str(bucket): count for bucket, count in glance.latencies.items()}}


def glance_from_json(value: Mapping[str, Any]) -> Glance:
    """Return the glance that ``glance_json`` made JSON of."""
    standing, wait = value["standing"], value["wait"]
    made = {
        "standing": Standing(**{**standing, "counts": Counts(**standing["counts"])}),
        "totals": Totals(**value["totals"]),
        "latencies": {int(bucket): count for bucket, count in value["latencies"].items()},
        "wait": wait and Wait(**wait),
        "failures": tuple(Seen(**seen) for seen in value["failures"]),
    }
    return Glance(**{**value, **made})


def jobs_per_minute(glance: Glance) -> float:
    """Return the jobs done a minute in the last minute, those of other workers included."""
    standing = glance.standing
    # Counting lags behind by a second, so at first it sees less than we did ourselves.
    seconds = max(glance.at - standing.then, 1.0)
    return max(glance.jobs_per_minute, (standing.counts.done - standing.done_then) * 60 / seconds)


def overall_per_minute(glance: Glance) -> float:
    """Return the same since the run began."""
    standing = glance.standing
    done = max(glance.totals.done, standing.counts.done - standing.done_before)
    return done * 60 / max(glance.at - glance.started_at, 1.0)


def jobs_left(glance: Glance) -> int:
    """Return the jobs that this run has before it: all that are pending, or what --limit leaves of them."""
    counts = glance.standing.counts
    pending = counts.pending + counts.running
    return pending if glance.limit is None else min(pending, max(0, glance.limit - glance.settled))


def seconds_left(glance: Glance) -> float | None:
    """Return the time that the rest will take at the pace of the last minute, None as long as there is none."""
    pace = jobs_per_minute(glance)
    if not pace or glance.paused or glance.at - glance.started_at < SETTLING_SECONDS:
        return None
    return jobs_left(glance) * 60 / pace


def projected_usd(glance: Glance) -> float | None:
    """Return what all will have cost at the mean of the answers so far, None as long as nothing tells."""
    totals, left = glance.totals, jobs_left(glance)
    if not totals.cost_usd or not totals.done or not left or totals.unpriced:
        return None
    return totals.cost_usd * (1 + left / totals.done)


def waiting_for(glance: Glance) -> str:
    """Return what is being waited for and how long, empty if nothing is."""
    if glance.stopping:
        return f"{counted(glance.in_flight, 'call')} in flight, to stop"
    if glance.paused:
        return f"the command resume (paused, {counted(glance.in_flight, 'call')} in flight)"
    wait = glance.wait
    if wait is not None and wait.until - glance.at >= 1:
        return f"{wait.reason}, {duration_text(wait.until - glance.at)}"
    if not glance.in_flight and glance.held_elsewhere:
        return f"{counted(glance.held_elsewhere, 'job')} that another worker holds"
    return ""
