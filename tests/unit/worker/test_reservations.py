"""One cost cap for all workers of a database: the largest cost of a call is reserved before the call."""

import asyncio

import factories as make
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artistjobs.core.attempt import Outcome
from artistjobs.core.controls import WorkerSettings
from artistjobs.core.job import EVERYTHING, Claim
from artistjobs.errors import StoreError
from artistjobs.store.models import Money, Reservation
from artistjobs.store.sqlite.store import open_store
from artistjobs.worker.limits.budget import Hold
from artistjobs.worker.reservations import ReservationQueue, ReservationRequest, answer
from artistjobs.worker.store_client import StoreClient

DOLLAR = Hold(1.0)


def reservation(granted, spent, in_flight, lost=0.0):
    money = Money(spent_usd=spent, lost_usd=lost, written_off_usd=0.0, in_flight_usd=in_flight)
    return Reservation(granted=granted, money=money)


def spent_usd(store):
    return store.records.money().spent_usd


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "jobs.db"
    with open_store(path, create=True) as store:
        make.ingest(store, *make.names(5))
    return path


@pytest.fixture
def queues(path):
    """Two workers of one database."""
    with open_store(path) as one, open_store(path) as other:
        one.queue.register()
        other.queue.register()
        yield one.queue, other.queue


def test_money_is_reserved_as_far_as_the_cap_has_room(queues):
    one, _ = queues

    assert one.reserve([(1.0, 0.0), (1.0, 0.0), (1.0, 0.0)], 2.5) == reservation(2, 0.0, 2.0)


def test_reservations_of_one_worker_limit_the_others(queues):
    one, other = queues
    one.reserve([(2.0, 0.0)], 2.5)

    assert other.reserve([(1.0, 0.0)], 2.5) == reservation(0, 0.0, 2.0)
    assert other.reserve([(0.5, 0.0)], 2.5).granted == 1


def test_a_later_call_does_not_overtake_one_that_does_not_fit(queues):
    one, _ = queues

    assert one.reserve([(1.0, 0.0), (2.0, 0.0), (0.5, 0.0)], 2.5).granted == 1


def test_an_attempt_replaces_its_reservation_by_its_cost(queues):
    one, other = queues
    (claim,) = one.exchange([], 1, EVERYTHING)
    one.reserve([(2.0, 0.0)], 2.0)

    one.exchange([make.make_attempt(claim, reserved_usd=2.0)], 0, EVERYTHING)

    assert other.reserve([(2.0, 0.0)], 2.0) == reservation(0, 0.5, 0.0)
    assert other.reserve([(1.5, 0.0)], 2.0).granted == 1


def test_a_lost_call_counts_its_worst_case(queues):
    one, other = queues
    (claim,) = one.exchange([], 1, EVERYTHING)
    one.reserve([(2.0, 0.0)], 2.0)

    lost = make.make_attempt(claim, Outcome.RETRY, reserved_usd=2.0, lost_usd=2.0)
    one.exchange([lost], 0, EVERYTHING)

    assert other.reserve([(0.1, 0.0)], 2.0) == reservation(0, 2.0, 0.0, lost=2.0)


def test_rounding_leaves_nothing_in_flight(queues):
    one, _ = queues
    (claim,) = one.exchange([], 1, EVERYTHING)
    one.reserve([(0.1, 0.0), (0.2, 0.0)], 9.0)

    one.exchange([make.make_attempt(claim, Outcome.RETRY, reserved_usd=0.1 + 0.2 - 1e-16)], 0, EVERYTHING)

    assert one.reserve([], 9.0).money.in_flight_usd == 0.0


def test_reservations_of_a_dead_worker_count_as_spent(path, queues):
    one, other = queues
    one.reserve([(2.0, 0.0)], 2.0)

    one.close()
    other.rescue()

    assert other.reserve([(0.1, 0.0)], 2.0) == reservation(0, 2.0, 0.0, lost=2.0)


# --- margins


def test_a_margin_needs_room_beside_other_calls(queues):
    one, other = queues
    one.reserve([(1.0, 0.5)], 4.0)

    assert other.reserve([(1.0, 1.6)], 4.0).granted == 0
    assert other.reserve([(1.0, 1.5)], 4.0) == reservation(1, 0.0, 4.0)


