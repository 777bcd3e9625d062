"""Command ``run``: ingests a file, works on its jobs and exports their answers."""

import logging
from dataclasses import dataclass
from pathlib import Path

from artistjobs.commands.config import WorkOptions
from artistjobs.commands.export import export_answers
from artistjobs.commands.summary import ingest_sentence
from artistjobs.commands.work import work_on
from artistjobs.core.job import Scope
from artistjobs.export.export import ExportConfig
from artistjobs.export.formats import Format
from artistjobs.export.protection import FilesInUse, ensure_not_ingested, ensure_writable
from artistjobs.ingest.ingest import ensure_readable, ingest_file
from artistjobs.ingest.source import IngestConfig
from artistjobs.store.database import Database
from artistjobs.store.interface import Store
from artistjobs.store.models import IngestResult
from artistjobs.terminal.log import ConsoleHandler
from artistjobs.terminal.streams import TextOutput
from artistjobs.worker.caller import Caller
from artistjobs.worker.run import RunReport

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportTarget:
    """Targets of the export: records go to ``output``, which must not be one of ``files``, texts go to ``texts``."""

    output: Path
    texts: TextOutput | None
    files: FilesInUse
    format: Format = Format.JSONL


def run_file(
    database: Database,
    config: IngestConfig,
    working: WorkOptions,
    console: ConsoleHandler,
    target: ExportTarget | None,
    caller: Caller | None = None,
) -> tuple[RunReport, IngestResult]:
    """Ingest a file, work on its jobs and export their answers, also if the work stops early.

    Without a ``target`` nothing is exported. ``caller`` is as in ``work_on``.

    Raises:
        WrongUseError: before the file is read, if the output, the file or the key cannot be used.
        StoreError: if the disk or the database fails before or after the work.

    """
    if target is not None:
        ensure_writable(target.files)
    ensure_readable(config)
    working.ensure_api_key()
    console.show_status(f"reading {config.source}")
    with database.open(create=True) as store:
        if target is not None:
            ensure_not_ingested(target.output, store.records.known_files())
        ingested, scope = _ingest(store, config)
    report = work_on(database, scope, working, console, caller)
    if report.error is None and target is not None:
        console.show_status(f"writing {target.output}")
        with database.open() as store:
            _export_run(store, scope, target, console)
    console.clear_status()
    return report, ingested


def _ingest(store: Store, config: IngestConfig) -> tuple[IngestResult, Scope]:
    ingested = ingest_file(store.ingestor, config)
    log.info(ingest_sentence(ingested))
    if not ingested.good:
        log.warning("%s has no good rows", config.source)
    return ingested, store.records.scope(ingested.ingest)


def _export_run(store: Store, scope: Scope, target: ExportTarget, console: ConsoleHandler) -> None:
    output, done = target.output, store.records.counts(scope).done
    if not done and output.is_file() and output.stat().st_size:
        log.warning("no job is done yet, so %s is left unchanged", output)
        return
    export_answers(store, ExportConfig(scope=scope, format=target.format), output, target.texts, console)
