"""What one call brought back, as seen on the wire, and how to read its parts without trusting them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC

from artistjobs.core.json_values import InvalidJson, Json, text_of

BEGINNING = 200
"""How many characters of an unexpected body are quoted in a message."""


MAX_WAIT_SECONDS = 1e9
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
    return seconds if seconds is not None and seconds < MAX_WAIT_SECONDS else None


def error_object(value: Json | InvalidJson) -> dict[str, Json]:
    """Return the ``error`` of a JSON object, empty if there is none."""
    error = value.get("error") if isinstance(value, dict) else None
    return error if isinstance(error, dict) else {}


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
