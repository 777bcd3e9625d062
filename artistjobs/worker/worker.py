"""The way of one job through a worker: wait for its turn, call, judge, and call again if that helps.

A worker decides what an attempt came to and records nothing itself: it hands attempts to the
writer. It knows the protocols of the API and the store, and not what stands behind them.
"""

import logging
from dataclasses import replace

from artistjobs.api.remedies import failure_text
from artistjobs.core.attempt import Attempt, FailureKind, Outcome
from artistjobs.core.formatting import truncate
from artistjobs.core.job import Claim
from artistjobs.core.retry import Backoff, retrying
from artistjobs.terminal.log import repeats
from artistjobs.worker.active_job import ActiveJob, WorkerContext
from artistjobs.worker.limits.circuit_breaker import BAD_REQUEST
from artistjobs.worker.stop import RunStoppingError, StopReason

log = logging.getLogger("artistjobs")


class JobLoop:
    """One slot for a call in flight: attempts one claimed job after another until there is none."""

    def __init__(self, shared: WorkerContext) -> None:
        self._shared = shared
        self._backoff = Backoff(shared.chance)
        self._active_job: ActiveJob | None = None

    async def work(self) -> None:
        """Exchange attempts for claims until there is nothing left to claim, or the run stops.

        A claim in hand when this is cancelled is given back.
        """
        try:
            claim = await self._shared.store_client.exchange(None)
            while claim is not None:
                attempt = await self._attempt(claim)
                self._active_job = None
                claim = await self._shared.store_client.exchange(attempt)
        finally:
            if self._active_job is not None:
                self._shared.store_client.release(self._active_job.released_now())

    async def _attempt(self, claim: Claim) -> Attempt:
        self._active_job = active_job = ActiveJob(self._shared, claim)
        try:
            attempt = await active_job.call()
            if attempt.outcome is Outcome.RETRY:
                attempt = await self._call_again(active_job, attempt)
        except RunStoppingError:
            attempt = active_job.released()
        if attempt.outcome is Outcome.RETRY:
            attempt = replace(attempt, outcome=Outcome.FAILED)
        return self._after(attempt, active_job.repeated)

    async def _call_again(self, active_job: "ActiveJob", first: Attempt) -> Attempt:
        # Most calls need no second one, and setting up a loop for them costs more than all else we do.
        calls_left = self._shared.max_attempts - first.claim.attempt + 1
        repeat = retrying(calls_left, self._backoff, self._shared.stop.sleep, active_job.before_backoff)
        made = [first]

        async def call() -> Attempt:
            return made.pop() if made else await active_job.call()

        last: Attempt = await repeat(call)
        return last

    def _after(self, attempt: Attempt, repeated: int) -> Attempt:
        """Let a failure that is not the row's fault not be the row's."""
        shared = self._shared
        if _is_excused(attempt, shared.stop.reason):
            attempt = replace(attempt, outcome=Outcome.RELEASED, uncounted=1 + repeated)
        elif shared.breaker.note(attempt):
            shared.stop.request(StopReason.OUTAGE, _outage(attempt))
        shared.counters.add(attempt, shared.clock())
        if attempt.outcome is Outcome.FAILED and attempt.failure is not None:
            name, why = truncate(attempt.claim.artist_name), failure_text(attempt.failure)
            log.info("%s: failed: %s", name, why, extra=repeats("jobs failed", attempt.failure.code))
        return attempt


def _is_excused(attempt: Attempt, reason: StopReason | None) -> bool:
    """Say whether what stopped the run also explains this attempt, so that the job is not to blame."""
    if reason not in (StopReason.ACCOUNT, StopReason.OUTAGE):
        return False
    if attempt.outcome is not Outcome.FAILED or attempt.failure is None:
        return attempt.outcome is Outcome.RELEASED
    return attempt.failure.kind is FailureKind.RETRYABLE or (
        reason is StopReason.OUTAGE and attempt.failure.status == BAD_REQUEST
    )


def _outage(attempt: Attempt) -> str:
    assert attempt.failure is not None
    if attempt.failure.is_flex_full:
        return (
            "the flex tier has no room for one job after another; run the same command again later, "
            "or with --flex-fallback 2 to go on at the standard tier."
        )
    return (
        f"one job after another came to nothing, the last with {failure_text(attempt.failure)}; "
        "wait until the service is well, or mend the request, then run the same command again."
    )
