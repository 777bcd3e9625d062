"""What an attempt came to: small frozen values that a worker makes and a store records."""

from dataclasses import dataclass
from enum import StrEnum

from artistjobs.core.job import Claim

FLEX_IS_FULL = "resource_unavailable"
"""What a 429 says where the flex tier has no room (OpenAI's guide to flex processing, November 2026)."""


class Outcome(StrEnum):
    """What became of an attempt."""

    DONE = "done"
    RETRY = "retry"  # failed, and the same worker will call again
    FAILED = "failed"  # failed, and the job with it
    RELEASED = "released"  # the claim was given back unharmed; the attempt does not count
    DIED = "died"  # the worker died while it held the job


class FailureKind(StrEnum):
    """Whose trouble a failure is, which decides what happens next."""

    RETRYABLE = "call"  # this call's: worth another one
    PERMANENT = "job"  # this job's: no other call would help it
    FATAL = "run"  # everyone's: every further call would fail alike


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a call brought no answer.

    ``code`` is the API's own where it gave one. ``retry_after_seconds`` is what the server
    asked for, ``slow_down`` whether the refusal was about the rate of calls.
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
        """Whether the flex tier had no room for the call: not billed, and no matter of rate."""
        return self.code == FLEX_IS_FULL


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens an answer consumed; None where the server did not say."""

    input_tokens: int | None = None
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    output_tokens: int | None = None
    reasoning_tokens: int | None = None
    total_tokens: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the API sent back for a job, complete or not: it was paid for, so it is kept.

    ``created`` is in whole seconds after the epoch, ``body`` the whole reply as received,
    ``cost_usd`` None as long as the price is unknown.
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
    """One attempt at a claimed job and its outcome; moments in seconds after the epoch.

    ``calls`` is 1 if a request may have reached the API, else 0. ``uncounted`` is how many of the
    job's attempts do not count if the claim is released: this one, and those before it that
    were not the job's fault either. ``reserved_usd`` was held back for the call under a cap and is
    free again, ``lost_usd`` is what the call may have cost at worst although no answer came of it.
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
