"""The store thread: exchanges are durable, share transactions, and are always answered."""

import asyncio
import threading
from contextlib import contextmanager
from functools import partial

import pytest
from factories import make_attempt

from artistjobs.core.attempt import Outcome
from artistjobs.core.controls import Control, ControlChange, ProcessShare, WorkerSettings, last_revision
from artistjobs.core.job import EVERYTHING, Artist, Claim
from artistjobs.core.prompt import Prompt
from artistjobs.errors import StoreError
from artistjobs.store.models import Counts, Kind, Money, QueueState, RescueResult, Source
from artistjobs.store.sqlite.store import open_store
from artistjobs.worker.store_client import StoreClient, released


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr("artistjobs.worker.settings_poller.POLL_SECONDS", 0.05)


class Terminal:
    """Settings from another terminal, with the number of reads."""

    def __init__(self):
        self.said = []
        self.heard = 0

    def read(self):
        self.heard += 1
        return list(self.said)

    def set(self, control, value):
        self.said = [one for one in self.said if one.control is not control]
        self.said.append(ControlChange(control, value, len(self.said) + 10 * self.heard, "a moment"))


class QueueOfClaims:
    """A queue in memory that returns numbered jobs and records its calls."""

    def __init__(self, jobs: int) -> None:
        self.left = jobs
        self.exchanges: list[tuple[int, int]] = []
        self.attempts: list = []
        self.trouble: Exception | None = None
        self.ended: str | None = None
        self.stops: list[str] = []
        self.bounds: list[str | None] = []
        self.terminal = Terminal()
        self.living = 0
        self.holder = ""
        self.held = 0
        self.revision = lambda: None

    def register(self) -> int:
        return 1

    def note_stop(self, ending) -> None:
        self.stops.append(ending)

    def note_bound(self, bound) -> None:
        self.bounds.append(bound)

    def money(self) -> Money:
        return Money(spent_usd=0.0, lost_usd=0.0, written_off_usd=0.0, in_flight_usd=0.0)

    def rescue(self) -> RescueResult:
        return RescueResult(live_workers=self.living)

    def exchange(self, attempts, limit, _scope):
        if self.trouble is not None:
            raise self.trouble
        self.exchanges.append((len(attempts), limit))
        self.attempts += attempts
        claims = [Claim(self.left - number, 1, 1, "Artist", "") for number in range(min(limit, self.left))]
        self.left -= len(claims)
        return claims

    def queue_state(self, _scope) -> QueueState:
        return QueueState(
            available_at=0.0 if self.left else None, claimed_by_others=self.held, revision=self.revision()
        )

    def counts(self, _scope) -> Counts:
        return Counts(pending=self.left, running=0, done=0, failed=0)

    def watch_lock(self, *, is_abandoned):
        del is_abandoned
        if self.holder:
            raise StoreError(self.holder)

    def end(self, ending: str) -> None:
        self.ended = ending

    def open(self):
        @contextmanager
        def opened():
            class Store:
                queue = records = self
                controls = self.terminal

            yield Store()

        return opened()


async def started(queue: QueueOfClaims, limit: int | None = None, **options) -> StoreClient:
    writer = StoreClient(queue.open, EVERYTHING, limit, **options)
    await writer.start()
    return writer


async def test_requests_that_arrive_together_share_one_transaction():
    queue = QueueOfClaims(100)
    writer = await started(queue)

    claims = await asyncio.gather(*(writer.exchange(None) for _ in range(50)))
    await writer.close("finished", [])

    assert len({claim.job for claim in claims}) == 50
    assert len(queue.exchanges) < 10
    assert queue.ended == "finished"


async def test_waiting_requests_get_no_claim_once_all_jobs_are_done():
    queue = QueueOfClaims(1)
    writer = await started(queue)
    claim = await writer.exchange(None)

    waiting = asyncio.create_task(writer.exchange(None))
    await writer.record(make_attempt(claim, outcome=Outcome.RETRY))
    assert not waiting.done()
    last = await writer.exchange(make_attempt(claim))

    assert (last, await waiting) == (None, None)
    await writer.close("finished", [])


