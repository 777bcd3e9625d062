"""Circuit breaker: stops the run when many jobs fail in a row, which indicates an outage rather than bad rows."""

from artistjobs.core.attempt import Attempt, Failure, FailureKind, Outcome

MIN_FAILURES = 10
"""Minimum number of consecutive failed jobs that counts as an outage."""


BAD_REQUEST = 400


class Breaker:
    """Counts jobs that fail in a row.

    It trips when ``max(10, workers)`` jobs in a row used up their attempts on retryable failures, or were refused with
    the same HTTP 400, and no job succeeded meanwhile.
    """

    def __init__(self, max_workers: int) -> None:
        self.resize(max_workers)
        self._used_up: list[int] = []
        self._refused: list[int] = []
        self._refusal: tuple[str | None, ...] = ()
        self.tripped_by: list[int] = []

    def resize(self, max_workers: int) -> None:
        """Set the number of workers, on which the threshold depends, from now on."""
        self._threshold = max(MIN_FAILURES, max_workers)

    def note(self, attempt: Attempt) -> bool:
        """Record the outcome of a job; return True if the breaker trips.

        ``tripped_by`` then holds the ids of the jobs in a row. The breaker trips once: jobs that end afterwards were
        already in flight and change nothing.
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
    """Return the fields that identify a refusal: the message only if no shorter field identifies it."""
    is_told = failure.param is not None or not failure.code.startswith("http_")
    return failure.code, failure.type, failure.param, None if is_told else failure.message
