"""Values of JSON, Excel and Parquet files as the text that people read: 1907 and not 1907.0, dates as in ISO 8601."""

import json
from datetime import date, datetime, time
from decimal import Decimal
from typing import Final

from artistjobs.ingest.row import FIELD_LIMIT, HAS_NUL, TOO_LONG

NO_TEXT: Final = "a character that is no valid text"


_EXACT: Final = 1e16
"""From here on a float does not stand for one whole number."""


def cell_text(value: object) -> str:
    """Return a value as trimmed text; nothing for a missing one, lists and objects as JSON."""
    if isinstance(value, str):
        return value.strip()
    if value is None:
        return ""
    if isinstance(value, dict | list | tuple):
        return json.dumps(value, ensure_ascii=False, default=cell_text)
    return _scalar_text(value)


def _scalar_text(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case float():
            return _float_text(value)
        case Decimal():
            return str(int(value)) if value.is_finite() and value == value.to_integral_value() else f"{value:f}"
        case datetime() if value.tzinfo is None and value.time() == time():
            return value.date().isoformat()
        case date() | time():
            return value.isoformat()
        case _:
            return value.decode(errors="surrogateescape") if isinstance(value, bytes) else str(value).strip()


def cell_fault(text: str) -> str | None:
    """Return the reason why a text cannot be stored, None if it can."""
    if "\0" in text:
        return HAS_NUL
    try:
        return TOO_LONG if len(text.encode()) > FIELD_LIMIT else None
    except UnicodeEncodeError:
        return NO_TEXT


def _float_text(value: float) -> str:
    if value != value:  # noqa: PLR0124 - Parquet files of pandas have it for a missing number
        return ""
    return str(int(value)) if value.is_integer() and abs(value) < _EXACT else repr(value)
