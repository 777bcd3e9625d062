"""Warnings about bad lines, and the strict mode that refuses a file with bad lines."""

import logging
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from pathlib import Path

from artistjobs.core.formatting import count_text
from artistjobs.core.job import Artist, BadLine
from artistjobs.errors import InputError
from artistjobs.ingest.sniff import wrong_format_hint
from artistjobs.ingest.source import STDIN, IngestConfig

log = logging.getLogger(__name__)


WARNED_OF = 20
"""Number of bad lines with a warning of their own; the rest are counted. The database holds all of them."""


class _WarnBadLines:
    """Iterable of rows that warns about the first bad lines; with ``strict`` it raises InputError at the end."""

    def __init__(self, rows: Iterable[Artist | BadLine], config: IngestConfig) -> None:
        self._rows = rows
        self._source = config.source
        self._strict = config.strict
        self.bad = 0

    def __iter__(self) -> Iterator[Artist | BadLine]:
        first: list[BadLine] = []
        rows = iter(self._rows)
        for row in chain(self._suspected(islice(rows, 1)), rows):
            if isinstance(row, BadLine):
                self.bad += 1
                if self.bad <= WARNED_OF:
                    first.append(row)
            yield row
        _warn(self._source, first, self.bad)
        if self._strict and self.bad:
            raise InputError(
                f"{self._source} has {count_text(self.bad, 'bad line')}, and nothing was ingested; "
                "fix that or leave --strict out."
            )

    def _suspected(self, rows: Iterable[Artist | BadLine]) -> Iterator[Artist | BadLine]:
        for row in rows:
            if isinstance(row, Artist) and (reason := wrong_format_hint(row)):
                log.warning(
                    "%s: %s, so this may not be a file of rows such as: Prince,singer; it is read as one anyway",
                    _name(self._source),
                    reason,
                )
            yield row


def _name(path: Path) -> str:
    return "standard input" if path == STDIN else str(path)


def _warn(path: Path, lines: Iterable[BadLine], count: int) -> None:
    name, shown = _name(path), 0
    for line in lines:
        log.warning("%s, line %d: %s; skipped: %s", name, line.line, line.reason, line.beginning)
        shown += 1
    if count > shown:
        more = count_text(count - shown, "more bad line")
        log.warning("%s: skipped %s; the table bad_lines has them all", name, more)
