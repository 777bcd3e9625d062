"""Writing completed jobs as JSON Lines, CSV or Parquet, whole or not at all, and their texts to a stream."""

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
from artistjobs.store.interface import Records
from artistjobs.terminal.escape import escape_controls

STATES = {"done": ("done",), "failed": ("failed",), "all": ("done", "failed")}
"""What ``--state`` asks for; jobs that are not final have no record."""


class Format(StrEnum):
    """What an export is written as."""

    JSONL = "jsonl"
    CSV = "csv"
    PARQUET = "parquet"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportConfig:
    """Which jobs to export, and how much of each."""

    scope: Scope = Scope()  # noqa: RUF009 - frozen
    states: Sequence[str] = STATES["done"]
    full: bool = False
    format: Format = Format.JSONL


def export_to_file(records: Records, config: ExportConfig, output: Path, say: TextSink | None) -> int:
    """Write the records to ``output``, which appears whole or not at all; return how many.

    The text of each successful job goes to ``say``, in the same order, if there is one.

    Raises:
        WrongUseError: if there can be no such file.
        StoreError: if the disk fails; an older file is left as it was.

    """
    with atomic_write(output) as file:
        return _write(records, config, file, say)


def export_to_stream(records: Records, config: ExportConfig, stream: IO[bytes]) -> int:
    """Write the records to a stream; return how many.

    Raises:
        WrongUseError: if it is a terminal, and what is to be written is not for eyes.

    """
    if stream.isatty() and config.format is Format.PARQUET:
        raise WrongUseError("Parquet is not for a terminal; name a file, or pipe it into another program.")
    is_shown = stream.isatty() and config.format is Format.CSV
    count = _write(records, config, _Screen(stream) if is_shown else stream, None)
    stream.flush()
    return count


def output_or_default(output: Path | None, format_name: str | None) -> Path:
    """Return where an export goes: what was named, or else a file that is named after its format."""
    return output or Path(f"out.{format_name or Format.JSONL}")


def format_of(output: Path, name: str | None) -> Format:
    """Return the format that is named, or else the one that the file's ending tells: JSON Lines if it tells none.

    Raises:
        WrongUseError: if the library that it needs is not installed.

    """
    ending = output.suffix.lower().removeprefix(".")
    found = Format(name or (ending if ending in {"csv", "parquet"} else "jsonl"))
    if found is Format.PARQUET:
        ensure_parquet_extra()
    return found


def ensure_writable(output: Path, database: Path, *others: Path | None) -> None:
    """Raise WrongUseError if ``output`` can be no file, or is one that is needed.

    Those are the database with the files beside it, and ``others``. It is said before money is
    spent rather than after.
    """
    if str(output) == "-":
        raise WrongUseError("an export to stdout is made with: artistjobs export -")
    _ensure_not_needed(Path(os.path.realpath(output)), Path(os.path.realpath(database)), others)
    if output.is_dir():
        raise WrongUseError(f"{output} is a folder; name a file.")
    if not output.parent.is_dir():
        raise WrongUseError(f"there is no folder {output.parent}; make it or name another file.")


def _ensure_not_needed(target: Path, database: Path, others: Sequence[Path | None]) -> None:
    if target == database or target.name.startswith(
        tuple(database.name + end for end in ("-wal", "-shm", "-lock", "-worker"))
    ):
        raise WrongUseError(f"{target.name} is the database or belongs to it; name another file.")
    if any(other is not None and Path(os.path.realpath(other)) == target for other in others):
        raise WrongUseError(f"{target.name} is what is read for this run; name another file.")


class _Screen:
    """A terminal: nothing that is written to it may give it commands."""

    def __init__(self, terminal: ByteSink) -> None:
        self._terminal = terminal

    def write(self, row: bytes) -> None:
        """Show a row of CSV."""
        shown = escape_controls(row.decode().removesuffix("\r\n"), keep="\n\t")
        self._terminal.write(f"{shown}\n".encode())


def _write(records: Records, config: ExportConfig, file: ByteSink, say: TextSink | None) -> int:
    writer = _WRITERS[config.format](RecordBuilder(records, full=config.full), file)
    try:
        count = writer.write(config.scope, config.states, say)
    except BaseException:
        writer.abort()
        raise
    writer.close()
    return count


class _Writer(Protocol):
    """Writes an export in one format."""

    def write(self, scope: Scope, states: Sequence[str], say: TextSink | None) -> int:
        """Write the jobs and say their texts; return how many."""

    def close(self) -> None:
        """Write what is left, and what the format ends with."""

    def abort(self) -> None:
        """Write no more."""


_WRITERS: Mapping[Format, Callable[[RecordBuilder, ByteSink], _Writer]] = {
    Format.JSONL: JsonLinesWriter,
    Format.CSV: CsvWriter,
    Format.PARQUET: ParquetWriter,
}
