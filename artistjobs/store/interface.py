"""Protocols of a store: ingest, queue, records, report queries, controls, and read-only access.

``Ingestor`` adds the jobs of a file, ``Queue`` gives jobs to workers and records their attempts, ``Records`` and
``JobQueries`` read them back, ``ReportQueries`` reads the data of a report, and ``Controls`` changes the settings of
running workers. A store opens its parts on one connection. All of them raise ``StoreError`` if the disk or the
database fails.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from artistjobs.core.attempt import Attempt
from artistjobs.core.batch import BatchState
from artistjobs.core.columns import Columns
from artistjobs.core.controls import Control, ControlChange
from artistjobs.core.job import BadLine, Claim, Row, Scope
from artistjobs.core.prompt import Prompt
from artistjobs.core.schema import RejectedAnswer
from artistjobs.core.statistics import AnswerStats
from artistjobs.store.address import Address
from artistjobs.store.models import (
    ArtistMatch,
    AskedBefore,
    BackgroundAnswers,
    BatchChange,
    BatchJob,
    BatchRecord,
    CallPermit,
    ComparedRow,
    Counts,
    ExportRow,
    FailedJob,
    FailureGroup,
    FileJobs,
    IngestRecord,
    IngestResult,
    Kind,
    KnownFiles,
    LostCalls,
    Money,
    Progress,
    PromptName,
    QueueState,
    RawExportRow,
    RecentAnswers,
    RescueResult,
    Reservation,
    Run,
    Source,
    Spool,
    Submission,
    TokenQueue,
    WorkTotals,
)
from artistjobs.store.overview import Bounds, Overview

ChangePrompt = Callable[[Prompt], Prompt]
"""Returns a prompt configuration with some fields of the request changed."""


class Ingestor(Protocol):
    """Adds the jobs of input files."""

    def ingest(
        self,
        source: Source,
        prompt: Prompt,
        rows: Iterable[Row],
        count_lines: Callable[[], int],
        tell_asked_before: Callable[[AskedBefore], None] = ...,
        column_names: Callable[[], Sequence[str]] = ...,
    ) -> IngestResult:
        """Add a pending job for each new row, in one transaction; all rows are consumed.

        ``count_lines`` returns the number of lines read so far. ``tell_asked_before`` is called before anything is
        stored if other prompt configurations have asked about the same artists. ``column_names`` returns the names of
        the cells of the rows so far; names may be added while rows are read.
        """

    def find_same_file(self, source: Source, prompt: Prompt) -> IngestResult | None:
        """Record another ingest of an unchanged file; None if this file was not ingested with this prompt before."""

    def bad_lines(self, ingest: int, limit: int) -> Sequence[BadLine]:
        """Return the first ``limit`` bad lines of an ingest."""


class Queue(Protocol):
    """Queue of jobs for one worker: claims, attempts, rescue and retry.

    Once it is registered, its methods raise StoreAwayError at once if the server of the database is away, and
    StoreError if it stays away for too long. ``exchange``, ``free`` and ``note_stop`` keep what they were given
    instead, and ``retry`` and ``end`` wait.
    """

    def register(self) -> int:
        """Register this process as a worker and return its number; other processes can see that it is alive."""

    def claim_randomly(self) -> None:
        """Claim random jobs from now on, no longer the oldest first."""

    def exchange(self, attempts: Sequence[Attempt], limit: int, scope: Scope) -> Sequence[Claim]:
        """Record attempts and claim up to ``limit`` jobs, in one transaction that is on disk on return.

        An attempt whose claim was lost does not change its job; its answer is stored and marked as late. While the
        server of the database is away, attempts are kept on this machine and nothing is claimed.
        """

    def rescue(self) -> RescueResult:
        """Free the jobs of dead workers; return how many became pending or failed."""

    def queue_state(self, scope: Scope) -> QueueState:
        """Return the time of the next claimable job, and the number of jobs that other workers hold."""

    def retry(
        self, *, scope: Scope, code: str | None = None, job: int | None = None, change: ChangePrompt | None = None
    ) -> int:
        """Make failed jobs pending again with their attempts counted from 0; return how many.

        With ``change`` they are sent from now on with the prompt configuration that it returns for their last one.
        Their identity and their answers stay.
        """

    def drop(self, *, scope: Scope, prompt: int | None = None, code: str | None = None) -> int:
        """Drop the pending jobs of a scope, or those that failed with a code; return how many.

        ``prompt`` is the number of a prompt configuration, None for any.
        """

    def write_off(self) -> None:
        """Write off the money of lost calls, so that it no longer counts as spent, in one transaction."""

    def reserve(self, amounts: Iterable[tuple[float, float]], cap_usd: float) -> Reservation:
        """Hold money back for calls, in their order, as far as all workers together stay under the cap.

        Each of the ``amounts`` is the worst case of a call and a margin for it. A call needs room for both, or for the
        worst case alone if no other call is in flight. ``amounts`` and ``cap_usd`` are in dollars.
        """

    def free(self, usd: float, margin_usd: float) -> None:
        """Free money that was held back for calls of this worker that were not made, in dollars."""

    def submit(self, submission: Submission) -> None:
        """Store a response that the service makes for a job in the background, on disk on return.

        It is forgotten with the attempt that ends it. If this worker dies first, the job is pending again without an
        attempt counted, and whoever claims it next finds the response.
        """

    def submission(self, job: int) -> Submission | None:
        """Return the response that the service makes for a job in the background, None if there is none."""

    def submissions(self) -> int:
        """Return the number of responses that the service makes in the background."""

    def watch_lock(self, *, is_abandoned: bool) -> None:
        """Look whether this queue waits for the right to write; another thread calls this once a second.

        Once the wait is long, it logs who holds the lock. Raises StoreError if the holder has done nothing for too
        long, and with ``is_abandoned`` if the wait has lasted for a second.
        """

    def note_call(self, job: int) -> None:
        """Note the job whose call begins or ends, so that it is known if the process dies now.

        Any thread may call this. It is called twice for each call, and must cost microseconds.
        """

    def may_call(self, job: int) -> CallPermit:
        """Return the permission to make a call for a claimed job; any thread may ask, before each call."""

    def note_stop(self, ending: str) -> None:
        """Record that this worker was told to stop: if it is killed from now on, no job is to blame."""

    def note_bound(self, bound: str | None) -> None:
        """Record what bounds the run of this worker, None if nothing does."""

    def end(self, ending: str) -> None:
        """Record the end of this worker and release its liveness lock; ``ending`` is the reason."""


class BatchQueries(Protocol):
    """Read access to batches."""

    def open_batches(self) -> Sequence[BatchRecord]:
        """Return the batches that are not closed, the oldest first."""

    def latest_batches(self, limit: int) -> Sequence[BatchRecord]:
        """Return the latest batches, the newest first."""

    def batch(self, batch: int) -> BatchRecord | None:
        """Return a batch by its number, None if there is none."""

    def held_jobs(self, scope: Scope) -> int:
        """Return the number of jobs in batches that are not closed."""

    def background(self) -> BackgroundAnswers:
        """Return how many responses the service makes in the background, and since when."""


class Batches(BatchQueries, Protocol):
    """Batches at the service, which hold jobs as a worker does. Each method is one transaction, on disk on return.

    A batch is driven by one living worker at most; when that ends or dies, another one can take it.
    """

    def take(self) -> Sequence[BatchRecord]:
        """Become the driver of the open batches that have none; return all batches that this worker drives."""

    def prepare(self, uuid: str, model: str, scope: Scope, limit: int) -> BatchRecord | None:
        """Bind up to ``limit`` pending jobs of a model to a new batch; None if there are none."""

    def jobs(self, batch: int, after: int, limit: int) -> Sequence[Claim]:
        """Return jobs that a batch holds, with greater numbers than ``after``, in the order of their numbers."""

    def jobs_by_id(self, batch: int, jobs: Sequence[int]) -> Mapping[int, BatchJob]:
        """Return jobs by their numbers, and whether a batch still holds each of them."""

    def seal(self, batch: int, last_job: int, change: BatchChange, cap_usd: float | None) -> bool:
        """Make the lines of a batch final: jobs after ``last_job`` are pending again, no attempt counted.

        The money in ``change`` is held back first; return False, with nothing changed, if ``cap_usd`` has no room.
        """

    def move(self, batch: int, state: BatchState, change: BatchChange) -> BatchRecord:
        """Move a batch to a state, which may be its own, and change values."""

    def settle(self, batch: int, attempts: Sequence[Attempt]) -> Sequence[Attempt]:
        """Record attempts at jobs of a batch; return those that changed their jobs.

        An attempt that was recorded before changes nothing. An answer to a job that the batch no longer holds is kept
        once, and marked as late.
        """

    def finish(self, batch: int, change: BatchChange, *, is_lost: bool = False, delay_seconds: float = 0.0) -> int:
        """Make the jobs that a batch still holds pending again, no attempt counted, and return their number.

        The batch is then collected. The money that is still held back becomes free, or counts as lost.
        """

    def ask_to_cancel(self, batch: int | None) -> int:
        """Ask the drivers of open batches to cancel one, or all; return how many were asked."""

    def token_queue(self, model: str) -> TokenQueue:
        """Return the state of the token queue of a model, as far as it is known."""


class Records(Protocol):
    """Read access to counts, prompts, workers, failures, and the rows of an export."""

    def scope(self, ingest: int | None) -> Scope:
        """Return the scope of an ingest, the latest for None; raises WrongUseError if there is none."""

    def known_files(self) -> KnownFiles:
        """Return the files that the rows and the prompts came from."""

    def counts(self, scope: Scope) -> Counts:
        """Return the number of jobs in each state."""

    def prompt(self, number: int) -> Prompt:
        """Return a prompt configuration by its number."""

    def columns(self, header: int | None, cells: str | None) -> Columns:
        """Return the other columns of a row, given the number of their names and their stored values."""

    def column_names(self, scope: Scope) -> Sequence[str]:
        """Return the names of the other columns of all rows in a scope, in the order of their files."""

    def prompt_names(self) -> Sequence[PromptName]:
        """Return all prompt configurations without their texts, the oldest first."""

    def prompts(self, scope: Scope) -> Sequence[Prompt]:
        """Return the prompt configurations of all jobs in a scope, in the order in which they were first used."""

    def pending_prompts(self, scope: Scope) -> Sequence[Prompt]:
        """Return the prompt configurations of pending jobs, as they will be sent."""

    def money(self) -> Money:
        """Return the money that counts under a cost cap."""

    def work(self, prompt: int | None = None) -> WorkTotals:
        """Return calls, retries, tokens and cost: those of all workers, or those of one prompt."""

    def latest(self, prompt: int | None = None) -> RecentAnswers:
        """Return statistics of the latest answers, of one prompt if it is given; fast, however many there are."""

    def failures(self, prompt: int | None = None) -> Sequence[FailureGroup]:
        """Return the failed jobs grouped by error code, the most frequent first; of one prompt if it is given."""

    def workers(self) -> Sequence[Run]:
        """Return the workers that have not ended."""

    def jobs_per_minute(self, seconds: float, prompt: int | None = None) -> float:
        """Return the throughput of the last ``seconds``, in jobs per minute of the time in which a worker ran."""

    def worked_seconds(self, pids: Collection[int], since: float) -> float | None:
        """Return the seconds from the start of the first to the end of the last of some workers; None if none ran.

        Args:
            pids: The process ids of the workers, on this host.
            since: Seconds since the epoch; workers that started earlier do not count.

        """

    def export(self, scope: Scope, states: Sequence[str]) -> Iterator[ExportRow]:
        """Yield final jobs from one consistent snapshot, in the order of the ingest's file or oldest first."""

    def export_raw(self, scope: Scope, states: Sequence[str]) -> Iterator[RawExportRow]:
        """Yield the same jobs with their texts as raw JSON; a text is None if it would have to be decoded first."""

    def exported(self, job: int) -> ExportRow:
        """Return one final job as ``export`` yields it."""

    def compared(self, first: int, second: int) -> Iterator[ComparedRow]:
        """Yield the rows that were asked with two prompt configurations, from one consistent snapshot."""

    def rejected_answers(self, job: int, attempt: int) -> Sequence[RejectedAnswer]:
        """Return the answers to a job that did not fit its schema, among the attempts before ``attempt``."""

    def details(self, job: int) -> Mapping[str, object]:
        """Return the stored fields of a job's answer, empty if it has none."""

    def last_error(self, job: int) -> Mapping[str, object]:
        """Return error type, message and HTTP status of a job's last failed attempt."""