async def test_draining_claims_no_more():
    queue = QueueOfClaims(10)
    writer = await started(queue)
    claim = await writer.exchange(None)

    writer.drain("interrupted")
    after = await writer.exchange(make_attempt(claim))
    await writer.close("interrupted", [])

    assert after is None
    assert queue.stops == ["interrupted"]
    assert queue.left == 9


async def test_a_run_that_ends_by_itself_was_not_told_to_stop():
    queue = QueueOfClaims(0)
    writer = await started(queue)
    await writer.close("finished", [])

    assert queue.stops == []


async def test_a_limit_bounds_the_claims_and_is_reported():
    queue = QueueOfClaims(10)
    writer = await started(queue, limit=3)

    claims = await asyncio.gather(*(writer.exchange(None) for _ in range(5)))
    await writer.close("limit", [])

    assert sum(claim is not None for claim in claims) == 3
    assert writer.store_thread.reached_limit
    assert queue.left == 7


async def test_a_job_released_without_a_call_does_not_count_for_a_limit():
    queue = QueueOfClaims(10)
    writer = await started(queue, limit=2)
    first, second = [await writer.exchange(None) for _ in range(2)]

    third = await writer.exchange(released(first, calls=0))
    after = await asyncio.gather(writer.exchange(released(second, calls=1)), writer.exchange(make_attempt(third)))
    await writer.close("limit", [])

    assert third is not None
    assert after == [None, None]
    assert writer.store_thread.reached_limit


async def test_a_free_slot_is_filled_in_the_transaction_that_frees_it():
    queue = QueueOfClaims(10)
    writer = await started(queue, settings=WorkerSettings(max_workers=1))
    claim = await writer.exchange(None)
    before = len(queue.exchanges)

    assert await writer.exchange(make_attempt(claim)) is not None
    await writer.close("finished", [])

    assert queue.exchanges[before] == (1, 1)


async def test_a_claim_that_arrives_during_a_cancellation_is_released(monkeypatch):
    queue = QueueOfClaims(5)
    writer = await started(queue)
    deliver = writer._deliver

    def deliver_and_cancel(served):
        deliver(served)
        request.cancel()

    monkeypatch.setattr(writer, "_deliver", deliver_and_cancel)
    request = asyncio.create_task(writer.exchange(None))
    results = await asyncio.gather(request, return_exceptions=True)
    await writer.close("interrupted", [])

    assert [type(result) for result in results] == [asyncio.CancelledError]
    assert [attempt.outcome for attempt in queue.attempts] == [Outcome.RELEASED]


async def test_an_error_reaches_all_waiting_and_later_requests():
    queue = QueueOfClaims(1)
    writer = await started(queue)
    claim = await writer.exchange(None)
    queue.trouble = StoreError("the disk is full")

    results = await asyncio.gather(
        writer.exchange(make_attempt(claim)), writer.exchange(None), writer.exchange(None), return_exceptions=True
    )

    assert [type(result) for result in results] == [StoreError] * 3
    with pytest.raises(StoreError):
        await writer.record(make_attempt(claim))
    await writer.close("failed", [])


async def test_a_thread_that_waits_for_another_process_without_hope_is_left_behind(monkeypatch):
    monkeypatch.setattr("artistjobs.worker.store_client.WATCH_SECONDS", 0.01)
    queue, may_go_on = QueueOfClaims(5), threading.Event()
    writer = await started(queue)
    claim = await writer.exchange(None)
    exchange = queue.exchange

    def wait_and_exchange(*arguments):
        may_go_on.wait()
        return exchange(*arguments)

    queue.exchange, queue.holder = wait_and_exchange, "process 7 keeps it locked"
    first = asyncio.create_task(writer.record(make_attempt(claim)))
    second = asyncio.create_task(writer.exchange(None))
    results = await asyncio.gather(first, second, return_exceptions=True)
    await writer.close("failed", [])

    assert [str(result) for result in results] == ["process 7 keeps it locked"] * 2
    assert str(writer.trouble) == "process 7 keeps it locked"
    # If the lock becomes free before the process ends, what had arrived is stored all the same.
    queue.ended = None
    asyncio.get_running_loop().call_later(0.01, may_go_on.set)
    while queue.ended is None:
        await asyncio.sleep(0.001)
    assert queue.attempts[0].claim == claim


