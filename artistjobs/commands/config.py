"""What the commands work and check are called with."""

from dataclasses import dataclass
from pathlib import Path

from artistjobs.api.config import NO_KEY, ApiConfig
from artistjobs.commands.findings import Finding
from artistjobs.core.pricing import Cost
from artistjobs.core.prompt import Prompt
from artistjobs.errors import WrongUseError
from artistjobs.worker.config import WorkConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkOptions:
    """What a run of a worker needs besides its database."""

    work: WorkConfig
    timeout_seconds: float | None
    api: ApiConfig | None
    scenario: str | None
    retry_failed: bool
    quiet: bool

    def ensure_api_key(self) -> None:
        """Raise WrongUseError if there is no key to call with."""
        if self.api is None and self.scenario is None:
            raise WrongUseError(NO_KEY)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckOptions:
    """What a check was asked for. ``failures`` is what was found wrong in the asking."""

    model: str
    prompt: Prompt | None
    file: Path | None
    api: ApiConfig | None
    scenario: str | None
    max_workers: int
    cost: Cost
    spend: bool
    failures: tuple[Finding, ...]
    timeout_seconds: float | None = None