def test_a_call_that_is_alone_in_flight_needs_no_room_for_its_margin(queues):
    one, other = queues

    assert one.reserve([(1.0, 9.0), (0.1, 0.0)], 2.0).granted == 1
    assert other.reserve([(0.1, 0.0)], 2.0).granted == 0


def test_an_attempt_gives_back_its_margin_too(queues):
    one, other = queues
    (claim,) = one.exchange([], 1, EVERYTHING)
    one.reserve([(1.0, 9.0)], 2.0)

    one.exchange([make.make_attempt(claim, reserved_usd=1.0, margin_usd=9.0)], 0, EVERYTHING)

    assert other.reserve([(1.5, 0.0)], 2.0) == reservation(1, 0.5, 1.5)


def test_the_margin_of_a_dead_worker_is_not_lost(path, queues):
    one, other = queues
    one.reserve([(1.0, 9.0)], 2.0)

    one.close()
    other.rescue()

    assert other.reserve([], 2.0) == reservation(0, 1.0, 0.0, lost=1.0)


async def test_what_a_call_needs_is_computed_when_there_may_be_room_for_it(queues):
    """The answers that arrive while a call waits may show that it can cost more."""
    one, other = queues
    one.reserve([(2.0, 0.0)], 2.0)
    needed, heard = [1.0], []
    reservations = ReservationQueue(2.0, lambda replies: heard.extend(hold for _, hold in replies))
    reservations.requests = [ReservationRequest(lambda: Hold(needed[-1]), asyncio.get_running_loop().create_future())]
    reservations.serve(other, is_draining=False)

    needed.append(1.75)
    one.free(2.0, 0.0)
    reservations.serve(other, is_draining=False)

    assert heard == [Hold(1.75)]


async def test_a_call_whose_cost_has_no_bound_gets_no_room(queues):
    heard = []
    reservations = ReservationQueue(9.0, lambda replies: heard.extend(hold for _, hold in replies))
    reservations.requests = [ReservationRequest(lambda: None, asyncio.get_running_loop().create_future())]

    reservations.serve(queues[0], is_draining=False)

    assert heard == [None]


# --- waiting for an answer


class QueueWithRoom:
    """A queue that grants a given number of reservations and reports the calls in flight."""

    def __init__(self, granted, in_flight):
        self.granted, self.in_flight = granted, in_flight

    def reserve(self, amounts, _cap):
        return reservation(min(self.granted, len(list(amounts))), 1.0, self.in_flight)


@pytest.mark.parametrize(
    ("granted", "in_flight", "draining", "told"),
    [
        (3, 3.0, False, [True, True, True]),
        (1, 3.0, False, [True]),
        (0, 3.0, False, []),
        (0, 0.0, False, [False, False, False]),
        (3, 3.0, True, [False, False, False]),
    ],
)
async def test_a_request_waits_as_long_as_calls_in_flight_may_make_room(granted, in_flight, draining, told):
    heard = []
    reservations = ReservationQueue(5.0, lambda replies: heard.extend(hold is not None for _, hold in replies))
    reservations.requests = [
        ReservationRequest(lambda: DOLLAR, asyncio.get_running_loop().create_future()) for _ in range(3)
    ]

    reservations.serve(QueueWithRoom(granted, in_flight), is_draining=draining)

    assert heard == told
    assert len(reservations.requests) == 3 - len(told)


async def test_a_cancelled_request_reserves_nothing():
    heard = []
    reservations = ReservationQueue(5.0, lambda replies: heard.extend(hold is not None for _, hold in replies))
    reservations.requests = [ReservationRequest(lambda: DOLLAR, asyncio.get_running_loop().create_future())]
    reservations.requests[0].future.cancel()

    reservations.serve(QueueWithRoom(1, 1.0), is_draining=False)

    assert heard == []
    assert reservations.requests == []


async def refused(writer: StoreClient) -> None:
    """Return once a request was found to have no room, and waits."""
    async with asyncio.timeout(20):
        while not writer.store_thread.reservations.requests:
            await asyncio.sleep(0.01)


async def test_a_worker_learns_of_room_that_another_one_makes(path, queues):
    one, _ = queues
    (claim,) = one.exchange([], 1, EVERYTHING)
    one.reserve([(2.0, 0.0)], 2.0)
    writer = StoreClient(lambda: open_store(path), EVERYTHING, settings=WorkerSettings(max_workers=8, max_cost_usd=2.0))
    await writer.start()

    waiting = asyncio.create_task(writer.reserve(lambda: DOLLAR))
    await refused(writer)
    assert not waiting.done()
    one.exchange([make.make_attempt(claim, reserved_usd=2.0)], 0, EVERYTHING)

    assert await asyncio.wait_for(waiting, 10)
    assert writer.store_thread.reservations.money.spent_usd == 0.5
    await writer.close("finished", [])


