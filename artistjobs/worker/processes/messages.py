"""Messages between the processes of a run: one JSON object per line, whose only key is the kind of the message."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from artistjobs.api.config import ApiConfig
from artistjobs.core.job import Scope
from artistjobs.core.json_values import Json
from artistjobs.core.pricing import GivenPrices
from artistjobs.errors import ArtistjobsError, RunStoppedError, StoreError, WrongUseError
from artistjobs.store.address import Address, DatabaseUrl, address_of
from artistjobs.store.database import Database
from artistjobs.store.models import Kind
from artistjobs.worker.config import BackgroundOptions, BatchOptions, WorkConfig
from artistjobs.worker.progress.counters import RunTotals, totals_from_json, totals_json
from artistjobs.worker.run import RunReport
from artistjobs.worker.stop import StopReason

MAX_LINE_BYTES = 2**24
"""Maximum size of a message in bytes; snapshots and start messages have a few thousand.

A snapshot grows with the number of error codes, which a server may invent.
"""


# Kinds of messages that the parent sends.
START, GO, PART, STOP, ABANDON = "start", "go", "part", "stop", "abandon"


# Kinds of messages in both directions, which concern the calls of all processes: a pause of all calls, a rest during an
# outage, and its end. The parent also tells a child to make the probes.
PAUSED, RESTING, AWAY, ANSWERED, LEAD = "paused", "resting", "away", "answered", "lead"


# Kinds of messages that a child sends.
READY, SNAPSHOT, LOG, STOPPED, END = "ready", "snapshot", "log", "stopped", "end"


@dataclass(frozen=True, slots=True, kw_only=True)
class StartMessage:
    """Everything that a child process needs; ``looks_up`` is True for the one that checks the account."""

    work: WorkConfig
    scope: Scope
    database: Database
    api: ApiConfig
    looks_up: bool
    log_level: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EndMessage:
    """The outcome of a child process: its totals, or the error that prevented its start."""

    totals: RunTotals
    reason: StopReason | None = None
    sentence: str = ""
    error: ArtistjobsError | None = None
    has_begun: bool = True
    least_cap_usd: float | None = None


def end_message_of(report: RunReport) -> EndMessage:
    """Return the end message for the report of a run that has started."""
    return EndMessage(
        totals=report.counters,
        reason=report.reason,
        sentence=report.sentence,
        error=report.error,
        least_cap_usd=report.least_cap_usd,
    )


def line(kind: str, value: Json = None) -> bytes:
    """Return a message as the line that is sent over the pipe."""
    return json.dumps({kind: value}).encode() + b"\n"


def log_json(level: int, message: str, extra: Mapping[str, Json]) -> Json:
    """Return a log line as JSON, with the ``extra`` fields by which it may be grouped."""
    return [level, message, dict(extra)]


def read_line(text: bytes) -> tuple[str, Any]:
    """Return the kind and the value of a message; the kind is empty if the line is not a message."""
    try:
        message = json.loads(text)
    except ValueError:
        return "", None
    if not isinstance(message, dict) or len(message) != 1:
        return "", None
    ((kind, value),) = message.items()
    return kind, value


def start_message_json(start_message: StartMessage) -> dict[str, Json]:
    """Return a start message as JSON. It contains the API key, and is sent through a pipe that only the child reads."""
    return asdict(start_message) | {
        "database": _address_json(start_message.database.path),
        "kind": start_message.database.kind,
    }


def _address_json(address: Address) -> dict[str, Json]:
    """Return the arguments of ``address_of``, with the password if there is one."""
    if isinstance(address, DatabaseUrl):
        spool = None if address.spool is None else str(address.spool)
        return {"text": address.url, "wait_seconds": address.wait_seconds, "spool": spool}
    return {"text": str(address)}


def start_message_from_json(value: Mapping[str, Any]) -> StartMessage:
    """Return the start message from its JSON."""
    work = value["work"]
    prices, batch, background = work["prices"], work["batch"], work["background"]
    return StartMessage(
        work=WorkConfig(
            **{
                **work,
                "prices": prices and GivenPrices(**prices),
                "batch": batch and BatchOptions(**batch),
                "background": background and BackgroundOptions(**background),
            }
        ),
        scope=Scope(**value["scope"]),
        database=Database(address_of(**value["database"]), value["kind"] and Kind(value["kind"])),
        api=ApiConfig(**value["api"]),
        looks_up=value["looks_up"],
        log_level=value["log_level"],
    )


_ERRORS = {kind.exit_code: kind for kind in (WrongUseError, RunStoppedError, StoreError)}


def end_json(end: EndMessage) -> dict[str, Json]:
    """Return an end message as JSON."""
    error = end.error
    return {
        "totals": totals_json(end.totals),
        "reason": end.reason and end.reason.value,
        "sentence": end.sentence,
        "error": None if error is None else [error.exit_code, str(error)],
        "has_begun": end.has_begun,
        "least_cap_usd": end.least_cap_usd,
    }


def end_from_json(value: Mapping[str, Any]) -> EndMessage:
    """Return the end message from its JSON; the class of an error follows from its exit code."""
    reason, error = value["reason"], value["error"]
    return EndMessage(
        totals=totals_from_json(value["totals"]),
        reason=reason and StopReason(reason),
        sentence=value["sentence"],
        error=error and _ERRORS.get(error[0], ArtistjobsError)(error[1]),
        has_begun=value["has_begun"],
        least_cap_usd=value["least_cap_usd"],
    )
