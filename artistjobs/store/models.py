"""What artistjobs asks of a database: four small protocols, and the values they speak in.

``Ingestor`` takes files in, ``Queue`` hands jobs to workers and records what came of them,
``Records`` reads back, ``Controls`` passes on what running workers are told. A store opens all of
them on one connection; SQLite is the first of its kind.
Anything that goes wrong with the disk or the database is raised as ``StoreError``.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, TypeAlias

from artistjobs.core.statistics import RunningStats


class Kind(StrEnum):
    """What a database holds: one or the other, never both."""

    REAL = "real"
    REHEARSAL = "rehearsal"


@dataclass(frozen=True, slots=True)
class Source:
    """A file to take in: what it is called, and the SHA-256 of its content in hexadecimal."""

    name: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestResult:
    """What an ingest came to.

    ``known`` counts jobs that were there before, ``duplicates`` lines that repeat an earlier line
    of the same file. ``unchanged`` tells that the same file had been taken in before.
    """

    ingest: int
    lines: int
    good: int
    added: int
    known: int
    duplicates: int
    bad: int
    unchanged: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Jobs in each state."""

    pending: int
    running: int
    done: int
    failed: int

    @property
    def total(self) -> int:
        """All of them."""
        return self.pending + self.running + self.done + self.failed


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkTotals:
    """What all workers together ever did; ``unpriced`` counts answers whose cost is not known."""

    calls: int
    retries: int
    input_tokens: int
    output_tokens: int
    cost_usd: float
    unpriced: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RecentAnswers:
    """What the latest answers came to that tell about the jobs still pending.

    ``gap_seconds`` are those from one answer to the next, pauses left out.
    """

    answers: int
    cost_usd: RunningStats
    gap_seconds: RunningStats


@dataclass(frozen=True, slots=True, kw_only=True)
class FileJobs:
    """How many distinct jobs a file asks for, and how many of them are known, in each state."""

    distinct: int
    known: Counts

    @property
    def new(self) -> int:
        """Those that are not known."""
        return self.distinct - self.known.total

    @property
    def to_call(self) -> int:
        """Those that a run would call for."""
        return self.distinct - self.known.done - self.known.failed


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureGroup:
    """Failed jobs with one error code, and one of them as an example."""

    code: str
    jobs: int
    artist_name: str
    message: str | None
    status: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RescueResult:
    """What was taken from dead workers: jobs pending again, and jobs failed as ``worker_died``.

    ``living`` counts the other workers, which were left alone.
    """

    pending: int = 0
    failed: int = 0
    live_workers: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueState:
    """What is left in a scope: pending jobs now or later, and jobs that other workers hold.

    ``available_at`` is the moment the first pending job may be claimed, 0 for at once, None if
    none is pending. ``claimed_by_others`` counts the jobs that other workers hold.
    """

    available_at: float | None
    claimed_by_others: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """Money under a cap: for how many of the calls asked about it was held back, and how it stands now.

    ``spent_usd`` counts lost calls at their worst, ``in_flight_usd`` the calls of all workers.
    """

    granted: int
    spent_usd: float
    in_flight_usd: float


class ExportRow(NamedTuple):
    """A final job as an export needs it. A tuple, since a million of them are made in a row."""

    job: int
    prompt: int
    artist_name: str
    artist_data: str
    state: str
    attempts: int
    error_code: str | None
    text: str | None
    response_id: str | None
    created: int | None
    received_at: str | None
    status: str | None


RawExportRow: TypeAlias = tuple[int, int, bytes, bytes, bytes | None, bytes, int | None]
"""A final job in JSON as UTF-8: its number and that of its prompt, name and data, text as the API wrote it or None
where that is not to be had, response id, and when that was created."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Jobs in each state that are asked in one way. ``params`` is JSON of further fields of the request."""

    prompt: int
    prompt_id: str | None
    version: str | None
    prompt_file: str | None
    model: str
    params: str
    counts: Counts


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What one worker did. ``ended_at`` and ``ending`` are None as long as nobody recorded its end.

    ``is_alive`` is told by the lock that dies with its process. Moments are UTC text.
    """

    worker: int
    host: str
    pid: int
    started_at: str
    seen_at: str
    ended_at: str | None
    ending: str | None
    done: int
    failed: int
    calls: int
    retries: int
    input_tokens: int
    output_tokens: int
    cost_usd: float
    unpriced: int
    is_alive: bool


class FailedJob(NamedTuple):
    """A failed job with what its last attempt says; the status is that of HTTP, the moment UTC text."""

    job: int
    artist_name: str
    artist_data: str
    code: str
    status: int | None
    attempts: int
    failed_at: str | None
    message: str | None
    request_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtistMatch:
    """A job whose artist may be meant. ``distance`` is 0 for the very name, 1 for the same in other letters,
    2 for a name that begins so, 3 for one that holds it."""  # noqa: D205, D209

    job: int
    artist_name: str
    artist_data: str
    state: str
    prompt: int
    distance: int
