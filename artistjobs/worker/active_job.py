"""Active job: one claimed job and the calls made for it."""

import logging
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from time import time

from tenacity import RetryCallState

from artistjobs.api.classify import classify
from artistjobs.api.interface import Api
from artistjobs.api.remedies import failure_text, fatal_message
from artistjobs.api.reply import Reply
from artistjobs.core.attempt import Answer, Attempt, Failure, FailureKind, Outcome
from artistjobs.core.formatting import truncate
from artistjobs.core.job import MAX_DELAY_SECONDS, Claim
from artistjobs.core.pricing import Cost, answer_cost
from artistjobs.core.prompt import Body
from artistjobs.core.retry import last_attempt
from artistjobs.core.shortage import Shortage
from artistjobs.errors import PromptError
from artistjobs.terminal.log import repeats
from artistjobs.worker.limits.budget import Budget
from artistjobs.worker.limits.circuit_breaker import Breaker
from artistjobs.worker.limits.rate_limiter import Limiter
from artistjobs.worker.limits.shortages import Shortages
from artistjobs.worker.progress.counters import RunCounters
from artistjobs.worker.stop import RunStoppingError, Stop, StopReason
from artistjobs.worker.store_client import StoreClient, released

log = logging.getLogger(__name__)


SAT_THROUGH_SECONDS = 1.0
"""Longest wait requested by a server that concerns one job only; a longer one pauses all calls."""