class ReportQueries(Protocol):
    """Queries for a report on a whole database."""

    def overview(self, bounds: Bounds) -> Overview:
        """Return the data of a report from one consistent snapshot, in memory that does not grow with the jobs."""


class Controls(Protocol):
    """Settings sent to running workers from another terminal."""

    def read(self) -> Sequence[ControlChange]:
        """Return the latest change of each setting; fast, because every worker polls it."""

    def set(self, values: Mapping[Control, float | None]) -> None:
        """Change some settings in one transaction; each change gets a revision greater than all before."""


class FilePreview(Protocol):
    """Counter of the jobs that a file would add, compared with a database that is only read and may be missing."""

    @property
    def has_database(self) -> bool:
        """True if there is a database to compare with."""

    def add(self, keys: Sequence[bytes]) -> None:
        """Add the keys of some more rows."""

    def asked(self) -> FileJobs:
        """Return the number of distinct jobs, and how many of them the database has in each state."""

    def measured(self, prompt: Prompt) -> AnswerStats | None:
        """Return statistics of the latest answers to the same prompt, None if there are none."""


class OpenDatabase(Protocol):
    """Open database: the common part of ``Store`` and ``Reader``."""

    @property
    def path(self) -> Address:
        """Path of its file, or URL of its server, as given by the user."""

    @property
    def kind(self) -> Kind:
        """Kind of jobs that it holds."""

    @property
    def records(self) -> Records:
        """Read access to counts, prompts, workers and exports."""

    @property
    def report_queries(self) -> ReportQueries:
        """Queries for a report."""


