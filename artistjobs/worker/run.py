"""One run of a worker process: from the first look at the account to the last commit."""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from time import monotonic

from artistjobs.api.interface import Api
from artistjobs.core.attempt import Usage
from artistjobs.core.command_text import command
from artistjobs.core.controls import Tuning, changes, values_text
from artistjobs.core.job import Claim, Scope
from artistjobs.core.pricing import cost_by
from artistjobs.core.prompt import Body, request_builder
from artistjobs.errors import ArtistjobsError, StoreError, WrongUseError
from artistjobs.store.interface import OpenStore, Records, Store
from artistjobs.store.models import Counts
from artistjobs.worker.active_job import Shared
from artistjobs.worker.config import WorkConfig
from artistjobs.worker.limits.budget import Budget
from artistjobs.worker.limits.circuit_breaker import Breaker
from artistjobs.worker.limits.concurrency import Window
from artistjobs.worker.limits.rate_limiter import FIRST_GAP_SECONDS, Limiter
from artistjobs.worker.observer import Looking
from artistjobs.worker.preflight import check_models
from artistjobs.worker.progress.counters import Tally, Totals
from artistjobs.worker.progress.snapshot import Look, Watch
from artistjobs.worker.signals import Orders, Signals
from artistjobs.worker.stop import Reason, Stop
from artistjobs.worker.store_client import Writer
from artistjobs.worker.task_pool import Slots
from artistjobs.worker.worker import Worker

log = logging.getLogger("artistjobs")


OpenApi = Callable[[], AbstractAsyncContextManager[Api]]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """What a run came to. ``error`` is the trouble that ended it, if it was trouble with the store."""

    tally: Totals
    reason: Reason | None
    sentence: str
    seconds: float
    after: Counts
    error: ArtistjobsError | None = None


async def run(
    config: WorkConfig,
    scope: Scope,
    open_store: OpenStore,
    open_api: OpenApi,
    watcher: Watch,
    orders: Orders | None = None,
) -> RunReport:
    """Work until nothing in ``scope`` is left to do, or something stops it.

    Raises:
        StoreError: if disk or database fail before any work is begun.
        WrongUseError: if a cap was set on money whose worth is not known.

    """
    with open_store() as store:
        started, before = monotonic(), store.records.counts(scope)
        tally = Tally(before=before, started_at=started)
        spent_usd = store.queue.spent_usd()
        doing = _Run(config, scope, open_store, tally, orders or Signals())
        report = await doing.work(store, spent_usd, open_api, watcher)
        error = report.error
        after = before if error else store.records.counts(scope)
    return RunReport(
        tally=tally.totals(), reason=report.reason, sentence=report.sentence, seconds=monotonic() - started,
        after=after, error=error,
    )  # fmt: skip


def limit_sentence(limit: int | None) -> str:
    """Return why a run ends that worked on as many jobs as it was to."""
    return f"--limit {limit} is reached; the rest is pending."


def nothing_to_do(counts: Counts) -> RunReport:
    """Return the report of a run that found everything done."""
    return RunReport(
        tally=Totals(),
        reason=None,
        sentence="",
        seconds=0.0,
        after=counts,
    )


@dataclass(frozen=True, slots=True)
class _End:
    reason: Reason | None
    sentence: str
    error: ArtistjobsError | None = None


