"""Protocols of a store: ingest, queue, records, report queries, controls, and read-only access.

``Ingestor`` adds the jobs of a file, ``Queue`` gives jobs to workers and records their attempts, ``Records`` and
``JobQueries`` read them back, ``ReportQueries`` reads the data of a report, and ``Controls`` changes the settings of
running workers. A store opens its parts on one connection. All of them raise ``StoreError`` if the disk or the
database fails.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from artistjobs.core.attempt import Attempt
from artistjobs.core.controls import Control, ControlChange
from artistjobs.core.job import Artist, BadLine, Claim, Scope
from artistjobs.core.prompt import Prompt
from artistjobs.core.statistics import AnswerStats
from artistjobs.store.address import Address
from artistjobs.store.models import (
    ArtistMatch,
    Counts,
    ExportRow,
    FailedJob,
    FailureGroup,
    FileJobs,
    IngestResult,
    Kind,
    Progress,
    QueueState,
    RawExportRow,
    RecentAnswers,
    RescueResult,
    Reservation,
    Run,
    Source,
    WorkTotals,
)
from artistjobs.store.overview import Bounds, Overview


class Ingestor(Protocol):
    """Adds the jobs of input files."""

    def ingest(
        self, source: Source, prompt: Prompt, rows: Iterable[Artist | BadLine], count_lines: Callable[[], int]
    ) -> IngestResult:
        """Add a pending job for each new row, in one transaction; all rows are consumed.

        ``count_lines`` returns the number of lines read so far.
        """

    def find_same_file(self, source: Source, prompt: Prompt) -> IngestResult | None:
        """Record another ingest of an unchanged file; None if this file was not ingested with this prompt before."""

    def bad_lines(self, ingest: int, limit: int) -> Sequence[BadLine]:
        """Return the first ``limit`` bad lines of an ingest."""


class Queue(Protocol):
    """Queue of jobs for one worker: claims, attempts, rescue and retry."""

    def register(self) -> int:
        """Register this process as a worker and return its number; other processes can see that it is alive."""

    def exchange(self, attempts: Sequence[Attempt], limit: int, scope: Scope) -> Sequence[Claim]:
        """Record attempts and claim up to ``limit`` jobs, in one transaction that is on disk on return.

        An attempt whose claim was lost does not change its job; its answer is stored and marked as late.
        """

    def rescue(self) -> RescueResult:
        """Free the jobs of dead workers; return how many became pending or failed."""

    def queue_state(self, scope: Scope) -> QueueState:
        """Return the time of the next claimable job, and the number of jobs that other workers hold."""

    def retry(self, *, scope: Scope, code: str | None = None, job: int | None = None) -> int:
        """Make failed jobs pending again with their attempts counted from 0; return how many."""

    def spent_usd(self) -> float:
        """Return the known cost of all stored answers plus the maximum cost of lost calls, in dollars."""

    def reserve(self, amounts: Sequence[float], cap_usd: float) -> Reservation:
        """Reserve money for calls, in their order, as far as all workers together stay under the cap.

        ``amounts`` and ``cap_usd`` are in dollars.
        """

    def end(self, ending: str) -> None:
        """Record the end of this worker and release its liveness lock; ``ending`` is the reason."""


class Records(Protocol):
    """Read access to counts, prompts, workers, failures, and the rows of an export."""

    def scope(self, ingest: int | None) -> Scope:
        """Return the scope of an ingest, the latest for None; raises WrongUseError if there is none."""

    def counts(self, scope: Scope) -> Counts:
        """Return the number of jobs in each state."""

    def prompt(self, number: int) -> Prompt:
        """Return a prompt configuration by its number."""

    def pending_prompts(self, scope: Scope) -> Sequence[Prompt]:
        """Return the prompt configurations of pending jobs."""

    def work(self) -> WorkTotals:
        """Return the totals of all workers: calls, retries, tokens and cost."""

    def latest(self) -> RecentAnswers:
        """Return statistics of the latest answers; fast, however many answers there are."""

    def failures(self) -> Sequence[FailureGroup]:
        """Return the failed jobs grouped by error code, the most frequent first."""

    def workers(self) -> Sequence[Run]:
        """Return the workers that have not ended."""

    def jobs_per_minute(self, seconds: float) -> float:
        """Return the throughput of the last ``seconds``, in jobs per minute."""

    def export(self, scope: Scope, states: Sequence[str]) -> Iterator[ExportRow]:
        """Yield final jobs from one consistent snapshot, in the order of the ingest's file or oldest first."""

    def export_raw(self, scope: Scope, states: Sequence[str]) -> Iterator[RawExportRow]:
        """Yield the same jobs with their texts as raw JSON; a text is None if it would have to be decoded first."""

    def exported(self, job: int) -> ExportRow:
        """Return one final job as ``export`` yields it."""

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


class Store(OpenDatabase, Protocol):
    """Database that is open for writing."""

    @property
    def ingestor(self) -> Ingestor:
        """Ingest of files."""

    @property
    def queue(self) -> Queue:
        """Queue of jobs for this process."""

    @property
    def report_queries(self) -> ReportQueries:
        """Queries for a report."""

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

    def failed(self, code: str | None, limit: int | None) -> Iterator[FailedJob]:
        """Yield failed jobs from one consistent snapshot, oldest first; None means any code, or no limit."""

    def find_by_artist(self, name: str, limit: int) -> Sequence[ArtistMatch]:
        """Return the jobs of an artist with that name, or of the closest names, all with the same distance."""

    def job(self, job: int) -> Mapping[str, object] | None:
        """Return the row of a job, None if there is no such job."""

    def attempts(self, job: int) -> Sequence[Mapping[str, object]]:
        """Return the attempts at a job, the oldest first."""

    def answers(self, job: int) -> Sequence[Mapping[str, object]]:
        """Return the answers to a job; the one that settled it comes first and has ``is_kept`` set."""


class Reader(OpenDatabase, Protocol):
    """Database that is open for reading."""

    @property
    def job_queries(self) -> JobQueries:
        """Queries about single jobs, runs and progress."""

    def snapshot(self) -> AbstractContextManager[object]:
        """Read one consistent state for as long as the context lasts."""
