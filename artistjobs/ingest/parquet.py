"""Rows of a Parquet file, in memory that does not grow with their number.

This module and ``export/parquet.py`` alone import pyarrow, which the extra ``parquet`` installs.
"""

from collections.abc import Iterator, Sequence
from itertools import count
from typing import IO, Any

from artistjobs.errors import InputError
from artistjobs.ingest.extras import ensure_package

_BATCH_ROWS = 2_000


def parquet_rows(file: IO[bytes], name: str) -> tuple[list[str], Iterator[tuple[int, Sequence[object]]]]:
    """Return the names of the columns and the rows, numbered from 1.

    Raises:
        WrongUseError: if pyarrow is not installed.
        InputError: if it is no Parquet file; also while the rows are read, if it is damaged.

    """
    ensure_package("Parquet files", "pyarrow")
    import pyarrow as pa
    from pyarrow.parquet import ParquetFile

    def rows() -> Iterator[tuple[int, Sequence[object]]]:
        numbers = count(1)
        try:
            for batch in opened.iter_batches(batch_size=_BATCH_ROWS):
                for row in zip(*map(_values, batch.columns), strict=True):
                    yield next(numbers), row
        except (pa.ArrowException, OSError) as error:
            raise _damaged(name, error) from error

    try:
        opened = ParquetFile(file)
    except (pa.ArrowException, OSError) as error:
        raise _damaged(name, error) from error
    return list(opened.schema_arrow.names), rows()


def _values(column: Any) -> list[object]:  # noqa: ANN401 - an array of pyarrow
    import pyarrow as pa

    if pa.types.is_timestamp(column.type) and column.type.unit == "ns":
        # Python's times have no nanoseconds.
        column = column.cast(pa.timestamp("us", column.type.tz), safe=False)
    values: list[object] = column.to_pylist()
    return values


def _damaged(name: str, error: Exception) -> InputError:
    reason = " ".join(str(error).split()).rstrip(".")
    return InputError(f"{name} cannot be read as a Parquet file ({reason}); write it again.")
