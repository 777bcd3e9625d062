"""Configuration values of the commands ``work``, ``run`` and ``check``."""

from dataclasses import dataclass

from artistjobs.api.config import NO_KEY, ApiConfig
from artistjobs.commands.calling_way import LIVE, CallingWay
from artistjobs.core.findings import Finding
from artistjobs.core.pricing import Cost
from artistjobs.core.prompt import Prompt
from artistjobs.errors import WrongUseError
from artistjobs.ingest.source import InputFile
from artistjobs.worker.config import WorkConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkOptions:
    """Options of a run, besides its database; ``api`` is None without a key, ``scenario`` selects a rehearsal."""

    work: WorkConfig
    timeout_seconds: float | None
    api: ApiConfig | None
    scenario: str | None
    retry_failed: bool
    quiet: bool

    def ensure_api_key(self) -> None:
        """Raise WrongUseError if there is neither a key nor a scenario."""
        if self.api is None and self.scenario is None:
            raise WrongUseError(NO_KEY)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckOptions:
    """Options of a check. ``failures`` are findings about the options themselves. ``way`` is that of the run.

    ``max_workers`` is None if the run is to find the number of calls in flight.
    """

    model: str | None
    prompt: Prompt | None
    file: InputFile | None
    api: ApiConfig | None
    scenario: str | None
    max_workers: int | None
    cost: Cost
    spend: bool
    failures: tuple[Finding, ...]
    timeout_seconds: float | None = None
    way: CallingWay = LIVE
