"""Formats of input files: chosen by ``--input-format``, or else by the ending of the file name."""

from enum import StrEnum
from pathlib import Path


class InputFormat(StrEnum):
    """Format of an input file."""

    CSV = "csv"
    TSV = "tsv"
    SEMICOLON = "semicolon"
    JSONL = "jsonl"
    XLSX = "xlsx"
    PARQUET = "parquet"

    @property
    def separator(self) -> str | None:
        """The separator of fields, None if there is none."""
        return _SEPARATORS.get(self)

    @property
    def is_text(self) -> bool:
        """True if a file of this format is text, in an encoding."""
        return self not in (InputFormat.XLSX, InputFormat.PARQUET)


_SEPARATORS = {InputFormat.CSV: ",", InputFormat.TSV: "\t", InputFormat.SEMICOLON: ";"}


_ENDINGS = {
    ".tsv": InputFormat.TSV,
    ".tab": InputFormat.TSV,
    ".ssv": InputFormat.SEMICOLON,
    ".jsonl": InputFormat.JSONL,
    ".ndjson": InputFormat.JSONL,
    ".xlsx": InputFormat.XLSX,
    ".xlsm": InputFormat.XLSX,
    ".parquet": InputFormat.PARQUET,
}


def input_format(path: Path, name: str | None) -> InputFormat:
    """Return the named format, or else the one of the file's ending; the default is CSV."""
    return InputFormat(name) if name else _ENDINGS.get(path.suffix.lower(), InputFormat.CSV)
