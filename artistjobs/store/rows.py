"""What an attempt is as rows: for the attempts it joins, the answers it brings, the job it settles."""

from collections import Counter
from collections.abc import Sequence
from typing import TypeAlias

from artistjobs.job import JobState, Scope
from artistjobs.moment import moment_text
from artistjobs.outcome import Answer, Attempt, Outcome

Row: TypeAlias = dict[str, object]

_STATE_AFTER = {
    Outcome.DONE: JobState.DONE.value,
    Outcome.RETRY: JobState.RUNNING.value,  # held on to: the same worker calls again
    Outcome.FAILED: JobState.FAILED.value,
    Outcome.RELEASED: JobState.PENDING.value,
}


def attempt_row(attempt: Attempt, worker: int | None) -> Row:
    """Return an attempt, and what it means for its job."""
    claim, failure, answer, outcome = attempt.claim, attempt.failure, attempt.answer, attempt.outcome
    told, later = failure or answer, attempt.available_at
    return {
        "job": claim.job,
        "attempt": claim.attempt,
        "worker": worker,
        "started_at": moment_text(attempt.started_at),
        "ended_at": moment_text(attempt.ended_at),
        "calls": attempt.calls,
        "outcome": outcome.value,
        "http_status": failure and failure.status,
        "error_type": failure and failure.type,
        "error_code": failure and failure.code,
        "error_message": failure and failure.message,
        "request_id": told.request_id if told else None,
        "state": _STATE_AFTER[outcome],
        "next_attempt": _next_attempt(attempt),
        "available_at": None if later is None else moment_text(later),
    }


def answer_row(answer: Answer, attempt: Attempt) -> Row:
    """Return an answer; the rest of it stands in the row of its attempt."""
    usage = answer.usage
    return {
        "response_id": answer.response_id,
        "created": answer.created,
        "status": answer.status,
        "model": answer.model,
        "service_tier": answer.service_tier,
        "input_tokens": usage.input_tokens,
        "cached_tokens": usage.cached_tokens,
        "cache_write_tokens": usage.cache_write_tokens,
        "output_tokens": usage.output_tokens,
        "reasoning_tokens": usage.reasoning_tokens,
        "total_tokens": usage.total_tokens,
        "cost_usd": answer.cost_usd,
        "seconds": round(attempt.ended_at - attempt.started_at, 3),
        "body": answer.body,
        "text_path": answer.text_path,
        "text": answer.text,
    }


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
