"""Ingest of a file of artists: read it, recognize a file that was ingested before, and add jobs for new rows."""

import logging

from artistjobs.core.command_text import command
from artistjobs.ingest.checked_rows import (
    WARNED_OF,
    CheckedRows,
    ensure_known_columns,
    warn_of_bad_lines,
    warn_of_first_row,
)
from artistjobs.ingest.longest_row import LongestRow
from artistjobs.ingest.readers import open_input, open_twice
from artistjobs.ingest.source import STDIN, IngestConfig
from artistjobs.store.interface import Ingestor
from artistjobs.store.models import AskedBefore, IngestResult, Source

log = logging.getLogger(__name__)


def ingest_file(ingestor: Ingestor, config: IngestConfig) -> IngestResult:
    """Add a pending job for each new row of the file, warn about bad lines, and return the counts.

    Raises:
        InputError: if the file cannot be read, changes meanwhile, or is mostly bad; with ``strict`` if any line is bad.
        PromptError: if the request uses a column that the file does not have.
        StoreError: if disk or database fail; nothing is ingested then.

    """
    with open_twice(config) as (opened, content):
        reader = opened.reader
        name = "stdin" if config.source == STDIN else str(config.source)
        source = Source(name, content.sha256, config.read_as)
        known = ingestor.find_same_file(source, config.prompt) if not config.strict else None
        if known is not None:
            warn_of_first_row(config, reader, next(iter(reader), None), log.warning)
            warn_of_bad_lines(config, ingestor.bad_lines(known.ingest, WARNED_OF), known.bad, log.warning)
            return known
        rows = LongestRow(CheckedRows(opened, config, log.warning), config, lambda: reader.cell_names)
        ingested = ingestor.ingest(
            source, config.prompt, rows, lambda: reader.lines, _tell_asked_before, lambda: reader.cell_names
        )
    rows.try_out()
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
    """Check by its first row that a file can be read; called before a database is created for it.

    Raises:
        InputError: if it cannot be read.
        PromptError: if the request uses a column that the file does not have.

    """
    path = config.source
    if path == STDIN or (path.exists() and not path.is_file() and not path.is_dir()):
        return  # a pipe can be opened only once, so it is not tried here
    with open_input(config) as (reader, _):
        next(iter(reader), None)
        if reader.has_fixed_columns:
            ensure_known_columns(config, reader)
