"""Values that a store takes and returns: ingest results, counts, runs, failed jobs, and export rows.

The protocols are in ``interface``, the values of a report in ``overview``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, StrEnum
from pathlib import Path
from typing import NamedTuple, TypeAlias

from artistjobs.core.batch import BatchState
from artistjobs.core.columns import Columns
from artistjobs.core.job import Claim
from artistjobs.core.statistics import RunningStats
from artistjobs.store.address import Address


class Kind(StrEnum):
    """Kind of jobs in a database; a database never holds both kinds."""

    REAL = "real"
    REHEARSAL = "rehearsal"


def wrong_kind_message(address: Address, kind: Kind) -> str:
    """Return the error message for a database of the other kind."""
    if kind is Kind.REHEARSAL:
        return f"{address} holds rehearsed jobs; add --rehearse, or name another database with --db."
    return f"{address} holds real jobs, which never mix with rehearsed jobs; name another database with --db."


@dataclass(frozen=True, slots=True)
class Source:
    """Input file: its name, the SHA-256 of its content in hexadecimal, and the way in which it is read."""

    name: str
    sha256: str
    read_as: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownFiles:
    """Files that a database was filled from: ``texts`` are the SHA-256 of templates and instructions."""

    sources: Sequence[Source]
    prompt_files: frozenset[str]
    texts: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedBefore:
    """Artists of a file that other prompt configurations have asked about, and the jobs in which they did.

    ``pending`` counts the running jobs, too. ``prompts`` holds the numbers of these configurations, and ``database`` is
    the path of the database.
    """

    database: Address
    artists: int
    done: int
    failed: int
    pending: int
    prompts: Sequence[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestResult:
    """Result of an ingest.

    ``known`` counts jobs that existed before, ``duplicates`` counts lines that repeat an earlier line
    of the same file. ``unchanged`` is True if the same file was ingested before.
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
    """Number of jobs in each state; dropped jobs count apart."""

    pending: int
    running: int
    done: int
    failed: int
    dropped: int = 0

    @property
    def total(self) -> int:
        """Number of jobs in all states, without the dropped ones."""
        return self.pending + self.running + self.done + self.failed


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkTotals:
    """Totals of all workers since the database exists; ``unpriced`` counts answers of unknown cost.

    ``cached_share`` is the share of the input tokens that came from the prompt cache, from 0 to 1, None if unknown.
    """

    calls: int
    retries: int
    input_tokens: int
    output_tokens: int
    cached_share: float | None
    cost_usd: float
    unpriced: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RecentAnswers:
    """Statistics of the latest answers, for a forecast of the pending jobs.

    ``gap_seconds`` is the time from one answer to the next, without pauses.
    """

    answers: int
    cost_usd: RunningStats
    gap_seconds: RunningStats


@dataclass(frozen=True, slots=True, kw_only=True)
class FileJobs:
    """Number of distinct jobs in a file, and how many of them the database has in each state."""

    distinct: int
    known: Counts

    @property
    def new(self) -> int:
        """Number of jobs that the database does not have."""
        return self.distinct - self.known.total - self.known.dropped

    @property
    def to_call(self) -> int:
        """Number of jobs that a run would call the API for."""
        return self.distinct - self.known.done - self.known.failed - self.known.dropped


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureGroup:
    """Failed jobs with the same error code, and one of them as an example."""

    code: str
    jobs: int
    artist_name: str
    message: str | None
    status: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RescueResult:
    """Result of a rescue: jobs that are pending again, and jobs that failed as ``worker_died``.

    ``living`` counts the other workers that are alive and keep their jobs.
    """

    pending: int = 0
    failed: int = 0
    live_workers: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueState:
    """Remaining jobs of a scope: pending jobs now or later, and jobs that other workers hold.

    ``available_at`` is the time at which the first pending job may be claimed, 0 for at once, None if
    none is pending. ``claimed_by_others`` counts the jobs that other workers hold. ``revision`` is that of the latest
    change of a setting, 0 if there is none, and None if the store did not look.
    """

    available_at: float | None
    claimed_by_others: int
    revision: int | None = None


class CallPermit(Enum):
    """Permission to make a call for a claim."""

    GRANTED = "granted"
    WAIT = "wait"  # other processes may soon take this worker for dead
    LOST = "lost"  # they have, and the job may be theirs


@dataclass(frozen=True, slots=True)
class Spool:
    """Folder of this machine with answers that the database has not taken yet, and their number."""

    folder: Path
    answers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """Money of a database in US dollars, by all workers so far.

    ``spent_usd`` counts under a cost cap. ``lost_usd`` is the part of it that calls without an answer may have cost;
    ``written_off_usd`` was such a part, but counts no longer. ``in_flight_usd`` is held back for calls in flight.
    """

    spent_usd: float
    lost_usd: float
    written_off_usd: float
    in_flight_usd: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LostCalls:
    """Calls with one error code that may have been billed although no answer arrived. Times are UTC text."""

    code: str
    calls: int
    usd: float
    first_at: str
    last_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """Response that the service makes for a job in the background.

    ``window`` is the completion window that was asked for, None for none. ``submitted_at`` is in seconds after the
    epoch, and ``reserved_usd`` is what is held back for it under a cost cap.
    """

    job: int
    response_id: str
    window: str | None
    submitted_at: float
    reserved_usd: float = 0.0


