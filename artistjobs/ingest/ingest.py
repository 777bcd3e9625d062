"""Ingest of a file of artists: read it, recognize a file that was ingested before, and add jobs for new rows."""

import hashlib
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import BinaryIO

from artistjobs.ingest.checked_rows import WARNED_OF, CheckedRows, warn_of_bad_lines, warn_of_first_row
from artistjobs.ingest.longest_row import LongestRow
from artistjobs.ingest.parser import ArtistReader
from artistjobs.ingest.source import STDIN, IngestConfig, open_artists, source_name
from artistjobs.store.interface import Ingestor
from artistjobs.store.models import IngestResult, Source

log = logging.getLogger(__name__)


_BLOCK_BYTES = 1 << 20


_HELD_IN_MEMORY_BYTES = 1 << 23


def ingest_file(ingestor: Ingestor, config: IngestConfig) -> IngestResult:
    """Add a pending job for each new row of the file, warn about bad lines, and return the counts.

    Raises:
        InputError: if the file cannot be read; with ``strict`` also if any line is bad.
        StoreError: if disk or database fail; nothing is ingested then.

    """
    with _rereadable(config.source) as (stream, source):
        known = ingestor.find_same_file(source, config.prompt) if not config.strict else None
        name = source_name(config.source)
        reader = ArtistReader(stream, name=name)
        if known is not None:
            warn_of_first_row(name, reader, next(iter(reader), None), log.warning)
            warn_of_bad_lines(name, ingestor.bad_lines(known.ingest, WARNED_OF), known.bad, log.warning)
            return known
        rows = LongestRow(CheckedRows(reader, config, log.warning))
        ingested = ingestor.ingest(source, config.prompt, rows, lambda: reader.lines)
    rows.try_out(config)
    return ingested


def ensure_readable(path: Path) -> None:
    """Raise InputError if a file cannot be read, by its first row; called before a database is created for it."""
    if path == STDIN or (path.exists() and not path.is_file() and not path.is_dir()):
        return  # a pipe can be opened only once, so it is not tried here
    with open_artists(path) as stream:
        next(iter(ArtistReader(stream, name=source_name(path))), None)


@contextmanager
def _rereadable(path: Path) -> Iterator[tuple[BinaryIO, Source]]:
    """Open a stream at its beginning, together with the name and SHA-256 of its whole content."""
    with open_artists(path) as stream:
        if path == STDIN or not path.is_file():
            with SpooledTemporaryFile(_HELD_IN_MEMORY_BYTES) as spool:
                source = Source("stdin" if path == STDIN else str(path), _fingerprint(stream, spool))
                spool.seek(0)
                yield spool, source  # type: ignore[misc]  # it has the methods of a BinaryIO
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
