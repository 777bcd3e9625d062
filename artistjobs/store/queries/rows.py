"""Conversion between values and rows: attempts to the parameters of statements, and rows to counts and runs."""

from collections import Counter
from collections.abc import Sequence
from typing import TypeAlias

from artistjobs.core.attempt import Answer, Attempt, Outcome
from artistjobs.core.columns import cells_of
from artistjobs.core.job import JobState, Scope
from artistjobs.core.prompt import Prompt
from artistjobs.core.timestamps import from_timestamp, to_timestamp
from artistjobs.store.models import Counts, Progress, Run, Submission
from artistjobs.store.queries.connection import ReadConnection, RowMapping

Row: TypeAlias = dict[str, object]


Values: TypeAlias = tuple[object, ...]


MAX_INTEGER = 2**63 - 1
"""Largest integer in the databases, and so the largest id."""


_STATE_AFTER = {
    Outcome.DONE: JobState.DONE.value,
    Outcome.RETRY: JobState.RUNNING.value,  # the worker keeps its claim and calls again
    Outcome.FAILED: JobState.FAILED.value,
    Outcome.RELEASED: JobState.PENDING.value,
}


def attempt_values(attempt: Attempt, worker: int | None) -> Values:
    """Return an attempt as parameters of the statement ``record_attempts``."""
    claim, failure, answer = attempt.claim, attempt.failure, attempt.answer
    received = failure or answer
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
        received.request_id if received else None,
        attempt.lost_usd,
    )


def answer_values(answer: Answer, attempt: Attempt, worker: int | None) -> Values:
    """Return an answer as parameters of the statement ``keep_answers``."""
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
        answer.way.value,
        answer.text,
    )


def settled_values(attempt: Attempt, answer: int | None) -> Values:
    """Return the new state of an attempt's job as parameters of the statement ``settle``."""
    later = attempt.available_at
    return (
        attempt.claim.job,
        JobState.PENDING.value if attempt.is_handed_on else _STATE_AFTER[attempt.outcome],
        _next_attempt(attempt),
        answer,
        attempt.failure and attempt.failure.code,
        None if later is None else to_timestamp(later),
    )


def of_different_jobs(attempts: Sequence[Attempt]) -> list[list[Attempt]]:
    """Return attempts in groups, in their order; no group has two attempts at the same job."""
    groups: list[list[Attempt]] = []
    jobs: set[int] = set()
    for attempt in attempts:
        if not groups or attempt.claim.job in jobs:
            groups.append([])
            jobs.clear()
        groups[-1].append(attempt)
        jobs.add(attempt.claim.job)
    return groups


def work_row(attempts: Sequence[Attempt], settled: Sequence[Attempt]) -> Row:
    """Return the amounts that attempts add to a worker's counters; only settled ones count as done or failed."""
    answers = [attempt.answer for attempt in attempts if attempt.answer]
    outcomes = Counter(attempt.outcome.value for attempt in settled)
    return {
        "calls": sum(attempt.calls for attempt in attempts),
        "retries": outcomes["retry"],
        "done": outcomes["done"],
        "failed": outcomes["failed"],
        "input_tokens": sum(answer.usage.input_tokens or 0 for answer in answers),
        "cached_tokens": sum(answer.usage.cached_tokens or 0 for answer in answers),
        "output_tokens": sum(answer.usage.output_tokens or 0 for answer in answers),
        "cost_usd": sum(answer.cost_usd or 0.0 for answer in answers),
        "unpriced": sum(answer.cost_usd is None for answer in answers),
        "reserved_usd": sum(attempt.reserved_usd for attempt in attempts),
        "margin_usd": sum(attempt.margin_usd for attempt in attempts),
        "lost_usd": sum(attempt.lost_usd for attempt in attempts),
    }


def prompt_of(row: RowMapping) -> Prompt:
    """Return the prompt configuration of a row of the statement ``prompt``."""
    return Prompt(
        model=row["model"],
        prompt_id=row["prompt_id"],
        version=row["version"],
        template=row["template"],
        template_file=row["prompt_file"],
        instructions=row["instructions"],
        params=row["params"],
        columns=tuple(cells_of(row["columns"])),
    )


def counts_of(row: RowMapping) -> Counts:
    """Return the number of jobs in each state; the done ones are the rest of the row's total."""
    counts = {name: row[name] for name in ("pending", "running", "failed", "dropped")}
    return Counts(**counts, done=row["total"] - sum(counts.values()))


def progress_of(row: RowMapping) -> Progress:
    """Return the progress of a prompt configuration."""
    return Progress(
        prompt=row["prompt"],
        prompt_id=row["prompt_id"],
        version=row["version"],
        prompt_file=row["prompt_file"],
        model=row["model"],
        params=row["params"],
        created_at=row["created_at"],
        counts=counts_of(row),
    )


def submission_of(row: RowMapping) -> Submission:
    """Return the response in the background of a row."""
    return Submission(
        job=row["job"], response_id=row["response_id"], window=row["window"],
        submitted_at=from_timestamp(row["submitted_at"]), reserved_usd=row["reserved_usd"],
    )  # fmt: skip


def run_of(row: RowMapping, connection: ReadConnection) -> Run:
    """Return the run of a worker; the connection tells whether its process lives."""
    return Run(
        **dict(row), is_alive=row["ended_at"] is None and connection.is_alive(row["worker"], row["host"], row["pid"])
    )


def _next_attempt(attempt: Attempt) -> int:
    """Return a job's new attempt number: one more for a retry, fewer for a release, whose attempts do not count."""
    if attempt.outcome is Outcome.RELEASED:
        return max(0, attempt.claim.attempt - attempt.uncounted)
    # A job that is handed on gets the next number when it is claimed.
    return attempt.claim.attempt + (attempt.outcome is Outcome.RETRY and not attempt.is_handed_on)


def span(scope: Scope) -> Row:
    """Return a scope as parameters of statements."""
    # If no other job lies between the ids, they describe the ingest's jobs without its number.
    ingest = None if scope.is_span else scope.ingest
    return {"ingest": ingest, "first_job": scope.first_job, "last_job": scope.last_job}
