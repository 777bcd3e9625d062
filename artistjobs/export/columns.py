"""Columns of the CSV and Parquet exports: their names, their types and the values that they take from a record.

Values are exported unchanged, even where a spreadsheet would read one as a formula. Null is an empty cell. The fixed
columns are here; ``table.py`` adds those of the schemas of an export.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from artistjobs.core.json_values import Json, clean_text
from artistjobs.export.records import Record, json_text

Cell = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class ExportColumn:
    """A column: its name, the type of its values, and the ``key`` of the value in a ``part`` of the record.

    Without a part, the key belongs to the record itself.
    """

    name: str
    type: type[str] | type[int] | type[float] | type[bool]
    key: str
    part: str = ""


COLUMNS = (
    ExportColumn("artist_name", str, "artist_name"),
    ExportColumn("artist_data", str, "artist_data"),
    ExportColumn("response_text", str, "response_text"),
    ExportColumn("response_id", str, "response_id"),
    ExportColumn("created", int, "created"),
    ExportColumn("model", str, "model", "request"),
    ExportColumn("prompt_id", str, "prompt_id", "request"),
    ExportColumn("prompt_version", str, "version", "request"),
    ExportColumn("prompt_file", str, "prompt_file", "request"),
    ExportColumn("prompt_sha256", str, "prompt_sha256", "request"),
    ExportColumn("error_type", str, "type", "error"),
    ExportColumn("error_code", str, "code", "error"),
    ExportColumn("error_message", str, "message", "error"),
    ExportColumn("error_status", int, "status", "error"),
    ExportColumn("error_attempts", int, "attempts", "error"),
)


COLUMNS_IN_FULL = (
    ExportColumn("job_id", int, "job_id"),
    ExportColumn("response_model", str, "model"),
    *(
        ExportColumn(f"{kind}_tokens", int, f"{kind}_tokens", "usage")
        for kind in ("input", "cached", "cache_write", "output", "reasoning", "total")
    ),
    ExportColumn("cost_usd", float, "cost_usd"),
    ExportColumn("seconds", float, "seconds"),
    ExportColumn("response", str, "response"),
)
"""Columns that a full export appends; ``response`` is JSON."""


CITATIONS = ExportColumn("citations", str, "citations")
"""Column of citations and tool calls as JSON, in a full export of answers that may have some, or if it is chosen."""


WHOLE_PARTS = (
    ExportColumn("request", str, "request"),
    ExportColumn("columns", str, "columns"),
    ExportColumn("data", str, "data"),
    ExportColumn("error", str, "error"),
    ExportColumn("usage", str, "usage"),
    CITATIONS,
)
"""Parts of a record as one column each; an export contains them only if they are chosen. A table has them as JSON."""


def columns(*, full: bool) -> tuple[ExportColumn, ...]:
    """Return the fixed columns of an export, with those of a full export if ``full``."""
    return COLUMNS + COLUMNS_IN_FULL if full else COLUMNS


def values_of(found: Sequence[ExportColumn]) -> Callable[[Record], list[Json]]:
    """Return a function that returns the JSON values of a record for these columns; None for those it lacks."""
    places = [(column.part, column.key) for column in found]

    def values(record: Record) -> list[Json]:
        parts: dict[str, Record] = {"": record}
        for name, value in record.items():
            parts[name] = value if isinstance(value, dict) else {}
        return [parts.get(part, {}).get(key) for part, key in places]

    return values


def text_cell(value: Json) -> str:
    """Return a JSON value as the text of a cell: texts as they are, all other values as JSON."""
    # Texts from the store are valid Unicode, but the escapes in a response may stand for lone surrogates.
    return value if isinstance(value, str) else clean_text(json_text(value))
