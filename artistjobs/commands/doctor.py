"""Command ``doctor``: examines what a run needs of this machine, the environment and a database; sends nothing."""

import platform
import ssl
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import time
from typing import Final

from artistjobs.api.address import shown_url
from artistjobs.api.config import ApiConfig
from artistjobs.commands.findings_text import finding_lines, findings_json, warnings_text
from artistjobs.commands.status import spool_sentence
from artistjobs.core.findings import Finding, Level, exit_code_of, finding_of
from artistjobs.core.formatting import count_text, duration_text
from artistjobs.core.json_values import Json
from artistjobs.core.timestamps import from_timestamp
from artistjobs.core.version import __version__
from artistjobs.errors import ArtistjobsError, NoDatabaseError, WrongUseError
from artistjobs.store.database import Database
from artistjobs.store.interface import Reader
from artistjobs.worker.file_handles import calls_possible

FEW_CALLS: Final = 64
"""Calls in flight that a limit of file handles should allow at least."""


OLDEST_NOW: Final = 1_767_225_600.0
"""Start of 2026, before this program existed, in seconds since the epoch: an earlier clock is wrong."""


AHEAD_SECONDS: Final = 60.0
"""Seconds by which the newest time in a database may be later than the clock."""


OPENSSL_SUPPORTED: Final = (3, 0)
"""Oldest series of OpenSSL that gets fixes: https://openssl-library.org/policies/releasestrat (2026)."""


_SHOWN_VARIABLES: Final = ("SSL_CERT_FILE", "SSL_CERT_DIR", "OPENAI_CUSTOM_HEADERS")


_PROXIES: Final = ("https_proxy", "http_proxy", "all_proxy", "no_proxy")


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """Values found in the environment and in .env.

    Args:
        variables: The environment variables. No value of them is shown.
        env_file: Path of .env, None if there is none.
        env_names: Names that are read from it.
        env_warning: Warning about names that are not read from it, None without one.
        api: Access to the API, None without a key.
        failures: Findings about values that cannot be used.

    """

    variables: Mapping[str, str] = field(repr=False)
    env_file: Path | None
    env_names: Sequence[str]
    env_warning: str | None
    api: ApiConfig | None
    failures: tuple[Finding, ...] = ()


def diagnose(database: Database, environment: Environment, *, deep: bool) -> list[Finding]:
    """Return all findings; ``deep`` also reads the whole database."""
    place = database.diagnose(deep=deep)
    # A server that is away would be reported twice.
    content = [] if any(finding.subject == "server" and finding.exit_code for finding in place) else _content(database)
    return [*_versions(), _handles(), clock(time(), None), *_environment(environment), *place, *content]


def doctor_lines(findings: Sequence[Finding]) -> list[str]:
    """Return the findings as lines, and the verdict as the last line."""
    if exit_code_of(findings):
        return [*finding_lines(findings), "A run would fail here; fix the failures above."]
    return [*finding_lines(findings), "Nothing here prevents a run" + warnings_text(findings)]


def doctor_json(findings: Sequence[Finding]) -> dict[str, Json]:
    """Return the findings as JSON with stable keys."""
    code = exit_code_of(findings)
    return {"works": not code, "exit_code": code, "findings": findings_json(findings)}


def _versions() -> Iterator[Finding]:
    yield Finding(Level.OK, "artistjobs", __version__)
    yield Finding(Level.OK, "python", f"{platform.python_implementation()} {platform.python_version()}")
    yield openssl_version(ssl.OPENSSL_VERSION, ssl.OPENSSL_VERSION_INFO[:2])


def openssl_version(name: str, version: tuple[int, ...]) -> Finding:
    """Return the finding about the TLS library of Python, by its name and its major and minor version."""
    if name.startswith("OpenSSL") and version < OPENSSL_SUPPORTED:
        return Finding(Level.WARN, "openssl", f"{name} gets no more fixes; use a Python with OpenSSL 3 or later")
    return Finding(Level.OK, "openssl", name)


