"""A command at work: store, API and display put together, and what came of it said at the end."""

import asyncio
import logging
import secrets
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from artistjobs.config import ApiConfig, IngestConfig, WorkConfig
from artistjobs.errors import WrongUseError
from artistjobs.export import ExportConfig, export_to_file, refuse_unwritable
from artistjobs.ingest import ingest_file, refuse_unreadable
from artistjobs.job import Scope
from artistjobs.log import Voice
from artistjobs.progress import make_watch
from artistjobs.runner import RunReport, nothing_to_do, run
from artistjobs.stdio import Texts
from artistjobs.store import Ingested, Kind, Store
from artistjobs.store.sqlite import open_store
from artistjobs.summary import ingest_sentence
from artistjobs.writer import tell_rescue

log = logging.getLogger("artistjobs")


@dataclass(frozen=True, slots=True)
class Database:
    """Which database, and what it has to hold; ``kind`` is None where either will do."""

    path: Path
    kind: Kind | None

    def open(self, *, create: bool = False) -> AbstractContextManager[Store]:
        """Open it; raises StoreError or WrongUseError."""
        return open_store(self.path, self.kind, create=create)


@dataclass(frozen=True, slots=True, kw_only=True)
class Working:
    """What a run of a worker needs besides its database."""

    work: WorkConfig
    timeout_seconds: float
    api: ApiConfig | None
    scenario: str | None
    retry_failed: bool
    quiet: bool

    def refuse_keyless(self) -> None:
        """Raise WrongUseError if there is no key to call with."""
        if self.api is None and self.scenario is None:
            raise WrongUseError("OPENAI_API_KEY is not set; set it in the environment or in .env, or try --rehearse.")


def work_on(database: Database, scope: Scope, working: Working, voice: Voice) -> RunReport:
    """Work until nothing of ``scope`` is left to do or something stops it, and say what it came to.

    Raises:
        WrongUseError: if there is no key, or no such database.
        StoreError: if disk or database fail before anything is done.

    """
    working.refuse_keyless()
    with database.open() as store:
        _mind_failed(store, scope, retry_failed=working.retry_failed)
        counts = store.records.counts(scope)
        if not counts.pending and not counts.running:
            # One that died at its very end, with nothing left to do, is known as dead all the same.
            tell_rescue(store.queue.rescue())
            return nothing_to_do(counts)
    watch = make_watch(voice, quiet=working.quiet)
    with _api(working) as api:
        # Imported as late as this: it takes longer than all the rest.
        from artistjobs.api.responses import open_responses_api

        open_api = partial(open_responses_api, api, working.work.max_workers)
        return asyncio.run(run(working.work, scope, database.open, open_api, watch))


def run_file(
    database: Database,
    config: IngestConfig,
    working: Working,
    voice: Voice,
    *,
    output: Path,
    texts: Texts | None,
) -> tuple[RunReport, Ingested]:
    """Ingest a file, work on its rows and export their answers, also when the work stops early.

    Raises:
        WrongUseError: before anything is read, if the run could not end well.
        StoreError: if disk or database fail outside of the work itself.

    """
    refuse_unwritable(output)
    refuse_unreadable(config.source)
    working.refuse_keyless()
    with database.open(create=True) as store:
        ingested = ingest_file(store.intake, config)
        scope = store.records.scope(ingested.ingest)
    log.info(ingest_sentence(ingested))
    report = work_on(database, scope, working, voice)
    if report.error is None:
        with database.open() as store:
            export_answers(store, ExportConfig(scope=scope), output, texts)
    return report, ingested


def export_answers(store: Store, config: ExportConfig, output: Path, texts: Texts | None) -> None:
    """Write the records to a file and their texts to stdout. Raises StoreError, WrongUseError, BrokenPipeError."""
    count = export_to_file(store.records, config, output, texts)
    log.info("exported %s records to %s", f"{count:,}", output)
    if texts is not None:
        texts.end()


def _mind_failed(store: Store, scope: Scope, *, retry_failed: bool) -> None:
    failed = store.records.counts(scope).failed
    if failed and retry_failed:
        log.info("%d failed jobs are pending again", store.queue.retry(scope=scope))
    elif failed:
        log.info("%d failed jobs are left alone; --retry-failed makes them pending again", failed)


@contextmanager
def _api(working: Working) -> Iterator[ApiConfig]:
    if working.scenario is None:
        assert working.api is not None
        yield working.api
        return
    from artistjobs.rehearsal import Detail, rehearsal

    # A day is never like the last one: the same faults again would wear out the same jobs.
    with rehearsal(working.scenario, seed=secrets.randbits(32), detail=Detail.TOTALS) as api:
        yield ApiConfig(api_key="rehearsal", base_url=api.base_url, timeout_seconds=working.timeout_seconds)
