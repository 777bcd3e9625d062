"""One run of a worker process: builds its parts, works until it ends or is stopped, and reports the outcome."""

import asyncio
import logging
import random
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from time import monotonic

from artistjobs.api.interface import Api
from artistjobs.api.prices import cost_by
from artistjobs.core.attempt import Usage
from artistjobs.core.command_text import command
from artistjobs.core.controls import WorkerSettings, changed_settings, settings_text
from artistjobs.core.job import Claim, Scope
from artistjobs.core.prompt import Body, request_builder
from artistjobs.core.shortage import expected_error
from artistjobs.errors import ArtistjobsError, StoreError, WrongUseError
from artistjobs.store.interface import OpenStore, Records, Store
from artistjobs.store.models import Counts
from artistjobs.worker.active_job import WorkerContext
from artistjobs.worker.config import WorkConfig
from artistjobs.worker.file_handles import calls_allowed
from artistjobs.worker.limits.budget import Budget
from artistjobs.worker.limits.circuit_breaker import Breaker
from artistjobs.worker.limits.concurrency import ConcurrencyLimit
from artistjobs.worker.limits.rate_limiter import RAMP_UP_GAP_SECONDS, Limiter
from artistjobs.worker.limits.shortages import Shortages
from artistjobs.worker.observer import RunObserver
from artistjobs.worker.preflight import check_models
from artistjobs.worker.progress.counters import RunCounters, RunTotals
from artistjobs.worker.progress.snapshot import Display, TakeSnapshot
from artistjobs.worker.signals import RunControl, Signals
from artistjobs.worker.stop import Stop, StopReason
from artistjobs.worker.store_client import StoreClient
from artistjobs.worker.task_pool import TaskPool
from artistjobs.worker.worker import JobLoop

log = logging.getLogger(__name__)


OpenApi = Callable[[], AbstractAsyncContextManager[Api]]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """The outcome of a run; ``error`` is set if a failure of the store ended it."""

    counters: RunTotals
    reason: StopReason | None
    sentence: str
    seconds: float
    after: Counts
    error: ArtistjobsError | None = None


async def run(
    config: WorkConfig,
    scope: Scope,
    open_store: OpenStore,
    open_api: OpenApi,
    watcher: Display,
    run_control: RunControl | None = None,
) -> RunReport:
    """Work until no job in ``scope`` is left, or something stops the run.

    Raises:
        StoreError: if the disk or the database fails before any work has started.
        WrongUseError: if a cost cap is set and the price of a model is unknown.

    """
    with open_store() as store:
        started, before = monotonic(), store.records.counts(scope)
        counters = RunCounters(before=before, started_at=started)
        spent_usd = store.queue.spent_usd()
        this_run = _Run(config, scope, open_store, counters, run_control or Signals())
        report = await this_run.work(store, spent_usd, open_api, watcher)
        error = report.error
        after = before if error else store.records.counts(scope)
    return RunReport(
        counters=counters.totals(), reason=report.reason, sentence=report.sentence, seconds=monotonic() - started,
        after=after, error=error,
    )  # fmt: skip


def limit_sentence(limit: int | None) -> str:
    """Return the sentence for a run that ended because it worked on as many jobs as ``--limit`` allows."""
    return f"--limit {limit} is reached; the remaining jobs are pending."


def nothing_to_do(counts: Counts) -> RunReport:
    """Return the report of a run that found no job to do."""
    return RunReport(
        counters=RunTotals(),
        reason=None,
        sentence="",
        seconds=0.0,
        after=counts,
    )


@dataclass(frozen=True, slots=True)
class _End:
    reason: StopReason | None
    sentence: str
    error: ArtistjobsError | None = None


