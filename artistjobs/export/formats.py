"""File formats of an export, and the choice of one by an option or by the ending of a file name."""

from enum import StrEnum
from pathlib import Path

from artistjobs.errors import WrongUseError
from artistjobs.export.parquet import ensure_parquet_extra


class Format(StrEnum):
    """The file formats of an export."""

    JSONL = "jsonl"
    CSV = "csv"
    TSV = "tsv"
    PARQUET = "parquet"


_COMPRESSED = frozenset({"7z", "br", "bz2", "gz", "lz4", "tar", "tgz", "xz", "zip", "zst"})


_OTHER_FORMATS = frozenset(
    {
        "arrow", "avro", "db", "doc", "docx", "duckdb", "feather", "h5", "htm", "html", "md", "numbers", "ods", "orc",
        "pdf", "pickle", "pkl", "rtf", "sqlite", "sqlite3", "xls", "xlsb", "xlsm", "xlsx", "xml", "yaml", "yml",
    }
)  # fmt: skip
"""Endings of well-known formats. A file with such a name is not written in another format without being told."""


_WRITTEN = "name a file that ends in .jsonl, .csv, .tsv or .parquet, or choose with --format"


def output_or_default(output: Path | None, format_name: str | None) -> Path:
    """Return the target of an export: the path given, or else ``out`` with the format as its suffix."""
    return output or Path(f"out.{format_name or Format.JSONL}")


def format_of(output: Path, name: str | None) -> Format:
    """Return the named format, or else the format of the file's suffix; the default is JSON Lines.

    Raises:
        WrongUseError: if the suffix is that of a format that is not written, or a library is not installed.

    """
    ending = output.suffix.lower().removeprefix(".")
    if name is None:
        _ensure_written(output, ending)
    found = Format(name or (ending if ending in set(Format) else Format.JSONL))
    if found is Format.PARQUET:
        ensure_parquet_extra()
    return found


def _ensure_written(output: Path, ending: str) -> None:
    if ending in _COMPRESSED:
        raise WrongUseError(f"{output} would not be compressed; pipe the export: artistjobs export - | gzip > FILE")
    if ending in _OTHER_FORMATS:
        raise WrongUseError(f"{output}: an export cannot be written as .{ending}; {_WRITTEN}.")
