"""Rows of an input file with warnings about what is odd in it, and the refusal of files that are not worth asking."""

from collections.abc import Callable, Iterable, Iterator
from itertools import chain

from artistjobs.core.formatting import count_text
from artistjobs.core.job import Artist, BadLine
from artistjobs.errors import InputError
from artistjobs.ingest.parser import ArtistReader
from artistjobs.ingest.sniff import header_hint, wrong_format_hint
from artistjobs.ingest.source import IngestConfig, source_name

WARNED_OF = 20
"""Number of bad lines with a warning of their own; the rest are counted. The database holds all of them."""


Warn = Callable[[str], None]
"""Function that takes a warning as one sentence."""


class CheckedRows:
    """Iterable of the rows of a file that passes each warning about it to a function.

    Raises:
        InputError: at the end, with ``strict`` and any bad line.

    """

    def __init__(self, reader: ArtistReader, config: IngestConfig, warn: Warn) -> None:
        self._reader = reader
        self._strict = config.strict
        self._name = source_name(config.source)
        self._warn = warn

    def __iter__(self) -> Iterator[Artist | BadLine]:
        rows, first_bad, bad = iter(self._reader), list[BadLine](), 0
        first = next(rows, None)
        warn_of_first_row(self._name, self._reader, first, self._warn)
        for row in chain([first] if first else [], rows):
            if isinstance(row, BadLine):
                bad += 1
                if bad <= WARNED_OF:
                    first_bad.append(row)
            yield row
        warn_of_bad_lines(self._name, first_bad, bad, self._warn)
        self._warn_of_notices()
        if self._strict and bad:
            raise InputError(
                f"{self._name} has {count_text(bad, 'bad line')}, and nothing was ingested; "
                "fix that or leave --strict out."
            )

    def _warn_of_notices(self) -> None:
        reader = self._reader
        for notice in reader.notices:
            self._warn(f"{self._name}, line {notice.line}: {notice.text}")
        if more := reader.notice_count - len(reader.notices):
            self._warn(f"{self._name}: {count_text(more, 'more line')} with a byte-order mark or the header")


def warn_of_first_row(name: str, reader: ArtistReader, first: Artist | BadLine | None, warn: Warn) -> None:
    """Warn if the first row of a file suggests that it has another format, or other names in its header."""
    hint = wrong_format_hint(first) if isinstance(first, Artist) else None
    if hint is not None:
        warn(f"{name}: {hint}, so this may not be a file of rows such as: Prince,singer; it is read as one anyway")
    elif first is not None and (hint := header_hint(reader.first_row)):
        warn(f"{name}, line {first.line}: {hint}")


def warn_of_bad_lines(name: str, lines: Iterable[BadLine], count: int, warn: Warn) -> None:
    """Warn of the first bad lines of a file, one by one, and of the number of all others."""
    shown = 0
    for line in lines:
        warn(f"{name}, line {line.line}: {line.reason}; skipped: {line.beginning}")
        shown += 1
    if count > shown:
        more = count_text(count - shown, "more bad line")
        warn(f"{name}: skipped {more}; the table bad_lines has them all")