class _Run:
    """The parts of a run, and the connections between them."""

    def __init__(
        self, config: WorkConfig, scope: Scope, open_store: OpenStore, counters: RunCounters, run_control: RunControl
    ) -> None:
        self._config = config
        self._scope = scope
        self._counters = counters
        self._run_control = run_control
        self._stop = Stop()
        self._cost = cost_by(config.prices)
        self._settings = config.settings
        self._store_client = StoreClient(
            open_store, scope, config.limit, config.settings, run_control.part, self._apply_settings
        )
        self._breaker = Breaker(config.max_workers)
        self._limiter = Limiter(
            rpm=config.rpm,
            tpm=config.tpm,
            clock=monotonic,
            sleep=self._stop.sleep,
            concurrency=ConcurrencyLimit(config.max_workers, monotonic),
            sharers=lambda: self._store_client.store_thread.live_workers,
            first_gap=RAMP_UP_GAP_SECONDS,
        )
        self._task_pool: TaskPool | None = None
        self._most_calls = sys.maxsize

    async def work(self, store: Store, spent_usd: float, open_api: OpenApi, watcher: Display) -> _End:
        records = self._records = store.records
        self._resume = command(store.path, "resume")
        self._budget = Budget(self._config.max_cost_usd, spent_usd, self._cost, self._store_client.reserve)
        self._ensure_known_prices(records)
        async with (
            open_api() as api,
            self._run_control.listening(self._stop, lambda: self._counters.in_flight) as abandon_requested,
        ):
            look_up = partial(check_models, api, _models(records, self._scope), self._stop)
            if not await self._run_control.wait_to_start(look_up):
                return _End(self._stop.reason, self._stop.sentence)
            await self._store_client.start()
            shared = self._shared(api, _Requests(records))
            async with watching(watcher, self._snapshot_taker()):
                error = await self._drain(shared, abandon_requested)
        return self._end(error)

    def _shared(self, api: Api, requests: Callable[[Claim], Body]) -> WorkerContext:
        return WorkerContext(
            api=api,
            store_client=self._store_client,
            limiter=self._limiter,
            budget=self._budget,
            breaker=self._breaker,
            shortages=Shortages(self._limiter, self._stop, lambda: self._counters.in_flight),
            stop=self._stop,
            counters=self._counters,
            requests=requests,
            cost=self._cost,
            max_attempts=self._config.max_attempts,
            flex_fallback=self._config.flex_fallback,
            clock=monotonic,
            chance=random.Random(),
        )

    def _snapshot_taker(self) -> TakeSnapshot:
        return RunObserver(
            self._config, self._counters, self._limiter, self._budget, self._stop, self._store_client.store_thread,
            lambda: self._most_calls,
        )  # fmt: skip

    async def _drain(self, shared: WorkerContext, abandon_requested: asyncio.Event) -> ArtistjobsError | None:
        """Run all job loops to their end; return the error that ended them, if any."""
        task_pool = self._task_pool = TaskPool(lambda: JobLoop(shared).work(), self._wanted_slots())
        aside = [
            asyncio.create_task(self._stop_claiming()),
            asyncio.create_task(_cancel_when(abandon_requested, task_pool)),
        ]
        try:
            await task_pool.wait()
        except (ArtistjobsError, MemoryError, RuntimeError) as error:
            trouble = expected_error(error)
            self._stop.request(StopReason.STORE, str(trouble))
            return trouble
        finally:
            for task in aside:
                task.cancel()
            await asyncio.gather(*aside, return_exceptions=True)
            await task_pool.close()
            await self._store_client.close(self._ending(), self._breaker.tripped_by)
        return None

    def _wanted_slots(self) -> int:
        wanted = max(1, min(self._settings.max_workers, self._counters.pending))
        return self._affordable(min(wanted, self._config.limit) if self._config.limit else wanted)

    def _affordable(self, wanted: int) -> int:
        """Return the number of calls for which this process may open files: ``wanted``, or fewer with a warning."""
        allowed = calls_allowed(wanted, self._config.handles_per_call)
        self._most_calls = sys.maxsize if allowed == wanted else allowed
        if allowed < wanted:
            sentence = f"only {allowed} of {wanted} calls can be in flight: the system allows no more open files"
            self._log_once(logging.WARNING, f"{sentence}; raise the hard limit (ulimit -Hn) for more")
        return allowed

    def _apply_settings(self, settings: WorkerSettings) -> None:
        """Apply settings sent from another terminal, from now on."""
        before, self._settings = self._settings, settings
        self._stop.pause(settings.makes_no_calls)
        self._limiter.tune(rpm=settings.rpm, tpm=settings.tpm, max_workers=settings.max_workers)
        self._breaker.resize(settings.max_workers)
        self._budget.change_cap(settings.max_cost_usd)
        if settings.max_cost_usd is not None and before.max_cost_usd is None:
            self._ensure_known_prices_now()
        if self._task_pool is not None:
            self._task_pool.grow(self._wanted_slots())
        self._log_changes(before, settings)

    def _log_changes(self, before: WorkerSettings, settings: WorkerSettings) -> None:
        if settings.is_paused and not before.is_paused:
            self._log_once(logging.WARNING, f"paused: no new calls are made; continue with: {self._resume}")
        elif before.is_paused and not settings.is_paused:
            self._log_once(logging.INFO, "resumed: calls are made again")
        if changed := changed_settings(before, settings):
            self._log_once(logging.INFO, f"settings from another terminal: {settings_text(changed)}")

    def _log_once(self, level: int, sentence: str) -> None:
        """Log a sentence that concerns all processes of a command; only the first one shows it to the user."""
        log.log(logging.DEBUG if self._run_control.part().number else level, "%s", sentence)

    async def _stop_claiming(self) -> None:
        await self._stop.wait()
        self._store_client.drain()

    def _has_reached_limit(self) -> bool:
        return self._store_client.store_thread.reached_limit and self._counters.pending > 0

    def _ending(self) -> str:
        return self._stop.reason or (StopReason.LIMIT if self._has_reached_limit() else "finished")

    def _end(self, error: ArtistjobsError | None) -> _End:
        if self._has_reached_limit():
            self._stop.request(StopReason.LIMIT, limit_sentence(self._config.limit))
        return _End(self._stop.reason, self._stop.sentence, error)

    def _ensure_known_prices_now(self) -> None:
        try:
            self._ensure_known_prices(self._records)
        except ArtistjobsError as error:
            self._stop.request(StopReason.STORE if isinstance(error, StoreError) else StopReason.MAX_COST, str(error))

    def _ensure_known_prices(self, records: Records) -> None:
        if self._settings.max_cost_usd is None:
            return
        for model, tier in _asked_for(records, self._scope):
            if self._cost(model, tier, Usage(input_tokens=1000, output_tokens=1000)) is None:
                what = f"{model} at the tier {tier}" if tier else model
                raise WrongUseError(
                    f"--max-cost cannot be enforced: the price of {what} is unknown; set it with --price-input USD and "
                    "--price-output USD per million tokens, or omit --max-cost and limit the run with --limit."
                )


