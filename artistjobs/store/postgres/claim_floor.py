"""Floor of claims: the id up to which no job was pending when this worker last looked.

While another session holds a snapshot, the index of the pending jobs keeps an entry for each job that is done since.
A claim that begins at the first id would walk over all of them; with the floor its cost stays the same.
"""

from collections.abc import Iterable
from time import monotonic
from typing import Final

FLOOR_SECONDS: Final = 30.0
"""Time after which a claim begins at the first id again, for jobs that other workers have released."""


class ClaimFloor:
    """Floor of one worker, for as long as it is recent."""

    def __init__(self) -> None:
        self._job = 0
        self._since = monotonic()

    @property
    def job(self) -> int:
        """Id up to which the next claim need not look, 0 if it has to look at all jobs."""
        return self._job if monotonic() - self._since < FLOOR_SECONDS else 0

    def raise_to(self, job: int, *, starts_anew: bool) -> None:
        """Set the floor after a claim, whose last job is ``job``; ``starts_anew`` if it looked at all jobs."""
        self._job = job
        if starts_anew:
            self._since = monotonic()

    def lower_below(self, jobs: Iterable[int]) -> None:
        """Lower the floor, so that the next claim finds some jobs that are pending again."""
        self._job = min((job - 1 for job in jobs if job <= self._job), default=self._job)

    def reset(self) -> None:
        """Remove the floor, so that the next claim looks at all jobs."""
        self._job = 0
