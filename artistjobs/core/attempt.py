"""Attempts and their outcomes: frozen values that a worker creates and a store records."""

from dataclasses import dataclass
from enum import StrEnum

from artistjobs.core.job import Claim

FLEX_IS_FULL = "resource_unavailable"
"""Error code of a 429 from a full flex tier (OpenAI's guide to flex processing, November 2026)."""


SCHEMA_MISMATCH = "schema_mismatch"
"""Error code of an answer that does not fit the schema of its request."""


FLEX_FULL_STATUS = 498
"""Status with which Groq refuses a call for lack of flex capacity (Groq's guide to flex processing, November 2026)."""


ROW_CODES = frozenset({
    "content_filter", "context_length_exceeded", "empty_answer", "incomplete", "input_flagged", "invalid_prompt",
    "refusal", SCHEMA_MISMATCH, "string_above_max_length", "string_too_long", "template_error",
})  # fmt: skip
"""Error codes about the content of one row: another call for the row would fail too, and other rows are not affected.

So are the codes of policies, see ``is_policy_code``.
"""


def is_policy_code(code: str) -> bool:
    """Return True for a code such as ``bio_policy`` or ``content_policy_violation``."""
    return code.endswith(("_policy", "_policy_violation"))


class Outcome(StrEnum):
    """Outcome of an attempt."""

    DONE = "done"
    RETRY = "retry"  # the call failed; the same worker will call again
    FAILED = "failed"  # the call failed, and so did the job
    RELEASED = "released"  # the claim was released; the attempt does not count
    DIED = "died"  # the worker died while it held the job


class Way(StrEnum):
    """The way in which a call is made and its answer comes."""

    LIVE = "live"
    BATCH = "batch"
    BACKGROUND = "background"


class FailureKind(StrEnum):
    """Kind of a failure; it decides what happens next."""

    RETRYABLE = "call"  # this call failed: another call may succeed
    PERMANENT = "job"  # this job fails: every call for it would fail
    FATAL = "run"  # the run stops: every further call would fail


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Reason why a call returned no usable answer.

    ``code`` is the API's own error code if it sent one. ``retry_after_seconds`` is the wait that the server
    asked for. ``slow_down`` is True if the server refused the call because of the rate of calls. ``is_doubtful`` is
    True for a fatal failure that a server may send by mistake, so that one of them among answers proves nothing.
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
    is_doubtful: bool = False

    @property
    def is_about_row(self) -> bool:
        """True if the failure concerns the content of its row alone, by its own code."""
        return self.kind is FailureKind.PERMANENT and (self.code in ROW_CODES or is_policy_code(self.code))

    @property
    def is_flex_full(self) -> bool:
        """True if the flex tier had no capacity for the call: it is not billed and is no rate limit."""
        return self.code == FLEX_IS_FULL or self.status == FLEX_FULL_STATUS

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
    way: Way = Way.LIVE


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One attempt at a claimed job and its outcome; times are in seconds after the epoch.

    ``calls`` is 1 if a request may have reached the API, else 0. ``uncounted`` is the number of the
    job's attempts that do not count if the claim is released: this one, and earlier ones that the job did
    not cause. ``reserved_usd`` and ``margin_usd`` are what was held back for the call under a cost cap, which the
    attempt frees. ``lost_usd`` is the maximum cost of a call that returned no answer. ``is_handed_on`` is True for a
    retry that any worker may make: the job is pending again, and this attempt counts.
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
    margin_usd: float = 0.0
    lost_usd: float = 0.0
    is_handed_on: bool = False
