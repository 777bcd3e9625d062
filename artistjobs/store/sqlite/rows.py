"""Attempts as rows for the statements that store them, and rows that are read as values."""

import sqlite3
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

from artistjobs.core.attempt import Answer, Attempt, Outcome
from artistjobs.core.job import JobState, Scope
from artistjobs.core.timestamps import to_timestamp
from artistjobs.store.models import Counts, Progress, Run
from artistjobs.store.sqlite.locks import is_alive

Row: TypeAlias = dict[str, object]


Values: TypeAlias = tuple[object, ...]


_STATE_AFTER = {
    Outcome.DONE: JobState.DONE.value,
    Outcome.RETRY: JobState.RUNNING.value,  # held on to: the same worker calls again
    Outcome.FAILED: JobState.FAILED.value,
    Outcome.RELEASED: JobState.PENDING.value,
}


def attempt_values(attempt: Attempt, worker: int | None) -> Values:
    """Return an attempt as the statement ``record_attempts`` takes it."""
    claim, failure, answer = attempt.claim, attempt.failure, attempt.answer
    told = failure or answer
    return (
        claim.job,
        claim.attempt,
        worker,
        to_timestamp(attempt.started_at),
        to_timestamp(attempt.ended_at),
        attempt.calls,
        attempt.outcome.value,
        failure and failure.status,
        failure and failure.type,
        failure and failure.code,
        failure and failure.message,
        told.request_id if told else None,
    )


def answer_values(answer: Answer, attempt: Attempt, worker: int | None) -> Values:
    """Return an answer as the statement ``keep_answers`` takes it."""
    usage = answer.usage
    return (
        attempt.claim.job,
        attempt.claim.attempt,
        worker,
        to_timestamp(attempt.ended_at),
        answer.response_id,
        answer.created,
        answer.status,
        answer.model,
        answer.service_tier,
        usage.input_tokens,
        usage.cached_tokens,
        usage.cache_write_tokens,
        usage.output_tokens,
        usage.reasoning_tokens,
        usage.total_tokens,
        answer.cost_usd,
        round(attempt.ended_at - attempt.started_at, 3),
        answer.body,
        answer.text_path,
        answer.text,
    )


def settled_values(attempt: Attempt, answer: int | None) -> Values:
    """Return what an attempt means for its job, as the statement ``settle`` takes it."""
    later = attempt.available_at
    return (
        attempt.claim.job,
        _STATE_AFTER[attempt.outcome],
        _next_attempt(attempt),
        answer,
        attempt.failure and attempt.failure.code,
        None if later is None else to_timestamp(later),
    )


def work_row(attempts: Sequence[Attempt], settled: Sequence[Attempt]) -> Row:
    """Return what attempts add to the counters of a worker; jobs that others settled are not its own."""
    answers = [attempt.answer for attempt in attempts if attempt.answer]
    outcomes = Counter(attempt.outcome.value for attempt in settled)
    return {
        "calls": sum(attempt.calls for attempt in attempts),
        "retries": outcomes["retry"],
        "done": outcomes["done"],
        "failed": outcomes["failed"],
        "input_tokens": sum(answer.usage.input_tokens or 0 for answer in answers),
        "output_tokens": sum(answer.usage.output_tokens or 0 for answer in answers),
        "cost_usd": sum(answer.cost_usd or 0.0 for answer in answers),
        "unpriced": sum(answer.cost_usd is None for answer in answers),
        "reserved_usd": sum(attempt.reserved_usd for attempt in attempts),
        "lost_usd": sum(attempt.lost_usd for attempt in attempts),
    }


def counts_of(row: sqlite3.Row) -> Counts:
    """Return the jobs in each state; a row has all but those done, which are the rest of the total."""
    pending, running, failed = row["pending"], row["running"], row["failed"]
    return Counts(pending=pending, running=running, failed=failed, done=row["total"] - pending - running - failed)


def progress_of(row: sqlite3.Row) -> Progress:
    """Return a way of asking with its jobs in each state."""
    return Progress(
        prompt=row["prompt"],
        prompt_id=row["prompt_id"],
        version=row["version"],
        prompt_file=row["prompt_file"],
        model=row["model"],
        params=row["params"],
        counts=counts_of(row),
    )


def run_of(row: sqlite3.Row, path: Path) -> Run:
    """Return a worker with what it did; whether it lives is known by its lock beside the database at ``path``."""
    return Run(**dict(row), is_alive=row["ended_at"] is None and is_alive(path, row["worker"]))


def _next_attempt(attempt: Attempt) -> int:
    """Return a job's number of attempts from then on: one more in hand, or less by what does not count."""
    if attempt.outcome is Outcome.RELEASED:
        return max(0, attempt.claim.attempt - attempt.uncounted)
    return attempt.claim.attempt + (attempt.outcome is Outcome.RETRY)


def span(scope: Scope) -> Row:
    """Return a scope as the statements know it."""
    # The ids alone tell an ingest's jobs where no other job stands between them.
    ingest = None if scope.is_span else scope.ingest
    return {"ingest": ingest, "first_job": scope.first_job, "last_job": scope.last_job}
