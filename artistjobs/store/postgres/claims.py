"""Claims of one worker: pending jobs become its jobs, the oldest first or random ones."""

from collections.abc import Iterable

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

    def claim(self, db: Db, limit: int, scope: Scope, worker: int | None, claimed_at: float) -> list[Claim]:
        """Claim up to ``limit`` jobs in a transaction; return the claims, the oldest job first."""
        row = {
            **span(scope), **self.moments(), "limit": limit, "worker": worker, "floor": self.floor.job,
            "claimed_at": to_timestamp(claimed_at),
        }  # fmt: skip
        if self._picks is not None:
            claims = self._picks.take(
                limit,
                lambda picks: self.of_rows(execute(db, "claim_picks", row | {"picks": list(picks)})),
                lambda count: [found["id"] for found in execute(db, "random_pending", row | {"count": count})],
            )
            return sorted(claims, key=lambda claim: claim.job)
        claims = self.of_rows(execute(db, "claim", row))
        if len(claims) < limit and row["floor"]:
            # Jobs that became pending again are below the floor.
            rest = self.of_rows(execute(db, "claim", row | {"floor": 0, "limit": limit - len(claims)}))
            self.floor.reset()
            return sorted([*claims, *rest], key=lambda claim: claim.job)
        self.floor.raise_to(claims[-1].job if len(claims) == limit else 0, starts_anew=not row["floor"])
        return claims

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
