"""Command ``work``: runs workers with the store, the API and the display, in one process or in several."""

import asyncio
import logging

from artistjobs.api.config import ApiConfig
from artistjobs.commands.api_access import _api
from artistjobs.commands.config import Working
from artistjobs.core.formatting import are
from artistjobs.core.job import Scope
from artistjobs.store.database import Database
from artistjobs.store.interface import Store
from artistjobs.store.models import Counts
from artistjobs.terminal.log import Voice
from artistjobs.worker.launch import run_calling, run_in_loop
from artistjobs.worker.progress.display import make_watch
from artistjobs.worker.progress.snapshot import Watch
from artistjobs.worker.run import RunReport, nothing_to_do
from artistjobs.worker.store_thread import tell_rescue

log = logging.getLogger("artistjobs")


def work_on(database: Database, scope: Scope, working: Working, voice: Voice) -> RunReport:
    """Work until no job of ``scope`` is left or something stops the run, and return its report.

    Raises:
        WrongUseError: if there is no key or no database.
        StoreError: if the disk or the database fails before the work starts.

    """
    working.refuse_keyless()
    with database.open() as store:
        counts = _mind_failed(store, scope, retry_failed=working.retry_failed)
        if not counts.pending and not counts.running:
            # A worker may have died with no job left: the rescue records its death all the same.
            tell_rescue(store.queue.rescue())
            voice.done_doing()
            return nothing_to_do(counts)
    voice.doing("checking the key and the model")
    watch = make_watch(voice, quiet=working.quiet)
    with _api(working) as api:
        if working.work.processes > 1:
            report = asyncio.run(_run_in_processes(database, scope, working, api, watch))
        else:
            report = run_in_loop(run_calling(working.work, scope, database.open, api, watch))
    voice.done_doing()  # the run may have ended before the display started
    return report


async def _run_in_processes(
    database: Database, scope: Scope, working: Working, api: ApiConfig, watch: Watch
) -> RunReport:
    from artistjobs.worker.processes.messages import Order
    from artistjobs.worker.processes.parent import run_in_processes

    order = Order(
        work=working.work, scope=scope, database=database.path, kind=database.kind, api=api, looks_up=False,
        log_level=log.getEffectiveLevel(),
    )  # fmt: skip
    return await run_in_processes(order, database.open, watch)


def _mind_failed(store: Store, scope: Scope, *, retry_failed: bool) -> Counts:
    """Make failed jobs pending again if ``retry_failed``, log either case, and return the new counts."""
    counts = store.records.counts(scope)
    if counts.failed and retry_failed:
        again = store.queue.retry(scope=scope)
        log.info("%s pending again", are(again, "failed job"))
        return store.records.counts(scope)
    if counts.failed:
        log.info("%s not retried; --retry-failed makes them pending again", are(counts.failed, "failed job"))
    return counts
