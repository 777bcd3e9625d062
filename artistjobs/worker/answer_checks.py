"""Checks of answers against the schemas of their requests, and corrections; each schema is compiled once per run."""

import logging
from collections.abc import Sequence

from artistjobs.core.correction import correction
from artistjobs.core.job import Claim
from artistjobs.core.prompt import Body, Prompt
from artistjobs.core.schema import Check, RejectedAnswer, compile_check
from artistjobs.errors import PromptError
from artistjobs.store.interface import Records

log = logging.getLogger(__name__)


class AnswerChecks:
    """Checks the answers of a run, and finds answers that were rejected before."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._checks: dict[int, Check | None] = {}

    def check(self, claim: Claim, text: str) -> str | None:
        """Return the reason why the text of an answer does not fit its schema, None if it fits or there is none."""
        check = self._check_of(claim.prompt)
        return None if check is None else check(text)

    def rejected(self, claim: Claim) -> Sequence[RejectedAnswer]:
        """Return the answers that earlier attempts at a claimed job rejected, the oldest first. Raises StoreError."""
        if claim.attempt == 1 or self._check_of(claim.prompt) is None:
            return ()
        return self._records.rejected_answers(claim.job, claim.attempt)

    def _check_of(self, number: int) -> Check | None:
        if number not in self._checks:
            self._checks[number] = _compiled(self._records.prompt(number))
        return self._checks[number]


class Corrections:
    """Answers to one job that do not fit their schema, and the corrections that are left."""

    def __init__(self, checks: AnswerChecks, limit: int) -> None:
        self._checks = checks
        self._limit = limit
        self._rejected: list[RejectedAnswer] | None = None

    def corrected(self, claim: Claim, body: Body) -> Body:
        """Return the request for the correction that is due, the request itself if none is; raises StoreError.

        Another worker may have received the rejected answer.
        """
        if self._rejected is None:
            self._rejected = list(self._checks.rejected(claim))
        return correction(body, self._rejected[-1]) if self._rejected else body

    def reject(self, text: str, reason: str) -> bool:
        """Record an answer that does not fit; return True if it may be corrected."""
        self._rejected = [*(self._rejected or ()), RejectedAnswer(text, reason)]
        return len(self._rejected) <= self._limit


def _compiled(prompt: Prompt) -> Check | None:
    schema = prompt.schema
    if schema is None:
        return None
    try:
        return compile_check(schema)
    except PromptError as error:
        # Only a version that did not check answers can have stored such a schema.
        log.warning("the answers are not checked, because the schema of the request cannot be used: %s", error)
        return None
