"""Series of refusals: many rows in a row that are refused alike are not at fault, unless their own code says so."""

import re
from typing import Final

from artistjobs.core.attempt import Attempt, Failure
from artistjobs.core.job import Claim

MIN_SERIES: Final = 10
"""Rows in a row with the same refusal that stop the run, or as many as calls may be in flight if those are more."""


SURE_SERIES: Final = 3
"""Rows with the same refusal that show that a request is refused if no row was ever answered.

Without an answer after them, that many also show it at the end of a run.
"""


_VARYING: Final = re.compile(r"[0-9a-f-]{8,}|\b(?:req|resp|chatcmpl)[-_]\w+|\d+", re.IGNORECASE)
"""Parts of a message that differ between calls: numbers and ids."""


class RefusalSeries:
    """Rows that were finally refused, alike and with no answer in between."""

    def __init__(self, max_workers: int) -> None:
        self.attempts: list[Attempt] = []
        self.has_tripped = False
        self._refusal: tuple[str | None, ...] = ()
        self.resize(max_workers)

    def resize(self, max_workers: int) -> None:
        """Set the number of workers, on which the threshold depends, from now on."""
        self._most = max(MIN_SERIES, max_workers)

    def answered(self) -> None:
        """Record an answer, which ends the series unless it has stopped the run."""
        if self.attempts and not self.has_tripped:
            self.attempts.clear()

    def note(self, attempt: Attempt, failure: Failure, *, ever_answered: bool) -> bool:
        """Record a refusal that is final for its row; return True if the run must stop for the series."""
        # If no row was ever answered, different words for each row prove no more than the same words.
        refusal = what_it_says(failure, attempt.claim) if ever_answered else (failure.code,)
        if refusal != self._refusal:
            if self.has_tripped:
                return False
            self.attempts.clear()
            self._refusal = refusal
        self.attempts.append(attempt)
        self.has_tripped = len(self.attempts) >= self._most
        return self.has_tripped

    def is_sure(self, *, ever_answered: bool) -> bool:
        """Return True if the series shows at the end of a run that the request is at fault, and not its rows."""
        return bool(self.attempts) and (not ever_answered or len(self.attempts) >= SURE_SERIES)


class ForbiddenRows:
    """Rows that were refused with status 403 since the last answer: a gateway may refuse some rows, or all of them."""

    def __init__(self, max_workers: int) -> None:
        self.jobs: set[int] = set()
        self.resize(max_workers)

    def resize(self, max_workers: int) -> None:
        """Set the number of workers, on which the threshold depends, from now on."""
        self._most = max(MIN_SERIES, max_workers)

    def answered(self) -> None:
        """Record an answer."""
        if self.jobs:
            self.jobs.clear()

    def note(self, job: int, *, unfinished: int, ever_answered: bool) -> bool:
        """Record a refusal; return True if so many rows are refused that the account must be at fault."""
        self.jobs.add(job)
        if ever_answered:
            return len(self.jobs) >= min(self._most, max(SURE_SERIES, unfinished))
        return len(self.jobs) >= min(SURE_SERIES, unfinished)


def what_it_says(failure: Failure, claim: Claim) -> tuple[str | None, ...]:
    """Return the fields that identify a refusal: the message only if no shorter field identifies it.

    The row's own text, numbers and ids are left out of the message.
    """
    if failure.param is not None or not failure.code.startswith("http_"):
        return failure.code, failure.type, failure.param, None
    message = failure.message
    for text in (claim.artist_data, claim.artist_name):
        if text:
            message = message.replace(text, "…")
    return failure.code, failure.type, None, _VARYING.sub("#", message)