Requests = Callable[[Claim], Body]
"""Builds the request body for a claim. Raises PromptError if the template cannot be rendered for the row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerContext:
    """Objects and settings that all job loops of a process share."""

    api: Api
    store_client: StoreClient
    limiter: Limiter
    budget: Budget
    breaker: Breaker
    shortages: Shortages
    stop: Stop
    counters: RunCounters
    requests: Requests
    cost: Cost
    max_attempts: int
    flex_fallback: int | None
    clock: Callable[[], float]
    chance: random.Random


class ActiveJob:
    """A claimed job; the attempt number of its claim rises with each call."""

    def __init__(self, shared: WorkerContext, claim: Claim) -> None:
        self._shared = shared
        self.claim = claim
        self.calls_under_way = 0
        self.repeated = 0
        self._not_before: float | None = None
        self._flex_refusals = 0
        self._release_reply: Callable[[], None] | None = None

    async def call(self) -> Attempt:
        """Make one call as soon as the limits allow it, and return the attempt.

        Raises StoppingError if no call may start because the run stops or is paused, or if this machine could not
        make it, and StoreError.
        """
        shared = self._shared
        if shared.stop.is_halted():
            raise RunStoppingError
        started_at = time()
        try:
            body = self._with_service_tier(shared.requests(self.claim))
        except PromptError as error:
            failure = Failure(kind=FailureKind.PERMANENT, code="template_error", message=str(error))
            return self._attempt(started_at, failure=failure, calls=0)
        await shared.limiter.acquire(lambda: shared.budget.expected_tokens)
        # From here on the call occupies a slot among the calls in flight, which must be freed in any case.
        is_answered = False
        try:
            attempt = await self._send(body) if await self._may_spend(body) else None
            is_answered = attempt is not None and _is_answered(attempt)
        finally:
            shared.limiter.ended(answered=is_answered)
        if attempt is None:
            raise RunStoppingError
        return attempt

    async def before_backoff(self, state: RetryCallState) -> None:
        """Record a failed call that will be retried, and advance to the next attempt number. Raises StoreError."""
        attempt = last_attempt(state)
        seconds = state.next_action.sleep if state.next_action else 0.0
        asked = attempt.failure.retry_after_seconds if attempt.failure else None
        self._not_before = time() + min(asked, MAX_DELAY_SECONDS) if asked else None
        await self._shared.store_client.record(attempt)
        self.forget_reply()
        self._shared.counters.add(attempt, self._shared.clock())
        self._count_refusals(attempt.failure)
        self.claim = replace(self.claim, attempt=self.claim.attempt + 1)
        self.repeated += 1
        if attempt.failure is not None:
            why, name = failure_text(attempt.failure), truncate(self.claim.artist_name)
            log.info(
                "%s: call %d: %s; retry in %.1f s", name, attempt.claim.attempt, why, seconds,
                extra=repeats("calls retried", attempt.failure.code),
            )  # fmt: skip

    def released(self) -> Attempt:
        """Return the attempt that releases the claim; the job is not available before the time that the server set."""
        attempt = replace(released(self.claim, calls=self.calls_under_way), available_at=self._not_before)
        return self._shared.budget.settle(attempt)

    def released_now(self) -> Attempt:
        """Return the attempt that releases the claim at once, even if a call is in flight."""
        return self._shared.budget.settle(released(self.claim, calls=self.calls_under_way))

    @property
    def has_large_reply(self) -> bool:
        """True if the last reply holds memory that other calls may need."""
        return self._release_reply is not None

    def forget_reply(self) -> None:
        """Release the memory of the last reply; its attempt is stored, or dropped."""
        if self._release_reply is not None:
            self._release_reply()
            self._release_reply = None

    def _count_refusals(self, failure: Failure | None) -> None:
        """Count consecutive refusals for lack of flex capacity; after the fallback the job keeps the standard tier."""
        if self._has_left_flex():
            return
        self._flex_refusals = self._flex_refusals + 1 if failure and failure.is_flex_full else 0
        if self._has_left_flex():
            name = truncate(self.claim.artist_name)
            log.info("%s: flex was full %d times; the next call uses the standard tier", name, self._flex_refusals)

    def _has_left_flex(self) -> bool:
        fallback = self._shared.flex_fallback
        return fallback is not None and self._flex_refusals >= fallback

    def _with_service_tier(self, body: Body) -> Body:
        return {**body, "service_tier": "default"} if self._has_left_flex() else body

    async def _may_spend(self, body: Body) -> bool:
        shared = self._shared
        if not await shared.budget.reserve(self.claim.job, body):
            spent_usd = max(shared.budget.spent_usd, shared.store_client.store_thread.reservations.spent_usd)
            shared.stop.request(StopReason.MAX_COST, _cap_reached(spent_usd))
        return not shared.stop.is_halted()

    async def _send(self, body: Body) -> Attempt:
        shared, started_at = self._shared, time()
        self.calls_under_way = 1
        shared.counters.in_flight += 1
        try:
            reply = await shared.api.create(body)
            self._release_reply = reply.release
            classified = self._classify(reply, started_at) if reply.shortage is None else None
        except MemoryError:
            reply, classified = Reply(shortage=Shortage.MEMORY), None
        finally:
            shared.counters.in_flight -= 1
        if classified is None:
            raise self._not_made(reply.shortage)
        self.calls_under_way = 0
        shared.shortages.over()
        attempt = shared.budget.settle(classified)
        self._update_shared_limits(reply, attempt.failure)
        _log_call(attempt)
        return attempt

    def _not_made(self, shortage: Shortage | None) -> RunStoppingError:
        """Return the error of a call that this machine could not make; the claim is released then."""
        if shortage is Shortage.FILES:
            self.calls_under_way = 0  # a connection needs a handle before anything is sent
        if shortage is not None:
            self._shared.shortages.note(shortage)
        return RunStoppingError()

    def _classify(self, reply: Reply, started_at: float) -> Attempt:
        classification = classify(reply)
        answer = classification.answer
        if answer is not None:
            answer = replace(answer, cost_usd=answer_cost(answer, self._shared.cost))
        return self._attempt(started_at, answer=answer, failure=classification.failure)

    def _attempt(
        self,
        started_at: float,
        *,
        answer: Answer | None = None,
        failure: Failure | None = None,
        calls: int = 1,
    ) -> Attempt:
        outcome = _OUTCOMES[failure.kind] if failure else Outcome.DONE
        return Attempt(
            claim=self.claim,
            outcome=outcome,
            started_at=started_at,
            ended_at=time(),
            calls=calls,
            answer=answer,
            failure=failure,
        )

    def _update_shared_limits(self, reply: Reply, failure: Failure | None) -> None:
        """Apply a reply to all calls: update the rate limits, pause the calls, or stop the run."""
        shared = self._shared
        shared.limiter.learn(reply.headers)
        if failure is None:
            return
        if failure.kind is FailureKind.FATAL:
            shared.stop.request(StopReason.ACCOUNT, fatal_message(failure))
        elif failure.slow_down:
            seconds = failure.retry_after_seconds
            shared.limiter.refused(SAT_THROUGH_SECONDS if seconds is None else seconds, failure.code)
        elif (failure.retry_after_seconds or 0) > SAT_THROUGH_SECONDS and not failure.is_flex_full:
            shared.limiter.pause(failure.retry_after_seconds or 0, failure.code)


_OUTCOMES = {
    FailureKind.RETRYABLE: Outcome.RETRY,
    FailureKind.PERMANENT: Outcome.FAILED,
    FailureKind.FATAL: Outcome.RELEASED,
}


def _is_answered(attempt: Attempt) -> bool:
    failure = attempt.failure
    return failure is None or (failure.status is not None and not failure.slow_down)


def _cap_reached(spent_usd: float) -> str:
    return (
        f"${spent_usd:.4f} spent, and the next call might exceed --max-cost; "
        "raise --max-cost to continue, or limit the answers with --param max_output_tokens=N."
    )


def _log_call(attempt: Attempt) -> None:
    if log.isEnabledFor(logging.DEBUG):
        what = failure_text(attempt.failure) if attempt.failure else "answered"
        log.debug(
            "%s: call %d: %s (%.2f s)",
            truncate(attempt.claim.artist_name),
            attempt.claim.attempt,
            what,
            attempt.ended_at - attempt.started_at,
        )
