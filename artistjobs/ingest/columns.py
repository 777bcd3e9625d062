"""Names of the columns of a table, and the choice of those with the name and the data of an artist.

A name is made from a header cell: trimmed, in lower case, with an underscore for each run of characters that are no
letters and digits, so that a template can use it.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from artistjobs.core.columns import cells_text
from artistjobs.errors import InputError
from artistjobs.ingest.header import DATA, NAME, shown_columns

_RESERVED: Final = frozenset({"and", "or", "not", "is", "in", "if", "else", "true", "false", "none", "self"})
"""Words that cannot be variables in a template."""


@dataclass(frozen=True, slots=True)
class ChosenColumns:
    """Header cells of the columns that are read as ``artist_name`` and ``artist_data``; None for those so named."""

    name: str | None = None
    data: str | None = None

    def __bool__(self) -> bool:
        """Return True if a column was chosen."""
        return self.name is not None or self.data is not None

    @property
    def by_name(self) -> dict[str, str]:
        """The chosen header cells by the name that their columns get."""
        return {name: cell for name, cell in ((NAME, self.name), (DATA, self.data)) if cell is not None}


Fields: TypeAlias = tuple[str, str, str]
"""Name and data of a row, and the values of its other columns as they are stored."""


class TableHeader:
    """Header of a table.

    Attributes:
        fields: Its fields as they stand in the file.
        names: The names of its columns, in their order.
        cell_names: The names of the columns without name and data.
        name_at: The place of the name.
        data_at: The place of the data, None if no column has it.
        cells_at: The places of the other columns.

    """

    def __init__(self, fields: Sequence[str], names: Sequence[str]) -> None:
        self.fields, self.names = tuple(fields), tuple(names)
        self.cells_at = [at for at, name in enumerate(names) if name not in (NAME, DATA)]
        self.cell_names = tuple(names[at] for at in self.cells_at)
        self.name_at = names.index(NAME)
        self.data_at = names.index(DATA) if DATA in names else None

    @property
    def is_plain(self) -> bool:
        """True if the columns are the name, perhaps with the data after it: the rules of a file without a header."""
        return self.names in ((NAME,), (NAME, DATA))

    def row(self, fields: Sequence[str]) -> Fields:
        """Return name, data and values of a row with as many fields as the header."""
        data = "" if self.data_at is None else fields[self.data_at]
        return fields[self.name_at], data, cells_text([fields[at] for at in self.cells_at])


def column_name(cell: str, number: int) -> str:
    """Return the name of a column, given its header cell and its number from 1."""
    text = unicodedata.normalize("NFKC", cell).lower()
    # Some numbers of rare scripts are \w, and may still not be part of an identifier.
    words = re.sub(r"\W+", "_", "".join(one if f"_{one}".isidentifier() else " " for one in text)).strip("_")
    if not words:
        return f"column_{number}"
    if not words.isidentifier():
        return f"column_{words}"
    return f"{words}_" if words in _RESERVED else words


def table_header(fields: Sequence[str], chosen: ChosenColumns, place: str) -> TableHeader:
    """Return the header of a table.

    Args:
        fields: The trimmed fields of its row; empty ones at the end are padding.
        chosen: The columns that are read as name and data.
        place: The file and the line for messages.

    Raises:
        InputError: if a column is missing, or two have the same name.

    """
    cells = list(fields)
    while cells and not cells[-1]:
        cells.pop()
    names = [column_name(cell, number) for number, cell in enumerate(cells, 1)]
    for name, cell in chosen.by_name.items():
        names[place_of(cell, cells, name, place)] = name
    ensure_has_name(names, cells, place)
    ensure_distinct(names, cells, place)
    return TableHeader(cells, names)


def place_of(wanted: str, cells: Sequence[str], name: str, place: str) -> int:
    """Return the number of the column with a header cell, also in other case. Raises InputError if there is none."""
    for found in cells, [column_name(cell, number) for number, cell in enumerate(cells, 1)]:
        if wanted in found:
            return found.index(wanted)
        wanted_name = column_name(wanted, 0)
        if wanted_name in found:
            return found.index(wanted_name)
    raise InputError(
        f"{place}: --column {name}={wanted} names no column; the file has the columns {shown_columns(cells)}."
    )


def ensure_has_name(names: Sequence[str], cells: Sequence[str], place: str) -> None:
    """Raise InputError if no column has the name of the artist."""
    if NAME not in names:
        raise InputError(
            f"{place}: none of the columns {shown_columns(cells)} is {NAME}; "
            f"name the one with the artist: --column {NAME}=COLUMN."
        )


def ensure_distinct(names: Sequence[str], cells: Sequence[str], place: str) -> None:
    """Raise InputError if two columns have the same name."""
    first = dict[str, str]()
    for name, cell in zip(names, cells, strict=True):
        if name in first:
            raise InputError(
                f"{place}: the columns {first[name]!r} and {cell!r} are both named {name}; rename one of them."
            )
        first[name] = cell