async def test_a_raised_or_removed_cap_makes_room(path, queues):
    one, other = queues
    one.reserve([(2.0, 0.0)], 2.0)
    heard = []
    reservations = ReservationQueue(2.0, lambda replies: heard.extend(hold is not None for _, hold in replies))
    reservations.requests = [
        ReservationRequest(lambda usd=usd: Hold(usd), asyncio.get_running_loop().create_future())
        for usd in (1.0, 100.0)
    ]

    for cap, told in ((2.0, 0), (3.5, 1), (None, 2)):
        reservations.change_cap(cap)
        reservations.serve(other, is_draining=False)
        assert heard == [True] * told


async def test_without_a_cap_nothing_is_held_back(queues):
    heard = []
    reservations = ReservationQueue(None, lambda replies: heard.extend(hold for _, hold in replies))
    reservations.requests = [ReservationRequest(lambda: DOLLAR, asyncio.get_running_loop().create_future())]

    reservations.serve(queues[0], is_draining=False)

    assert heard == [Hold(0.0, 0.0, 0)]
    assert queues[0].reserve([], 9.0).money.in_flight_usd == 0.0


async def test_no_request_waits_for_room_after_the_end_of_the_run(path, queues):
    one, _ = queues
    one.reserve([(2.0, 0.0)], 2.0)
    writer = StoreClient(lambda: open_store(path), EVERYTHING, settings=WorkerSettings(max_workers=8, max_cost_usd=2.0))
    await writer.start()
    waiting = asyncio.create_task(writer.reserve(lambda: DOLLAR))
    await refused(writer)

    writer.drain()

    assert not await asyncio.wait_for(waiting, 10)
    await writer.close("interrupted", [])


async def test_a_disk_error_reaches_waiting_requests(path, monkeypatch):
    from artistjobs.store.sqlite.queue import SqliteQueue

    def full(*_):
        raise StoreError("the disk is full")

    monkeypatch.setattr(SqliteQueue, "reserve", full)
    writer = StoreClient(lambda: open_store(path), EVERYTHING, settings=WorkerSettings(max_workers=8, max_cost_usd=2.0))
    await writer.start()

    for _ in range(2):
        with pytest.raises(StoreError):
            await writer.reserve(lambda: DOLLAR)
    await writer.close("failed", [])


# --- money spent


def paid(*costs, lost=0.0):
    return [
        make.make_attempt(Claim(1, 1, 1, "", ""), answer=make.make_answer(cost_usd=cost), lost_usd=lost)
        for cost in costs
    ]


def test_before_the_first_attempt_nothing_is_spent():
    assert ReservationQueue(5.0, lambda _: None).money == reservation(0, 0.0, 0.0).money


def test_the_money_spent_grows_with_answers_and_with_lost_calls():
    reservations = ReservationQueue(5.0, lambda _: None)

    reservations.count(paid(1.0, None, lost=0.25))
    reservations.count(paid(2.0))

    assert reservations.money == reservation(0, 3.5, 0.0, lost=0.5).money


def test_the_user_is_warned_once_as_soon_as_the_amount_is_spent(capsys):
    reservations = ReservationQueue(5.0, lambda _: None)
    reservations.warn_usd = 2.0
    told = []

    for cost in (1.5, 0.5, 1.0):
        reservations.count(paid(cost))
        told.append(capsys.readouterr().err)

    assert [text.strip().rpartition(": ")[2] for text in told] == ["", "$2.00 of $5.00 spent (--warn-cost)", ""]


async def test_the_user_is_warned_of_what_other_workers_spent(queues, capsys):
    reservations = ReservationQueue(5.0, lambda _: None)
    reservations.warn_usd = 1.0
    reservations.requests = [ReservationRequest(lambda: DOLLAR, asyncio.get_running_loop().create_future())]

    reservations.serve(QueueWithRoom(1, 0.0), is_draining=False)

    assert "$1.00 of $5.00 spent" in capsys.readouterr().err


