"""Attempts as parameters of the statement ``settle``: one list for each column."""

from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from artistjobs.core.attempt import Attempt
from artistjobs.core.timestamps import from_timestamp, to_timestamp
from artistjobs.store.postgres.answers import stored_text
from artistjobs.store.postgres.texts import Texts
from artistjobs.store.queries.rows import answer_values, attempt_values, settled_values

Columns: TypeAlias = dict[str, list[object]]

# The names of the values of these functions, in their order; None for those that other columns have.
_ATTEMPT: Final = (
    "job", "number", None, "started_at", "ended_at", "calls", "outcome",
    "http_status", "error_type", "error_code", "error_message", "request_id", "lost_usd",
)  # fmt: skip
_SETTLED: Final = (None, "state", "next_attempt", None, None, "available_at")
_ANSWER: Final = (
    None, None, None, "received_at", "response_id", "created", "status", "model",
    "service_tier", "input_tokens", "cached_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens",
    "total_tokens", "cost_usd", "seconds", "body", "text_path", "way", "text",
)  # fmt: skip
_NO_ANSWER: Final = (None,) * len(_ANSWER)
_LONG: Final = ("body", "text")
_MOMENTS: Final = ("started_at", "ended_at", "received_at", "available_at")


def attempt_columns(attempts: Sequence[Attempt], ahead_seconds: float) -> dict[str, object]:
    """Return attempts at different jobs as columns, with NULL for what they lack.

    ``ahead_seconds`` is by how much the clock of the server is ahead of that of this machine.
    """
    answers = [_NO_ANSWER if one.answer is None else answer_values(one.answer, one, None) for one in attempts]
    columns = {
        **_transposed(_ATTEMPT, [attempt_values(attempt, None) for attempt in attempts]),
        **_transposed(_SETTLED, [settled_values(attempt, None) for attempt in attempts]),
        **_transposed(_ANSWER, answers),
    }
    stored = [stored_text(text) for text in columns["text"]]
    columns["text"], columns["text_json"] = [text for text, _ in stored], [as_json for _, as_json in stored]
    if ahead_seconds:
        shifted = _shifting(ahead_seconds)
        columns |= {name: list(map(shifted, columns[name])) for name in _MOMENTS}
    # ``unnest`` fills short columns with NULL, which saves both sides the columns that few attempts use.
    columns = {name: [] if values.count(None) == len(values) else values for name, values in columns.items()}
    return {**columns, **{name: Texts(columns[name]) for name in _LONG}}


def _transposed(names: Sequence[str | None], rows: Sequence[Sequence[object]]) -> Columns:
    return {name: [row[place] for row in rows] for place, name in enumerate(names) if name is not None}


def _shifting(seconds: float) -> Callable[[object], object]:
    return lambda moment: None if moment is None else to_timestamp(from_timestamp(str(moment)) + seconds)
