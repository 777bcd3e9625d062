"""A command at work: the store, the API and the display that go with its options, put together."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from artistjobs.config import ApiConfig, WorkConfig
from artistjobs.errors import WrongUseError
from artistjobs.job import Scope
from artistjobs.log import Voice
from artistjobs.progress import make_watch
from artistjobs.runner import RunReport, run
from artistjobs.store import Kind, Store
from artistjobs.store.sqlite import open_store

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


def work_on(database: Database, scope: Scope, working: Working, voice: Voice) -> RunReport:
    """Work until nothing of ``scope`` is left to do or something stops it, and say what it came to.

    Raises:
        WrongUseError: if there is no key, or no such database.
        StoreError: if disk or database fail before anything is done.

    """
    with database.open() as store:
        failed = store.records.counts(scope).failed
        if failed and working.retry_failed:
            log.info("made %d failed jobs pending again", store.queue.retry(scope=scope))
        elif failed:
            log.info("%d failed jobs are left alone; --retry-failed makes them pending again", failed)
    watch = make_watch(voice, quiet=working.quiet)
    with _api(working) as api:
        # Imported as late as this: it takes longer than all the rest.
        from artistjobs.api.responses import open_responses_api

        open_api = partial(open_responses_api, api, working.work.max_workers)
        return asyncio.run(run(working.work, scope, database.open, open_api, watch))


@contextmanager
def _api(working: Working) -> Iterator[ApiConfig]:
    if working.scenario is None:
        yield _with_key(working.api)
        return
    from artistjobs.rehearsal import Detail, rehearsal

    with rehearsal(working.scenario, detail=Detail.TOTALS) as api:
        yield ApiConfig(
            api_key="rehearsal", base_url=api.base_url, timeout_seconds=working.timeout_seconds
        )


def _with_key(api: ApiConfig | None) -> ApiConfig:
    if api is None:
        raise WrongUseError("OPENAI_API_KEY is not set; set it in the environment or in .env, or try --rehearse.")
    return api
