"""Access to the API from the environment and the file .env: key, address, proxy and TLS files."""

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from artistjobs.api.address import DEFAULT_BASE_URL
from artistjobs.api.config import ApiConfig
from artistjobs.api.environment import check_environment
from artistjobs.api.proxy import proxy_for
from artistjobs.core.findings import Finding, finding_of
from artistjobs.errors import WrongUseError
from artistjobs.library.env_file import PATH, EnvFile

if TYPE_CHECKING:
    from artistjobs.commands.doctor import Environment

FOREIGN_ADDRESS = (
    "OPENAI_BASE_URL is set in .env, but OPENAI_API_KEY is not, and a file in a folder must not decide where your key "
    "is sent; export OPENAI_BASE_URL too, or set both in .env."
)


def api_from_environment(env_file: EnvFile, timeout_seconds: float | None) -> ApiConfig | None:
    """Return the configuration of the API, None if there is no key; the environment wins over .env, unless blank.

    Raises:
        WrongUseError: if a value cannot be used, or .env names the address for a key that it does not hold.

    """
    key, base_url = _value("OPENAI_API_KEY", env_file), _value("OPENAI_BASE_URL", env_file)
    if not key:
        return None
    if _is_from_file("OPENAI_BASE_URL", env_file) and not _is_from_file("OPENAI_API_KEY", env_file):
        raise WrongUseError(FOREIGN_ADDRESS)
    without_proxy = ApiConfig(
        api_key=key,
        base_url=base_url or DEFAULT_BASE_URL,
        organization=_value("OPENAI_ORG_ID", env_file) or None,
        project=_value("OPENAI_PROJECT_ID", env_file) or None,
        timeout_seconds=timeout_seconds,
    )
    config = replace(without_proxy, proxy=proxy_for(without_proxy.base_url, os.environ))
    check_environment(os.environ, verifies=config.uses_tls)
    return config


def check_rehearsal_environment() -> None:
    """Accept the environment for a rehearsal, which uses the same libraries. Raises WrongUseError."""
    check_environment(os.environ, verifies=False)


def ignored_warning(env_file: EnvFile) -> str | None:
    """Return the warning about settings in .env that are read from the environment only, None if there are none."""
    names = [name for name in env_file.ignored if not os.environ.get(name)]
    if not names:
        return None
    return (
        f".env: {' and '.join(names)} cannot be set in this file, because a folder must not redirect calls; export it"
    )


def variables() -> dict[str, str]:
    """Return a copy of the environment variables."""
    return dict(os.environ)


def environment_of(env_file: EnvFile) -> "Environment":
    """Return the environment for a diagnosis; errors in it become findings."""
    from pathlib import Path

    from artistjobs.commands.doctor import Environment

    api, failures = None, list[Finding]()
    try:
        check_rehearsal_environment()
        api = api_from_environment(env_file, None)
    except WrongUseError as error:
        failures.append(finding_of("environment", error))
    path = Path(PATH)
    return Environment(
        variables=variables(),
        env_file=path if path.is_file() else None,
        env_names=sorted(env_file.values),
        env_warning=ignored_warning(env_file),
        api=api,
        failures=tuple(failures),
    )


def _value(name: str, env_file: EnvFile) -> str:
    return os.environ.get(name, "").strip() or env_file.values.get(name, "").strip()


def _is_from_file(name: str, env_file: EnvFile) -> bool:
    return not os.environ.get(name, "").strip() and bool(env_file.values.get(name, "").strip())
