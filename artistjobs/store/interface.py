"""The protocols of a store."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from artistjobs.core.attempt import Attempt
from artistjobs.core.controls import Control, ControlChange
from artistjobs.core.job import Artist, BadLine, Claim, Scope
from artistjobs.core.prompt import Prompt
from artistjobs.core.statistics import AnswerStats
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
    """Takes files in."""

    def ingest(
        self, source: Source, prompt: Prompt, rows: Iterable[Artist | BadLine], count_lines: Callable[[], int]
    ) -> IngestResult:
        """Add a pending job for each new row, in one transaction; the rows are read to their end.

        ``count_lines`` returns how many lines have been read so far.
        """

    def find_same_file(self, source: Source, prompt: Prompt) -> IngestResult | None:
        """Record that a file already taken in was met again; None if it never was."""

    def bad_lines(self, ingest: int, limit: int) -> Sequence[BadLine]:
        """Return the first lines that an ingest skipped."""


class Queue(Protocol):
    """Hands jobs to one worker and records what came of them."""

    def register(self) -> int:
        """Make this process known as a worker; its life is visible to others from then on."""

    def exchange(self, attempts: Sequence[Attempt], limit: int, scope: Scope) -> Sequence[Claim]:
        """Record attempts and claim up to ``limit`` jobs, in one transaction that is on disk on return.

        An attempt whose claim was lost leaves its job alone; its answer is kept, marked late.
        """

    def rescue(self) -> RescueResult:
        """Free the jobs of workers that no longer live."""

    def queue_state(self, scope: Scope) -> QueueState:
        """Say what is left to be claimed, and what others hold."""

    def retry(self, *, scope: Scope, code: str | None = None, job: int | None = None) -> int:
        """Make failed jobs pending again with all their calls before them; return how many."""

    def spent_usd(self) -> float:
        """Return the cost of all answers stored, as far as it is known, and what lost calls may have cost."""

    def reserve(self, amounts: Sequence[float], cap_usd: float) -> Reservation:
        """Hold money back for calls, the first ones first, as far as the cap has room beside all workers' money."""

    def end(self, ending: str) -> None:
        """Record that this worker ends, and give up its sign of life."""


class Records(Protocol):
    """Reads back what is stored."""

    def scope(self, ingest: int | None) -> Scope:
        """Return the scope of an ingest, the latest for None; raises WrongUseError if there is none."""

    def counts(self, scope: Scope) -> Counts:
        """Return the jobs in each state."""

    def prompt(self, number: int) -> Prompt:
        """Return a way of asking by its number."""

    def pending_prompts(self, scope: Scope) -> Sequence[Prompt]:
        """Return the ways of asking that pending jobs have."""

    def work(self) -> WorkTotals:
        """Return what all workers ever did."""

    def latest(self) -> RecentAnswers:
        """Return what the latest answers came to; quick, however many there are."""

    def failures(self) -> Sequence[FailureGroup]:
        """Return the failed jobs by error code, the most frequent first."""

    def workers(self) -> Sequence[Run]:
        """Return the workers that have not ended."""

    def jobs_per_minute(self, seconds: float) -> float:
        """Return the jobs done a minute, over the last ``seconds``."""

    def export(self, scope: Scope, states: Sequence[str]) -> Iterator[ExportRow]:
        """Yield final jobs of one consistent snapshot: in the order of the file, or oldest first."""

    def export_raw(self, scope: Scope, states: Sequence[str]) -> Iterator[RawExportRow]:
        """Yield the same jobs as JSON, as far as it can be had without reading it."""

    def exported(self, job: int) -> ExportRow:
        """Return one final job as ``export`` does."""

    def details(self, job: int) -> Mapping[str, object]:
        """Return all that is kept with a job's answer, empty if it has none."""

    def last_error(self, job: int) -> Mapping[str, object]:
        """Return type, message and HTTP status of a job's last attempt."""


class ReportQueries(Protocol):
    """Reads a database as a whole, for a report."""

    def overview(self, bounds: Bounds) -> Overview:
        """Return all of one moment, however much is written meanwhile; memory does not grow with the jobs."""


class Controls(Protocol):
    """Passes on what the workers of a database are told from another terminal."""

    def read(self) -> Sequence[ControlChange]:
        """Return what was said, each thing as it was said last; quick, since every worker asks all the time."""

    def set(self, values: Mapping[Control, float | None]) -> None:
        """Say some things, all at once; each gets a revision greater than all before."""


class FilePreview(Protocol):
    """Counts what a file would ask for; it only looks at a database, which need not be there."""

    @property
    def has_database(self) -> bool:
        """Whether there is a database to compare with."""

    def add(self, keys: Sequence[bytes]) -> None:
        """Count the keys of some more rows."""

    def asked(self) -> FileJobs:
        """Return how many distinct jobs were counted, and how many of them the database has in each state."""

    def measured(self, prompt: Prompt) -> AnswerStats | None:
        """Return what the latest answers to the same prompt came to, None if there are none."""


class OpenDatabase(Protocol):
    """One open database, as far as everybody sees it."""

    @property
    def path(self) -> Path:
        """Its file, as it was named."""

    @property
    def kind(self) -> Kind:
        """What it holds."""

    @property
    def records(self) -> Records:
        """Reads back."""


class Store(OpenDatabase, Protocol):
    """One open database, to work with."""

    @property
    def ingestor(self) -> Ingestor:
        """Takes files in."""

    @property
    def queue(self) -> Queue:
        """Hands out jobs."""

    @property
    def report_queries(self) -> ReportQueries:
        """Reads it as a whole."""

    @property
    def controls(self) -> Controls:
        """Passes on what workers are told."""

    def close(self) -> None:
        """Let go of the database."""


class OpenStore(Protocol):
    """Opens the same database again: each thread that uses it has a connection of its own."""

    def __call__(self) -> AbstractContextManager[Store]:
        """Return a store that is closed with its context."""


class JobQueries(Protocol):
    """Looks into a database."""

    def progress(self) -> Sequence[Progress]:
        """Return how far each way of asking is; quick, however many jobs are done."""

    def runs(self, limit: int) -> Sequence[Run]:
        """Return the latest runs, the last one first."""

    def control_changes(self) -> Sequence[ControlChange]:
        """Return what was said to workers from another terminal, each thing as it was said last."""

    def failed(self, code: str | None, limit: int | None) -> Iterator[FailedJob]:
        """Yield failed jobs of one consistent state, oldest first."""

    def find_by_artist(self, name: str, limit: int) -> Sequence[ArtistMatch]:
        """Return the jobs about an artist of that name, or else of the names nearest to it, all equally near."""

    def job(self, job: int) -> Mapping[str, object] | None:
        """Return what stands in a job's row, None if there is no such job."""

    def attempts(self, job: int) -> Sequence[Mapping[str, object]]:
        """Return the attempts at a job, the first one first."""

    def answers(self, job: int) -> Sequence[Mapping[str, object]]:
        """Return the answers to a job; the one that settled it has ``is_kept`` and comes first."""


class Reader(OpenDatabase, Protocol):
    """One open database, to be looked at."""

    @property
    def job_queries(self) -> JobQueries:
        """Looks."""

    def snapshot(self) -> AbstractContextManager[object]:
        """See one consistent state for as long as the context lasts."""
