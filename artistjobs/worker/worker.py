"""Job loop: attempts one claimed job after another, with retries.

For each job it waits for its turn, makes the call, decides the outcome and calls again if that can help. It records
nothing itself: it passes attempts to the store client. It knows the protocols of the API and the store, not their
implementations.
"""

import logging

from artistjobs.api.remedies import failure_text
from artistjobs.core.attempt import Attempt, FailureKind, Outcome
from artistjobs.core.formatting import truncate
from artistjobs.core.job import Claim
from artistjobs.core.retry import Backoff, retrying
from artistjobs.terminal.log import repeats
from artistjobs.worker.active_job import ActiveJob, WorkerContext
from artistjobs.worker.stop import RunStoppingError

log = logging.getLogger(__name__)


class JobLoop:
    """One slot for a call in flight: attempts claimed jobs one after another until there are none left."""

    def __init__(self, shared: WorkerContext) -> None:
        self._shared = shared
        self._backoff = Backoff(shared.chance)
        self._active_job: ActiveJob | None = None

    async def work(self) -> None:
        """Exchange attempts for claims until no job is left to claim, or the run stops.

        A claim in progress is released if this is cancelled. Raises StoreError.
        """
        try:
            claim = await self._shared.store_client.exchange(None)
            while claim is not None:
                claim = await self._settle(claim)
        finally:
            if self._active_job is not None:
                self._shared.store_client.release(self._active_job.released_now())

    async def _settle(self, claim: Claim) -> Claim | None:
        """Attempt a job, store the attempt, and return the next claim."""
        active_job = self._active_job = ActiveJob(self._shared, claim)
        try:
            attempt: Attempt | None = await self._attempt(active_job)
            self._active_job = None
            if active_job.has_large_reply and attempt is not None:
                # The next claim may come late, and the memory of this reply is needed for those of other calls.
                await self._shared.store_client.record(attempt)
                attempt = None
        finally:
            active_job.forget_reply()
        return await self._shared.store_client.exchange(attempt)

    async def _attempt(self, active_job: ActiveJob) -> Attempt:
        try:
            attempt = await active_job.call()
            if attempt.outcome is Outcome.RETRY:
                attempt = await self._call_again(active_job, attempt)
            if attempt.outcome is Outcome.RETRY:
                attempt = await active_job.used_up(attempt)
        except RunStoppingError:
            attempt = active_job.released()
        self._note(attempt)
        return attempt

    async def _call_again(self, active_job: "ActiveJob", first: Attempt) -> Attempt:
        # Most jobs need only one call, and setting up a retry loop costs more than all other work for a job.
        calls_left = self._shared.max_attempts - first.claim.attempt + 1
        repeat = retrying(calls_left, self._backoff, active_job.sleep, active_job.before_backoff)
        attempts = [first]

        async def call() -> Attempt:
            return attempts.pop() if attempts else await active_job.call()

        last: Attempt = await repeat(call)
        return last

    def _note(self, attempt: Attempt) -> None:
        """Count an attempt, and log it if its job failed."""
        self._shared.counters.add(attempt, self._shared.clock())
        if attempt.outcome is Outcome.FAILED and attempt.failure is not None:
            name, why = truncate(attempt.claim.artist_name), failure_text(attempt.failure)
            # A job that was refused may still become pending again, if many others are refused alike.
            is_refused = attempt.failure.kind is FailureKind.PERMANENT and not attempt.failure.is_about_row
            how, what = ("refused", "jobs refused") if is_refused else ("failed", "jobs failed")
            log.info("%s: %s: %s", name, how, why, extra=repeats(what, attempt.failure.code))
