"""Ingest of a file of artists: read it, recognize a file that was ingested before, and add jobs for new rows."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, cast

from artistjobs.core.command_text import command
from artistjobs.ingest.checked_rows import WARNED_OF, CheckedRows, warn_of_bad_lines, warn_of_first_row
from artistjobs.ingest.longest_row import LongestRow
from artistjobs.ingest.parser import ArtistReader
from artistjobs.ingest.source import STDIN, Content, IngestConfig, InputStream, open_artists, source_name
from artistjobs.store.interface import Ingestor
from artistjobs.store.models import AskedBefore, IngestResult, Source

log = logging.getLogger(__name__)


_HELD_IN_MEMORY_BYTES = 1 << 23


def ingest_file(ingestor: Ingestor, config: IngestConfig) -> IngestResult:
    """Add a pending job for each new row of the file, warn about bad lines, and return the counts.

    Raises:
        InputError: if the file cannot be read, changes meanwhile, or is mostly bad; with ``strict`` if any line is bad.
        StoreError: if disk or database fail; nothing is ingested then.

    """
    with _read_twice(config) as (stream, content):
        name = "stdin" if config.source == STDIN else str(config.source)
        source = Source(name, content.sha256)
        known = ingestor.find_same_file(source, config.prompt) if not config.strict else None
        reader = ArtistReader(stream, name=source_name(config.source), encoding=config.encoding)
        if known is not None:
            warn_of_first_row(config, reader, next(iter(reader), None), log.warning)
            warn_of_bad_lines(config, ingestor.bad_lines(known.ingest, WARNED_OF), known.bad, log.warning)
            return known
        rows = LongestRow(CheckedRows(reader, stream, config, log.warning))
        ingested = ingestor.ingest(source, config.prompt, rows, lambda: reader.lines, _tell_asked_before)
    rows.try_out(config)
    return ingested


def _tell_asked_before(before: AskedBefore) -> None:
    """Log that artists of a file will be asked about again, because the request has changed."""
    failed = f", {before.failed:,} failed" if before.failed else ""
    if before.pending:
        drops = " and ".join(command(before.database, f"drop --prompt {number}") for number in before.prompts)
        more = f" while those pending stay so; to drop them: {drops}"
    else:
        more = ""
    log.warning(
        "%s of these artists %s already ingested with another prompt: %s done%s, %s pending; they will all be asked "
        "again%s",
        f"{before.artists:,}", "was" if before.artists == 1 else "were", f"{before.done:,}", failed,
        f"{before.pending:,}", more,
    )  # fmt: skip


def ensure_readable(config: IngestConfig) -> None:
    """Raise InputError if a file cannot be read, by its first row; called before a database is created for it."""
    path = config.source
    if path == STDIN or (path.exists() and not path.is_file() and not path.is_dir()):
        return  # a pipe can be opened only once, so it is not tried here
    with open_artists(path, config.encoding) as stream:
        next(iter(ArtistReader(stream, name=source_name(path))), None)


@contextmanager
def _read_twice(config: IngestConfig) -> Iterator[tuple[InputStream, Content]]:
    """Read a file to its end, and return it at its beginning with the content that the second reading must have.

    A pipe is copied meanwhile, because it cannot be read again.
    """
    path, encoding = config.source, config.encoding
    if path != STDIN and (path.is_file() or not path.exists()):
        with open_artists(path, encoding) as stream:
            content = stream.read_all()
        with open_artists(path, encoding, content) as stream:
            yield stream, content
        return
    name = source_name(path)
    with open_artists(path, encoding) as pipe, SpooledTemporaryFile(_HELD_IN_MEMORY_BYTES) as spool:
        copy = cast("BinaryIO", spool)
        pipe.copy_raw(copy)
        spool.seek(0)
        content = InputStream(copy, name, encoding).read_all()
        spool.seek(0)
        yield InputStream(copy, name, encoding, content), content
