"""What a command was told: built once by the command line, handed down, never changed."""

from dataclasses import dataclass, field
from pathlib import Path

from artistjobs.errors import WrongUseError
from artistjobs.prompt import Prompt

DEFAULT_BASE_URL = "https://api.openai.com/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiConfig:
    """Where to call and as whom. The key is left out of its text form."""

    api_key: str = field(repr=False)
    base_url: str = DEFAULT_BASE_URL
    organization: str | None = None
    project: str | None = None
    timeout_seconds: float = 600.0

    def __post_init__(self) -> None:
        if not self.api_key.isascii() or not self.api_key.isprintable() or " " in self.api_key:
            raise WrongUseError(
                "OPENAI_API_KEY has characters that no key has; copy it again, without quotes or spaces."
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkConfig:
    """How to work. None where no limit was asked for."""

    max_workers: int = 4
    max_attempts: int = 5
    rpm: int | None = None
    tpm: int | None = None
    max_cost_usd: float | None = None
    limit: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestConfig:
    """What to read, and how to ask about it."""

    source: Path
    prompt: Prompt
    strict: bool = False
