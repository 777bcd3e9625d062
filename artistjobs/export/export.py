"""Export of completed jobs to a file or a stream: choice of the format, and the write itself.

A file appears complete or not at all. The formats are in modules of their own.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import IO, Protocol

from artistjobs.core.job import Scope
from artistjobs.errors import WrongUseError
from artistjobs.export.atomic_file import atomic_write
from artistjobs.export.csv import CsvWriter
from artistjobs.export.jsonl import JsonLinesWriter
from artistjobs.export.parquet import ParquetWriter, ensure_parquet_extra
from artistjobs.export.records import ByteSink, RecordBuilder, TextSink
from artistjobs.store.interface import OpenDatabase, Records
from artistjobs.terminal.escape import escape_controls

STATES = {"done": ("done",), "failed": ("failed",), "all": ("done", "failed")}
"""The job states that each value of ``--state`` selects; only final jobs have a record."""


class Format(StrEnum):
    """The file formats of an export."""

    JSONL = "jsonl"
    CSV = "csv"
    PARQUET = "parquet"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportConfig:
    """Options of an export: the jobs to select, the details of each, and the format."""

    scope: Scope = Scope()  # noqa: RUF009 - frozen
    states: Sequence[str] = STATES["done"]
    full: bool = False
    format: Format = Format.JSONL


def export_to_file(store: OpenDatabase, config: ExportConfig, output: Path, text_sink: TextSink | None) -> int:
    """Write the records to the file ``output``, which appears complete or not at all; return their number.

    The texts of the jobs that are done are passed to ``text_sink`` in the same order, if it is given. Nobody may read
    the file who may not read the database.

    Raises:
        WrongUseError: if pyarrow is needed and not installed.
        StoreError: if the file cannot be written; an older file is unchanged.

    """
    with atomic_write(output, source=store.path) as file:
        return _write(store.records, config, file, text_sink)


def export_to_stream(records: Records, config: ExportConfig, stream: IO[bytes]) -> int:
    """Write the records to a stream; return their number.

    Raises:
        WrongUseError: if the stream is a terminal and the format is binary.

    """
    if stream.isatty() and config.format is Format.PARQUET:
        raise WrongUseError("Parquet cannot be shown in a terminal; name a file, or pipe it into another program.")
    is_shown = stream.isatty() and config.format is Format.CSV
    count = _write(records, config, _Screen(stream) if is_shown else stream, None)
    stream.flush()
    return count


def output_or_default(output: Path | None, format_name: str | None) -> Path:
    """Return the target of an export: the path given, or else ``out`` with the format as its suffix."""
    return output or Path(f"out.{format_name or Format.JSONL}")


def format_of(output: Path, name: str | None) -> Format:
    """Return the named format, or else the format of the file's suffix; the default is JSON Lines.

    Raises:
        WrongUseError: if the library that the format needs is not installed.

    """
    ending = output.suffix.lower().removeprefix(".")
    found = Format(name or (ending if ending in {"csv", "parquet"} else "jsonl"))
    if found is Format.PARQUET:
        ensure_parquet_extra()
    return found


class _Screen:
    """A terminal on which control characters in the rows are shown escaped and have no effect."""

    def __init__(self, terminal: ByteSink) -> None:
        self._terminal = terminal

    def write(self, row: bytes) -> None:
        """Print one row of CSV with control characters escaped."""
        shown = escape_controls(row.decode().removesuffix("\r\n"), keep="\n\t")
        self._terminal.write(f"{shown}\n".encode())


def _write(records: Records, config: ExportConfig, file: ByteSink, text_sink: TextSink | None) -> int:
    writer = _WRITERS[config.format](RecordBuilder(records, full=config.full), file)
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


_WRITERS: Mapping[Format, Callable[[RecordBuilder, ByteSink], _Writer]] = {
    Format.JSONL: JsonLinesWriter,
    Format.CSV: CsvWriter,
    Format.PARQUET: ParquetWriter,
}
