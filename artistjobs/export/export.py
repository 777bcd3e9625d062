"""Export of completed jobs to a file or a stream: choice of the format, checks of the target, and the write itself.

A file appears complete or not at all. The formats are in modules of their own.
"""

import os
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
from artistjobs.store.address import Address
from artistjobs.store.interface import Records
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


def export_to_file(records: Records, config: ExportConfig, output: Path, text_sink: TextSink | None) -> int:
    """Write the records to the file ``output``, which appears complete or not at all; return their number.

    The texts of the jobs that are done are passed to ``say`` in the same order, if it is given.

    Raises:
        WrongUseError: if pyarrow is needed and not installed.
        StoreError: if the file cannot be written; an older file is unchanged.

    """
    with atomic_write(output) as file:
        return _write(records, config, file, text_sink)


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


def ensure_writable(output: Path, database: Address, *others: Path | None) -> None:
    """Raise WrongUseError if ``output`` is no possible file, or would overwrite a file in use.

    Files in use are the database, the files that belong to it, and ``others``. Commands call this before
    they spend money.
    """
    if str(output) == "-":
        raise WrongUseError("this command cannot export to stdout; use: artistjobs export -")
    _ensure_not_needed(Path(os.path.realpath(output)), database, others)
    if output.is_dir():
        raise WrongUseError(f"{output} is a folder; name a file.")
    if not output.parent.is_dir():
        raise WrongUseError(f"there is no folder {output.parent}; create it or name another file.")


def _ensure_not_needed(target: Path, address: Address, others: Sequence[Path | None]) -> None:
    database = Path(os.path.realpath(address)) if isinstance(address, Path) else None
    if database is not None and (
        target == database
        or target.name.startswith(tuple(database.name + end for end in ("-wal", "-shm", "-lock", "-worker")))
    ):
        raise WrongUseError(f"{target.name} is the database or a file that belongs to it; name another file.")
    if any(other is not None and Path(os.path.realpath(other)) == target for other in others):
        raise WrongUseError(f"{target.name} is an input file of this run; name another file.")


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
