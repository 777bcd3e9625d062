"""What a command was told: built once by the command line, handed down, never changed."""

from dataclasses import dataclass, field, replace
from pathlib import Path

from artistjobs.control import Part, Tuning
from artistjobs.errors import WrongUseError
from artistjobs.finding import Finding
from artistjobs.pricing import Cost, GivenPrices
from artistjobs.prompt import Prompt

DEFAULT_BASE_URL = "https://api.openai.com/v1"

NO_KEY = "OPENAI_API_KEY is not set; set it in the environment or in .env, or try --rehearse."


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiConfig:
    """Where to call and as whom. The key is left out of its text form.

    Without ``timeout_seconds`` a call has the time that its service tier usually needs.
    """

    api_key: str = field(repr=False)
    base_url: str = DEFAULT_BASE_URL
    organization: str | None = None
    project: str | None = None
    timeout_seconds: float | None = None

    def __post_init__(self) -> None:
        words = (
            ("OPENAI_API_KEY", self.api_key),
            ("OPENAI_ORG_ID", self.organization),
            ("OPENAI_PROJECT_ID", self.project),
        )
        for name, value in words:
            # None of them is shown: what was copied wrongly may still be a secret.
            if value and (not value.isascii() or not value.isprintable() or " " in value):
                raise WrongUseError(f"{name} has characters that none has; copy it again, without quotes or spaces.")
        if not self.base_url.isprintable():
            raise WrongUseError("OPENAI_BASE_URL has characters that no address has; copy it again, on one line.")
        if "@" in self.base_url.partition("//")[2].partition("/")[0]:
            raise WrongUseError(
                "OPENAI_BASE_URL holds a user name or password, which cannot be sent beside the key; leave it out."
            )


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
    def part(self) -> Part:
        """Which of the processes this is, and of how many."""
        return Part(self.number, self.processes)

    @property
    def tuning(self) -> Tuning:
        """What of it can be changed while it works."""
        return Tuning(max_workers=self.max_workers, rpm=self.rpm, tpm=self.tpm, max_cost_usd=self.max_cost_usd)

    def shared_out(self) -> "list[WorkConfig]":
        """Return what each of the processes is told: its part of what can be counted out, and all the rest."""
        parts = min(self.processes, self.max_workers, self.limit or self.max_workers)
        limits = [None] * parts if self.limit is None else _parts(self.limit, parts)
        return [
            replace(self, max_workers=workers, limit=limit, processes=parts, number=number)
            for number, (workers, limit) in enumerate(zip(_parts(self.max_workers, parts), limits, strict=True))
        ]


def _parts(amount: int, parts: int) -> list[int]:
    return [Part(number, parts).share(amount) for number in range(parts)]


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestConfig:
    """What to read, and how to ask about it."""

    source: Path
    prompt: Prompt
    strict: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Working:
    """What a run of a worker needs besides its database."""

    work: WorkConfig
    timeout_seconds: float | None
    api: ApiConfig | None
    scenario: str | None
    retry_failed: bool
    quiet: bool

    def refuse_keyless(self) -> None:
        """Raise WrongUseError if there is no key to call with."""
        if self.api is None and self.scenario is None:
            raise WrongUseError(NO_KEY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checking:
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
