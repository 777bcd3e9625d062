"""Attempts and their outcomes: frozen values that a worker creates and a store records."""

from dataclasses import dataclass
from enum import StrEnum

from artistjobs.core.job import Claim

FLEX_IS_FULL = "resource_unavailable"
"""Error code of a 429 from a full flex tier (OpenAI's guide to flex processing, November 2026)."""


SCHEMA_MISMATCH = "schema_mismatch"
"""Error code of an answer that does not fit the schema of its request."""


class Outcome(StrEnum):
    """Outcome of an attempt."""

    DONE = "done"
    RETRY = "retry"  # the call failed; the same worker will call again
    FAILED = "failed"  # the call failed, and so did the job
    RELEASED = "released"  # the claim was released; the attempt does not count
    DIED = "died"  # the worker died while it held the job


class FailureKind(StrEnum):
    """Kind of a failure; it decides what happens next."""

    RETRYABLE = "call"  # this call failed: another call may succeed
    PERMANENT = "job"  # this job fails: every call for it would fail
    FATAL = "run"  # the run stops: every further call would fail


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Reason why a call returned no usable answer.

    ``code`` is the API's own error code if it sent one. ``retry_after_seconds`` is the wait that the server
    asked for. ``slow_down`` is True if the server refused the call because of the rate of calls.
    """

    kind: FailureKind
    code: str
    message: str
    type: str | None = None
    param: str | None = None
    status: int | None = None
    request_id: str | None = None
    retry_after_seconds: float | None = None
    slow_down: bool = False

    @property
    def is_flex_full(self) -> bool:
        """True if the flex tier had no capacity for the call: it is not billed and is no rate limit."""
        return self.code == FLEX_IS_FULL

    @property
    def is_mismatch(self) -> bool:
        """True if the API answered, but the answer does not fit the schema; it can be corrected at once."""
        return self.code == SCHEMA_MISMATCH


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens that an answer consumed; None for counts that the server did not send."""

    input_tokens: int | None = None
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    output_tokens: int | None = None
    reasoning_tokens: int | None = None
    total_tokens: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Answer of the API to a job, complete or not. It was paid for, so it is always stored.

    ``created`` is in whole seconds after the epoch. ``body`` is the whole reply as received.
    ``cost_usd`` is None while the price is unknown.
    """

    text: str
    text_path: str | None
    response_id: str | None
    created: int | None
    status: str | None
    model: str | None
    service_tier: str | None
    usage: Usage
    body: str
    request_id: str | None = None
    cost_usd: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One attempt at a claimed job and its outcome; times are in seconds after the epoch.

    ``calls`` is 1 if a request may have reached the API, else 0. ``uncounted`` is the number of the
    job's attempts that do not count if the claim is released: this one, and earlier ones that the job did
    not cause. ``reserved_usd`` is the reservation of the call under a cost cap, which the attempt frees.
    ``lost_usd`` is the maximum cost of a call that returned no answer.
    """

    claim: Claim
    outcome: Outcome
    started_at: float
    ended_at: float
    calls: int = 1
    answer: Answer | None = None
    failure: Failure | None = None
    available_at: float | None = None
    uncounted: int = 1
    reserved_usd: float = 0.0
    lost_usd: float = 0.0
