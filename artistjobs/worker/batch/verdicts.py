"""Verdicts on the lines of a batch: what a result means for its job and for the run, by the rules of live calls.

A failed line whose cause may pass is handed on: the job is pending again, and the attempt counts unless the cause is
the rate of calls.
"""

from dataclasses import replace
from typing import Final

from artistjobs.api.classify import classify
from artistjobs.api.reply import Reply
from artistjobs.core.attempt import SCHEMA_MISMATCH, Answer, Attempt, Failure, FailureKind, Outcome, Way
from artistjobs.core.job import Claim
from artistjobs.core.pricing import Billing, Cost
from artistjobs.worker.answer_checks import AnswerChecks, Corrections

REFUSED_LINES: Final = 10
"""Refusals with nothing answered beside them that no row can be blamed for."""


class LineVerdicts:
    """Decides on the lines of one batch. The lines that were answered come first, and speak for the account.

    ``fatal`` is the failure for which the run has to stop, ``refused`` the one with which all rows were refused.
    """

    def __init__(
        self, checks: AnswerChecks, cost: Cost, *, max_attempts: int, corrections: int, lines: int, usd_a_line: float
    ) -> None:
        self.fatal: Failure | None = None
        self.refused: Failure | None = None
        self.answered = 0
        self._checks = checks
        self._billing = Billing(Way.BATCH, cost)
        self._max_attempts = max_attempts
        self._corrections = corrections
        self._lines = lines
        self._usd_a_line = usd_a_line

    def attempt_of(self, claim: Claim, reply: Reply, started_at: float, ended_at: float) -> Attempt:
        """Return the attempt of a line; its outcome is decided. Times are in seconds after the epoch."""
        classification = classify(reply, self._billing)
        answer, failure = classification.answer, classification.failure
        attempt = Attempt(
            claim=claim, outcome=Outcome.DONE, started_at=started_at, ended_at=ended_at, answer=answer, failure=failure,
            reserved_usd=self._usd_a_line,
        )  # fmt: skip
        if failure is not None:
            return self._failed(attempt, failure)
        self.answered += 1
        return self._checked(attempt, answer, reply)

    def _checked(self, attempt: Attempt, answer: Answer | None, reply: Reply) -> Attempt:
        reason = None if answer is None else self._checks.check(attempt.claim, answer.text)
        if answer is None or reason is None:
            return attempt
        failure = Failure(
            kind=FailureKind.PERMANENT, code=SCHEMA_MISMATCH, message=reason,
            status=reply.status, request_id=reply.request_id,
        )  # fmt: skip
        attempt = replace(attempt, failure=failure)
        corrections = Corrections(self._checks, self._corrections)
        corrections.corrected(attempt.claim, {})  # finds the answers that were rejected before
        may_correct = corrections.reject(answer.text, reason)
        return self._handed_on(attempt) if may_correct else replace(attempt, outcome=Outcome.FAILED)

    def _failed(self, attempt: Attempt, failure: Failure) -> Attempt:
        if failure.kind is FailureKind.RETRYABLE:
            is_free = failure.slow_down or failure.is_flex_full
            return _given_back(attempt) if is_free else self._handed_on(attempt)
        if failure.kind is FailureKind.FATAL:
            return self._refused_for_all(attempt, failure)
        if failure.is_about_row or attempt.answer is not None or self.answered or self._lines < REFUSED_LINES:
            return replace(attempt, outcome=Outcome.FAILED)
        self.refused = self.refused or failure
        return _given_back(attempt)

    def _refused_for_all(self, attempt: Attempt, failure: Failure) -> Attempt:
        if failure.is_doubtful and self.answered:
            return self._handed_on(attempt)
        self.fatal = self.fatal or failure
        return _given_back(attempt)

    def _handed_on(self, attempt: Attempt) -> Attempt:
        if attempt.claim.attempt >= self._max_attempts:
            return replace(attempt, outcome=Outcome.FAILED)
        return replace(attempt, outcome=Outcome.RETRY, is_handed_on=True)


def _given_back(attempt: Attempt) -> Attempt:
    return replace(attempt, outcome=Outcome.RELEASED, uncounted=1)
