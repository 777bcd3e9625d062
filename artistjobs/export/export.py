"""Export of completed jobs to a file or a stream.

A file appears complete or not at all. The formats are in modules of their own.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from artistjobs.core.job import Scope
from artistjobs.errors import WrongUseError
from artistjobs.export.atomic_file import atomic_write
from artistjobs.export.csv import CsvWriter, TsvWriter
from artistjobs.export.formats import Format
from artistjobs.export.jsonl import JsonLinesWriter
from artistjobs.export.parquet import ParquetWriter
from artistjobs.export.records import ByteSink, RecordBuilder, TextSink
from artistjobs.export.table import needs_details
from artistjobs.store.address import file_at
from artistjobs.store.interface import OpenDatabase, Records
from artistjobs.terminal.escape import escape_controls, visible_json

STATES = {"done": ("done",), "failed": ("failed",), "all": ("done", "failed")}
"""The job states that each value of ``--state`` selects; only final jobs have a record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportConfig:
    """Options of an export: the jobs to select, the details of each, the format, and the columns, all if empty."""

    scope: Scope = Scope()  # noqa: RUF009 - frozen
    states: Sequence[str] = STATES["done"]
    full: bool = False
    format: Format = Format.JSONL
    columns: Sequence[str] = ()


def export_to_file(store: OpenDatabase, config: ExportConfig, output: Path, text_sink: TextSink | None) -> int:
    """Write the records to the file ``output``, which appears complete or not at all; return their number.

    The texts of the jobs that are done are passed to ``text_sink`` in the same order, if it is given. Nobody may read
    the file who may not read the database.

    Raises:
        WrongUseError: if pyarrow is needed and not installed, a chosen column does not exist, or a binary format would
            be shown in a terminal.
        StoreError: if the file cannot be written; an older file is unchanged.

    """
    with atomic_write(output, source=file_at(store.path)) as file:
        return _write(store.records, config, shown(file, config.format), text_sink)


def export_to_stream(records: Records, config: ExportConfig, stream: IO[bytes]) -> int:
    """Write the records to a stream; return their number.

    Raises:
        WrongUseError: if the stream is a terminal and the format is binary, or a chosen column does not exist.

    """
    count = _write(records, config, shown(stream, config.format), None)
    stream.flush()
    return count


def shown(stream: IO[bytes], written_as: Format) -> ByteSink:
    """Return the stream, or for a terminal a sink that shows control characters instead of sending them.

    Raises:
        WrongUseError: if the stream is a terminal and the format is binary.

    """
    if not stream.isatty():
        return stream
    if written_as is Format.PARQUET:
        raise WrongUseError("Parquet cannot be shown in a terminal; name a file, or pipe it into another program.")
    return _Screen(stream, visible_json if written_as is Format.JSONL else _visible_row)


def _visible_row(row: str) -> str:
    return escape_controls(row.rstrip("\r\n"), keep="\n\t") + "\n"


class _Screen:
    """A terminal that gets text in which control characters have no effect."""

    def __init__(self, terminal: IO[bytes], show: Callable[[str], str]) -> None:
        self._terminal = terminal
        self._show = show

    def write(self, text: bytes) -> None:
        """Print one row of a table, or some lines of JSON."""
        self._terminal.write(self._show(text.decode()).encode())


def _write(records: Records, config: ExportConfig, file: ByteSink, text_sink: TextSink | None) -> int:
    full = config.full or needs_details(config.columns)
    writer = _WRITERS[config.format](RecordBuilder(records, full=full), file, config.columns)
    try:
        count = writer.write(config.scope, config.states, text_sink)
    except BaseException:
        writer.abort()
        raise
    writer.close()
    return count


class _Writer(Protocol):
    """The writer of one export format."""

    def write(self, scope: Scope, states: Sequence[str], text_sink: TextSink | None) -> int:
        """Write the jobs of a scope and pass their texts to ``say``; return the number of jobs."""

    def close(self) -> None:
        """Write the rest of the rows and the end of the file."""

    def abort(self) -> None:
        """Discard the rest of the rows after an error."""


_WRITERS: Mapping[Format, Callable[[RecordBuilder, ByteSink, Sequence[str]], _Writer]] = {
    Format.JSONL: JsonLinesWriter,
    Format.CSV: CsvWriter,
    Format.TSV: TsvWriter,
    Format.PARQUET: ParquetWriter,
}
