"""Jobs: their states, the allowed state transitions, claims, scopes, and the rows of an input file."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple, TypeAlias

from artistjobs.core.columns import Columns, cells_of


class JobState(StrEnum):
    """State of a job. The last two are final until someone runs ``retry``."""

    PENDING = "pending"  # waits to be claimed, not before its ``available_at``
    RUNNING = "running"  # claimed by one worker, for as long as that worker lives
    DONE = "done"  # its answer is stored
    FAILED = "failed"  # no further attempt is made; its last attempt holds the reason


ALLOWED_MOVES: Mapping[JobState, frozenset[JobState]] = {
    # claim; drop
    JobState.PENDING: frozenset({JobState.RUNNING, JobState.FAILED}),
    # settle; release and rescue return the job to pending
    JobState.RUNNING: frozenset({JobState.DONE, JobState.FAILED, JobState.PENDING}),
    JobState.DONE: frozenset(),
    # retry
    JobState.FAILED: frozenset({JobState.PENDING}),
}


DROPPED = "user:dropped"
"""Error code of a dropped job: it is failed, but counts apart, and only a retry by this code makes it pending again.
Error codes of servers have no colon, so none of them can be this one."""


DEATHS_MAX = 3
"""Number of workers that may die while they hold a job; then the job fails as ``worker_died``."""


MAX_DELAY_SECONDS = 3600.0
"""Longest wait of a released job. A later ``available_at`` was set by a wrong clock and is ignored."""


@dataclass(frozen=True, slots=True)
class Claim:
    """One job claimed by this worker, and the number of its next attempt.

    ``columns`` holds the other columns of its row if the request uses some of them.
    """

    job: int
    attempt: int
    prompt: int
    artist_name: str
    artist_data: str
    columns: Columns = field(default_factory=dict)  # a value of its own: another one would have to be hashable


@dataclass(frozen=True, slots=True)
class Scope:
    """Jobs that a command works on or exports: all of them, or those of one ingest.

    ``first_job`` and ``last_job`` bound the ids of an ingest's jobs, so that a claim from a
    small ingest does not scan a large one. ``is_span`` is True if the ingest has every job
    between the two. An export takes only the jobs of the prompt configuration ``prompt`` if it is given; a queue works
    on all prompts.
    """

    ingest: int | None = None
    first_job: int = 0
    last_job: int = 2**63 - 1
    is_span: bool = True
    prompt: int | None = None


EVERYTHING = Scope()


class Artist(NamedTuple):
    """Valid row of an input file; ``data`` is empty if it has none. A tuple is fast to create in large numbers."""

    line: int
    name: str
    data: str

    @property
    def cells(self) -> tuple[str, ...]:
        """Values of the other columns: none."""
        return ()


class TableArtist(NamedTuple):
    """Valid row of a table; ``values`` are those of its other columns as they are stored, by ``cells_text``."""

    line: int
    name: str
    data: str
    values: str

    @property
    def cells(self) -> list[str]:
        """Values of the other columns, perhaps without the last ones."""
        return cells_of(self.values)


GoodRow: TypeAlias = Artist | TableArtist


@dataclass(frozen=True, slots=True)
class BadLine:
    """Invalid row: the number of its first line, the reason, and the beginning of that line, bad bytes as U+FFFD."""

    line: int
    reason: str
    beginning: str


Row: TypeAlias = Artist | TableArtist | BadLine
"""Row of an input file."""
