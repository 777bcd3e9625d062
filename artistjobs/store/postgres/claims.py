"""Claims of one worker: pending jobs become its jobs, the oldest first or random ones."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from artistjobs.core.columns import NO_COLUMNS
from artistjobs.core.job import MAX_DELAY_SECONDS, Claim, Scope
from artistjobs.core.timestamps import to_timestamp
from artistjobs.store.postgres.claim_floor import ClaimFloor
from artistjobs.store.postgres.connection import Connection
from artistjobs.store.postgres.statements import Db, DbRow, execute
from artistjobs.store.queries.headers import Headers
from artistjobs.store.queries.picks import RandomPicks
from artistjobs.store.queries.rows import span


class Claims:
    """Claims jobs within transactions of others."""

    def __init__(self, connection: Connection) -> None:
        self.floor = ClaimFloor()
        self._connection = connection
        self._picks: RandomPicks | None = None
        self._headers = Headers(connection)

    def claim_randomly(self) -> None:
        """Claim random jobs from now on, no longer the oldest first."""
        self._picks = RandomPicks()

    @property
    def is_random(self) -> bool:
        """True if random jobs are claimed."""
        return self._picks is not None

    def row(self, limit: int, scope: Scope, claimed_at: float) -> dict[str, object]:
        """Return the parameters of a claim of the oldest jobs."""
        return {
            **span(scope), **self.moments(), "limit": limit, "floor": self.floor.job,
            "claimed_at": to_timestamp(claimed_at),
        }  # fmt: skip

    def complete(
        self,
        row: Mapping[str, object],
        claimed: Iterable[DbRow],
        released: Sequence[int],
        claim: Callable[[Mapping[str, object]], Iterable[DbRow]],
    ) -> list[Claim]:
        """Return the claims of a claim of the oldest jobs, and of another one if jobs may be below the floor.

        Args:
            row: The parameters of the claim.
            claimed: The rows of the claimed jobs.
            released: Jobs that were released with the claim, which did not find them.
            claim: Executes another claim and returns its rows.

        """
        claims, limit = self.of_rows(claimed), int(str(row["limit"]))
        if len(claims) < limit and (row["floor"] or released):
            # Jobs that became pending again are below the floor.
            rest = self.of_rows(claim({**row, "floor": 0, "limit": limit - len(claims)}))
            self.floor.reset()
            return sorted([*claims, *rest], key=lambda claim: claim.job)
        self.floor.raise_to(claims[-1].job if len(claims) == limit else 0, starts_anew=not row["floor"])
        return claims

    def at_random(self, db: Db, row: Mapping[str, object], limit: int, worker: int | None) -> list[Claim]:
        """Claim up to ``limit`` random jobs, in a transaction that has found the worker registered."""
        assert self._picks is not None
        row = {**row, "worker": worker}
        claims = self._picks.take(
            limit,
            lambda picks: self.of_rows(execute(db, "claim_picks", {**row, "picks": list(picks)})),
            lambda count: [found["id"] for found in execute(db, "random_pending", {**row, "count": count})],
        )
        return sorted(claims, key=lambda claim: claim.job)

    def of_rows(self, rows: Iterable[DbRow]) -> list[Claim]:
        """Return the claims of rows, the oldest job first."""
        claims = (
            Claim(
                row["job"], row["attempt"], row["prompt"], row["artist_name"], row["artist_data"],
                NO_COLUMNS if row["columns"] is None else self._headers.columns(row["header"], row["columns"]),
            )
            for row in rows
        )  # fmt: skip
        return sorted(claims, key=lambda claim: claim.job)

    def moments(self) -> dict[str, object]:
        """Return the current time, and the latest plausible ``available_at`` of a job, by the clock of the server."""
        now = self._connection.now()
        return {"now": to_timestamp(now), "latest": to_timestamp(now + MAX_DELAY_SECONDS)}
