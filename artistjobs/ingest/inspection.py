"""Inspection of an input file: what is understood of it, without storing anything."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import zip_longest

from artistjobs.core.columns import columns_of
from artistjobs.core.job import BadLine, GoodRow
from artistjobs.core.prompt import KEY_BYTES, Prompt
from artistjobs.ingest.checked_rows import WARNED_OF, CheckedRows
from artistjobs.ingest.header import DATA, NAME
from artistjobs.ingest.readers import open_input
from artistjobs.ingest.rows import RowReader
from artistjobs.ingest.source import InputFile
from artistjobs.store.interface import FilePreview

EXAMPLES = 3
"""Number of different values that are kept of each column."""


_EXAMPLE_LENGTH = 200


_COUNTED_AT_ONCE = 5_000


@dataclass(slots=True)
class ColumnSummary:
    """One column: its cell in the header, different values, and its longest value in characters with its line."""

    name: str
    heading: str | None = None
    examples: list[str] = field(default_factory=list)
    filled: int = 0
    longest: int = 0
    longest_line: int | None = None

    def add(self, value: str, line: int) -> None:
        """Count one value."""
        if not value:
            return
        self.filled += 1
        if len(value) > self.longest:
            self.longest, self.longest_line = len(value), line
        if len(self.examples) < EXAMPLES and value[:_EXAMPLE_LENGTH] not in self.examples:
            self.examples.append(value[:_EXAMPLE_LENGTH])


@dataclass(slots=True)
class Inspection:
    """Result of an inspection.

    ``duplicates`` counts rows that are equal to an earlier one in all columns, and ``repeated_names`` those with the
    name of an earlier one. ``bad_lines`` are the first bad lines. ``first_row`` are the fields of the first row.
    """

    file: InputFile
    first_row: Sequence[str] = ()
    headings: Sequence[str] = ()
    columns: list[ColumnSummary] = field(default_factory=list)
    lines: int = 0
    good: int = 0
    bad: int = 0
    duplicates: int = 0
    repeated_names: int = 0
    bad_lines: list[BadLine] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def inspect_file(file: InputFile, rows: FilePreview, names: FilePreview) -> Inspection:
    """Read a file to its end and return what was understood of it.

    Args:
        file: The file and the way to read it.
        rows: Counter of distinct rows.
        names: Counter of distinct names.

    Raises:
        InputError: if it cannot be read, is no table, or is mostly bad.
        WrongUseError: if the package for its format is not installed.

    """
    found = Inspection(file)
    # No prompt is known, and none is needed to read rows.
    config = file.for_prompt(Prompt(model="", prompt_id=""))
    with open_input(file) as opened:
        inspector = _Inspector(found, opened.reader, rows, names)
        for row in CheckedRows(opened, config, found.warnings.append):
            if isinstance(row, BadLine):
                inspector.add_bad(row)
            else:
                inspector.add(row)
        inspector.end()
    return found


class _Inspector:
    """Counter of the rows of one file."""

    def __init__(self, found: Inspection, reader: RowReader, rows: FilePreview, names: FilePreview) -> None:
        self._found = found
        self._reader = reader
        self._rows, self._names = rows, names
        self._columns: dict[str, ColumnSummary] = {}
        self._row_keys: list[bytes] = []
        self._name_keys: list[bytes] = []

    def add(self, row: GoodRow) -> None:
        """Count a good row."""
        self._found.good += 1
        values = {NAME: row.name, DATA: row.data, **columns_of(self._reader.cell_names, row.cells)}
        for name, value in values.items():
            if name not in self._columns:
                self._columns[name] = ColumnSummary(name)
            self._columns[name].add(value, row.line)
        self._row_keys.append(_key(*values.values()))
        self._name_keys.append(_key(row.name))
        if len(self._row_keys) >= _COUNTED_AT_ONCE:
            self._count()

    def add_bad(self, row: BadLine) -> None:
        """Count a bad line."""
        self._found.bad += 1
        if len(self._found.bad_lines) < WARNED_OF:
            self._found.bad_lines.append(row)

    def end(self) -> None:
        """Complete the result."""
        self._count()
        found, reader = self._found, self._reader
        found.lines, found.first_row, found.headings = reader.lines, reader.first_row, reader.headings
        found.columns = list(self._in_order())
        found.duplicates = found.good - self._rows.asked().distinct
        found.repeated_names = found.good - self._names.asked().distinct

    def _in_order(self) -> Iterator[ColumnSummary]:
        for name, heading in zip_longest(self._reader.columns, self._reader.headings):
            column = self._columns.get(name) or ColumnSummary(name)
            column.heading = heading
            yield column

    def _count(self) -> None:
        self._rows.add(self._row_keys)
        self._names.add(self._name_keys)
        self._row_keys.clear()
        self._name_keys.clear()


def _key(*values: str) -> bytes:
    return blake2b("\0".join(values).rstrip("\0").encode(), digest_size=KEY_BYTES).digest()
