"""What one call brought back, as seen on the wire, and how to read its parts without trusting them."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC
from typing import Final, TypeAlias

Json: TypeAlias = bool | int | float | str | list["Json"] | dict[str, "Json"] | None


class Broken:
    """What reading a body gives that is no JSON."""


BROKEN: Final = Broken()

BEGINNING = 200
"""How many characters of an unexpected body are quoted in a message."""

DEEPEST = 200
"""Levels of nesting that a body may have: Python and SQLite each give up at some more, and not at the same."""

LONGEST_WAIT_SECONDS = 1e9
"""What asks for a longer wait than thirty years asks for none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What one call brought: a status with headers and body, or the fault that prevented it.

    Header names are lower case. ``received_at`` is in seconds after the epoch.
    """

    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    fault: str | None = None
    message: str = ""
    received_at: float = 0.0

    @property
    def request_id(self) -> str | None:
        """The id under which the API knows the call."""
        return text_of(self.headers.get("x-request-id"))

    @property
    def beginning(self) -> str:
        """The first characters of the body on one line, to be quoted."""
        return " ".join(self.body[: 4 * BEGINNING].decode("utf-8", "replace").split())[:BEGINNING]


def retry_after_seconds(reply: Reply) -> float | None:
    """Return how long the server asked us to wait, from ``retry-after-ms`` or any form of ``Retry-After``."""
    milliseconds = _number(reply.headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    text = reply.headers.get("retry-after")
    seconds = _number(text)
    if seconds is None and text:
        # A date is compared with the server's own clock where it shows one: ours may be wrong.
        until, now = _date_seconds(text), _date_seconds(reply.headers.get("date", ""))
        seconds = max(0.0, until - (now or reply.received_at)) if until else None
    return seconds if seconds is not None and seconds < LONGEST_WAIT_SECONDS else None


def parse_json(body: bytes) -> Json | Broken:
    """Return what a body holds, or ``BROKEN`` if it is not one whole JSON value."""
    try:
        # Python passes lone surrogates on, raw and escaped: whoever takes a text out makes it clean.
        text = body.decode("utf-8-sig", "surrogatepass")
        value: Json = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):  # not UTF-8 is a ValueError too
        return BROKEN
    return BROKEN if text.count("[") + text.count("{") > DEEPEST and _is_too_deep(value) else value


def error_object(value: Json | Broken) -> dict[str, Json]:
    """Return the ``error`` of a JSON object, empty if there is none."""
    error = value.get("error") if isinstance(value, dict) else None
    return error if isinstance(error, dict) else {}


def clean_text(text: str) -> str:
    """Return ``text`` with lone surrogates as U+FFFD, so that it can be stored and sent as UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def text_of(value: Json) -> str | None:
    """Return a JSON string that is not empty, else None."""
    return clean_text(value) if isinstance(value, str) and value else None


def whole_number(value: Json) -> int | None:
    """Return a JSON number that is not negative as a whole one, else None."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    # Past 2**53 a number cannot be told from its neighbours in JSON, and is no count of anything.
    return int(value) if 0 <= value < 2**53 else None


def _is_too_deep(value: Json) -> bool:
    level = [value]
    for _ in range(DEEPEST):
        inside = (inner for outer in level for inner in _inside(outer))
        level = [inner for inner in inside if isinstance(inner, list | dict)]
        if not level:
            return False
    return True


def _inside(value: Json) -> Iterable[Json]:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()


def _refuse_constant(name: str) -> float:
    # Python reads NaN and Infinity, JSON has neither, and SQLite would refuse the body later.
    raise ValueError(name)


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number if 0 <= number < float("inf") else None


def _date_seconds(text: str) -> float | None:
    # Few replies tell a date, and importing this takes longer than reading a thousand of them.
    from email.utils import parsedate_to_datetime

    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, LookupError, OverflowError):
        return None
    # A date that names no zone would be taken for one of ours; HTTP knows only GMT.
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
