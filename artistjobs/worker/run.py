"""One run of a worker process: builds its parts, works until it ends or is stopped, and reports the outcome."""

import asyncio
import logging
import os
import random
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from dataclasses import dataclass
from functools import partial
from math import ceil
from time import monotonic, time

from artistjobs.api.interface import Api
from artistjobs.api.prices import cost_by
from artistjobs.core.command_text import command
from artistjobs.core.controls import WorkerSettings, changed_settings, settings_text
from artistjobs.core.cost_bound import bound_call, cap_basis, cap_refusal
from artistjobs.core.formatting import count_text
from artistjobs.core.job import Scope
from artistjobs.core.pricing import batch_cost, window_cost
from artistjobs.core.prompt import shared_fields
from artistjobs.core.shortage import expected_error
from artistjobs.errors import ArtistjobsError, StoreError, WrongUseError
from artistjobs.store.interface import OpenStore, Records, Store
from artistjobs.store.models import Counts
from artistjobs.worker.active_job import Requests, WorkerContext
from artistjobs.worker.answer_checks import AnswerChecks
from artistjobs.worker.batch.connect import connect, ensure_batchable
from artistjobs.worker.batch.loop import BatchLoop
from artistjobs.worker.batch.pace import Pace
from artistjobs.worker.calls import BackgroundCalls, LiveCalls, MakeCall, PollGate, ensure_in_background
from artistjobs.worker.config import WorkConfig
from artistjobs.worker.file_handles import calls_allowed
from artistjobs.worker.limits.auto import AutoLimit
from artistjobs.worker.limits.budget import Budget
from artistjobs.worker.limits.circuit_breaker import Breaker
from artistjobs.worker.limits.concurrency import ConcurrencyLimit
from artistjobs.worker.limits.latency_window import FIRST_WINDOW
from artistjobs.worker.limits.rate_limiter import RAMP_UP_GAP_SECONDS, Limiter
from artistjobs.worker.limits.shortages import Shortages
from artistjobs.worker.observer import RunObserver
from artistjobs.worker.peers import Calls
from artistjobs.worker.preflight import check_models
from artistjobs.worker.progress.counters import RunCounters, RunTotals
from artistjobs.worker.progress.slot_time import SlotTime
from artistjobs.worker.progress.snapshot import Display, TakeSnapshot
from artistjobs.worker.requests import RequestBuilder
from artistjobs.worker.signals import RunControl, Signals
from artistjobs.worker.stop import Stop, StopReason
from artistjobs.worker.store_client import StoreClient
from artistjobs.worker.task_pool import TaskPool
from artistjobs.worker.usage_meter import UsageMeter
from artistjobs.worker.verdicts import Verdicts
from artistjobs.worker.worker import JobLoop

log = logging.getLogger(__name__)