def _handles() -> Finding:
    calls = calls_possible()
    text = f"the limit of open files allows {count_text(calls, 'call')} in flight"
    if calls < FEW_CALLS:
        return Finding(Level.WARN, "file handles", f"{text}; raise it with: ulimit -Hn 65536")
    return Finding(Level.OK, "file handles", text if calls < 10**6 else "no limit of open files that matters")


def clock(now: float, newest: str | None) -> Finding:
    """Return the finding about the clock; ``newest`` is the newest time in the database, None if there is none."""
    remedy = "set the clock, for example with chrony or systemd-timesyncd"
    if now < OLDEST_NOW:
        text = f"it is before 2026, so certificates count as invalid; {remedy}"
        return Finding(Level.FAIL, "clock", text, WrongUseError.exit_code)
    if newest is not None and (ahead := from_timestamp(newest) - now) > AHEAD_SECONDS:
        text = f"the database has times that are {duration_text(ahead)} ahead; {remedy}"
        return Finding(Level.WARN, "clock", text)
    return Finding(Level.OK, "clock", "plausible" if newest is None else "agrees with the times in the database")


def _environment(environment: Environment) -> Iterator[Finding]:
    yield from environment.failures
    yield from _key(environment)
    yield from _dot_env(environment)
    variables = environment.variables
    proxies = [name for name in variables if name.lower() in _PROXIES and variables[name]]
    yield Finding(Level.OK, "proxy", _proxy_text(environment.api, proxies))
    if files := [name for name in _SHOWN_VARIABLES if variables.get(name)]:
        yield Finding(Level.OK, "tls", f"{' and '.join(files)} set")
    if variables.get("SSLKEYLOGFILE"):
        text = "SSLKEYLOGFILE is set, so whoever reads that file can decrypt all calls and see the key; unset it"
        yield Finding(Level.WARN, "tls", text)


def _key(environment: Environment) -> Iterator[Finding]:
    if environment.api is not None:
        yield Finding(Level.OK, "key", "OPENAI_API_KEY is set; artistjobs check tries it")
        yield Finding(Level.OK, "address", shown_url(environment.api.base_url))
    elif not environment.failures:
        text = "OPENAI_API_KEY is not set, so only rehearsals work; export it, or write it into .env"
        yield Finding(Level.WARN, "key", text)


def _proxy_text(api: ApiConfig | None, names: Sequence[str]) -> str:
    given = f" ({', '.join(names)} set)" if names else ""
    return f"calls go {'through a proxy' if api is not None and api.proxy else 'directly'}{given}"


def _dot_env(environment: Environment) -> Iterator[Finding]:
    file = environment.env_file
    if file is None:
        yield Finding(Level.OK, ".env", "none in this folder")
        return
    names = ", ".join(environment.env_names) or "nothing that artistjobs uses"
    if "OPENAI_API_KEY" in environment.env_names and file.stat().st_mode & 0o077:
        yield Finding(Level.WARN, ".env", "other users of this machine can read the key in it; run: chmod 600 .env")
    if environment.env_warning is not None:
        yield Finding(Level.WARN, ".env", environment.env_warning.removeprefix(".env: "))
    yield Finding(Level.OK, ".env", f"sets {names}")


def _content(database: Database) -> Iterator[Finding]:
    """Yield the findings about what the database holds; one of an earlier version is upgraded, as by any command."""
    try:
        with database.reader() as reader:
            yield from _read(reader)
    except NoDatabaseError as error:
        yield Finding(Level.OK, "database", str(error))
    except ArtistjobsError as error:
        yield finding_of("database", error)


def _read(reader: Reader) -> Iterator[Finding]:
    runs = reader.job_queries.runs(1)
    workers = sum(worker.is_alive for worker in reader.records.workers())
    text = f"{reader.path}: of {reader.kind.value} jobs, {count_text(workers, 'worker')} at work"
    yield Finding(Level.OK, "database", text)
    if runs:
        yield clock(time(), runs[0].seen_at)
    spool = reader.spool()
    yield (
        Finding(Level.OK, "spool", "empty")
        if spool is None
        else Finding(Level.WARN, "spool", spool_sentence(reader.path, spool))
    )
