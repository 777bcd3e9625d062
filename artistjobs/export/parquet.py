"""Parquet export in row groups, so that memory does not grow with the number of records.

Only this module imports pyarrow, which the extra ``parquet`` installs.
"""

import shlex
import sys
from collections.abc import Sequence
from importlib.util import find_spec

from artistjobs.core.job import Scope
from artistjobs.errors import WrongUseError
from artistjobs.export.columns import Cell, cells_of, columns
from artistjobs.export.records import ByteSink, Record, RecordBuilder, TextSink, write_records

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

    def __init__(self, recorder: RecordBuilder, file: ByteSink) -> None:
        ensure_parquet_extra()
        import pyarrow as pa
        from pyarrow.parquet import ParquetWriter

        types = {str: pa.string(), int: pa.int64(), float: pa.float64()}
        found = columns(full=recorder.is_full)
        self._recorder = recorder
        self._cells = cells_of(found)
        self._schema = pa.schema([(column.name, types[column.type]) for column in found])
        self._array, self._group = pa.array, pa.RecordBatch.from_arrays
        self._writer = ParquetWriter(file, self._schema, compression="zstd")
        self._rows: list[list[Cell]] = []
        self._bytes = 0

    def write(self, scope: Scope, states: Sequence[str], text_sink: TextSink | None) -> int:
        """Write the jobs of a scope and pass their texts to ``say``; return the number of jobs."""
        return write_records(self._recorder, scope, states, self.add, text_sink)

    def add(self, record: Record) -> None:
        """Add the row of one record; a full row group is written."""
        cells = self._cells(record)
        self._rows.append(cells)
        self._bytes += sum(len(cell) for cell in cells if isinstance(cell, str))
        if len(self._rows) >= _GROUP_ROWS or self._bytes >= _GROUP_BYTES:
            self._flush()

    def close(self) -> None:
        """Write the last row group and the footer of the file."""
        if self._rows:
            self._flush()
        self._writer.close()

    def abort(self) -> None:
        """Discard the rows that are not written yet; the file stays without a footer."""
        self._writer.is_open = False  # otherwise it would write the footer when it is garbage collected

    def _flush(self) -> None:
        values = zip(*self._rows, strict=True)
        arrays = [self._array(column, field.type) for column, field in zip(values, self._schema, strict=True)]
        self._writer.write_batch(self._group(arrays, schema=self._schema))
        self._rows.clear()
        self._bytes = 0
