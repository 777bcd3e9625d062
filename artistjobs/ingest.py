"""Taking a file of artists into the store: read it, know it again, add what is new."""

import hashlib
import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, Protocol

from artistjobs.artists import Artist, ArtistReader, BadLine
from artistjobs.config import IngestConfig
from artistjobs.errors import InputError
from artistjobs.prompt import Body, request_builder
from artistjobs.source import STDIN, open_artists
from artistjobs.store import Ingested, Intake, Source

log = logging.getLogger("artistjobs")

WARNED_OF = 20
"""How many bad lines are told one by one; the rest is counted, and all are in the database."""

SHOWN_BY_DRY_RUN = 5

_BLOCK_BYTES = 1 << 20
_HELD_IN_MEMORY_BYTES = 1 << 23


class Dry(Protocol):
    """Shows the request that a row would make."""

    def __call__(self, artist: Artist, body: Body) -> None:
        """Show one."""


def ingest_file(intake: Intake, config: IngestConfig) -> Ingested:
    """Add a pending job for each new row of the file, warn of the lines skipped, and say what came of it.

    Raises:
        InputError: if the file cannot be read; with ``strict`` also if any line is bad.
        StoreError: if disk or database fail; nothing was ingested then.

    """
    with _rereadable(config.source) as (stream, source):
        known = intake.find_same(source, config.prompt) if not config.strict else None
        if known is not None:
            _warn(config.source, intake.bad_lines(known.ingest, WARNED_OF), known.bad)
            return known
        reader = ArtistReader(stream)
        rows = _Watched(reader, config)
        return intake.ingest(source, config.prompt, rows, lambda: reader.lines)


def refuse_unreadable(path: Path) -> None:
    """Raise InputError if there is nothing to read: said before a database is made for it."""
    if path == STDIN or (path.exists() and not path.is_file() and not path.is_dir()):
        return  # a pipe can be opened only once
    with open_artists(path):
        pass


def show_requests(config: IngestConfig, show: Dry) -> tuple[int, int]:
    """Show the first requests that a file would make; return how many rows are good and bad. Writes nothing."""
    build = request_builder(config.prompt)
    with open_artists(config.source) as stream:
        rows = _Watched(ArtistReader(stream), config)
        good = (row for row in rows if isinstance(row, Artist))
        shown = 0
        for artist in islice(good, SHOWN_BY_DRY_RUN):
            show(artist, build(artist.name, artist.data))
            shown += 1
        return shown + sum(1 for _ in good), rows.bad


class _Watched:
    """Rows on their way, with a warning for the first bad ones; ``strict`` refuses them at the end."""

    def __init__(self, rows: Iterable[Artist | BadLine], config: IngestConfig) -> None:
        self._rows = rows
        self._source = config.source
        self._strict = config.strict
        self.bad = 0

    def __iter__(self) -> Iterator[Artist | BadLine]:
        first: list[BadLine] = []
        for row in self._rows:
            if isinstance(row, BadLine):
                self.bad += 1
                if self.bad <= WARNED_OF:
                    first.append(row)
            yield row
        _warn(self._source, first, self.bad)
        if self._strict and self.bad:
            raise InputError(
                f"{self._source} has {self.bad} bad lines, and nothing was ingested; mend them or leave --strict out."
            )


def _warn(path: Path, lines: Iterable[BadLine], count: int) -> None:
    name = "standard input" if path == STDIN else str(path)
    told = 0
    for line in lines:
        log.warning("%s, line %d: %s; skipped: %s", name, line.line, line.reason, line.beginning)
        told += 1
    if count > told:
        log.warning("%s: %d more bad lines were skipped; the table bad_lines has them all", name, count - told)


@contextmanager
def _rereadable(path: Path) -> Iterator[tuple[BinaryIO, Source]]:
    """Give a stream from its beginning, and what its whole content is known by."""
    with open_artists(path) as stream:
        if path == STDIN or not path.is_file():
            with SpooledTemporaryFile(_HELD_IN_MEMORY_BYTES) as spool:
                source = Source("stdin" if path == STDIN else str(path), _fingerprint(stream, spool))
                spool.seek(0)
                yield spool, source  # type: ignore[misc]  # it reads like any BinaryIO
            return
        source = Source(str(path), _fingerprint(stream))
    with open_artists(path) as stream:
        yield stream, source


def _fingerprint(stream: BinaryIO, copy: "SpooledTemporaryFile[bytes] | None" = None) -> str:
    digest = hashlib.sha256()
    while block := stream.read(_BLOCK_BYTES):
        digest.update(block)
        if copy is not None:
            copy.write(block)
    return digest.hexdigest()
