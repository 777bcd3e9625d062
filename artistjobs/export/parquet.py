"""Parquet export in row groups, so that memory does not grow with the number of records.

Only this module imports pyarrow, which the extra ``parquet`` installs.
"""

import shlex
import sys
from collections.abc import Sequence
from importlib.util import find_spec

from artistjobs.core.job import Scope
from artistjobs.core.json_values import Json
from artistjobs.errors import WrongUseError
from artistjobs.export.columns import Cell, ExportColumn, text_cell
from artistjobs.export.records import ByteSink, Record, RecordBuilder, TextSink, write_records
from artistjobs.export.table import Table

_GROUP_ROWS = 20_000


_GROUP_BYTES = 1 << 23
"""A row group ends when it reaches this number of rows or of bytes."""


def ensure_parquet_extra() -> None:
    """Raise WrongUseError if pyarrow is not installed; commands call this before they spend money."""
    if find_spec("pyarrow") is None:
        python = shlex.quote(sys.executable)
        raise WrongUseError(f"Parquet needs the package pyarrow; install it with: {python} -m pip install pyarrow")


class ParquetWriter:
    """Writes one row per record, in row groups compressed with Zstandard."""

    def __init__(self, recorder: RecordBuilder, file: ByteSink, chosen: Sequence[str] = ()) -> None:
        ensure_parquet_extra()
        self._recorder = recorder
        self._file = file
        self._table = Table(recorder, chosen)
        self._groups: _RowGroups | None = None
        self._rows: list[list[Cell]] = []
        self._bytes = 0

    def write(self, scope: Scope, states: Sequence[str], text_sink: TextSink | None) -> int:
        """Write the jobs of a scope and pass their texts to ``say``; return the number of jobs."""
        self._table.begin(scope)
        return write_records(self._recorder, scope, states, self.add, text_sink)

    def add(self, record: Record) -> None:
        """Add the row of one record; a full row group is written."""
        cells = list(map(fitted, self._table.values(record), self._table.columns))
        self._rows.append(cells)
        self._bytes += sum(len(cell) for cell in cells if isinstance(cell, str))
        if len(self._rows) >= _GROUP_ROWS or self._bytes >= _GROUP_BYTES:
            self._flush()

    def close(self) -> None:
        """Write the last row group and the footer of the file."""
        self._flush()
        self._open().close()

    def abort(self) -> None:
        """Discard the rows that are not written yet; the file stays without a footer."""
        if self._groups is not None:
            self._groups.abort()

    def _open(self) -> "_RowGroups":
        if self._groups is None:
            self._groups = _RowGroups(self._file, self._table.columns)
        return self._groups

    def _flush(self) -> None:
        if self._rows:
            self._open().write(self._rows)
        self._rows.clear()
        self._bytes = 0


class _RowGroups:
    """The row groups of a file whose columns are known."""

    def __init__(self, file: ByteSink, columns: Sequence[ExportColumn]) -> None:
        import pyarrow as pa
        from pyarrow.parquet import ParquetWriter

        types = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}
        self._schema = pa.schema([(column.name, types[column.type]) for column in columns])
        self._array, self._group = pa.array, pa.RecordBatch.from_arrays
        self._writer = ParquetWriter(file, self._schema, compression="zstd")

    def write(self, rows: Sequence[Sequence[Cell]]) -> None:
        values = zip(*rows, strict=True)
        arrays = [self._array(column, field.type) for column, field in zip(values, self._schema, strict=True)]
        self._writer.write_batch(self._group(arrays, schema=self._schema))

    def close(self) -> None:
        self._writer.close()

    def abort(self) -> None:
        self._writer.is_open = False  # otherwise it would write the footer when it is garbage collected


def fitted(value: Json, column: ExportColumn) -> Cell:
    """Return a value as a cell of a typed column; None if it cannot hold it, such as an integer of over 64 bits."""
    kind = column.type
    if kind is str:
        return value if value is None or isinstance(value, str) else text_cell(value)
    if isinstance(value, bool) or kind is bool:
        return value if kind is bool and isinstance(value, bool) else None
    if not isinstance(value, int | float):
        return None
    try:
        return float(value) if kind is float else _integer(value)
    except OverflowError:
        return None


def _integer(value: float) -> int | None:
    """Return a number as a 64-bit integer; in JSON 1907.0 is one too."""
    number = int(value)
    return number if number == value and -(2**63) <= number < 2**63 else None
