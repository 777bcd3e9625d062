"""What those ask who only look: how far each way of asking is, recent runs, failed jobs, one job in full."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from artistjobs.control import Said
from artistjobs.store import Opened


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Jobs in each state that are asked in one way. ``params`` is JSON of further fields of the request."""

    prompt: int
    prompt_id: str | None
    version: str | None
    prompt_file: str | None
    model: str
    params: str
    total: int
    pending: int
    running: int
    failed: int

    @property
    def done(self) -> int:
        """Those that are answered."""
        return self.total - self.pending - self.running - self.failed


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
class Namesake:
    """A job whose artist may be meant. ``distance`` is 0 for the very name, 1 for the same in other letters,
    2 for a name that begins so, 3 for one that holds it."""  # noqa: D205, D209

    job: int
    artist_name: str
    artist_data: str
    state: str
    prompt: int
    distance: int


class Insight(Protocol):
    """Looks into a database."""

    def progress(self) -> Sequence[Progress]:
        """Return how far each way of asking is; quick, however many jobs are done."""

    def runs(self, limit: int) -> Sequence[Run]:
        """Return the latest runs, the last one first."""

    def said(self) -> Sequence[Said]:
        """Return what was said to workers from another terminal, each thing as it was said last."""

    def failed(self, code: str | None, limit: int | None) -> Iterator[FailedJob]:
        """Yield failed jobs of one consistent state, oldest first."""

    def named(self, name: str, limit: int) -> Sequence[Namesake]:
        """Return the jobs about an artist of that name, or else of the names nearest to it, all equally near."""

    def job(self, job: int) -> Mapping[str, object] | None:
        """Return what stands in a job's row, None if there is no such job."""

    def attempts(self, job: int) -> Sequence[Mapping[str, object]]:
        """Return the attempts at a job, the first one first."""

    def answers(self, job: int) -> Sequence[Mapping[str, object]]:
        """Return the answers to a job; the one that settled it has ``is_kept`` and comes first."""


class Reader(Opened, Protocol):
    """One open database, to be looked at."""

    @property
    def insight(self) -> Insight:
        """Looks."""

    def snapshot(self) -> AbstractContextManager[object]:
        """See one consistent state for as long as the context lasts."""
