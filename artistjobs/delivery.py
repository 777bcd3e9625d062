"""Where answers go: records to a file, their texts to stdout, and a word on both."""

import logging
from dataclasses import dataclass
from pathlib import Path

from artistjobs.export import ExportConfig, Format, export_to_file
from artistjobs.log import Voice
from artistjobs.stdio import Texts
from artistjobs.store import Store
from artistjobs.terminal import counted

log = logging.getLogger("artistjobs")


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Where answers go: records to ``output``, which may be none of the ``needed`` files, texts to ``texts``."""

    output: Path
    texts: Texts | None
    needed: tuple[Path | None, ...] = ()
    format: Format = Format.JSONL


def export_answers(store: Store, config: ExportConfig, output: Path, texts: Texts | None, voice: Voice) -> None:
    """Write the records to a file and their texts to stdout. Raises StoreError, WrongUseError, BrokenPipeError."""
    count = export_to_file(store.records, config, output, texts)
    log.info("exported %s to %s", counted(count, "record"), output)
    if texts is None:
        return
    voice.done_doing()
    texts.end()
    if texts.withheld:
        log.info("%s more texts are in %s; into a file or a pipe all are written", f"{texts.withheld:,}", output)
