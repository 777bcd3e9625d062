"""Random choice among pending jobs, for a look at some rows of a file before the others are asked."""

from collections.abc import Callable, Sequence
from typing import Final

from artistjobs.core.job import Claim

PICKS_AT_ONCE: Final = 1000
"""Jobs that are picked in one scan of the pending jobs, which takes half a second for a million."""


class RandomPicks:
    """Picks random pending jobs, many at a time, and hands them out while they are pending."""

    def __init__(self) -> None:
        self._ids: list[int] = []

    def take(
        self, limit: int, claimable: Callable[[Sequence[int]], list[Claim]], pick: Callable[[int], list[int]]
    ) -> list[Claim]:
        """Return up to ``limit`` random jobs.

        Args:
            limit: Largest number of jobs.
            claimable: Returns those of some jobs that may still be claimed, since other workers may have been faster.
            pick: Returns as many random pending jobs as it is asked for.

        """
        found = self._hand_out(limit, claimable)
        if len(found) < limit:
            # The jobs that were just taken may not be marked as claimed yet, so they may be picked again.
            taken = {claim.job for claim in found}
            self._ids = [job for job in pick(max(limit, PICKS_AT_ONCE) + len(taken)) if job not in taken]
            found += self._hand_out(limit - len(found), claimable)
        return found

    def _hand_out(self, limit: int, claimable: Callable[[Sequence[int]], list[Claim]]) -> list[Claim]:
        found: list[Claim] = []
        while self._ids and len(found) < limit:
            wanted = limit - len(found)
            picks, self._ids = self._ids[:wanted], self._ids[wanted:]
            found += claimable(picks)
        return found