class Store(OpenDatabase, Protocol):
    """Database that is open for writing."""

    @property
    def ingestor(self) -> Ingestor:
        """Ingest of files."""

    @property
    def queue(self) -> Queue:
        """Queue of jobs for this process."""

    @property
    def batches(self) -> Batches:
        """Batches at the service."""

    @property
    def controls(self) -> Controls:
        """Settings of running workers."""

    def close(self) -> None:
        """Close the database."""


class OpenStore(Protocol):
    """Function that opens the same database again, since each thread needs a connection of its own."""

    def __call__(self) -> AbstractContextManager[Store]:
        """Return a store that is closed at the end of its context."""


class JobQueries(Protocol):
    """Queries about single jobs, runs and progress."""

    def progress(self) -> Sequence[Progress]:
        """Return the progress of each prompt configuration; fast, however many jobs are done."""

    def runs(self, limit: int) -> Sequence[Run]:
        """Return the latest runs, the newest first."""

    def control_changes(self) -> Sequence[ControlChange]:
        """Return the latest change of each setting sent to running workers."""

    def ingests(self) -> Sequence[IngestRecord]:
        """Return all files that were read, the oldest first."""

    def lost_calls(self) -> Sequence[LostCalls]:
        """Return the calls that may have been billed without an answer by error code, the most expensive first."""

    def failed(self, code: str | None, limit: int | None, prompt: int | None = None) -> Iterator[FailedJob]:
        """Yield failed jobs from one consistent snapshot, oldest first; None means any code or prompt, or no limit."""

    def find_by_artist(self, name: str, limit: int) -> Sequence[ArtistMatch]:
        """Return the jobs of an artist with that name, or of the closest names, all with the same distance."""

    def job(self, job: int) -> Mapping[str, object] | None:
        """Return the row of a job with its other columns by name, None if there is no such job."""

    def attempts(self, job: int) -> Sequence[Mapping[str, object]]:
        """Return the attempts at a job, the oldest first."""

    def answers(self, job: int) -> Sequence[Mapping[str, object]]:
        """Return the answers to a job; the one that settled it comes first and has ``is_kept`` set."""


class Reader(OpenDatabase, Protocol):
    """Database that is open for reading."""

    @property
    def job_queries(self) -> JobQueries:
        """Queries about single jobs, runs and progress."""

    @property
    def batches(self) -> BatchQueries:
        """Batches at the service."""

    def snapshot(self) -> AbstractContextManager[object]:
        """Read one consistent state for as long as the context lasts."""

    def spool(self) -> Spool | None:
        """Return the answers on this machine that the database has not taken yet, None if there are none."""
