"""What a job is: its states, the moves between them, and what a claim hands to a worker."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class JobState(StrEnum):
    """Where a job stands. The last two are final until someone asks for a retry."""

    PENDING = "pending"  # to be claimed, once its ``available_at`` has come
    RUNNING = "running"  # held by one worker, for as long as that worker lives
    DONE = "done"  # its answer is stored
    FAILED = "failed"  # it was given up; its last attempt says why


ALLOWED_MOVES: Mapping[JobState, frozenset[JobState]] = {
    # claim
    JobState.PENDING: frozenset({JobState.RUNNING}),
    # settle; release and rescue lead back to pending
    JobState.RUNNING: frozenset({JobState.DONE, JobState.FAILED, JobState.PENDING}),
    JobState.DONE: frozenset(),
    # retry
    JobState.FAILED: frozenset({JobState.PENDING}),
}


DEATHS_MAX = 3
"""How many workers may die with a job in hand before the job is failed as ``worker_died``."""


MAX_DELAY_SECONDS = 3600.0
"""How long a job that was given back may have to wait. A moment later than that was set by a clock that was wrong."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One job held by this worker, and the number that its next call will have."""

    job: int
    attempt: int
    prompt: int
    artist_name: str
    artist_data: str


@dataclass(frozen=True, slots=True)
class Scope:
    """Which jobs a command is about: all of them, or those that one ingest asked for.

    ``first_job`` and ``last_job`` bound the ids of an ingest's jobs, so that claiming from a
    small ingest does not look through a large one; ``is_span`` tells that they are all the jobs
    between the two.
    """

    ingest: int | None = None
    first_job: int = 0
    last_job: int = 2**63 - 1
    is_span: bool = True


EVERYTHING = Scope()


class Artist(NamedTuple):
    """A good row; `data` is empty if it has none. A tuple, for a million of them are made in a second."""

    line: int
    name: str
    data: str


@dataclass(frozen=True, slots=True)
class BadLine:
    """A row to skip: the number of its first line, why, and how that line begins, bad bytes as U+FFFD."""

    line: int
    reason: str
    beginning: str
