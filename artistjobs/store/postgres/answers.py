"""Conversion of answers to columns of a PostgreSQL table, and of rows to rows with their texts."""

import json
from typing import Any

UNREAD_TEXT = "unread_text"
"""Last column of a statement that returns texts: the JSON string of a text that cannot be stored as text."""


def stored_text(text: object) -> tuple[object, str | None]:
    """Return a text for the columns ``text`` and ``text_json``: one of them is None."""
    return (None, json.dumps(text)) if isinstance(text, str) and "\0" in text else (text, None)


def text_of(text: str | None, as_json: str | None) -> str | None:
    """Return the text of these columns."""
    return text if as_json is None else str(json.loads(as_json))


def with_text(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row with the text of its answer, without the column that it is read from."""
    if UNREAD_TEXT in row:
        text = row.pop(UNREAD_TEXT)
        row["text"] = row["text"] if text is None else json.loads(text)
    return row
