"""Taking a file of artists into the store: read it, know it again, add what is new."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import BinaryIO

from artistjobs.ingest.bad_lines import WARNED_OF, _warn, _WarnBadLines
from artistjobs.ingest.parser import ArtistReader
from artistjobs.ingest.source import STDIN, IngestConfig, open_artists
from artistjobs.store.interface import Ingestor
from artistjobs.store.models import IngestResult, Source

_BLOCK_BYTES = 1 << 20


_HELD_IN_MEMORY_BYTES = 1 << 23


def ingest_file(ingestor: Ingestor, config: IngestConfig) -> IngestResult:
    """Add a pending job for each new row of the file, warn of the lines skipped, and say what came of it.

    Raises:
        InputError: if the file cannot be read; with ``strict`` also if any line is bad.
        StoreError: if disk or database fail; nothing was ingested then.

    """
    with _rereadable(config.source) as (stream, source):
        known = ingestor.find_same_file(source, config.prompt) if not config.strict else None
        if known is not None:
            _warn(config.source, ingestor.bad_lines(known.ingest, WARNED_OF), known.bad)
            return known
        reader = ArtistReader(stream)
        rows = _WarnBadLines(reader, config)
        return ingestor.ingest(source, config.prompt, rows, lambda: reader.lines)


def ensure_readable(path: Path) -> None:
    """Raise InputError if there is nothing to read: said before a database is made for it."""
    if path == STDIN or (path.exists() and not path.is_file() and not path.is_dir()):
        return  # a pipe can be opened only once
    with open_artists(path):
        pass


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
