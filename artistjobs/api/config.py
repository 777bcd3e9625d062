"""Configuration of the API client: key, address, organization, project and time-out."""

from dataclasses import dataclass, field

from artistjobs.errors import WrongUseError

DEFAULT_BASE_URL = "https://api.openai.com/v1"


NO_KEY = "OPENAI_API_KEY is not set; set it in the environment or in .env, or try --rehearse."


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiConfig:
    """Address and credentials of the API. The key is left out of ``repr``.

    Without ``timeout_seconds`` the time-out of a call depends on its service tier.

    Raises:
        WrongUseError: if a value has characters that cannot be sent, or the address holds a password.

    """

    api_key: str = field(repr=False)
    base_url: str = DEFAULT_BASE_URL
    organization: str | None = None
    project: str | None = None
    timeout_seconds: float | None = None

    @property
    def is_openai(self) -> bool:
        """True if the address is that of OpenAI itself, in whatever region."""
        host = self.base_url.partition("//")[2].partition("/")[0].partition(":")[0].lower()
        return host == "api.openai.com" or host.endswith(".api.openai.com")

    def __post_init__(self) -> None:
        words = (
            ("OPENAI_API_KEY", self.api_key),
            ("OPENAI_ORG_ID", self.organization),
            ("OPENAI_PROJECT_ID", self.project),
        )
        for name, value in words:
            # The message does not show the value: a wrong copy may still contain the secret.
            if value and (not value.isascii() or not value.isprintable() or " " in value):
                raise WrongUseError(f"{name} has invalid characters; copy it again, without quotes or spaces.")
        if not self.base_url.isprintable():
            raise WrongUseError("OPENAI_BASE_URL has invalid characters; copy it again, on one line.")
        if "@" in self.base_url.partition("//")[2].partition("/")[0]:
            raise WrongUseError(
                "OPENAI_BASE_URL contains a user name or password, which cannot be sent with the key; leave it out."
            )
