"""A command at work: store, API and display put together, and what came of it said at the end."""

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
    from artistjobs.worker.processes.messages import Order
    from artistjobs.worker.processes.parent import run_in_processes

    order = Order(
        work=working.work, scope=scope, database=database.path, kind=database.kind, api=api, looks_up=False,
        log_level=log.getEffectiveLevel(),
    )  # fmt: skip
    return await run_in_processes(order, database.open, watch)


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
