"""Receipt: what was claimed, what was found, and nothing that identifies the account."""

import json
import platform
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from importlib.metadata import version

import artistjobs
from artistjobs.core.json_values import Json

TEXT_CHARACTERS = 300


class Verdict(StrEnum):
    """What a trial says about a claim."""

    HOLDS = "holds"
    FAILS = "fails"
    UNCLEAR = "unclear"  # the reply fits neither
    NOT_TRIED = "not tried"


@dataclass(frozen=True, slots=True)
class Finding:
    """Result of one trial; ``observed`` has what the reply contained."""

    claim: str
    verdict: Verdict
    observed: Json


def finding(claim: str, holds: bool | None, observed: Json) -> Finding:  # noqa: FBT001
    """Return the result of a trial; ``holds`` is None if it is unclear."""
    verdict = Verdict.UNCLEAR if holds is None else Verdict.HOLDS if holds else Verdict.FAILS
    return Finding(claim, verdict, observed)


_IDS = re.compile(r"\b(sk|org|proj|user|resp|req|msg|rs|file|batch|pmpt|asst|wfr)[-_][A-Za-z0-9_-]{6,}")
"""Keys, and ids of organizations, projects, users, prompts and answers."""

_MAIL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+")


def cleaned(value: Json, secrets: Iterable[str]) -> Json:
    """Return a value without secrets and ids, and with texts cut to 300 characters."""
    match value:
        case str():
            for secret in filter(None, secrets):
                value = value.replace(secret, "…")
            return _MAIL.sub("…@…", _IDS.sub(r"\1-…", value))[:TEXT_CHARACTERS]
        case list():
            return [cleaned(one, secrets) for one in value]
        case dict():
            return {str(cleaned(name, secrets)): cleaned(one, secrets) for name, one in value.items()}
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Calls that were made, and their cost in dollars; ``billed`` counts those with an answer."""

    calls: int
    billed: int
    cost_usd: float
    cap_usd: float


def receipt_json(
    findings: Sequence[Finding], totals: Totals, about: Mapping[str, Json], secrets: Sequence[str]
) -> dict[str, Json]:
    """Return the receipt as JSON."""
    return {
        "receipt": 1,
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "artistjobs": artistjobs.__version__,
        "openai": version("openai"),
        "python": platform.python_version(),
        "system": platform.system(),
        **about,
        **asdict(totals),
        "findings": [
            {"claim": one.claim, "verdict": one.verdict.value, "observed": cleaned(one.observed, secrets)}
            for one in findings
        ],
    }


def line_of(one: Finding, secrets: Sequence[str]) -> str:
    """Return a result in one line."""
    if one.verdict is Verdict.HOLDS:
        return f"{one.verdict:9}  {one.claim}"
    return f"{one.verdict:9}  {one.claim}: {json.dumps(cleaned(one.observed, secrets), ensure_ascii=False)}"
