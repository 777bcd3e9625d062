"""Configuration of a worker process: limits, attempts and prices, built once by the command line and never changed."""

from dataclasses import dataclass, replace

from artistjobs.core.controls import ProcessShare, WorkerSettings
from artistjobs.core.pricing import GivenPrices


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchOptions:
    """Options of work through the Batch API.

    With ``no_wait`` the run ends when all batches are submitted. Batches that take longer than ``live_after_hours`` are
    cancelled, and what is left of them is called live. With ``only_collects`` no new batch is prepared, and ``batch``
    names the only one to work on. ``speed`` divides all waits, for a service that is rehearsed.
    """

    no_wait: bool = False
    live_after_hours: float | None = None
    only_collects: bool = False
    batch: int | None = None
    speed: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BackgroundOptions:
    """Options of calls in the background: the completion window, None for none, and the divisor of all waits."""

    window: str | None = None
    speed: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkConfig:
    """Options of a worker process. A limit is None if none was set.

    With ``is_auto`` the number of calls in flight is found while they run, and ``max_workers`` is its maximum.

    With ``sample`` random jobs are claimed, not the oldest ones.
    ``corrections`` is the number of times that a job is asked again because its answer did not fit its schema.
    ``warn_cost_usd`` is the total cost in dollars at which the user is warned.
    With ``soft_cap`` the cost cap may rest on estimates, and with ``trusts_server`` on what a request asks of the
    server, without a proof that it obeys. ``flex_fallback`` is the number of consecutive refusals after which a job
    leaves the flex tier. ``patience_seconds`` is the longest wait for a service that does not answer.
    ``first_patience_seconds`` is the wait for a service that never answered; None means a few tries, since its address
    is probably wrong. ``processes`` is the number of processes that share these options, and ``number`` is the index of
    this one. ``handles_per_call`` is the number of file handles that a call takes in its process: two if that process
    answers it too, as in a rehearsal. ``batch`` has the options of work through the Batch API, None for live calls,
    and ``background`` those of calls in the background.
    """

    max_workers: int = 4
    is_auto: bool = False
    processes: int = 1
    max_attempts: int = 5
    corrections: int = 1
    rpm: int | None = None
    tpm: int | None = None
    max_cost_usd: float | None = None
    soft_cap: bool = False
    warn_cost_usd: float | None = None
    trusts_server: bool = False
    prices: GivenPrices | None = None
    flex_fallback: int | None = None
    limit: int | None = None
    sample: bool = False
    patience_seconds: float = 1800.0
    first_patience_seconds: float | None = None
    number: int = 0
    handles_per_call: int = 1
    batch: BatchOptions | None = None
    background: BackgroundOptions | None = None

    @property
    def part(self) -> ProcessShare:
        """Index of this process, and the number of processes."""
        return ProcessShare(self.number, self.processes)

    @property
    def settings(self) -> WorkerSettings:
        """The options that can be changed while the worker runs."""
        return WorkerSettings(
            max_workers=self.max_workers, is_auto=self.is_auto, rpm=self.rpm, tpm=self.tpm,
            max_cost_usd=self.max_cost_usd,
        )  # fmt: skip

    def shared_out(self) -> "list[WorkConfig]":
        """Return the options of each process: its share of the limits that can be divided, and the rest unchanged."""
        parts = min(self.processes, self.max_workers, self.limit or self.max_workers)
        limits = [None] * parts if self.limit is None else _parts(self.limit, parts)
        return [
            replace(self, max_workers=workers, limit=limit, processes=parts, number=number)
            for number, (workers, limit) in enumerate(zip(_parts(self.max_workers, parts), limits, strict=True))
        ]


def _parts(amount: int, parts: int) -> list[int]:
    return [ProcessShare(number, parts).share(amount) for number in range(parts)]
