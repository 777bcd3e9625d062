"""Verdicts: what a failed call means for its job and for the run, given all that this process knows of the service.

A job fails only if its row is at fault. Otherwise it is given back: it is pending again, no attempt counts, and it is
asked again later. An outage rests the calls; a refusal that concerns every call stops the run.
"""

import logging
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from typing import Final

from artistjobs.api.remedies import failure_text, fatal_message
from artistjobs.core.attempt import Attempt, Failure, FailureKind
from artistjobs.core.formatting import duration_text
from artistjobs.core.job import Claim
from artistjobs.worker.config import WorkConfig
from artistjobs.worker.decision import CALL_AGAIN, FAIL, Decision, Sentence, outage_sentence, refused_sentence
from artistjobs.worker.limits.circuit_breaker import Breaker, Event
from artistjobs.worker.limits.evidence import Case, ServiceRecord
from artistjobs.worker.limits.rate_limiter import Limiter
from artistjobs.worker.limits.refusals import ForbiddenRows, RefusalSeries
from artistjobs.worker.peers import Peers
from artistjobs.worker.stop import RunStoppingError, Stop, StopReason

log = logging.getLogger(__name__)


GIVE_BACK_SECONDS: Final = 2.0
"""Delay of a job that was given back, times the number of times that it was; other jobs come first meanwhile."""


ASK_AGAIN_SECONDS: Final = 3.0
"""Delay of a job whose refusal may be a mistake: longer than the rest, so that another row is the probe."""


MAX_DELAY_SECONDS: Final = 60.0


MAX_CASES: Final = 10_000
"""Jobs that were given back and whose evidence is kept, so that memory stays bounded."""


MAX_WAIT_FOR_OTHERS_SECONDS: Final = 10.0
"""Longest wait for the results of the last calls in flight before a job is given back."""


POLL_SECONDS: Final = 0.01


FORBIDDEN: Final = 403


