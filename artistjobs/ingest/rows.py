"""Protocol of the readers of input files, one for each family of formats."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

from artistjobs.core.job import Row


class Notice(NamedTuple):
    """Something that was skipped or is odd, although no row is bad: the number of its line, and what it is."""

    line: int
    text: str


class RowReader(Protocol):
    """Reader of the rows of one file. Iteration raises InputError if the file cannot be read as its format."""

    lines: int
    """Number of lines read so far, with skipped ones; rows of a file that has no lines."""

    first_row: tuple[str, ...]
    """Fields of the first row, also if it is the header; empty if there is none or it is bad."""

    notices: list[Notice]
    """The first notices, in the order of their lines."""

    notice_count: int
    """Number of all notices."""

    has_fixed_columns: bool
    """True if all columns are known with the first row, False if any row may add some."""

    @property
    def headings(self) -> Sequence[str]:
        """Cells of the header as they stand in the file, for the first columns or all; empty if there is no header."""

    @property
    def columns(self) -> Sequence[str]:
        """Names of all columns so far, in the order of the file."""

    @property
    def cell_names(self) -> Sequence[str]:
        """Names of the cells of a row so far: all columns without name and data."""

    def __iter__(self) -> Iterator[Row]:
        """Yield the rows."""