async def test_an_error_at_the_start_is_raised_there():
    @contextmanager
    def no_store():
        raise StoreError("no such disk")
        yield

    with pytest.raises(StoreError):
        await StoreClient(no_store, EVERYTHING).start()


async def test_a_claim_for_a_cancelled_request_is_released():
    queue = QueueOfClaims(5)
    writer = await started(queue)

    request = asyncio.create_task(writer.exchange(None))
    await asyncio.sleep(0)
    request.cancel()
    await asyncio.gather(request, return_exceptions=True)
    while not any(attempt.outcome is Outcome.RELEASED for attempt in queue.attempts):
        await asyncio.sleep(0.001)
    await writer.close("interrupted", [])

    assert len(queue.attempts) == 1


async def test_an_answer_is_on_disk_when_the_exchange_returns(tmp_path):
    path = tmp_path / "jobs.db"
    with open_store(path, Kind.REAL, create=True) as store:
        rows = [Artist(number, f"Artist {number}", "") for number in range(1, 4)]
        prompt = Prompt(model="gpt-5", prompt_id="pmpt_1")
        store.ingestor.ingest(Source("a.csv", "0" * 64), prompt, rows, lambda: 3)
    writer = StoreClient(partial(open_store, path), EVERYTHING)
    await writer.start()

    claim = await writer.exchange(None)
    assert claim is not None
    await writer.record(make_attempt(claim))

    with open_store(path) as other:
        assert other.records.counts(EVERYTHING).done == 1
    await writer.close("finished", [])


def test_a_released_claim_counts_for_no_attempt():
    claim = Claim(1, 3, 1, "Artist", "")

    attempt = released(claim, calls=0)

    assert (attempt.outcome, attempt.calls, attempt.uncounted) == (Outcome.RELEASED, 0, 1)


# --- settings from another terminal


async def until(condition):
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


async def test_a_worker_receives_settings_while_all_its_calls_are_slow():
    queue, heard = QueueOfClaims(5), []
    writer = await started(queue, settings=WorkerSettings(max_workers=4), on_change=heard.append)
    await writer.exchange(None)

    queue.terminal.set(Control.RPM, 60)
    await until(lambda: heard)
    queue.terminal.set(Control.RPM, None)
    await until(lambda: len(heard) == 2)
    await writer.close("finished", [])

    assert heard == [WorkerSettings(max_workers=4, rpm=60), WorkerSettings(max_workers=4)]
    assert writer.store_thread.settings_poller.settings == heard[-1]


async def test_a_look_for_jobs_tells_whether_a_setting_has_changed():
    queue, heard = QueueOfClaims(0), []
    queue.held = 1
    queue.revision = lambda: last_revision(queue.terminal.read())
    writer = await started(queue, settings=WorkerSettings(max_workers=4), on_change=heard.append)
    waiting = asyncio.create_task(writer.exchange(None))

    queue.terminal.set(Control.RPM, 60)
    await until(lambda: heard)
    queue.terminal.set(Control.RPM, None)
    await until(lambda: len(heard) == 2)
    queue.held = 0
    await waiting
    await writer.close("finished", [])

    assert heard == [WorkerSettings(max_workers=4, rpm=60), WorkerSettings(max_workers=4)]


async def test_requests_wait_without_polling_during_a_pause():
    queue = QueueOfClaims(5)
    queue.terminal.set(Control.PAUSED, 1)
    writer = await started(queue)

    waiting = asyncio.create_task(writer.exchange(None))
    await until(lambda: queue.terminal.heard >= 5)
    assert not waiting.done()
    looks = len(queue.exchanges)
    queue.terminal.set(Control.PAUSED, None)
    claim = await asyncio.wait_for(waiting, 20)
    await writer.close("finished", [])

    assert claim is not None
    assert looks <= 5


async def test_a_paused_worker_ends_once_all_jobs_are_done():
    queue = QueueOfClaims(0)
    queue.terminal.set(Control.PAUSED, 1)
    writer = await started(queue)

    assert await asyncio.wait_for(writer.exchange(None), 20) is None
    await writer.close("finished", [])


