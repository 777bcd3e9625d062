"""Command ``work``: runs workers with the store, the API and the display, in one process or in several."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from artistjobs.api.config import ApiConfig
from artistjobs.commands.api_access import _api
from artistjobs.commands.config import WorkOptions
from artistjobs.core.command_text import command
from artistjobs.core.formatting import count_is
from artistjobs.core.job import DROPPED, Scope
from artistjobs.store.database import Database
from artistjobs.store.interface import Store
from artistjobs.store.models import Counts
from artistjobs.terminal.log import ConsoleHandler
from artistjobs.worker.caller import Caller
from artistjobs.worker.file_handles import raise_limit
from artistjobs.worker.launch import run_calling, run_in_loop, run_in_thread
from artistjobs.worker.progress.display import make_display
from artistjobs.worker.progress.snapshot import Display
from artistjobs.worker.run import RunReport, nothing_to_do
from artistjobs.worker.store_thread import tell_rescue

log = logging.getLogger(__name__)


HANDLES_OF_A_COMMAND, HANDLES_PER_PROCESS = 64, 4
"""File handles for which the limit is raised, beside those of the calls."""


def work_on(
    database: Database, scope: Scope, working: WorkOptions, console: ConsoleHandler, caller: Caller | None = None
) -> RunReport:
    """Work until no job of ``scope`` is left or something stops the run, and return its report.

    A program calls this with itself as the ``caller``: the run then has a thread of its own. Without one, the run is in
    this thread and handles the signals of the process.

    Raises:
        WrongUseError: if there is no key or no database.
        StoreError: if the disk or the database fails before the work starts.

    """
    working.ensure_api_key()
    with database.open() as store:
        counts = _on_failed(store, scope, retry_failed=working.retry_failed)
        has_batches = working.work.batch is not None and bool(store.batches.open_batches())
        if not counts.pending and not counts.running and not has_batches:
            # A worker may have died with no job left: the rescue records its death all the same.
            tell_rescue(store.queue.rescue())
            console.clear_status()
            return nothing_to_do(counts)
    console.show_status("checking the key and the model")
    watch = make_display(console, quiet=working.quiet)
    work, is_rehearsal = working.work, working.scenario is not None
    # This process answers the calls of a rehearsal, and each child process is connected by pipes.
    raise_limit(HANDLES_OF_A_COMMAND + work.processes * HANDLES_PER_PROCESS + is_rehearsal * 2 * work.max_workers)
    with _api(working) as api:
        if work.processes > 1:
            main = _run_in_processes(database, scope, working, api, watch, caller)
            report = _run(partial(asyncio.run, main), caller)
        else:
            work = replace(work, handles_per_call=2) if is_rehearsal else work
            report = _run(partial(run_in_loop, run_calling(work, scope, database.open, api, watch, caller)), caller)
    console.clear_status()  # the run may have ended before the display started
    return report


def _run(task: Callable[[], RunReport], caller: Caller | None) -> RunReport:
    return task() if caller is None else run_in_thread(task, caller)


async def _run_in_processes(
    database: Database, scope: Scope, working: WorkOptions, api: ApiConfig, watch: Display, caller: Caller | None
) -> RunReport:
    from artistjobs.worker.processes.messages import StartMessage
    from artistjobs.worker.processes.parent import run_in_processes

    order = StartMessage(
        work=working.work, scope=scope, database=database, api=api, looks_up=False, log_level=log.getEffectiveLevel(),
    )  # fmt: skip
    return await run_in_processes(order, watch, caller)


def _on_failed(store: Store, scope: Scope, *, retry_failed: bool) -> Counts:
    """Make failed jobs pending again if ``retry_failed``, log either case, and return the new counts."""
    counts = store.records.counts(scope)
    if counts.failed and retry_failed:
        again = store.queue.retry(scope=scope)
        log.info("%s pending again", count_is(again, "failed job"))
        return store.records.counts(scope)
    if counts.dropped:
        revive = command(store.path, f"retry --code {DROPPED}")
        log.info("%s dropped and not asked; to ask them again: %s", count_is(counts.dropped, "job"), revive)
    if counts.failed:
        log.info("%s not retried; --retry-failed makes them pending again", count_is(counts.failed, "failed job"))
    return counts
