"""A command at work: store, API and display put together, and what came of it said at the end."""

import asyncio
import logging
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from time import monotonic

from artistjobs.calling import run_calling
from artistjobs.check import Checkup, FileCount, Plan, check
from artistjobs.config import DEFAULT_BASE_URL, ApiConfig, Checking, IngestConfig, Working
from artistjobs.database import Database
from artistjobs.delivery import Destination, export_answers
from artistjobs.desk import tell_rescue
from artistjobs.errors import ArtistjobsError
from artistjobs.estimate import Measured
from artistjobs.export import ExportConfig, refuse_unwritable
from artistjobs.finding import Finding, Level
from artistjobs.ingest import Dry, ingest_file, refuse_unreadable, survey_file
from artistjobs.ingest_text import ingest_sentence
from artistjobs.job import Scope
from artistjobs.log import Voice
from artistjobs.loop import run_in_loop
from artistjobs.progress import make_watch
from artistjobs.runner import RunReport, nothing_to_do
from artistjobs.store import Counts, Ingested, Store
from artistjobs.terminal import are
from artistjobs.view import Watch

log = logging.getLogger("artistjobs")


def work_on(database: Database, scope: Scope, working: Working, voice: Voice) -> RunReport:
    """Work until nothing of ``scope`` is left to do or something stops it, and say what it came to.

    Raises:
        WrongUseError: if there is no key, or no such database.
        StoreError: if disk or database fail before anything is done.

    """
    working.refuse_keyless()
    with database.open() as store:
        counts = _mind_failed(store, scope, retry_failed=working.retry_failed)
        if not counts.pending and not counts.running:
            # One that died at its very end, with nothing left to do, is known as dead all the same.
            tell_rescue(store.queue.rescue())
            voice.done_doing()
            return nothing_to_do(counts)
    voice.doing("looking at the key and the model")
    watch = make_watch(voice, quiet=working.quiet)
    with _api(working) as api:
        if working.work.processes > 1:
            report = asyncio.run(_run_in_processes(database, scope, working, api, watch))
        else:
            report = run_in_loop(run_calling(working.work, scope, database.open, api, watch))
    voice.done_doing()  # where it ended before there was anything to watch
    return report


async def _run_in_processes(
    database: Database, scope: Scope, working: Working, api: ApiConfig, watch: Watch
) -> RunReport:
    from artistjobs.crew.lead import run_in_processes
    from artistjobs.crew.wire import Order

    order = Order(
        work=working.work, scope=scope, database=database.path, kind=database.kind, api=api, looks_up=False,
        log_level=log.getEffectiveLevel(),
    )  # fmt: skip
    return await run_in_processes(order, database.open, watch)


def run_file(
    database: Database,
    config: IngestConfig,
    working: Working,
    voice: Voice,
    going: Destination,
) -> tuple[RunReport, Ingested]:
    """Ingest a file, work on its rows and export their answers, also when the work stops early.

    Raises:
        WrongUseError: before anything is read, if the run could not end well.
        StoreError: if disk or database fail outside of the work itself.

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
        log.warning("%s has no row to ask about", config.source)
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
        log.warning("nothing is answered yet, so %s is left as it was", output)
        return
    export_answers(store, ExportConfig(scope=scope, format=going.format), output, going.texts, voice)


def count_file(database: Database, config: IngestConfig, show: Dry | None = None) -> tuple[FileCount, Measured | None]:
    """Count what a file would ask for and what such answers came to before; nothing is written.

    Raises:
        WrongUseError: if file, template or database cannot be used.
        StoreError: if the database cannot be read.

    """
    with database.census() as census:
        rows = survey_file(config, census, show)
        name = str(database.path) if census.has_database else None
        count = FileCount(name=str(config.source), database=name, rows=rows, asked=census.asked())
        return count, census.measured(config.prompt)


def check_up(database: Database, checking: Checking) -> Checkup:
    """Find out whether a run will work and what it will cost; nothing is written."""
    failures = list(checking.failures)
    file, measured = _counted(database, checking, failures)
    plan = Plan(
        base_url=checking.api.base_url if checking.api else DEFAULT_BASE_URL,
        model=checking.model, prompt=checking.prompt, max_workers=checking.max_workers, cost=checking.cost,
        spend=checking.spend, file=file, measured=measured, failures=tuple(failures),
    )  # fmt: skip
    if checking.api is None and checking.scenario is None:
        return asyncio.run(check(plan, None, monotonic))
    with _api(checking) as config:
        return asyncio.run(_check_with(config, replace(plan, base_url=config.base_url)))


async def _check_with(config: ApiConfig, plan: Plan) -> Checkup:
    # Imported as late as this: it takes longer than all the rest.
    from artistjobs.api.responses import open_responses_api

    async with open_responses_api(config) as api:
        return await check(plan, api, monotonic)


def _counted(
    database: Database, checking: Checking, failures: list[Finding]
) -> tuple[FileCount | None, Measured | None]:
    """Count the file, if there is one; what is wrong with it joins the failures."""
    if checking.prompt is None:
        return None, None
    try:
        if checking.file is not None:
            return count_file(database, IngestConfig(source=checking.file, prompt=checking.prompt))
        with database.census() as census:
            return None, census.measured(checking.prompt)
    except ArtistjobsError as error:
        failures.append(Finding(Level.FAIL, "file", str(error), error.exit_code))
        return None, None


def _mind_failed(store: Store, scope: Scope, *, retry_failed: bool) -> Counts:
    """Make failed jobs pending again if that is wanted, say so either way, and return how the jobs stand then."""
    counts = store.records.counts(scope)
    if counts.failed and retry_failed:
        again = store.queue.retry(scope=scope)
        log.info("%s pending again", are(again, "failed job"))
        return store.records.counts(scope)
    if counts.failed:
        log.info("%s left alone; --retry-failed makes them pending again", are(counts.failed, "failed job"))
    return counts


@contextmanager
def _api(working: Working | Checking) -> Iterator[ApiConfig]:
    if working.scenario is None:
        assert working.api is not None
        yield working.api
        return
    from artistjobs.rehearsal import Detail, rehearsal

    # A day is never like the last one: the same faults again would wear out the same jobs.
    with rehearsal(working.scenario, seed=secrets.randbits(32), detail=Detail.TOTALS) as api:
        yield ApiConfig(api_key="rehearsal", base_url=api.base_url, timeout_seconds=working.timeout_seconds)
