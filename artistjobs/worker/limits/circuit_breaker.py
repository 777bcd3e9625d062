"""Telling an outage from bad rows: when too many jobs in a row come to nothing, the run is stopped."""

from artistjobs.core.attempt import Attempt, Failure, FailureKind, Outcome

MIN_FAILURES = 10
"""Jobs in a row that have to fail before anything but the rows is suspected."""


BAD_REQUEST = 400


class Breaker:
    """Watches the jobs that fail.

    It trips when ``max(10, workers)`` in a row used up their calls, or were refused with the same
    400, and none succeeded meanwhile.
    """

    def __init__(self, max_workers: int) -> None:
        self.resize(max_workers)
        self._used_up: list[int] = []
        self._refused: list[int] = []
        self._refusal: tuple[str | None, ...] = ()
        self.tripped_by: list[int] = []

    def resize(self, max_workers: int) -> None:
        """Go by another number of workers from now on."""
        self._threshold = max(MIN_FAILURES, max_workers)

    def note(self, attempt: Attempt) -> bool:
        """Take in what a job came to; say whether that trips it.

        ``tripped_by`` then names the jobs in a row. It trips once: what comes in afterwards was in
        flight already and changes nothing.
        """
        if self.tripped_by:
            return False
        if attempt.outcome is Outcome.DONE:
            self._used_up.clear()
            self._refused.clear()
        elif attempt.outcome is Outcome.FAILED and attempt.failure is not None:
            self.tripped_by = self._note_failure(attempt.claim.job, attempt.failure)
            return bool(self.tripped_by)
        return False

    def _note_failure(self, job: int, failure: Failure) -> list[int]:
        if failure.kind is FailureKind.RETRYABLE:
            row = self._used_up
        elif failure.status == BAD_REQUEST:
            row = self._row_of(failure)
        else:
            return []
        row.append(job)
        return row if len(row) >= self._threshold else []

    def _row_of(self, failure: Failure) -> list[int]:
        refusal = _what_it_says(failure)
        if refusal != self._refusal:
            self._refused.clear()
            self._refusal = refusal
        return self._refused


def _what_it_says(failure: Failure) -> tuple[str | None, ...]:
    """Return what makes two refusals the same: the message only where nothing shorter tells."""
    is_told = failure.param is not None or not failure.code.startswith("http_")
    return failure.code, failure.type, failure.param, None if is_told else failure.message