@dataclass(frozen=True, slots=True)
class BackgroundAnswers:
    """Responses that the service makes in the background: their number, and when the oldest was created as UTC text."""

    answers: int = 0
    oldest_at: str | None = None


NOTHING_AWAITED = BackgroundAnswers()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """Result of a reservation under a cost cap: the number of calls granted, and the money afterwards."""

    granted: int
    money: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseCopy:
    """Copy of a database: its jobs, those of them that are done, and the name under which a replaced file is kept."""

    jobs: int
    done: int
    kept: Path | None = None


class ExportRow(NamedTuple):
    """Final job with the fields of an export. A tuple is fast to create in large numbers.

    ``columns`` are the values of the other columns of its row, and ``header`` is the number of their names.
    """

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
    header: int | None = None
    columns: str | None = None


class ComparedJob(NamedTuple):
    """Job of one side of a comparison with its kept answer; tokens and cost are those of all its answers.

    They are None if there are no answers, or none with such a value. ``unpriced`` counts the answers of unknown cost.
    """

    job: int
    prompt: int
    state: str
    error_code: str | None
    text: str | None
    model: str | None
    seconds: float | None
    input_tokens: int | None
    output_tokens: int | None
    cost_usd: float | None
    unpriced: int | None


ComparedRow: TypeAlias = tuple[str, str, Columns, ComparedJob, ComparedJob]
"""Name, data and other columns of a row, and its jobs for two prompt configurations."""


RawExportRow: TypeAlias = tuple[int, int, bytes, bytes, bytes | None, bytes, int | None, int | None, str | None]
"""Final job with fields in JSON as UTF-8: its number and that of its prompt, name and data, the text as the API wrote
it or None if that is not available, response id, the time of creation, and header and columns as in ``ExportRow``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptName:
    """Prompt configuration without its texts. ``params`` holds further fields of the request as JSON.

    ``prompt`` is its number, and ``created_at`` is the time of its first ingest as UTC text.
    """

    prompt: int
    prompt_id: str | None
    version: str | None
    prompt_file: str | None
    model: str
    params: str
    created_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress(PromptName):
    """Progress of one prompt configuration."""

    counts: Counts


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestRecord:
    """File that was read: its name, the number of the prompt, and the counts. ``ingested_at`` is UTC text."""

    ingest: int
    ingested_at: str
    source: str
    prompt: int
    lines: int
    good: int
    added: int
    known: int
    duplicates: int
    bad: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Run of one worker with its totals. ``ended_at`` and ``ending`` are None until its end is recorded.

    ``is_alive`` comes from the lock that the operating system frees with the process. ``bounded_by`` is what has
    bounded it in its last minute, None if nothing has. Times are UTC text.
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
    bounded_by: str | None = None
    is_alive: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRecord:
    """Batch of jobs at the service, with the totals of its answers so far.

    ``id`` is also the number of the worker that holds its jobs. ``driver`` is the worker that takes it through its
    states, None if there is none. ``tokens`` is the estimate of its input tokens, and ``creates`` the number of times
    that its creation was tried. ``service_status`` and the three counts are what the service said last. ``queue_limit``
    is set if the service refused it because of its token queue. Times are UTC text.
    """

    id: int
    uuid: str
    state: BatchState
    model: str
    driver: int | None
    lines: int
    bytes: int
    tokens: int
    reserved_usd: float
    creates: int
    file_id: str | None
    batch_id: str | None
    output_file_id: str | None
    error_file_id: str | None
    service_status: str | None
    service_total: int | None
    service_completed: int | None
    service_failed: int | None
    created_at: str
    creating_at: str | None
    submitted_at: str | None
    ended_at: str | None
    closed_at: str | None
    cancel_asked_at: str | None
    queue_limit: int | None
    ending: str | None
    error: str | None
    done: int
    failed: int
    retries: int
    cost_usd: float
    unpriced: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchChange:
    """Values of a batch to change; None leaves a value as it is. Times are UTC text."""

    lines: int | None = None
    bytes: int | None = None
    tokens: int | None = None
    reserved_usd: float | None = None
    creates: int | None = None
    file_id: str | None = None
    batch_id: str | None = None
    output_file_id: str | None = None
    error_file_id: str | None = None
    service_status: str | None = None
    service_total: int | None = None
    service_completed: int | None = None
    service_failed: int | None = None
    creating_at: str | None = None
    submitted_at: str | None = None
    ended_at: str | None = None
    closed_at: str | None = None
    queue_limit: int | None = None
    ending: str | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class TokenQueue:
    """Estimated tokens of a model in the queue of the service, and the most that it holds, None if unknown."""

    queued: int
    limit: int | None

    @property
    def room(self) -> int | None:
        """Tokens for which there is room, None if that is unknown."""
        return None if self.limit is None else max(0, self.limit - self.queued)


class BatchJob(NamedTuple):
    """Job of a line, and whether its batch still holds it."""

    claim: Claim
    is_held: bool


class FailedJob(NamedTuple):
    """Failed job with the error of its last attempt; ``status`` is the HTTP status, ``failed_at`` is UTC text."""

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
    """Job whose artist matches a search. ``distance`` is 0 for the exact name, 1 for a difference in case alone,
    2 for a name that begins with the search text, 3 for one that contains it."""  # noqa: D205, D209

    job: int
    artist_name: str
    artist_data: str
    state: str
    prompt: int
    distance: int
