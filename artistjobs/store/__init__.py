"""What artistjobs asks of a database: four small protocols, and the values they speak in.

``Intake`` takes files in, ``Queue`` hands jobs to workers and records what came of them,
``Records`` reads back, ``Controls`` passes on what running workers are told. A store opens all of
them on one connection; SQLite is the first of its kind.
Anything that goes wrong with the disk or the database is raised as ``StoreError``.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import ClassVar, NamedTuple, Protocol, TypeAlias

from artistjobs.artists import Artist, BadLine
from artistjobs.control import Control, Said
from artistjobs.estimate import Measured, Sums
from artistjobs.job import Claim, Scope
from artistjobs.outcome import Attempt
from artistjobs.overview import Bounds, Overview
from artistjobs.prompt import Prompt


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
class Ingested:
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
class Work:
    """What all workers together ever did; ``unpriced`` counts answers whose cost is not known."""

    calls: int
    retries: int
    input_tokens: int
    output_tokens: int
    cost_usd: float
    unpriced: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Latest:
    """What the latest answers came to that tell about the jobs still pending.

    ``gap_seconds`` are those from one answer to the next, pauses left out.
    """

    answers: int
    cost_usd: Sums
    gap_seconds: Sums


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """How many distinct jobs a file asks for, and how many of them are known, in each state."""

    STATES: ClassVar = ("pending", "running", "done", "failed")

    distinct: int
    pending: int
    running: int
    done: int
    failed: int

    @property
    def new(self) -> int:
        """Those that are not known."""
        return self.distinct - self.pending - self.running - self.done - self.failed

    @property
    def ahead(self) -> int:
        """Those that a run would call for."""
        return self.distinct - self.done - self.failed


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureGroup:
    """Failed jobs with one error code, and one of them as an example."""

    code: str
    jobs: int
    artist_name: str
    message: str | None
    status: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerRow:
    """A worker that has not ended; ``is_alive`` is told by the lock that dies with its process."""

    worker: int
    host: str
    pid: int
    started_at: str
    seen_at: str
    done: int
    failed: int
    calls: int
    is_alive: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Rescue:
    """What was taken from dead workers: jobs pending again, and jobs failed as ``worker_died``.

    ``living`` counts the other workers, which were left alone.
    """

    pending: int = 0
    failed: int = 0
    living: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What is left in a scope: pending jobs now or later, and jobs that other workers hold.

    ``available_at`` is the moment the first pending job may be claimed, 0 for at once, None if
    none is pending. ``held_elsewhere`` counts the jobs that other workers hold.
    """

    available_at: float | None
    held_elsewhere: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Money under a cap: for how many of the calls asked about it was held back, and how it stands now.

    ``spent_usd`` counts lost calls at their worst, ``in_flight_usd`` the calls of all workers.
    """

    granted: int
    spent_usd: float
    in_flight_usd: float


class Exported(NamedTuple):
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


Quoted: TypeAlias = tuple[int, int, bytes, bytes, bytes | None, bytes, int | None]
"""A final job in JSON as UTF-8: its number and that of its prompt, name and data, text as the API wrote it or None
where that is not to be had, response id, and when that was created."""


class Intake(Protocol):
    """Takes files in."""

    def ingest(
        self, source: Source, prompt: Prompt, rows: Iterable[Artist | BadLine], count_lines: "LineCount"
    ) -> Ingested:
        """Add a pending job for each new row, in one transaction; the rows are read to their end."""

    def find_same(self, source: Source, prompt: Prompt) -> Ingested | None:
        """Record that a file already taken in was met again; None if it never was."""

    def bad_lines(self, ingest: int, limit: int) -> Sequence[BadLine]:
        """Return the first lines that an ingest skipped."""


class LineCount(Protocol):
    """Says how many lines have been read so far."""

    def __call__(self) -> int:
        """Return their number."""


class Queue(Protocol):
    """Hands jobs to one worker and records what came of them."""

    def register(self) -> int:
        """Make this process known as a worker; its life is visible to others from then on."""

    def exchange(self, attempts: Sequence[Attempt], limit: int, scope: Scope) -> Sequence[Claim]:
        """Record attempts and claim up to ``limit`` jobs, in one transaction that is on disk on return.

        An attempt whose claim was lost leaves its job alone; its answer is kept, marked late.
        """

    def rescue(self) -> Rescue:
        """Free the jobs of workers that no longer live."""

    def outlook(self, scope: Scope) -> Outlook:
        """Say what is left to be claimed, and what others hold."""

    def retry(self, *, scope: Scope, code: str | None = None, job: int | None = None) -> int:
        """Make failed jobs pending again with all their calls before them; return how many."""

    def spent_usd(self) -> float:
        """Return the cost of all answers stored, as far as it is known, and what lost calls may have cost."""

    def hold_back(self, amounts: Sequence[float], cap_usd: float) -> Held:
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

    def work(self) -> Work:
        """Return what all workers ever did."""

    def latest(self) -> Latest:
        """Return what the latest answers came to; quick, however many there are."""

    def failures(self) -> Sequence[FailureGroup]:
        """Return the failed jobs by error code, the most frequent first."""

    def workers(self) -> Sequence[WorkerRow]:
        """Return the workers that have not ended."""

    def jobs_per_minute(self, seconds: float) -> float:
        """Return the jobs done a minute, over the last ``seconds``."""

    def export(self, scope: Scope, states: Sequence[str]) -> Iterator[Exported]:
        """Yield final jobs of one consistent snapshot: in the order of the file, or oldest first."""

    def export_quoted(self, scope: Scope, states: Sequence[str]) -> Iterator[Quoted]:
        """Yield the same jobs as JSON, as far as it can be had without reading it."""

    def exported(self, job: int) -> Exported:
        """Return one final job as ``export`` does."""

    def details(self, job: int) -> Mapping[str, object]:
        """Return all that is kept with a job's answer, empty if it has none."""

    def last_error(self, job: int) -> Mapping[str, object]:
        """Return type, message and HTTP status of a job's last attempt."""


class Survey(Protocol):
    """Reads a database as a whole, for a report."""

    def overview(self, bounds: Bounds) -> Overview:
        """Return all of one moment, however much is written meanwhile; memory does not grow with the jobs."""


class Controls(Protocol):
    """Passes on what the workers of a database are told from another terminal."""

    def read(self) -> Sequence[Said]:
        """Return what was said, each thing as it was said last; quick, since every worker asks all the time."""

    def say(self, values: Mapping[Control, float | None]) -> None:
        """Say some things, all at once; each gets a revision greater than all before."""


class Census(Protocol):
    """Counts what a file would ask for; it only looks at a database, which need not be there."""

    @property
    def has_database(self) -> bool:
        """Whether there is a database to compare with."""

    def add(self, keys: Sequence[bytes]) -> None:
        """Count the keys of some more rows."""

    def asked(self) -> Asked:
        """Return how many distinct jobs were counted, and how many of them the database has in each state."""

    def measured(self, prompt: Prompt) -> Measured | None:
        """Return what the latest answers to the same prompt came to, None if there are none."""


class Opened(Protocol):
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


class Store(Opened, Protocol):
    """One open database, to work with."""

    @property
    def intake(self) -> Intake:
        """Takes files in."""

    @property
    def queue(self) -> Queue:
        """Hands out jobs."""

    @property
    def survey(self) -> Survey:
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
