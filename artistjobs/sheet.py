"""Records as rows of a table, one column for each thing that people sort and filter by, and CSV made of them.

CSV as in RFC 4180: a header, CRLF at the end of each row, quotes where they are needed, UTF-8 without a byte-order
mark. Cells are what the records have, unchanged even where a spreadsheet would take one for a formula; a
NUL alone becomes U+FFFD, since many readers take it for the end. What is null is an empty cell.
"""

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from artistjobs.record import Record, Recorder, Sink, json_text
from artistjobs.reply import Json, clean_text
from artistjobs.store import Exported

Cell = str | int | float | None


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the table: its name, the type of what is in it, and where that stands in a record."""

    name: str
    type: type[str | int | float]
    path: Sequence[str]


COLUMNS = (
    Column("artist_name", str, ["artist_name"]),
    Column("artist_data", str, ["artist_data"]),
    Column("response_text", str, ["response_text"]),
    Column("response_id", str, ["response_id"]),
    Column("created", int, ["created"]),
    Column("model", str, ["request", "model"]),
    Column("prompt_id", str, ["request", "prompt_id"]),
    Column("prompt_version", str, ["request", "version"]),
    Column("prompt_file", str, ["request", "prompt_file"]),
    Column("prompt_sha256", str, ["request", "prompt_sha256"]),
    Column("error_type", str, ["error", "type"]),
    Column("error_code", str, ["error", "code"]),
    Column("error_message", str, ["error", "message"]),
    Column("error_status", int, ["error", "status"]),
    Column("error_attempts", int, ["error", "attempts"]),
)

COLUMNS_IN_FULL = (
    Column("job_id", int, ["job_id"]),
    Column("response_model", str, ["model"]),
    *(
        Column(f"{kind}_tokens", int, ["usage", f"{kind}_tokens"])
        for kind in ("input", "cached", "cache_write", "output", "reasoning", "total")
    ),
    Column("cost_usd", float, ["cost_usd"]),
    Column("seconds", float, ["seconds"]),
    Column("response", str, ["response"]),
)
"""What a full export appends; ``response`` is JSON."""


def columns(*, full: bool) -> tuple[Column, ...]:
    """Return the columns of an export."""
    return COLUMNS + COLUMNS_IN_FULL if full else COLUMNS


def cells_of(found: Sequence[Column]) -> Callable[[Record], list[Cell]]:
    """Return the function that makes a record's cells for these columns."""
    paths = [column.path for column in found]
    return lambda record: [_cell(record, path) for path in paths]


class Csv:
    """Writes a row of CSV for each record, below a header."""

    wants_quoted = False

    def __init__(self, recorder: Recorder, file: Sink) -> None:
        self._recorder = recorder
        self._file = file
        found = columns(full=recorder.is_full)
        self._cells = cells_of(found)
        self._rows = csv.writer(self)
        self._rows.writerow([column.name for column in found])

    def add(self, row: Exported) -> None:
        """Write a row."""
        self._rows.writerow(self._cells(self._recorder.record(row)))

    def end(self) -> None:
        """Do nothing: all is written."""

    def drop(self) -> None:
        """Do nothing: a table cut off needs no more."""

    def write(self, text: str) -> None:
        """Take a row from the CSV writer."""
        self._file.write(text.replace("\0", "\ufffd").encode())


def _cell(record: Record, path: Sequence[str]) -> Cell:
    value: Json = record
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    if isinstance(value, dict | list):
        value = json_text(value)
    return clean_text(value) if isinstance(value, str) else value
