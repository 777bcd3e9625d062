"""Reply of one call: status, headers and body, and safe parsing of untrusted header values."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC

from artistjobs.core.json_values import InvalidJson, Json, text_of
from artistjobs.core.shortage import Shortage

BEGINNING = 200
"""Characters of an unexpected body that a message quotes."""


MAX_WAIT_SECONDS = 86_400.0
"""Longest believable ``Retry-After``, a day; a longer one is ignored, and calls are tried again after growing waits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """Result of one call: a status with headers and body, or the fault that prevented them.

    ``was_sent`` is False if the request cannot have reached the server, and ``shortage`` is set if this machine
    prevented the call. Header names are lower case. ``received_at`` is in seconds after the epoch. ``release`` is set
    for a large reply: it frees its memory, and is to be called when the reply and what was made of it are stored or
    dropped.
    """

    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    fault: str | None = None
    message: str = ""
    shortage: Shortage | None = None
    was_sent: bool = True
    received_at: float = 0.0
    release: Callable[[], None] | None = field(default=None, repr=False, compare=False)

    @property
    def request_id(self) -> str | None:
        """Id of the request from the API, None if it sent none."""
        return text_of(self.headers.get("x-request-id"))

    @property
    def beginning(self) -> str:
        """First characters of the body on one line, for quotes in messages."""
        return " ".join(self.body[: 4 * BEGINNING].decode("utf-8", "replace").split())[:BEGINNING]


def retry_after_seconds(reply: Reply) -> float | None:
    """Return the wait that the server asked for, from ``retry-after-ms`` or ``Retry-After`` as seconds or date."""
    milliseconds = _number(reply.headers.get("retry-after-ms"))
    text = reply.headers.get("retry-after")
    seconds = _number(text) if milliseconds is None else milliseconds / 1000
    if seconds is None and text:
        # A date is compared with the server's clock if the reply has its date; the local clock may be wrong.
        until, now = _date_seconds(text), _date_seconds(reply.headers.get("date", ""))
        seconds = max(0.0, until - (now or reply.received_at)) if until else None
    return seconds if seconds is not None and seconds <= MAX_WAIT_SECONDS else None


def poll_after_seconds(reply: Reply) -> float:
    """Return the wait before the next look that the server asked for, in seconds; 0 if it asked for none."""
    milliseconds = _number(reply.headers.get("openai-poll-after-ms")) or 0.0
    return milliseconds / 1000 if milliseconds <= 1000 * MAX_WAIT_SECONDS else 0.0


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
    # A late import: few replies have such a date, and the import takes longer than parsing a thousand replies.
    from email.utils import parsedate_to_datetime

    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, LookupError, OverflowError):
        return None
    # A date without a zone would be taken as local time; HTTP dates are always GMT.
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
