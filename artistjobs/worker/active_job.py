"""Active job: one claimed job and the calls made for it."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial
from time import time

from tenacity import RetryCallState

from artistjobs.api.classify import classify
from artistjobs.api.interface import CancelledBeforeSendingError
from artistjobs.api.remedies import failure_text
from artistjobs.api.reply import Reply
from artistjobs.core.attempt import SCHEMA_MISMATCH, Answer, Attempt, Failure, FailureKind, Outcome
from artistjobs.core.bound import Bound, bound_of_refusal
from artistjobs.core.formatting import cost_text, truncate
from artistjobs.core.job import MAX_DELAY_SECONDS, Claim
from artistjobs.core.pricing import Billing, Cost
from artistjobs.core.prompt import Body
from artistjobs.core.retry import last_attempt
from artistjobs.core.shortage import Shortage
from artistjobs.errors import PromptError
from artistjobs.store.models import CallPermit, Money
from artistjobs.terminal.log import repeats
from artistjobs.worker.answer_checks import AnswerChecks, Corrections
from artistjobs.worker.calls import Called, MakeCall
from artistjobs.worker.decision import Decision, Sentence, log_given_back, released_to_retry
from artistjobs.worker.limits.budget import Budget, Hold
from artistjobs.worker.limits.cohort import CallEnd, Ending
from artistjobs.worker.limits.rate_limiter import Limiter
from artistjobs.worker.limits.shortages import Shortages
from artistjobs.worker.progress.counters import RunCounters
from artistjobs.worker.progress.slot_time import SlotTime
from artistjobs.worker.stop import RunStoppingError, Stop, StopReason
from artistjobs.worker.store_client import StoreClient, released
from artistjobs.worker.verdicts import Verdicts

log = logging.getLogger(__name__)


SAT_THROUGH_SECONDS = 1.0
"""Longest wait requested by a server that concerns one job only; a longer one pauses all calls."""


PERMIT_POLL_SECONDS = 0.1
"""Interval at which a job that may not be called yet asks again."""


BUDGET_WAIT_SECONDS = 0.25
"""Time after which a wait for money is one for calls in flight to end, and not for a commit."""


Requests = Callable[[Claim], Awaitable[Body]]
"""Builds the request body for a claim. Raises PromptError if the template cannot be rendered for the row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerContext:
    """Objects and settings that all job loops of a process share.

    ``cost_in`` returns the prices in a completion window, None for no window.
    """

    calls: MakeCall
    store_client: StoreClient
    limiter: Limiter
    budget: Budget
    verdicts: Verdicts
    shortages: Shortages
    stop: Stop
    counters: RunCounters
    slot_time: SlotTime
    requests: Requests
    checks: AnswerChecks
    cost: Cost
    cost_in: Callable[[str | None], Cost]
    max_attempts: int
    corrections: int
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
        self._corrections = Corrections(shared.checks, shared.corrections)
        self._case = shared.verdicts.case_of(claim)
        self._not_before: float | None = None
        self._flex_refusals = 0
        self._held_usd = 0.0
        self._allowed_at = 0.0
        self._call_seconds = 0.0
        self._release_reply: Callable[[], None] | None = None

    async def call(self) -> Attempt:
        """Make one call as soon as the limits allow it, and return the attempt; its outcome is decided.

        Raises StoppingError if no call may start because the run stops or is paused, or if this machine could not
        make it, and StoreError.
        """
        shared = self._shared
        if shared.stop.is_halted():
            raise RunStoppingError
        started_at = time()
        try:
            body = self._with_service_tier(await shared.requests(self.claim))
            body = self._corrections.corrected(self.claim, body)
        except PromptError as error:
            failure = Failure(kind=FailureKind.PERMANENT, code="template_error", message=str(error))
            return self._attempt(started_at, failure=failure, calls=0)
        number = await shared.limiter.acquire(lambda: shared.budget.expected_tokens)
        # From here on the call occupies a slot among the calls in flight, which must be freed in any case.
        self._allowed_at, attempt = shared.clock(), None
        try:
            may_send = await self._may_call() and await self._may_spend(body)
            attempt = await self._send(body) if may_send else None
        finally:
            if attempt is None:
                shared.limiter.ended(answered=False)
                shared.verdicts.breaker.abandon(number)
            else:
                end = CallEnd(self._allowed_at, _ending(attempt), self._call_seconds)
                shared.limiter.ended(answered=_is_answered(attempt), end=end)
        if attempt is None:
            raise RunStoppingError
        decision = shared.verdicts.after_call(self._case, attempt, number)
        return attempt if _needs_correction(attempt) else self._decided(attempt, decision)

    async def used_up(self, attempt: Attempt) -> Attempt:
        """Return the last attempt of a claim whose calls all failed, with its outcome decided."""
        if _needs_correction(attempt):
            return replace(attempt, outcome=Outcome.FAILED)
        return self._decided(attempt, await self._shared.verdicts.calls_used_up(self._case, attempt))

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
        if attempt.failure is not None:
            # The answer was paid for: the attempt counts also if the job is released for another reason later.
            self.repeated = 0 if attempt.failure.is_mismatch else self.repeated + 1
            why, name = failure_text(attempt.failure), truncate(self.claim.artist_name)
            then = "asked for a correction" if attempt.failure.is_mismatch else f"retry in {seconds:.1f} s"
            log.info(
                "%s: call %d: %s; %s", name, attempt.claim.attempt, why, then,
                extra=repeats("calls retried", attempt.failure.code),
            )  # fmt: skip

    async def sleep(self, seconds: float) -> None:
        """Sleep until the next call of this job. Raises RunStoppingError if the run stops or is paused meanwhile."""
        began = self._shared.clock()
        try:
            await self._shared.stop.sleep(seconds)
        finally:
            self._shared.slot_time.waited(Bound.SERVICE, self._shared.clock() - began)

    def released(self) -> Attempt:
        """Return the attempt that releases the claim; the job is not available before the time that the server set."""
        attempt = released(self.claim, calls=self.calls_under_way)
        attempt = replace(attempt, available_at=self._not_before, uncounted=1 + self.repeated)
        return self._shared.budget.settle(attempt)

    def released_now(self) -> Attempt:
        """Return the attempt that releases the claim at once, even if a call is in flight."""
        attempt = replace(released(self.claim, calls=self.calls_under_way), uncounted=1 + self.repeated)
        return self._shared.budget.settle(attempt)

    def _decided(self, attempt: Attempt, decision: Decision | None) -> Attempt:
        if decision is None or attempt.failure is None:
            return attempt
        if decision.sentence is Sentence.CALL_AGAIN:
            return replace(attempt, outcome=Outcome.RETRY)
        if decision.sentence is Sentence.FAIL:
            return replace(attempt, outcome=Outcome.FAILED)
        log_given_back(self.claim, attempt.failure)
        asked = min(attempt.failure.retry_after_seconds or 0.0, MAX_DELAY_SECONDS)
        available_at = time() + max(asked, decision.delay_seconds)
        return released_to_retry(attempt, uncounted=1 + self.repeated, available_at=available_at)

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

    async def _may_call(self) -> bool:
        """Wait until no other process can take this worker for dead; return False if one has, or the run stops."""
        store_thread, stop = self._shared.store_client.store_thread, self._shared.stop
        while not stop.is_halted():
            permit = store_thread.may_call(self.claim.job)
            if permit is not CallPermit.WAIT:
                return permit is CallPermit.GRANTED
            await asyncio.sleep(PERMIT_POLL_SECONDS)
        return False

    async def _may_spend(self, body: Body) -> bool:
        shared = self._shared
        if shared.store_client.has_cost_cap:
            worst_case = partial(shared.budget.worst_case, self.claim.prompt, body)
            asked_at = shared.clock()
            hold = await shared.store_client.reserve(worst_case)
            if (waited := shared.clock() - asked_at) > BUDGET_WAIT_SECONDS:
                shared.slot_time.waited(Bound.BUDGET, waited)
            if hold is not None:
                shared.budget.remember(self.claim.job, hold)
                self._held_usd = hold.usd
            else:
                money, refused = shared.store_client.store_thread.reservations.money, worst_case()
                shared.stop.request(
                    StopReason.MAX_COST, cap_sentence(money, refused, body, is_soft=shared.budget.is_soft)
                )
                shared.stop.least_cap_usd = money.spent_usd + (
                    refused.usd + refused.margin_usd if refused is not None else 0.0
                )
        return not shared.stop.is_halted()

    async def _send(self, body: Body) -> Attempt:
        shared, started_at = self._shared, time()
        self.calls_under_way = 1
        shared.counters.in_flight += 1
        shared.slot_time.call_began()
        shared.store_client.store_thread.note_call(self.claim.job)
        try:
            called_at = shared.clock()
            called = await shared.calls(self.claim, body, self._held_usd)
            self._call_seconds = shared.clock() - called_at
            reply = called.reply
            # From here on the reply is interpreted, which is the other moment at which a row may end the process.
            shared.store_client.store_thread.note_call(self.claim.job)
            self._release_reply = reply.release
            classified = self._classify(called, started_at) if reply.shortage is None else None
        except (CancelledBeforeSendingError, RunStoppingError):
            # Not sent, or in the background, where the answer is fetched later.
            self.calls_under_way = 0
            raise
        except MemoryError:
            reply, classified = Reply(shortage=Shortage.MEMORY), None
        finally:
            shared.counters.in_flight -= 1
            shared.slot_time.call_ended()
        if classified is None:
            raise self._not_made(reply)
        self.calls_under_way = 0
        shared.shortages.over()
        attempt = shared.budget.settle(classified)
        self._update_shared_limits(reply, attempt.failure)
        _log_call(attempt)
        return attempt

    def _not_made(self, reply: Reply) -> RunStoppingError:
        """Return the error of a call that this machine could not make or read; the claim is released then."""
        if not reply.was_sent:
            self.calls_under_way = 0
        if reply.shortage is not None:
            self._shared.shortages.note(reply.shortage)
        return RunStoppingError()

    def _classify(self, called: Called, started_at: float) -> Attempt:
        reply = called.reply
        classification = classify(reply, Billing(called.way, self._shared.cost_in(called.window)))
        answer, failure = classification.answer, classification.failure
        if answer is None:
            return self._attempt(started_at, failure=failure, calls=1 if reply.was_sent else 0)
        if failure is None and (reason := self._shared.checks.check(self.claim, answer.text)) is not None:
            return self._mismatch(started_at, reply, answer, reason)
        return self._attempt(started_at, answer=answer, failure=failure)

    def _mismatch(self, started_at: float, reply: Reply, answer: Answer, reason: str) -> Attempt:
        """Return the attempt of an answer that does not fit its schema; it is repeated while corrections are left."""
        failure = Failure(
            kind=FailureKind.PERMANENT, code=SCHEMA_MISMATCH, message=reason,
            status=reply.status, request_id=reply.request_id,
        )  # fmt: skip
        attempt = self._attempt(started_at, answer=answer, failure=failure)
        return replace(attempt, outcome=Outcome.RETRY) if self._corrections.reject(answer.text, reason) else attempt

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
        """Apply a reply to all calls: update the rate limits, and pause the calls if the server asks for that."""
        shared = self._shared
        shared.limiter.learn(reply.headers, accepted=failure is None or not failure.slow_down)
        if failure is None:
            return
        if failure.slow_down and (failure.retry_after_seconds or shared.verdicts.breaker.is_closed):
            # While calls rest, the pauses between the probes are enough, unless the server names a time.
            shared.limiter.refused(
                failure.retry_after_seconds, failure.code, self._allowed_at, bound_of_refusal(failure)
            )
        elif (failure.retry_after_seconds or 0) > SAT_THROUGH_SECONDS and not failure.is_flex_full:
            shared.limiter.pause(failure.retry_after_seconds or 0, failure.code, bound_of_refusal(failure))