def test_the_warning_of_a_run_whose_cap_was_removed_names_none(capsys):
    reservations = ReservationQueue(5.0, lambda _: None)
    reservations.warn_usd = 1.0
    reservations.change_cap(None)

    reservations.count(paid(1.0))

    assert "$1.00 spent without a cap (--warn-cost)" in capsys.readouterr().err


# --- no money without a call


async def test_money_for_a_call_that_was_cancelled_while_it_waited_is_free_again(path):
    """The disk is told of the money while the call is given up: too late to refuse it."""
    writer = StoreClient(lambda: open_store(path), EVERYTHING, settings=WorkerSettings(max_workers=8, max_cost_usd=2.0))
    await writer.start()

    waiting = asyncio.create_task(writer.reserve(lambda: Hold(1.5)))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)

    assert await asyncio.wait_for(writer.reserve(lambda: Hold(1.5)), 20)
    await writer.close("finished", [])
    with open_store(path) as store:
        assert spent_usd(store) == 1.5


@pytest.mark.parametrize(("granted", "returned"), [(Hold(1.5), [Hold(1.5)]), (None, [])])
async def test_an_answer_that_comes_too_late_gives_back_exactly_what_was_granted(granted, returned):
    request = ReservationRequest(lambda: Hold(1.5), asyncio.get_running_loop().create_future())
    request.future.cancel()
    given_back = []

    answer([(request, granted)], given_back.append)

    assert given_back == returned


async def test_a_round_that_only_reserves_claims_nothing(path, monkeypatch):
    from artistjobs.store.sqlite.queue import SqliteQueue

    exchanges = []
    exchange = SqliteQueue.exchange
    monkeypatch.setattr(SqliteQueue, "exchange", lambda *arguments: exchanges.append(1) or exchange(*arguments))
    writer = StoreClient(lambda: open_store(path), EVERYTHING, settings=WorkerSettings(max_workers=8, max_cost_usd=9.0))
    await writer.start()

    assert all([await writer.reserve(lambda: DOLLAR) for _ in range(5)])
    await writer.close("finished", [])

    assert exchanges == []


# --- any order

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["reserve", "reserve", "settle", "lose", "refuse"]),
        st.sampled_from([0, 1]),
        st.sampled_from([0.0, 0.25, 0.5, 1.0]),
    ),
    max_size=25,
)
ENDINGS = {
    "settle": lambda share: {"answer": make.make_answer(cost_usd=share)},
    "lose": lambda _: {"outcome": Outcome.RETRY, "lost_usd": 1.0},
    "refuse": lambda _: {"outcome": Outcome.RETRY},
}


def play(queues, cap, steps):
    """Reserve a dollar for each call, and end calls as ``steps`` say, each at no more than its dollar."""
    in_flight = [0, 0]
    waiting = [ReservationQueue(cap, lambda replies, n=n: told(n, replies)) for n in (0, 1)]
    refused = []

    def told(number, replies):
        in_flight[number] += sum(hold is not None for _, hold in replies)
        refused.extend(request for request, hold in replies if hold is None)

    loop = asyncio.new_event_loop()
    for step, number, share in steps:
        if step == "reserve":
            waiting[number].requests.append(ReservationRequest(lambda: DOLLAR, loop.create_future()))
        elif in_flight[number]:
            in_flight[number] -= 1
            ending = {"reserved_usd": 1.0, "outcome": Outcome.DONE} | ENDINGS[step](share)
            queues[number].exchange([make.make_attempt(Claim(1, 1, 1, "", ""), **ending)], 0, EVERYTHING)
        for queue, reservations in zip(queues, waiting, strict=True):
            reservations.serve(queue, is_draining=False)
        spent = queues[0].reserve([], cap).money.spent_usd
        assert spent + sum(in_flight) <= cap + 1e-9
        assert sum(in_flight) or not any(reservations.requests for reservations in waiting)
        assert not refused or spent + 1.0 > cap
    loop.close()


@settings(max_examples=20, deadline=None)
@given(cap=st.sampled_from([0.0, 1.0, 2.5, 4.0]), steps=STEPS)
def test_two_workers_never_exceed_the_cap_and_no_call_waits_for_ever(tmp_path_factory, cap, steps):
    path = tmp_path_factory.mktemp("play") / "jobs.db"
    with open_store(path, create=True) as one, open_store(path) as other:
        make.ingest(one, *make.names(1))
        one.queue.register()
        other.queue.register()
        play((one.queue, other.queue), cap, steps)
