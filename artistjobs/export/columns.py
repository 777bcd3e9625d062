"""Records as rows of a table, one column for each thing that people sort and filter by, and CSV made of them.

CSV as in RFC 4180: a header, CRLF at the end of each row, quotes where they are needed, UTF-8 without a byte-order
mark. Cells are what the records have, unchanged even where a spreadsheet would take one for a formula; a
NUL alone becomes U+FFFD, since many readers take it for the end. What is null is an empty cell.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from artistjobs.core.json_values import clean_text, scalar
from artistjobs.export.records import Record, json_text

Cell = str | int | float | None


@dataclass(frozen=True, slots=True)
class ExportColumn:
    """A column of the table: its name, the type of what is in it, and where that stands: in a part of the record."""

    name: str
    type: type[str | int | float]
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
"""What a full export appends; ``response`` is JSON."""


def columns(*, full: bool) -> tuple[ExportColumn, ...]:
    """Return the columns of an export."""
    return COLUMNS + COLUMNS_IN_FULL if full else COLUMNS


def cells_of(found: Sequence[ExportColumn]) -> Callable[[Record], list[Cell]]:
    """Return the function that makes a record's cells for these columns."""
    places = [(column.part, column.key) for column in found]

    def cells(record: Record) -> list[Cell]:
        # A record from the store is Unicode throughout; what is escaped in a response may be anything.
        parts: dict[str, Record] = {"": record}
        for name, value in record.items():
            parts[name] = value if isinstance(value, dict) else {}
        if response := record.get("response"):
            parts[""] = {**record, "response": clean_text(json_text(response))}
        return [scalar(parts[part].get(key)) for part, key in places]

    return cells