_OUTCOMES = {
    FailureKind.RETRYABLE: Outcome.RETRY,
    FailureKind.PERMANENT: Outcome.FAILED,
    FailureKind.FATAL: Outcome.RELEASED,
}


def _needs_correction(attempt: Attempt) -> bool:
    """Return True if the answer does not fit its schema, and another call is to correct it."""
    return attempt.outcome is Outcome.RETRY and attempt.failure is not None and attempt.failure.is_mismatch


def _is_answered(attempt: Attempt) -> bool:
    failure = attempt.failure
    return failure is None or (failure.status is not None and not failure.slow_down)


def _ending(attempt: Attempt) -> Ending:
    """Return what the end of a call says about the service."""
    failure = attempt.failure
    if failure is None or attempt.answer is not None:
        return Ending.ANSWERED
    has_failed = failure.kind is FailureKind.RETRYABLE and not failure.slow_down
    return Ending.FAILED if has_failed else Ending.OTHER


def cap_sentence(money: Money, hold: Hold | None, body: Body, *, is_soft: bool) -> str:
    """Return the sentence for a run that ends because the cap has no room for the worst case of the next call."""
    most = "" if hold is None else f" (it can cost up to {cost_text(hold.usd)})"
    lost = f" and {cost_text(money.lost_usd)} perhaps lost (see artistjobs lost)" if money.lost_usd else ""
    shorter = "" if "max_output_tokens" in body else ", limit the answers with --param max_output_tokens=N"
    estimated = "" if is_soft else ", or estimate the cost of calls with --soft-cap"
    return (
        f"{cost_text(money.spent_usd - money.lost_usd)} spent{lost}, and the next call might exceed --max-cost{most}; "
        f"raise --max-cost to continue{shorter}{estimated}."
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