async def test_no_more_jobs_are_claimed_than_calls_are_wanted_in_flight():
    queue = QueueOfClaims(10)
    writer = await started(queue, settings=WorkerSettings(max_workers=512, is_auto=True))
    writer.store_thread.most_claims = 2
    requests = [asyncio.create_task(writer.exchange(None)) for _ in range(5)]
    await until(lambda: sum(request.done() for request in requests) == 2)
    before = queue.left

    writer.store_thread.most_claims = 4
    for request in [request for request in requests if request.done()]:
        await writer.record(make_attempt(request.result()))
    await until(lambda: all(request.done() for request in requests))
    await writer.close("finished", [])

    assert (before, queue.left) == (8, 5)


async def test_no_more_jobs_are_claimed_than_calls_may_be_in_flight():
    queue = QueueOfClaims(10)
    writer = await started(queue, settings=WorkerSettings(max_workers=3))
    requests = [asyncio.create_task(writer.exchange(None)) for _ in range(5)]
    await until(lambda: sum(request.done() for request in requests) == 3)

    queue.terminal.set(Control.MAX_WORKERS, 1)
    await until(lambda: writer.store_thread.settings_poller.settings.max_workers == 1)
    for request in [request for request in requests if request.done()]:
        await writer.record(make_attempt(request.result()))
    await until(lambda: sum(request.done() for request in requests) == 4)
    await writer.close("finished", [])

    assert [await request for request in requests].count(None) == 1
    assert queue.left == 6


async def test_earlier_settings_do_not_apply_to_a_new_worker():
    queue = QueueOfClaims(5)
    queue.terminal.set(Control.RPM, 60)
    writer = await started(queue, settings=WorkerSettings(max_workers=4))

    await until(lambda: queue.terminal.heard >= 3)
    await writer.close("finished", [])

    assert writer.store_thread.settings_poller.settings == WorkerSettings(max_workers=4)


async def test_a_process_without_a_share_waits_until_it_gets_one():
    queue = QueueOfClaims(5)
    writer = await started(queue, settings=WorkerSettings(max_workers=4), part=lambda: ProcessShare(1, 2))
    queue.terminal.set(Control.MAX_WORKERS, 1)
    await until(lambda: writer.store_thread.settings_poller.settings.makes_no_calls)

    waiting = asyncio.create_task(writer.exchange(None))
    heard = queue.terminal.heard
    await until(lambda: queue.terminal.heard >= heard + 2)
    assert not waiting.done()
    queue.terminal.set(Control.MAX_WORKERS, 2)

    assert await asyncio.wait_for(waiting, 20) is not None
    await writer.close("finished", [])


@pytest.fixture
def watchful(monkeypatch):
    """Make workers count each other at every opportunity instead of once a second."""
    monkeypatch.setattr("artistjobs.worker.store_thread.RESCUE_SECONDS", 0.0)


async def test_a_worker_knows_the_number_of_sharers_from_its_first_claim():
    queue = QueueOfClaims(1)
    queue.living = 2

    writer = await started(queue)

    assert writer.store_thread.live_workers == 3
    await writer.close("finished", [])


async def test_processes_that_are_about_to_start_share_the_limits():
    writer = await started(QueueOfClaims(1), part=lambda: ProcessShare(1, 4))

    assert writer.store_thread.live_workers == 4
    await writer.close("finished", [])


async def test_starting_and_ending_workers_are_counted_while_all_calls_are_slow(watchful):
    queue = QueueOfClaims(1)
    writer = await started(queue)
    assert writer.store_thread.live_workers == 1

    for queue.living in (1, 5, 2, 0):
        await until(lambda: writer.store_thread.live_workers == 1 + queue.living)
    await writer.close("finished", [])


async def test_two_workers_of_one_database_know_of_each_other_until_one_ends(tmp_path, watchful):
    def open_database():
        return open_store(tmp_path / "jobs.db", create=True)

    first, second = StoreClient(open_database, EVERYTHING), StoreClient(open_database, EVERYTHING)
    await first.start()
    assert first.store_thread.live_workers == 1
    await second.start()

    assert second.store_thread.live_workers == 2
    await until(lambda: first.store_thread.live_workers == 2)
    await first.close("finished", [])
    await until(lambda: second.store_thread.live_workers == 1)
    await second.close("finished", [])
