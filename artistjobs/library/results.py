"""Results of the Python API: the values that the commands print with ``--json``, with types."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from artistjobs.commands.status import Status, status_json
from artistjobs.commands.summary import exit_code, ingest_json, run_json
from artistjobs.core.json_values import Json
from artistjobs.errors import ArtistjobsError, ResourceError, RunStoppedError, ServiceAwayError, StoreError
from artistjobs.store.models import IngestResult
from artistjobs.worker.run import RunReport
from artistjobs.worker.stop import StopReason


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestSummary:
    """Result of an ingest, as ``ingest --json`` prints it.

    ``ingest`` is its number. ``known`` counts rows that were ingested before, ``duplicates`` rows that repeat an
    earlier row of the file, and ``bad`` the lines that are no rows.
    """

    ingest: int
    lines: int
    added: int
    known: int
    duplicates: int
    bad: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary:
    """Result of a run, as ``run --json`` and ``work --json`` print it.

    ``jobs``, ``done``, ``failed`` and ``pending`` count all jobs of the run, the other numbers what was done in it.
    ``bounded_by`` says what kept it from being faster, None if it made no calls.
    ``stopped`` is why it ended early and ``message`` the sentence about it, None if nothing is left to do.
    ``exit_code`` is that of the command.
    """

    jobs: int
    done: int
    failed: int
    pending: int
    skipped_lines: int | None
    calls: int
    retries: int
    input_tokens: int
    output_tokens: int
    cost_usd: float
    unpriced_answers: int
    seconds: float
    jobs_per_minute: float
    bounded_by: Mapping[str, Json] | None
    stopped: str | None
    message: str | None
    exit_code: int


@dataclass(frozen=True, slots=True, kw_only=True)
class JobCounts:
    """Number of jobs in each state; ``total`` leaves the dropped ones out."""

    total: int
    pending: int
    running: int
    done: int
    failed: int
    dropped: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseStatus:
    """Snapshot of a database: the most used values, and in ``json`` all that ``status --json`` prints."""

    jobs: JobCounts
    jobs_per_minute: float
    calls: int
    retries: int
    input_tokens: int
    output_tokens: int
    cost_usd: float
    unpriced_answers: int
    failures: Sequence[Mapping[str, Json]]
    json: Mapping[str, Json]


def ingest_summary(ingested: IngestResult) -> IngestSummary:
    """Return the result of an ingest."""
    return IngestSummary(**cast("dict[str, int]", ingest_json(ingested)))


def run_summary(report: RunReport, ingested: IngestResult | None) -> RunSummary:
    """Return the result of a run."""
    return RunSummary(**run_json(report, ingested))  # type: ignore[arg-type]  # the keys have these types


def database_status(status: Status) -> DatabaseStatus:
    """Return a snapshot of a database."""
    counts, work, json = status.counts, status.work, status_json(status)
    return DatabaseStatus(
        jobs=JobCounts(
            total=counts.total, pending=counts.pending, running=counts.running, done=counts.done, failed=counts.failed,
            dropped=counts.dropped,
        ),
        jobs_per_minute=status.jobs_per_minute,
        calls=work.calls,
        retries=work.retries,
        input_tokens=work.input_tokens,
        output_tokens=work.output_tokens,
        cost_usd=work.cost_usd,
        unpriced_answers=work.unpriced,
        failures=cast("list[dict[str, Json]]", json["failures"]),
        json=json,
    )  # fmt: skip


def error_of(report: RunReport) -> ArtistjobsError | None:
    """Return the error that a run raises to its caller; None if it did what it was asked for, or reached a limit."""
    code = exit_code(report)
    if report.error is not None:
        return report.error
    if report.reason is StopReason.OUTAGE:
        return ServiceAwayError(report.sentence)
    if report.reason is StopReason.RESOURCES:
        return ResourceError(report.sentence)
    kinds = {RunStoppedError.exit_code: RunStoppedError, StoreError.exit_code: StoreError}
    return kinds[code](report.sentence) if code in kinds else None
