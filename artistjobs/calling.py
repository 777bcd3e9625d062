"""A run that calls the real API, or what stands in its place: with the SDK, which is imported as late as this."""

from functools import partial

from artistjobs.config import ApiConfig, WorkConfig
from artistjobs.interpreter import tuned
from artistjobs.job import Scope
from artistjobs.runner import RunReport, run
from artistjobs.signals import Orders
from artistjobs.store import OpenStore
from artistjobs.view import Watch


async def run_calling(
    work: WorkConfig, scope: Scope, open_store: OpenStore, api: ApiConfig, watcher: Watch, orders: Orders | None = None
) -> RunReport:
    """Do what ``runner.run`` does, with calls to ``api``; raises what it raises."""
    with tuned() as keep:
        # It takes longer than all the rest.
        from artistjobs.api.responses import open_responses_api

        keep()
        return await run(work, scope, open_store, partial(open_responses_api, api), watcher, orders)
