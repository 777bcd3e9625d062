"""Command ``run``: ingests a file, works on its jobs and exports their answers."""

import logging
from dataclasses import dataclass
from pathlib import Path

from artistjobs.commands.config import Working
from artistjobs.commands.export import export_answers
from artistjobs.commands.summary import ingest_sentence
from artistjobs.commands.work import work_on
from artistjobs.core.job import Scope
from artistjobs.export.export import ExportConfig, Format, refuse_unwritable
from artistjobs.ingest.ingest import ingest_file, refuse_unreadable
from artistjobs.ingest.source import IngestConfig
from artistjobs.store.database import Database
from artistjobs.store.interface import Store
from artistjobs.store.models import Ingested
from artistjobs.terminal.log import Voice
from artistjobs.terminal.streams import Texts
from artistjobs.worker.run import RunReport

log = logging.getLogger("artistjobs")


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Targets of the export: records go to ``output``, which must not be one of ``needed``, texts go to ``texts``."""

    output: Path
    texts: Texts | None
    needed: tuple[Path | None, ...] = ()
    format: Format = Format.JSONL


def run_file(
    database: Database,
    config: IngestConfig,
    working: Working,
    voice: Voice,
    going: Destination,
) -> tuple[RunReport, Ingested]:
    """Ingest a file, work on its jobs and export their answers, also if the work stops early.

    Raises:
        WrongUseError: before the file is read, if the output, the file or the key cannot be used.
        StoreError: if the disk or the database fails before or after the work.

    """
    refuse_unwritable(going.output, database.path, config.source, *going.needed)
    refuse_unreadable(config.source)
    working.refuse_keyless()
    voice.doing(f"reading {config.source}")
    with database.open(create=True) as store:
        ingested = ingest_file(store.intake, config)
        scope = store.records.scope(ingested.ingest)
    log.info(ingest_sentence(ingested))
    if not ingested.good:
        log.warning("%s has no good rows", config.source)
    report = work_on(database, scope, working, voice)
    if report.error is None:
        voice.doing(f"writing {going.output}")
        with database.open() as store:
            _export_run(store, scope, going, voice)
    voice.done_doing()
    return report, ingested


def _export_run(store: Store, scope: Scope, going: Destination, voice: Voice) -> None:
    output, done = going.output, store.records.counts(scope).done
    if not done and output.is_file() and output.stat().st_size:
        log.warning("no job is done yet, so %s is left unchanged", output)
        return
    export_answers(store, ExportConfig(scope=scope, format=going.format), output, going.texts, voice)
