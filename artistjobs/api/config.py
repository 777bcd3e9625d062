"""Configuration of the API client: key, address, proxy, organization, project and time-out."""

from dataclasses import dataclass, field

from artistjobs.api.address import DEFAULT_BASE_URL, check_base_url
from artistjobs.errors import WrongUseError

NO_KEY = "OPENAI_API_KEY is not set; set it in the environment or in .env, or try --rehearse."


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiConfig:
    """Address and credentials of the API. The key and the proxy, which may hold a password, are left out of ``repr``.

    ``base_url`` may have a query, which is sent with each call. Without ``timeout_seconds`` the time-out of a call
    depends on its service tier.

    Raises:
        WrongUseError: if a value has characters that cannot be sent, or the address is none or holds a password.

    """

    api_key: str = field(repr=False)
    base_url: str = DEFAULT_BASE_URL
    proxy: str | None = field(default=None, repr=False)
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
        check_base_url(self.base_url)

    @property
    def uses_tls(self) -> bool:
        """True if a connection to the API or to its proxy is encrypted."""
        return any(url.lower().startswith("https:") for url in (self.base_url, self.proxy or ""))
