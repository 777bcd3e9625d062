"""What the processes of one run say to each other: one JSON object a line, with one key that tells what it is."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from artistjobs.api.config import ApiConfig
from artistjobs.core.job import Scope
from artistjobs.core.json_values import Json
from artistjobs.core.pricing import GivenPrices
from artistjobs.errors import ArtistjobsError, RunStoppedError, StoreError, WrongUseError
from artistjobs.store.models import Kind
from artistjobs.worker.config import WorkConfig
from artistjobs.worker.progress.counters import RunTotals, totals_from_json, totals_json
from artistjobs.worker.run import RunReport
from artistjobs.worker.stop import StopReason

MAX_LINE_BYTES = 2**24
"""Bytes. A glance or an order is a few thousand, if no server makes up ever new codes to fail with."""


# What the lead says.
START, GO, PART, STOP, ABANDON = "order", "go", "part", "stop", "abandon"


# What a member says.
READY, SNAPSHOT, LOG, STOPPED, END = "ready", "glance", "log", "stopped", "end"


@dataclass(frozen=True, slots=True, kw_only=True)
class StartMessage:
    """All that a member has to know. ``looks_up`` says that it is the one that asks about the account."""

    work: WorkConfig
    scope: Scope
    database: Path
    kind: Kind | None
    api: ApiConfig
    looks_up: bool
    log_level: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EndMessage:
    """How a member ended: with what it came to, or with the error that it could not begin for."""

    totals: RunTotals
    reason: StopReason | None = None
    sentence: str = ""
    error: ArtistjobsError | None = None
    has_begun: bool = True


def end_message_of(report: RunReport) -> EndMessage:
    """Return the end of a run that was begun."""
    return EndMessage(totals=report.counters, reason=report.reason, sentence=report.sentence, error=report.error)


def line(kind: str, value: Json = None) -> bytes:
    """Return a message as it goes over the pipe."""
    return json.dumps({kind: value}).encode() + b"\n"


def log_json(level: int, message: str, extra: Mapping[str, Json]) -> Json:
    """Return a log line as JSON, with what it may be counted by."""
    return [level, message, dict(extra)]


def read_line(text: bytes) -> tuple[str, Any]:
    """Return what kind a message is, and what it says; the kind is empty if it is none."""
    try:
        message = json.loads(text)
    except ValueError:
        return "", None
    if not isinstance(message, dict) or len(message) != 1:
        return "", None
    ((kind, value),) = message.items()
    return kind, value


def start_message_json(start_message: StartMessage) -> dict[str, Json]:
    """Return an order as JSON. It holds the key, and goes through a pipe that nobody else reads."""
    return asdict(start_message) | {
        "database": str(start_message.database),
        "kind": start_message.kind and start_message.kind.value,
    }


def start_message_from_json(value: Mapping[str, Any]) -> StartMessage:
    """Return the order that ``start_message_json`` made JSON of."""
    work, prices = value["work"], value["work"]["prices"]
    return StartMessage(
        work=WorkConfig(**{**work, "prices": prices and GivenPrices(**prices)}),
        scope=Scope(**value["scope"]),
        database=Path(value["database"]),
        kind=value["kind"] and Kind(value["kind"]),
        api=ApiConfig(**value["api"]),
        looks_up=value["looks_up"],
        log_level=value["log_level"],
    )


_ERRORS = {kind.exit_code: kind for kind in (WrongUseError, RunStoppedError, StoreError)}


def end_json(end: EndMessage) -> dict[str, Json]:
    """Return an end as JSON."""
    error = end.error
    return {
        "totals": totals_json(end.totals),
        "reason": end.reason and end.reason.value,
        "sentence": end.sentence,
        "error": None if error is None else [error.exit_code, str(error)],
        "has_begun": end.has_begun,
    }


def end_from_json(value: Mapping[str, Any]) -> EndMessage:
    """Return the end that ``end_json`` made JSON of; of an error, what its exit code tells of its kind."""
    reason, error = value["reason"], value["error"]
    return EndMessage(
        totals=totals_from_json(value["totals"]),
        reason=reason and StopReason(reason),
        sentence=value["sentence"],
        error=error and _ERRORS.get(error[0], ArtistjobsError)(error[1]),
        has_begun=value["has_begun"],
    )
