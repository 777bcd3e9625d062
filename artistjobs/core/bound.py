"""Bound of a run: the one limit that kept it from being faster, computed from where the time of its slots went.

A slot is a call that may be in flight. Its time is spent in calls, in waits for limits, and in commits.
"""

from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Final

from artistjobs.core.attempt import Failure
from artistjobs.core.json_values import Json

WAITED_SHARE: Final = 0.1
"""Share of the time of busy slots that is spent waiting for one thing, from which it bounds the run."""


HELD_SHARE: Final = 0.5
"""Share of the calls that waited for a limit, from which it bounds the run: paced calls wait shortly, but all do."""


COMMIT_SHARE: Final = 0.25
"""Share of the time of busy slots that is spent waiting for commits, from which the disk bounds the run."""


CPU_SHARE: Final = 0.85
"""Share of one processor that a process used or waited for, from which the machine bounds the run."""


PAUSED_SHARE: Final = 0.5


MOSTLY: Final = 0.5
"""Share of the slots that were busy, or of the time in which something held the number of calls in flight."""


class Bound(StrEnum):
    """Limit that kept a run from being faster."""

    WORKERS = "workers"
    REQUESTS = "requests"
    TOKENS = "tokens"
    LATENCY = "latency"
    BUDGET = "budget"
    DISK = "disk"
    PAUSED = "paused"
    CPU = "cpu"
    SERVICE = "service"
    FILES = "files"


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Where the time of a run went, as sums over its processes; times are in seconds.

    ``slots`` is the time of all slots. ``in_calls`` is spent in calls, ``in_commits`` waiting for them to be on disk,
    and ``requests`` to ``files`` waiting for what they name. ``held_requests`` and ``held_tokens`` count the calls that
    waited for a limit, of all ``calls``. ``found`` is the time in which the number of calls in flight was found by the
    run, of which ``at_latency``, ``at_refusal`` and ``at_most`` are those in which that kept it from growing. In the
    time ``at_files`` open files allowed fewer slots than were wanted. ``cpu`` includes the time in which a process
    waited for a processor.
    """

    seconds: float = 0.0
    slots: float = 0.0
    in_calls: float = 0.0
    in_commits: float = 0.0
    requests: float = 0.0
    tokens: float = 0.0
    budget: float = 0.0
    service: float = 0.0
    files: float = 0.0
    calls: float = 0.0
    held_requests: float = 0.0
    held_tokens: float = 0.0
    paused: float = 0.0
    at_files: float = 0.0
    cpu: float = 0.0
    found: float = 0.0
    at_latency: float = 0.0
    at_refusal: float = 0.0
    at_most: float = 0.0

    def plus(self, other: "Usage", sign: int = 1) -> "Usage":
        """Return the sum with another usage, or the difference for a ``sign`` of -1."""
        both = asdict(other)
        return Usage(**{name: value + sign * both[name] for name, value in asdict(self).items()})

    @property
    def busy(self) -> float:
        """Time of slots that were not idle for lack of jobs."""
        waits = self.requests + self.tokens + self.budget + self.service + self.files
        return self.in_calls + self.in_commits + waits


NO_USAGE: Final = Usage()


@dataclass(frozen=True, slots=True)
class Bounded:
    """Bound of a run, the share from 0 to 1 that shows it, the whole of that share, and the remedy.

    ``share`` is None for a budget that is used up.
    """

    bound: Bound
    share: float | None
    shown_by: str
    remedy: str

    @property
    def sentence(self) -> str:
        """Sentence with the bound, the share and the remedy."""
        share = "" if self.share is None else f"{100 * self.share:.0f} % "
        remedy = f"; {self.remedy}" if self.remedy else ""
        return f"bounded by {NAMES[self.bound]} ({share}{self.shown_by}){remedy}"


def bounded_by(usage: Usage, *, is_spent: bool = False) -> Bounded | None:
    """Return what bounded a run; None if it made no calls and did not wait for one.

    ``is_spent`` is True if the run stopped because the budget has no room for another call.
    """
    if is_spent:
        return Bounded(Bound.BUDGET, None, "no room for another call", REMEDIES[Bound.BUDGET])
    if usage.paused > PAUSED_SHARE * usage.seconds:
        return _bounded(Bound.PAUSED, usage.paused, usage.seconds, "of the time")
    if usage.seconds <= 0 or usage.busy <= 0:
        return None
    return _waited(usage) or _used_up(usage) or _bounded_by_calls(usage)


def _used_up(usage: Usage) -> Bounded | None:
    """Return the part of this machine that is used up, if one is."""
    if usage.cpu >= CPU_SHARE * usage.seconds:
        return _bounded(Bound.CPU, usage.cpu, usage.seconds, "of a processor, used or waited for")
    if usage.in_commits >= COMMIT_SHARE * usage.busy:
        return _bounded(Bound.DISK, usage.in_commits, usage.busy, "of the time of calls spent on commits")
    return None


def _waited(usage: Usage) -> Bounded | None:
    """Return the limit for which calls waited longest, if that was long, or if most calls waited for it."""
    waits = {
        Bound.REQUESTS: usage.requests, Bound.TOKENS: usage.tokens, Bound.BUDGET: usage.budget,
        Bound.SERVICE: usage.service, Bound.FILES: usage.files,
    }  # fmt: skip
    longest = max(waits, key=waits.__getitem__)
    if waits[longest] >= WAITED_SHARE * usage.busy:
        return _bounded(longest, waits[longest], usage.busy, "of the time of calls spent waiting for it")
    held = {Bound.REQUESTS: usage.held_requests, Bound.TOKENS: usage.held_tokens}
    most = max(held, key=held.__getitem__)
    if usage.calls and held[most] >= HELD_SHARE * usage.calls:
        return _bounded(most, held[most], usage.calls, "of the calls waited for it")
    return None


def _bounded_by_calls(usage: Usage) -> Bounded:
    """Return whether more calls in flight would have helped."""
    if usage.busy < MOSTLY * usage.slots:
        # There were more slots than jobs, so every job was in flight as soon as it could be.
        return _bounded(Bound.LATENCY, usage.in_calls, usage.busy, "of the time of calls, with all jobs in flight")
    if usage.at_files >= MOSTLY * usage.seconds:
        return _bounded(Bound.FILES, usage.at_files, usage.seconds, "of the time too low for the calls in flight")
    if not usage.found:
        return _bounded(Bound.WORKERS, usage.busy, usage.slots, "of the time in use")
    if usage.at_refusal >= MOSTLY * usage.found:
        return _bounded(Bound.SERVICE, usage.at_refusal, usage.found, "of the time below what it refused")
    if usage.at_latency >= MOSTLY * usage.found:
        return _bounded(Bound.LATENCY, usage.at_latency, usage.found, "of the time more calls would only have waited")
    remedy = (
        "--max-workers N allows more than auto" if usage.at_most >= MOSTLY * usage.found
        else "--max-workers N begins with N, while auto was still looking for their number"
    )  # fmt: skip
    return replace(_bounded(Bound.WORKERS, usage.busy, usage.slots, "of the time in use"), remedy=remedy)


def _bounded(bound: Bound, part: float, whole: float, shown_by: str) -> Bounded:
    return Bounded(bound, min(1.0, part / whole), shown_by, REMEDIES[bound])


def bound_of_refusal(failure: Failure) -> Bound:
    """Return the limit for which a service refused a call, or asked to wait."""
    if any("token" in text for text in (failure.type, failure.code) if text):
        return Bound.TOKENS  # OpenAI names the limit in the type of the error
    return Bound.REQUESTS if failure.slow_down else Bound.SERVICE


def bounded_json(bounded: Bounded | None) -> dict[str, Json] | None:
    """Return what bounded a run as JSON with stable keys."""
    if bounded is None:
        return None
    share = None if bounded.share is None else round(bounded.share, 3)
    return {"by": bounded.bound.value, "share": share, "remedy": bounded.remedy or None}


NAMES: Final = {
    Bound.WORKERS: "the calls in flight",
    Bound.REQUESTS: "requests a minute",
    Bound.TOKENS: "tokens a minute",
    Bound.LATENCY: "the latency of the API",
    Bound.BUDGET: "the budget",
    Bound.DISK: "the disk",
    Bound.PAUSED: "a pause",
    Bound.CPU: "this machine's CPU",
    Bound.SERVICE: "the service",
    Bound.FILES: "the limit of open files",
}
"""Names of bounds for people."""


REMEDIES: Final = {
    Bound.WORKERS: "raise --max-workers, or use auto",
    Bound.REQUESTS: "raise --rpm if it is set, or the limits of the account",
    Bound.TOKENS: "raise --tpm if it is set, or the limits of the account; shorter answers help too",
    Bound.LATENCY: "",
    Bound.BUDGET: "raise --max-cost",
    Bound.DISK: "use a faster disk (--db)",
    Bound.PAUSED: "continue with the command resume",
    Bound.CPU: "use --processes on a machine with more processors",
    Bound.SERVICE: "",
    Bound.FILES: "raise the limit of open files (ulimit -n)",
}
"""Remedy for each bound; empty if no option helps."""
