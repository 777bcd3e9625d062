"""Reader of JSON Lines: an object is a row, and its keys are the columns.

Later objects may have further keys, so all columns are known only at the end.
"""

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final, NoReturn

from artistjobs.core.columns import cells_text
from artistjobs.core.job import BadLine, Row, TableArtist
from artistjobs.errors import InputError
from artistjobs.ingest.cells import cell_fault, cell_text
from artistjobs.ingest.columns import (
    ChosenColumns,
    column_name,
    ensure_distinct,
    ensure_has_name,
    place_of,
)
from artistjobs.ingest.encoding import UTF8
from artistjobs.ingest.header import DATA, NAME
from artistjobs.ingest.read_buffer import ByteStream, ReadBuffer, lines_of
from artistjobs.ingest.row import MAX_COLUMNS, NO_NAME, NOT_TEXT, beginning

if TYPE_CHECKING:
    from artistjobs.ingest.rows import Notice

LINE_LIMIT: Final = 1 << 22
"""Largest size of a line in bytes."""


_MARK: Final = b"\xef\xbb\xbf"


class JsonLinesReader:
    """Parses a stream once, in memory that does not grow with the number of rows.

    ``name`` and ``encoding`` stand for the file in messages; its text was converted to UTF-8 already.
    Iteration raises InputError if no key has the name of the artist, or two keys have the same name.

    Attributes:
        lines: Number of lines read so far, with blank ones.
        first_row: Keys of the first object.
        notices: Empty: there is no header that could come again.
        notice_count: 0.
        has_fixed_columns: False: any object may add columns.

    """

    has_fixed_columns = False

    def __init__(
        self,
        stream: ByteStream,
        *,
        name: str = "the file",
        encoding: str = UTF8,
        block_size: int = 1 << 18,
        chosen: ChosenColumns = ChosenColumns(),  # noqa: B008 - frozen
    ) -> None:
        self.lines = 0
        self.first_row: tuple[str, ...] = ()
        self.notices: list[Notice] = []
        self.notice_count = 0
        self._name = name
        self._encoding = encoding
        self._chosen = chosen
        self._window = ReadBuffer(stream, block_size)
        self._keys: list[str] = []
        self._names: list[str] = []
        self._places: dict[str, int] = {}
        self._cells: list[str] = []

    @property
    def headings(self) -> Sequence[str]:
        """The keys so far."""
        return self._keys

    @property
    def columns(self) -> Sequence[str]:
        """Names of all columns so far."""
        return self._names

    @property
    def cell_names(self) -> Sequence[str]:
        """Names of the cells of a row so far."""
        return self._cells

    def __iter__(self) -> Iterator[Row]:
        self._window.drop(_MARK)
        for line in lines_of(self._window, LINE_LIMIT):
            self.lines += 1
            if line is None:
                yield BadLine(self.lines, f"a line over {LINE_LIMIT >> 20} MiB", "")
            elif (stripped := line.strip()) and not stripped.startswith(b"#"):
                yield self._row(line)

    def _row(self, line: bytes) -> Row:
        try:
            found = _parsed(line.decode())
        except UnicodeDecodeError as error:
            return self._bad(line, f"{NOT_TEXT} {self._encoding} (byte 0x{line[error.start]:02X})")
        except (ValueError, RecursionError):
            return self._bad(line, "not a JSON object")
        if found is None:
            return self._bad(line, "not a JSON object")
        if not found.keys() <= self._places.keys():
            self._add_keys(found)
        return self._artist(line, found)

    def _artist(self, line: bytes, found: dict[str, object]) -> Row:
        fields = [""] * len(self._names)
        for key, value in found.items():
            fields[self._places[key]] = text = cell_text(value)
            if reason := cell_fault(text):
                return self._bad(line, reason)
        places = dict(zip(self._names, fields, strict=True))
        name, data = places.pop(NAME), places.pop(DATA, "")
        return TableArtist(self.lines, name, data, cells_text([*places.values()])) if name else self._bad(line, NO_NAME)

    def _add_keys(self, found: dict[str, object]) -> None:
        keys = [*self._keys, *(key for key in found if key not in self._places)]
        place = f"{self._name}, line {self.lines}"
        if len(keys) > MAX_COLUMNS:
            raise InputError(f"{place}: the objects so far have more than {MAX_COLUMNS:,} keys; leave some out.")
        names = [column_name(key.strip(), number) for number, key in enumerate(keys, 1)]
        for name, key in self._chosen.by_name.items():
            names[place_of(key, keys, name, place)] = name
        ensure_has_name(names, keys, place)
        ensure_distinct(names, keys, place)
        self.first_row = self.first_row or tuple(keys)
        self._keys, self._names = keys, names
        self._places = {key: at for at, key in enumerate(keys)}
        self._cells = [name for name in names if name not in (NAME, DATA)]

    def _bad(self, line: bytes, reason: str) -> BadLine:
        return BadLine(self.lines, reason, beginning(line, 0))


def _parsed(text: str) -> dict[str, object] | None:
    """Return the object in a line, None if there is another value. Raises ValueError if it is no JSON."""
    value = json.loads(text, parse_constant=_refuse)
    return value if isinstance(value, dict) else None


def _refuse(name: str) -> NoReturn:
    raise ValueError(name)