class _Run:
    """The parts of a run, put together."""

    def __init__(self, config: WorkConfig, scope: Scope, open_store: OpenStore, tally: Tally, orders: Orders) -> None:
        self._config = config
        self._scope = scope
        self._tally = tally
        self._orders = orders
        self._stop = Stop()
        self._cost = cost_by(config.prices)
        self._tuning = config.tuning
        self._writer = Writer(open_store, scope, config.limit, config.tuning, orders.part, self._hear)
        self._breaker = Breaker(config.max_workers)
        self._limiter = Limiter(
            rpm=config.rpm,
            tpm=config.tpm,
            clock=monotonic,
            sleep=self._stop.sleep,
            window=Window(config.max_workers, monotonic),
            sharers=lambda: self._writer.desk.living,
            first_gap=FIRST_GAP_SECONDS,
        )
        self._slots: Slots | None = None

    async def work(self, store: Store, spent_usd: float, open_api: OpenApi, watcher: Watch) -> _End:
        records = self._records = store.records
        self._resume = command(store.path, "resume")
        self._budget = Budget(self._config.max_cost_usd, spent_usd, self._cost, self._writer.hold_back)
        self._refuse_unknown_prices(records)
        async with open_api() as api, self._orders.heard(self._stop, lambda: self._tally.in_flight) as abandoned:
            look_up = partial(check_models, api, _models(records, self._scope), self._stop)
            if not await self._orders.begin(look_up):
                return _End(self._stop.reason, self._stop.sentence)
            await self._writer.start()
            shared = self._shared(api, _Requests(records))
            async with watching(watcher, self._looking()):
                error = await self._drain(shared, abandoned)
        return self._end(error)

    def _shared(self, api: Api, requests: Callable[[Claim], Body]) -> Shared:
        return Shared(
            api=api,
            writer=self._writer,
            limiter=self._limiter,
            budget=self._budget,
            breaker=self._breaker,
            stop=self._stop,
            tally=self._tally,
            requests=requests,
            cost=self._cost,
            max_attempts=self._config.max_attempts,
            flex_fallback=self._config.flex_fallback,
            clock=monotonic,
            chance=random.Random(),
        )

    def _looking(self) -> Look:
        return Looking(self._config, self._tally, self._limiter, self._budget, self._stop, self._writer.desk)

    async def _drain(self, shared: Shared, abandoned: asyncio.Event) -> ArtistjobsError | None:
        """Let all slots work to their end; return the trouble that ended them, if any."""
        slots = self._slots = Slots(lambda: Worker(shared).work(), self._wanted_slots())
        aside = [
            asyncio.create_task(self._stop_claiming()),
            asyncio.create_task(_cancel_when(abandoned, slots)),
        ]
        try:
            await slots.wait()
        except ArtistjobsError as error:
            self._stop.request(Reason.STORE, str(error))
            return error
        finally:
            for task in aside:
                task.cancel()
            await asyncio.gather(*aside, return_exceptions=True)
            await slots.close()
            await self._writer.close(self._ending(), self._breaker.tripped_by)
        return None

    def _wanted_slots(self) -> int:
        wanted = max(1, min(self._tuning.max_workers, self._tally.pending))
        return min(wanted, self._config.limit) if self._config.limit else wanted

    def _hear(self, tuning: Tuning) -> None:
        """Work as told from another terminal, from now on."""
        before, self._tuning = self._tuning, tuning
        self._stop.rest(tuning.is_resting)
        self._limiter.tune(rpm=tuning.rpm, tpm=tuning.tpm, max_workers=tuning.max_workers)
        self._breaker.resize(tuning.max_workers)
        self._budget.change_cap(tuning.max_cost_usd)
        if tuning.max_cost_usd is not None and before.max_cost_usd is None:
            self._refuse_unknown_prices_now()
        if self._slots is not None:
            self._slots.grow(self._wanted_slots())
        self._say(before, tuning)

    def _say(self, before: Tuning, tuning: Tuning) -> None:
        if tuning.is_paused and not before.is_paused:
            self._say_once(logging.WARNING, f"paused: no new call is made; go on with: {self._resume}")
        elif before.is_paused and not tuning.is_paused:
            self._say_once(logging.INFO, "resumed: calls are made again")
        if changed := changes(before, tuning):
            self._say_once(logging.INFO, f"from another terminal: {values_text(changed)}")

    def _say_once(self, level: int, sentence: str) -> None:
        """Say what all processes of a command hear; the first one says it for all of them."""
        log.log(logging.DEBUG if self._orders.part().number else level, "%s", sentence)

    async def _stop_claiming(self) -> None:
        await self._stop.wait()
        self._writer.drain()

    def _has_reached_limit(self) -> bool:
        return self._writer.desk.reached_limit and self._tally.pending > 0

    def _ending(self) -> str:
        return self._stop.reason or (Reason.LIMIT if self._has_reached_limit() else "finished")

    def _end(self, error: ArtistjobsError | None) -> _End:
        if self._has_reached_limit():
            self._stop.request(Reason.LIMIT, limit_sentence(self._config.limit))
        return _End(self._stop.reason, self._stop.sentence, error)

    def _refuse_unknown_prices_now(self) -> None:
        try:
            self._refuse_unknown_prices(self._records)
        except ArtistjobsError as error:
            self._stop.request(Reason.STORE if isinstance(error, StoreError) else Reason.MAX_COST, str(error))

    def _refuse_unknown_prices(self, records: Records) -> None:
        if self._tuning.max_cost_usd is None:
            return
        for model, tier in _asked_for(records, self._scope):
            if self._cost(model, tier, Usage(input_tokens=1000, output_tokens=1000)) is None:
                what = f"{model} at the tier {tier}" if tier else model
                raise WrongUseError(
                    f"--max-cost cannot be kept: the price of {what} is not known; give it with --price-input USD and "
                    "--price-output USD per million tokens, or leave --max-cost out and bound the run with --limit."
                )


def _models(records: Records, scope: Scope) -> Sequence[str]:
    return list(dict.fromkeys(prompt.model for prompt in records.pending_prompts(scope)))


def _asked_for(records: Records, scope: Scope) -> Iterator[tuple[str, str | None]]:
    """Yield the models that pending jobs ask for, and the tiers besides the standard one."""
    for prompt in records.pending_prompts(scope):
        yield prompt.model, None
        if prompt.service_tier is not None:
            yield prompt.model, prompt.service_tier


class _Requests:
    """Makes request bodies; what is the same for a way of asking is made once."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._builders: dict[int, Callable[[str, str], Body]] = {}

    def __call__(self, claim: Claim) -> Body:
        if claim.prompt not in self._builders:
            self._builders[claim.prompt] = request_builder(self._records.prompt(claim.prompt))
        return self._builders[claim.prompt](claim.artist_name, claim.artist_data)


async def _cancel_when(abandoned: asyncio.Event, slots: Slots) -> None:
    await abandoned.wait()
    slots.cancel()


@asynccontextmanager
async def watching(watcher: Watch, look: Look) -> AsyncIterator[None]:
    """Have somebody look on as long as the context lasts."""
    watch = asyncio.create_task(watcher.watch(look))
    try:
        yield
    finally:
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)
