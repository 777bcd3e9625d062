"""Conversion of answers to columns of a PostgreSQL table, and of rows to rows with their texts."""

import json
from collections.abc import Sequence
from typing import Any

from artistjobs.core.attempt import Attempt
from artistjobs.store.queries.rows import answer_values

UNREAD_TEXT = "unread_text"
"""Last column of a statement that returns texts: the JSON string of a text that cannot be stored as text."""

_COLUMNS = (
    "job", "attempt", "worker", "received_at", "response_id", "created", "status", "model", "service_tier",
    "input_tokens", "cached_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens", "total_tokens",
    "cost_usd", "seconds", "body", "text_path", "way", "text",
)  # fmt: skip


def answer_columns(attempts: Sequence[Attempt], worker: int | None) -> dict[str, list[object]]:
    """Return the answers of attempts as one list for each column of the statement ``keep_answers``."""
    rows = [answer_values(attempt.answer, attempt, worker) for attempt in attempts if attempt.answer is not None]
    columns = {name: [row[place] for row in rows] for place, name in enumerate(_COLUMNS)}
    stored = [stored_text(text) for text in columns["text"]]
    columns["text"], columns["text_json"] = [text for text, _ in stored], [as_json for _, as_json in stored]
    return columns


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