class Verdicts:
    """Decides on the jobs of one process, rests its calls during an outage, and stops its run.

    ``unfinished`` returns the number of jobs that are not done or failed. ``ever_answered`` is True if jobs of the run
    were done before it.
    """

    def __init__(  # noqa: PLR0913 - built in one place
        self,
        config: WorkConfig,
        breaker: Breaker,
        limiter: Limiter,
        stop: Stop,
        unfinished: Callable[[], int],
        peers: Peers,
        *,
        ever_answered: bool,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._clock = clock
        self.breaker = breaker
        self.series = RefusalSeries(config.max_workers)
        self._forbidden = ForbiddenRows(config.max_workers)
        self._limiter = limiter
        self._stop = stop
        self._max_workers = config.max_workers
        self._max_attempts = config.max_attempts
        self._unfinished = unfinished
        self._peers = peers
        self._ever_answered = ever_answered
        self._newest_answered = 0
        self._in_doubt: set[int] = set()
        self._records: dict[int, ServiceRecord] = {}
        self._cases: dict[int, Case] = {}

    def resize(self, max_workers: int) -> None:
        """Set the number of workers from now on."""
        self._max_workers = max_workers
        self.breaker.resize(max_workers)
        self.series.resize(max_workers)
        self._forbidden.resize(max_workers)

    def case_of(self, claim: Claim) -> Case:
        """Return the evidence on a claimed job."""
        if case := self._cases.get(claim.job):
            case.claimed_again()
            return case
        return Case(self._records.setdefault(claim.prompt, ServiceRecord()))

    def after_call(self, case: Case, attempt: Attempt, call: int) -> Decision | None:
        """Apply the result of a call to the run; return the decision on its job, None for a job that is done."""
        failure = attempt.failure
        if failure is None or _is_answer(attempt, failure):
            self._note_answer(case, call)
        elif failure.kind is FailureKind.PERMANENT:
            # A refusal by a gateway says neither that the service is well nor that it is away.
            self.breaker.abandon(call)
        if failure is None or failure.is_about_row:
            self._ever_answered = True
            self.series.answered()
        if failure is None:
            self._cases.pop(attempt.claim.job, None)
            return None
        if failure.kind is FailureKind.RETRYABLE:
            # A call that was never sent is no row's fault.
            case.note_failure(is_service=_is_service_fault(failure) or not attempt.calls)
            return self._on_failed_call(case, attempt.claim, failure, call)
        if failure.kind is FailureKind.FATAL:
            return self._on_refusal(case, attempt.claim, failure, call)
        self._cases.pop(attempt.claim.job, None)
        if not failure.is_about_row and self.series.note(attempt, failure, ever_answered=self._ever_answered):
            self._stop.request(StopReason.REFUSED, refused_sentence(len(self.series.attempts), failure))
        return FAIL

    async def calls_used_up(self, case: Case, attempt: Attempt) -> Decision:
        """Return the decision on a job whose last allowed call failed in a way that another call may not."""
        failure = attempt.failure
        assert failure is not None
        if self._stop.reason not in _EXCUSES and await self._blames_row(case, attempt.claim):
            self._cases.pop(attempt.claim.job, None)
            return FAIL
        decision = self._give_back(case, attempt.claim, GIVE_BACK_SECONDS)
        self._tell(self.breaker.came_to_nothing(self._unfinished(), failure.code), failure)
        return decision

    def attempts_to_give_back(self, *, is_end: bool) -> list[Attempt]:
        """Return the refused attempts whose jobs become pending again, since their rows are not at fault.

        ``is_end`` is True if nothing else ended the run; it then stops for the series of refusals at its end.
        """
        attempts = self.series.attempts
        failure = attempts[-1].failure if attempts else None
        if failure is None:
            return []
        is_sure = self.series.is_sure(ever_answered=self._ever_answered)
        if is_end and is_sure:
            self._stop.request(StopReason.REFUSED, refused_sentence(len(attempts), failure))
        return list(attempts) if is_sure or self._stop.reason is StopReason.REFUSED else []

    async def _blames_row(self, case: Case, claim: Claim) -> bool:
        if case.blames_row(self._max_attempts, is_last=self._is_last(claim)):
            return True
        self._in_doubt.add(claim.job)
        try:
            await self._wait_for_others(claim)
            return case.blames_row(self._max_attempts, is_last=self._is_last(claim))
        finally:
            self._in_doubt.discard(claim.job)

    async def _wait_for_others(self, claim: Claim) -> None:
        """Wait for the last jobs in hand: if one is answered, a row that fails beside it is at fault."""
        until = self._clock() + MAX_WAIT_FOR_OTHERS_SECONDS
        with suppress(RunStoppingError):
            while not self._is_last(claim) and self._is_last(claim, but_for=self._free_slots) and self._clock() < until:
                await self._stop.sleep(POLL_SECONDS)

    @property
    def _free_slots(self) -> int:
        return max(0, self._max_workers - len(self._in_doubt))

    def _is_last(self, claim: Claim, but_for: int = 0) -> bool:
        """Return True if all other unfinished jobs have come to nothing too, except for a number of them."""
        others = self._unfinished() - 1 - but_for
        if others > len(self._cases) + len(self._in_doubt):
            return False
        return others <= len((self._cases.keys() | self._in_doubt) - {claim.job})

    def _note_answer(self, case: Case, call: int) -> None:
        case.note_answer()
        self._newest_answered = max(self._newest_answered, call)
        self._forbidden.answered()
        if self.breaker.answered() is Event.RECOVERED:
            log.warning("the service answers again; calls continue")
            self._limiter.restart()
            self._peers.answered()

    def _on_failed_call(self, case: Case, claim: Claim, failure: Failure, call: int) -> Decision:
        if self.breaker.is_probe(call):
            self._tell(self.breaker.failed(call, failure.code), failure)
            return self._give_back(case, claim, self.breaker.seconds_to_probe)
        if self._limiter.is_refused_throughout:
            self._tell(self.breaker.trip(failure.code), failure)
        if not case.given_back or not self.breaker.is_closed:
            return CALL_AGAIN
        if not case.blames_row(self._max_attempts, is_last=self._is_last(claim)):
            return CALL_AGAIN
        self._cases.pop(claim.job, None)
        return FAIL

    def _on_refusal(self, case: Case, claim: Claim, failure: Failure, call: int) -> Decision:
        """Decide on a refusal that stops the run, unless it may be a mistake of the server or concern one row alone."""
        if not failure.is_doubtful:
            return self._stop_for(case, claim, failure)
        if case.refused_at_call is not None and self._newest_answered > case.refused_at_call:
            # Refused twice, while a call that began after the first refusal was answered.
            self.breaker.abandon(call)
            self._cases.pop(claim.job, None)
            return FAIL
        was_refused = case.refused_at_call is not None
        case.refused_at_call = self.breaker.newest_call
        if failure.status == FORBIDDEN:
            return self._on_forbidden(case, claim, failure, call, was_refused=was_refused)
        if not self._ever_answered:
            return self._stop_for(case, claim, failure)
        event = self.breaker.suspect(call, failure.code)
        if event is Event.CONFIRMED:
            return self._stop_for(case, claim, failure)
        if event is Event.SUSPECTED:
            log.warning("%s; asking once more before the run stops", failure_text(failure))
        return self._give_back(case, claim, ASK_AGAIN_SECONDS)

    def _on_forbidden(self, case: Case, claim: Claim, failure: Failure, call: int, *, was_refused: bool) -> Decision:
        if not self._ever_answered:
            # Calls rest, so that those in flight show whether all rows are refused.
            self.breaker.suspect(call, failure.code)
        self.breaker.abandon(call)
        unfinished = self._unfinished()
        if self._forbidden.note(claim.job, unfinished=unfinished, ever_answered=self._ever_answered):
            return self._stop_for(case, claim, failure)
        if was_refused and unfinished <= len(self._forbidden.jobs):
            # No other row is left to compare with: rows that were answered before speak against these.
            self._cases.pop(claim.job, None)
            return FAIL
        return self._give_back(case, claim, ASK_AGAIN_SECONDS)

    def _stop_for(self, case: Case, claim: Claim, failure: Failure) -> Decision:
        self._stop.request(StopReason.ACCOUNT, fatal_message(failure))
        return self._give_back(case, claim, 0.0)

    def _give_back(self, case: Case, claim: Claim, seconds: float) -> Decision:
        case.given_back += 1
        self._cases[claim.job] = case
        if len(self._cases) > MAX_CASES:
            del self._cases[next(iter(self._cases))]
        return Decision(Sentence.GIVE_BACK, min(MAX_DELAY_SECONDS, seconds * case.given_back))

    def _tell(self, event: Event | None, failure: Failure) -> None:
        """Log what the breaker does, and stop the run if it gave up."""
        why, rest = failure_text(failure), self.breaker.rest
        if event is Event.TRIPPED and rest is not None:
            if _needs_person(failure) and not self._ever_answered:
                self._stop.request(StopReason.ACCOUNT, fatal_message(failure))
                return
            patience = duration_text(self.breaker.patience_seconds)
            calls = f"calls wait, and one at a time tries again, for up to {patience} (--patience)"
            self._peers.resting(failure.code, f"the service is away ({why}): {calls}")
        elif event is Event.STILL_AWAY:
            log.info(
                "the service is still away (%s); next try in %s", why, duration_text(self.breaker.seconds_to_probe)
            )
        elif event is Event.GAVE_UP:
            self._stop.request(StopReason.OUTAGE, outage_sentence(failure, self.breaker.patience_seconds))


_EXCUSES: Final = (StopReason.ACCOUNT, StopReason.OUTAGE, StopReason.REFUSED)
"""Reasons to stop that also explain the failures of calls in flight."""


def _is_answer(attempt: Attempt, failure: Failure) -> bool:
    """Return True if a failure comes from a service that is well: an answer, or a refusal of the row's own text."""
    if not attempt.calls:
        return False
    return failure.is_about_row or (attempt.answer is not None and failure.kind is FailureKind.PERMANENT)


def _is_service_fault(failure: Failure) -> bool:
    """Return True if no row can have caused a failure: a rate limit or a full service tier."""
    return failure.slow_down or failure.is_flex_full


def _needs_person(failure: Failure) -> bool:
    """Return True if a failure does not pass with time, such as a redirect to another address."""
    return failure.status is not None and 300 <= failure.status < 400  # noqa: PLR2004