def _models(records: Records, scope: Scope) -> Sequence[str]:
    return list(dict.fromkeys(prompt.model for prompt in records.pending_prompts(scope)))


def _asked_for(records: Records, scope: Scope) -> Iterator[tuple[str, str | None]]:
    """Yield the models of pending jobs: each at the standard tier, and at its own service tier if it has one."""
    for prompt in records.pending_prompts(scope):
        yield prompt.model, None
        if prompt.service_tier is not None:
            yield prompt.model, prompt.service_tier


class _Requests:
    """Builds request bodies; the parts that a prompt configuration determines are built once."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._builders: dict[int, Callable[[str, str], Body]] = {}

    def __call__(self, claim: Claim) -> Body:
        if claim.prompt not in self._builders:
            self._builders[claim.prompt] = request_builder(self._records.prompt(claim.prompt))
        return self._builders[claim.prompt](claim.artist_name, claim.artist_data)


async def _cancel_when(abandon_requested: asyncio.Event, task_pool: TaskPool) -> None:
    await abandon_requested.wait()
    task_pool.cancel()


@asynccontextmanager
async def watching(watcher: Display, take_snapshot: TakeSnapshot) -> AsyncIterator[None]:
    """Run a display as long as the context lasts."""
    watch = asyncio.create_task(watcher.watch(take_snapshot))
    try:
        yield
    finally:
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)