OpenApi = Callable[[], AbstractAsyncContextManager[Api]]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """The outcome of a run; ``error`` is set if a failure of the store ended it.

    ``seconds`` is the time between the start and the end that the database records for its workers.
    ``least_cap_usd`` is the cap that the next call would have needed, if a cap stopped the run and it is known.
    """

    counters: RunTotals
    reason: StopReason | None
    sentence: str
    seconds: float
    after: Counts
    error: ArtistjobsError | None = None
    least_cap_usd: float | None = None


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
        started, since, before = monotonic(), time(), store.records.counts(scope)
        counters = RunCounters(before=before, started_at=started)
        this_run = _Run(config, scope, open_store, counters, run_control or Signals())
        report = await this_run.work(store, open_api, watcher)
        error = report.error
        after = before if error else store.records.counts(scope)
        worked = None if error else store.records.worked_seconds([os.getpid()], since)
    return RunReport(
        counters=counters.totals(), reason=report.reason, sentence=report.sentence,
        seconds=worked or monotonic() - started, after=after, error=error, least_cap_usd=report.least_cap_usd,
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


def note_store_error(stop: Stop, error: ArtistjobsError) -> None:
    """Stop a run for an error of the store; a run that stops for another reason says that not all is stored."""
    if not stop.request(StopReason.STORE, str(error)) and stop.reason is not StopReason.STORE:
        stop.sentence = f"not everything that arrived could be stored: {error}"


@dataclass(frozen=True, slots=True)
class _End:
    reason: StopReason | None
    sentence: str
    error: ArtistjobsError | None = None
    least_cap_usd: float | None = None


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
        self._budget = Budget(self._cost, is_soft=config.soft_cap, trusts_server=config.trusts_server)
        self._store_client = StoreClient(
            open_store, scope, config.limit, config.settings, run_control.part, self._apply_settings
        )
        if not config.number:
            self._store_client.store_thread.reservations.warn_usd = config.warn_cost_usd
        self._store_client.store_thread.claims_randomly = config.sample
        self._batch_loop = _batch_loop(config, scope, self._store_client, self._stop)
        self._store_client.store_thread.watches_batches = config.batch is not None
        self._breaker = Breaker(config.max_workers, config.patience_seconds, monotonic)
        self._limiter = Limiter(
            rpm=config.rpm,
            tpm=config.tpm,
            clock=monotonic,
            sleep=self._stop.sleep,
            concurrency=ConcurrencyLimit(config.max_workers, monotonic),
            sharers=lambda: self._store_client.store_thread.live_workers,
            first_gap=RAMP_UP_GAP_SECONDS,
            gate=self._breaker,
        )
        self._peers = run_control.connect(Calls(self._limiter, self._breaker))
        self._limiter.on_pause = self._peers.paused
        self._verdicts = Verdicts(
            config,
            self._breaker,
            self._limiter,
            self._stop,
            self._unfinished,
            self._peers,
            ever_answered=counters.before.done > 0,
        )
        self._slot_time = SlotTime()
        store_thread = self._store_client.store_thread
        self._meter = UsageMeter(self._slot_time, self._limiter, lambda: store_thread.commit_seconds)
        store_thread.bound = self._meter.recent_bound
        self._task_pool: TaskPool | None = None
        self._most_calls = sys.maxsize

    async def work(self, store: Store, open_api: OpenApi, watcher: Display) -> _End:
        records = self._records = store.records
        self._store = store
        if self._config.batch is not None:
            ensure_batchable(records.pending_prompts(self._scope))
        if self._config.background is not None:
            ensure_in_background(records.pending_prompts(self._scope), self._config.background)
        self._resume = command(store.path, "resume")
        self._ensure_bounded(records)
        async with (
            open_api() as api,
            self._run_control.listening(self._stop, lambda: self._counters.in_flight) as abandon_requested,
        ):
            look_up = partial(check_models, api, _models(records, self._scope), self._stop, self._first_patience())
            if not await self._run_control.wait_to_start(look_up):
                return _End(self._stop.reason, self._stop.sentence)
            if (error := await self._start_thread()) is not None:
                return self._end(error)
            # The time that the look-up took is not part of the work: the database does not count it either.
            self._counters.started_at = monotonic()
            with closing(RequestBuilder(records, self._stop)) as requests:
                async with watching(watcher, self._snapshot_taker()):
                    error = await self._drain(api, self._shared(api, requests), abandon_requested)
        return self._end(error)

    def _shared(self, api: Api, requests: Requests) -> WorkerContext:
        return WorkerContext(
            calls=self._calls(api),
            store_client=self._store_client,
            limiter=self._limiter,
            budget=self._budget,
            verdicts=self._verdicts,
            shortages=Shortages(self._limiter, self._stop, lambda: self._counters.in_flight),
            stop=self._stop,
            counters=self._counters,
            slot_time=self._slot_time,
            requests=requests,
            checks=AnswerChecks(self._records),
            cost=self._cost,
            # Prices that the user gave are those that he pays.
            cost_in=partial(window_cost, self._cost) if self._config.prices is None else lambda _: self._cost,
            max_attempts=self._config.max_attempts,
            corrections=self._config.corrections,
            flex_fallback=self._config.flex_fallback,
            clock=monotonic,
            chance=random.Random(),
        )

    def _calls(self, api: Api) -> MakeCall:
        """Return the way to make calls; answers that were left in the background are fetched in any case."""
        options = self._config.background
        if options is None and not self._store.queue.submissions():
            return LiveCalls(api)
        gate = PollGate(lambda: self._counters.in_flight, self._limiter, options.speed if options else 1.0)
        return BackgroundCalls(api, self._store_client, self._stop, options, self._config.patience_seconds, gate)

    def _snapshot_taker(self) -> TakeSnapshot:
        return RunObserver(
            self._config, self._counters, self._limiter, self._stop, self._store_client.store_thread, self._breaker,
            lambda: self._most_calls,
        )  # fmt: skip

    async def _drain(self, api: Api, shared: WorkerContext, abandon_requested: asyncio.Event) -> ArtistjobsError | None:
        """Run all job loops to their end; return the error that ended them, if any."""
        if self._settings.is_auto:
            self._find_calls_in_flight()
        self._meter.begin()
        self._slot_time.set_slots(self._wanted_slots())
        self._slot_time.set_paused(is_paused=self._settings.is_paused)
        if self._batch_loop is None:
            task_pool = self._task_pool = TaskPool(lambda: JobLoop(shared).work(), self._wanted_slots())
        else:
            task_pool = TaskPool(lambda: self._work_in_batches(api, shared), 1)
        aside = [
            asyncio.create_task(self._stop_claiming()),
            asyncio.create_task(self._abandon_when(abandon_requested, task_pool)),
        ]
        try:
            await task_pool.wait()
        except (ArtistjobsError, MemoryError, RuntimeError) as error:
            expected = expected_error(error)
            note_store_error(self._stop, expected)
            return expected
        finally:
            for task in aside:
                task.cancel()
            await asyncio.gather(*aside, return_exceptions=True)
            await task_pool.close()
            self._counters.usage = self._meter.usage()
            refused = self._give_back_refused()
            await self._store_client.close(self._ending(), refused)
        if isinstance(trouble := self._store_client.trouble, ArtistjobsError):
            # No job loop has met it, because all of them had ended or were abandoned.
            note_store_error(self._stop, trouble)
            return trouble
        return None

    async def _work_in_batches(self, api: Api, shared: WorkerContext) -> None:
        """Work through batches; what they leave when they take too long is called live."""
        loop = self._batch_loop
        assert loop is not None
        connect(loop, api.batches, shared, self._config)
        await loop.work()
        if not loop.goes_live or self._stop.is_requested():
            return
        live = self._task_pool = TaskPool(lambda: JobLoop(shared).work(), self._wanted_slots())
        try:
            await live.wait()
        finally:
            await live.close()

    async def _start_thread(self) -> ArtistjobsError | None:
        """Start the store thread; return an error that may be the cause, if the run is stopped before that succeeds.

        Raises:
            StoreError: if the thread cannot start.

        """
        starting, stopping = (asyncio.ensure_future(one) for one in (self._store_client.start(), self._stop.wait()))
        await asyncio.wait([starting, stopping], return_when=asyncio.FIRST_COMPLETED)
        if stopping.done():
            self._store_client.abandon()
        stopping.cancel()
        try:
            await starting
        except ArtistjobsError as error:
            if not self._stop.is_requested():
                raise
            note_store_error(self._stop, error)
            return error
        return None

    def _give_back_refused(self) -> list[int]:
        """Return the refused jobs that become pending again, and count them as such."""
        attempts = self._verdicts.attempts_to_give_back(is_end=not self._stop.is_requested())
        for attempt in attempts:
            self._counters.give_back(attempt)
        return [attempt.claim.job for attempt in attempts]

    def _unfinished(self) -> int:
        """Return this process's share of the jobs that are not done or failed, at least 1."""
        progress = self._store_client.store_thread.job_counts.job_progress
        counts = progress.counts if progress is not None else self._counters.before
        # The counts of this process are exact, but leave out what others do.
        unfinished = min(counts.pending + counts.running, self._counters.pending)
        if self._config.limit is not None:
            unfinished = min(unfinished, self._config.limit)
        return max(1, ceil(unfinished / max(1, self._run_control.part().count)))

    def _first_patience(self) -> float | None:
        """Return how long to wait for the first reply; None if no job was done before and the user did not say."""
        is_known = self._counters.before.done > 0
        return self._config.patience_seconds if is_known else self._config.first_patience_seconds

    def _wanted_slots(self) -> int:
        wanted = max(1, min(self._limiter.wanted, self._counters.pending))
        return self._affordable(min(wanted, self._config.limit) if self._config.limit else wanted)

    def _affordable(self, wanted: int) -> int:
        """Return the number of calls for which this process may open files: ``wanted``, or fewer with a warning."""
        allowed = calls_allowed(wanted, self._config.handles_per_call)
        self._most_calls = sys.maxsize if allowed == wanted else allowed
        self._slot_time.set_short_of_files(is_short=allowed < wanted)
        if allowed < wanted:
            sentence = f"only {allowed} of {wanted} calls can be in flight: the system allows no more open files"
            self._log_once(logging.WARNING, f"{sentence}; raise the hard limit (ulimit -Hn) for more")
        return allowed

    def _find_calls_in_flight(self) -> None:
        """Find the number of calls in flight from now on, instead of a fixed number."""
        live_workers = self._store_client.store_thread.live_workers
        auto = AutoLimit(
            monotonic,
            self._largest(self._settings),
            first=max(1, FIRST_WINDOW // live_workers, self._counters.in_flight),
            wall_ahead=time() - monotonic(),
            sharers=lambda: self._store_client.store_thread.live_workers,
            on_change=self._resize,
        )
        self._limiter.limit_calls(auto)
        self._resize(auto.wanted)

    def _largest(self, settings: WorkerSettings) -> int:
        """Return the largest number of calls in flight; one that the user named is kept, with a warning later."""
        if not settings.is_auto or not settings.max_workers:
            return settings.max_workers
        return calls_allowed(settings.max_workers, self._config.handles_per_call)

    def _resize(self, wanted: int) -> None:
        """Claim as many jobs as calls are wanted in flight, and no more."""
        self._verdicts.resize(wanted)
        self._store_client.store_thread.most_claims = wanted
        self._grow()

    def _grow(self) -> None:
        if self._task_pool is not None:
            slots = self._wanted_slots()
            self._slot_time.set_slots(slots)
            self._task_pool.grow(slots)

    def _apply_settings(self, settings: WorkerSettings) -> None:
        """Apply settings sent from another terminal, from now on."""
        before, self._settings = self._settings, settings
        self._stop.pause(settings.makes_no_calls)
        if before.is_auto and not settings.is_auto:
            self._limiter.limit_calls(ConcurrencyLimit(settings.max_workers, monotonic, first=settings.max_workers))
            self._store_client.store_thread.most_claims = sys.maxsize
        self._limiter.tune(rpm=settings.rpm, tpm=settings.tpm, max_workers=self._largest(settings))
        if not settings.is_auto:
            self._verdicts.resize(settings.max_workers)
        elif not before.is_auto:
            self._find_calls_in_flight()
        if settings.max_cost_usd is not None and before.max_cost_usd is None:
            self._ensure_bounded_now()
        self._slot_time.set_paused(is_paused=settings.is_paused)
        self._grow()
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

    async def _abandon_when(self, requested: asyncio.Event, task_pool: TaskPool) -> None:
        await requested.wait()
        self._store_client.abandon()
        task_pool.cancel()

    async def _stop_claiming(self) -> None:
        await self._stop.wait()
        self._store_client.drain(self._ending())

    def _has_reached_limit(self) -> bool:
        return self._store_client.store_thread.reached_limit and self._counters.pending > 0

    def _ending(self) -> str:
        return self._stop.reason or (StopReason.LIMIT if self._has_reached_limit() else "finished")

    def _end(self, error: ArtistjobsError | None) -> _End:
        if self._has_reached_limit():
            self._stop.request(StopReason.LIMIT, limit_sentence(self._config.limit))
        if error is None:
            self._tell_batches()
        return _End(self._stop.reason, self._stop.sentence, error, self._stop.least_cap_usd)

    def _tell_batches(self) -> None:
        """Report that the service continues jobs after the end of this run: in batches, and in the background."""
        if (answers := self._store.queue.submissions()) and self._stop.reason is not None:
            kept = f"{count_text(answers, 'answer')} in the background, to be fetched by the next run"
            self._stop.sentence = f"{self._stop.sentence.removesuffix('.')}; {kept}"
        held = self._store.batches.held_jobs(self._scope)
        if not held or self._stop.reason is StopReason.SUBMITTED:
            return
        kept = f"{count_text(held, 'job')} in batches at the service, which go on there"
        if self._stop.reason in (StopReason.INTERRUPTED, StopReason.TERMINATED):
            self._stop.sentence = f"{self._stop.sentence}; {kept}"
        elif self._stop.reason is None and self._config.batch is None:
            collect = command(self._store.path, "work --batch")
            self._stop.request(StopReason.SUBMITTED, f"{kept}; to collect the answers: {collect}")

    def _ensure_bounded_now(self) -> None:
        try:
            self._ensure_bounded(self._records)
        except ArtistjobsError as error:
            self._stop.request(StopReason.STORE if isinstance(error, StoreError) else StopReason.MAX_COST, str(error))

    def _ensure_bounded(self, records: Records) -> None:
        """Report what a cost cap rests on. Raises WrongUseError if the cost of a call has no bound."""
        if (cap_usd := self._settings.max_cost_usd) is None:
            return
        cost = self._cost if self._config.batch is None else batch_cost(self._cost)
        for prompt in records.pending_prompts(self._scope):
            bound = bound_call(shared_fields(prompt), cost)
            if bound.gaps and not self._config.soft_cap:
                raise WrongUseError(cap_refusal(bound))
            self._log_once(logging.INFO, cap_basis(bound, cap_usd, cost, is_soft=self._config.soft_cap))


def _batch_loop(config: WorkConfig, scope: Scope, store_client: StoreClient, stop: Stop) -> BatchLoop | None:
    if config.batch is None:
        return None
    return BatchLoop(scope, config.batch, store_client, stop, Pace(config.batch.speed), config.limit)


def _models(records: Records, scope: Scope) -> Sequence[str]:
    return list(dict.fromkeys(prompt.model for prompt in records.pending_prompts(scope)))


@asynccontextmanager
async def watching(watcher: Display, take_snapshot: TakeSnapshot) -> AsyncIterator[None]:
    """Run a display as long as the context lasts."""
    watch = asyncio.create_task(watcher.watch(take_snapshot))
    try:
        yield
    finally:
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)
