"""Evidence on whether failed calls are the fault of a row or of the service.

A row whose calls all fail while other rows are answered is at fault. If calls of other rows fail too and then succeed,
the service is at fault. The evidence is counted for each prompt configuration, because models fail independently.
"""

from dataclasses import dataclass
from typing import Final

ENOUGH_ANSWERS: Final = 8
"""Answers to other rows after the first failure that show how well the service is."""


TOLERATED_FAILURES: Final = 0.75
"""Expected failures among the calls allowed for a row up to which the service counts as well: 15 % of five calls."""


CERTAIN: Final = 1e-7
"""Probability that the service alone caused the failures, below which the row is to blame in any case."""


PRIOR_FAILED, PRIOR_CALLS = 0.2, 1.0
"""Weight of what is assumed before other rows are observed."""


@dataclass(slots=True)
class ServiceRecord:
    """Numbers of one prompt so far: answers, failed calls, and the failed calls of rows that were answered later."""

    answered: int = 0
    failed_calls: int = 0
    recovered_calls: int = 0


class Case:
    """Evidence on one job, from its first call on; it is kept while the job is given back and claimed again."""

    def __init__(self, record: ServiceRecord) -> None:
        self._record = record
        self._answered_before = record.answered
        self._failed_before = record.failed_calls
        self._recovered_before = record.recovered_calls
        self._answered_at_failure: int | None = None
        self._excused = 0
        self.failed_calls = 0
        self.given_back = 0
        self.refused_at_call: int | None = None

    def claimed_again(self) -> None:
        """Begin another claim of the same job."""
        self._excused = 0

    def note_failure(self, *, is_service: bool) -> None:
        """Record a failed call; ``is_service`` is True if no row can have caused the failure."""
        if is_service:
            self._excused += 1
            return
        if self._answered_at_failure is None:
            self._answered_at_failure = self._record.answered
        self.failed_calls += 1
        self._record.failed_calls += 1

    def note_answer(self) -> None:
        """Record that a call of the job was answered."""
        self._record.answered += 1
        self._record.recovered_calls += self.failed_calls

    def blames_row(self, calls: int, *, is_last: bool) -> bool:
        """Return True if the row caused the failures, with ``calls`` calls allowed for one claim.

        That requires enough answers to other rows after the first failure, and failures that the failures of other
        rows do not explain. ``is_last`` is True if no other row can be answered any more; one answer to another row
        since the first call is then enough, but all failures of other rows count. Failures that no row can cause do
        not use up the calls.
        """
        if not self.failed_calls or (self._excused and self.failed_calls < calls):
            return False
        answered = self._record.answered - self._answered_before
        after_failure = self._record.answered - (self._answered_at_failure or 0)
        if after_failure >= ENOUGH_ANSWERS:
            failed = self._record.recovered_calls - self._recovered_before
        elif is_last and answered:
            failed = self._record.failed_calls - self._failed_before - self.failed_calls
        else:
            return False
        rate = (failed + PRIOR_FAILED) / (failed + answered + PRIOR_CALLS)
        return rate**self.failed_calls <= max((TOLERATED_FAILURES / calls) ** self.failed_calls, CERTAIN)
