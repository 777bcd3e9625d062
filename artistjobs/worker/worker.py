"""The way of one job through a worker: wait for its turn, call, judge, and call again if that helps.

A worker decides what an attempt came to and records nothing itself: it hands attempts to the
writer. It knows the protocols of the API and the store, and not what stands behind them.
"""

import logging
from dataclasses import replace

from artistjobs.api.remedies import describe
from artistjobs.core.attempt import Attempt, Outcome, Reach
from artistjobs.core.formatting import brief
from artistjobs.core.job import Claim
from artistjobs.core.retry import Backoff, retrying
from artistjobs.terminal.log import grouped
from artistjobs.worker.active_job import Shared, _Hold
from artistjobs.worker.limits.circuit_breaker import BAD_REQUEST
from artistjobs.worker.stop import Reason, StoppingError

log = logging.getLogger("artistjobs")


class Worker:
    """One slot for a call in flight: attempts one claimed job after another until there is none."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._backoff = Backoff(shared.chance)
        self._hold: _Hold | None = None

    async def work(self) -> None:
        """Exchange attempts for claims until there is nothing left to claim, or the run stops.

        A claim in hand when this is cancelled is given back.
        """
        try:
            claim = await self._shared.writer.exchange(None)
            while claim is not None:
                attempt = await self._attempt(claim)
                self._hold = None
                claim = await self._shared.writer.exchange(attempt)
        finally:
            if self._hold is not None:
                self._shared.writer.release(self._hold.abandoned())

    async def _attempt(self, claim: Claim) -> Attempt:
        self._hold = hold = _Hold(self._shared, claim)
        try:
            attempt = await hold.call()
            if attempt.outcome is Outcome.RETRY:
                attempt = await self._call_again(hold, attempt)
        except StoppingError:
            attempt = hold.given_back()
        if attempt.outcome is Outcome.RETRY:
            attempt = replace(attempt, outcome=Outcome.FAILED)
        return self._after(attempt, hold.repeated)

    async def _call_again(self, hold: "_Hold", first: Attempt) -> Attempt:
        # Most calls need no second one, and setting up a loop for them costs more than all else we do.
        calls_left = self._shared.max_attempts - first.claim.attempt + 1
        repeat = retrying(calls_left, self._backoff, self._shared.stop.sleep, hold.before_backoff)
        made = [first]

        async def call() -> Attempt:
            return made.pop() if made else await hold.call()

        last: Attempt = await repeat(call)
        return last

    def _after(self, attempt: Attempt, repeated: int) -> Attempt:
        """Let a failure that is not the row's fault not be the row's."""
        shared = self._shared
        if _is_nobodys_fault(attempt, shared.stop.reason):
            attempt = replace(attempt, outcome=Outcome.RELEASED, uncounted=1 + repeated)
        elif shared.breaker.note(attempt):
            shared.stop.request(Reason.OUTAGE, _outage(attempt))
        shared.tally.add(attempt, shared.clock())
        if attempt.outcome is Outcome.FAILED and attempt.failure is not None:
            name, why = brief(attempt.claim.artist_name), describe(attempt.failure)
            log.info("%s: failed: %s", name, why, extra=grouped("jobs failed", attempt.failure.code))
        return attempt


def _is_nobodys_fault(attempt: Attempt, reason: Reason | None) -> bool:
    """Say whether what stopped the run also explains this attempt, so that the job is not to blame."""
    if reason not in (Reason.ACCOUNT, Reason.OUTAGE):
        return False
    if attempt.outcome is not Outcome.FAILED or attempt.failure is None:
        return attempt.outcome is Outcome.RELEASED
    return attempt.failure.reach is Reach.CALL or (reason is Reason.OUTAGE and attempt.failure.status == BAD_REQUEST)


def _outage(attempt: Attempt) -> str:
    assert attempt.failure is not None
    if attempt.failure.is_flex_full:
        return (
            "the flex tier has no room for one job after another; run the same command again later, "
            "or with --flex-fallback 2 to go on at the standard tier."
        )
    return (
        f"one job after another came to nothing, the last with {describe(attempt.failure)}; "
        "wait until the service is well, or mend the request, then run the same command again."
    )
