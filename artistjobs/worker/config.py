"""What a command was told: built once by the command line, handed down, never changed."""

from dataclasses import dataclass, replace

from artistjobs.core.controls import ProcessShare, WorkerSettings
from artistjobs.core.pricing import GivenPrices


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkConfig:
    """How to work. None where no limit was asked for.

    ``flex_fallback`` is after how many refusals in a row a job leaves the flex tier. Several
    ``processes`` share what is told here, and ``number`` says which of them this is.
    """

    max_workers: int = 4
    processes: int = 1
    max_attempts: int = 5
    rpm: int | None = None
    tpm: int | None = None
    max_cost_usd: float | None = None
    prices: GivenPrices | None = None
    flex_fallback: int | None = None
    limit: int | None = None
    number: int = 0

    @property
    def part(self) -> ProcessShare:
        """Which of the processes this is, and of how many."""
        return ProcessShare(self.number, self.processes)

    @property
    def settings(self) -> WorkerSettings:
        """What of it can be changed while it works."""
        return WorkerSettings(max_workers=self.max_workers, rpm=self.rpm, tpm=self.tpm, max_cost_usd=self.max_cost_usd)

    def shared_out(self) -> "list[WorkConfig]":
        """Return what each of the processes is told: its part of what can be counted out, and all the rest."""
        parts = min(self.processes, self.max_workers, self.limit or self.max_workers)
        limits = [None] * parts if self.limit is None else _parts(self.limit, parts)
        return [
            replace(self, max_workers=workers, limit=limit, processes=parts, number=number)
            for number, (workers, limit) in enumerate(zip(_parts(self.max_workers, parts), limits, strict=True))
        ]


def _parts(amount: int, parts: int) -> list[int]:
    return [ProcessShare(number, parts).share(amount) for number in range(parts)]
