"""Export of answers: records to a file, their texts to stdout, and log lines about both."""

import logging
from pathlib import Path

from artistjobs.core.formatting import count_text
from artistjobs.export.export import ExportConfig, export_to_file
from artistjobs.export.formats import Format
from artistjobs.store.interface import OpenDatabase
from artistjobs.terminal.log import ConsoleHandler
from artistjobs.terminal.streams import TextOutput

log = logging.getLogger(__name__)


def export_answers(
    store: OpenDatabase, config: ExportConfig, output: Path, texts: TextOutput | None, console: ConsoleHandler
) -> None:
    """Write the records to a file and, unless ``texts`` is None, their texts to stdout.

    The file is completed even if stdout cannot be written; ``texts`` remembers that failure.

    Raises:
        WrongUseError: if the file or its format cannot be used.
        StoreError: if the disk or the database fails.

    """
    count = export_to_file(store, config, output, texts)
    log.info("exported %s to %s", count_text(count, "record"), output)
    if output.suffix.lower() == ".json" and config.format is Format.JSONL:
        log.warning("%s holds JSON Lines, one object per line, and not one JSON value; name it .jsonl", output)
    if texts is None:
        return
    console.clear_status()
    texts.end()
    if texts.hidden_count:
        log.info("%s more texts are in %s; redirect stdout to get all texts", f"{texts.hidden_count:,}", output)
