"""Names of the columns of a table, and the choice of those with the name and the data of an artist.

A name is made from a header cell: trimmed, in lower case, with an underscore for each run of characters that are no
letters and digits, so that a template can use it.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

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


@dataclass(frozen=True, slots=True)
class TableHeader:
    """Header of a table: its fields as they stand in the file, and the names of its columns, in their order."""

    fields: tuple[str, ...]
    names: tuple[str, ...]
    name_at: int = field(init=False)
    data_at: int | None = field(init=False)
    cells_at: tuple[int, ...] = field(init=False)

    def __post_init__(self) -> None:
        places = {name: at for at, name in enumerate(self.names)}
        object.__setattr__(self, "name_at", places[NAME])
        object.__setattr__(self, "data_at", places.get(DATA))
        cells_at = tuple(at for name, at in places.items() if name not in (NAME, DATA))
        object.__setattr__(self, "cells_at", cells_at)

    @property
    def is_plain(self) -> bool:
        """True if the columns are the name, perhaps with the data after it: the rules of a file without a header."""
        return self.names in ((NAME,), (NAME, DATA))

    @property
    def cell_names(self) -> tuple[str, ...]:
        """The names of the other columns."""
        return tuple(self.names[at] for at in self.cells_at)


def column_name(cell: str, number: int) -> str:
    """Return the name of a column, given its header cell and its number from 1."""
    words = re.sub(r"\W+", "_", unicodedata.normalize("NFKC", cell).lower()).strip("_")
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
    return TableHeader(tuple(cells), tuple(names))


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
