"""The rate limiter keeps calls to the rate of the account, not much slower, and in order."""

import asyncio
from bisect import bisect_left
from itertools import chain, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artistjobs.api.rate_limit_headers import duration_seconds, read_limit
from artistjobs.core.bound import Bound
from artistjobs.worker.limits.concurrency import ConcurrencyLimit
from artistjobs.worker.limits.rate_limiter import DOUBT_SECONDS, MAX_REFUSAL_SECONDS, REFUSED_THROUGHOUT, Limiter, Wait

MANY = 1_000_000
"""More calls in flight than any test has."""


class Time:
    """A clock that moves only during a sleep, and then ``late`` seconds too far."""

    def __init__(self, late=0.0):
        self.now = 1000.0
        self.late = late

    def clock(self):
        return self.now

    async def sleep(self, seconds):
        self.now += max(0.0, seconds) + self.late
        await asyncio.sleep(0)


def make_limiter(time, rpm=None, tpm=None, **options):
    window = ConcurrencyLimit(MANY, time.clock, first=MANY)
    return Limiter(rpm=rpm, tpm=tpm, clock=time.clock, sleep=time.sleep, concurrency=window, **options)


def make_headers(kind="requests", limit=600, remaining=599, reset="100ms"):
    return {
        f"x-ratelimit-limit-{kind}": str(limit),
        f"x-ratelimit-remaining-{kind}": str(remaining),
        f"x-ratelimit-reset-{kind}": reset,
    }


async def start(limiter, time, calls, *, tokens=1.0):
    """Start calls one after another; return the start time of each."""
    starts = []
    for _ in range(calls):
        await limiter.acquire(tokens)
        starts.append(time.now)
    return starts


def busiest_minute(starts):
    return max(bisect_left(starts, first + 60.0 - 1e-6) - number for number, first in enumerate(starts))


@pytest.mark.parametrize("late", [0.0, 0.0015, 0.1])
@pytest.mark.parametrize("rpm", [1, 7, 60, 500, 5000, 15_000])
async def test_requests_a_minute_are_never_exceeded_and_nearly_all_used(rpm, late):
    time = Time(late)

    starts = await start(make_limiter(time, rpm=rpm), time, 3 * rpm + 1)

    assert busiest_minute(starts) <= rpm
    assert starts[-1] - starts[0] <= 180 / 0.95


async def test_a_limit_also_holds_after_a_time_without_calls():
    time = Time()
    limiter = make_limiter(time, rpm=6000)
    starts = await start(limiter, time, 500)
    time.now += 30

    starts += await start(limiter, time, 8000)

    assert busiest_minute(starts) <= 6000


async def test_tokens_a_minute_space_the_calls_by_their_size():
    time = Time()

    starts = await start(make_limiter(time, tpm=60_000), time, 121, tokens=1000.0)

    assert busiest_minute(starts) <= 60
    assert starts[-1] - starts[0] <= 120 / 0.95


async def test_the_narrower_of_two_limits_holds_and_is_named():
    time = Time()
    limiter = make_limiter(time, rpm=60, tpm=6000)
    said = set()
    limiter._sleep = lambda seconds: said.add(limiter.waiting.reason) or time.sleep(seconds)

    starts = await start(limiter, time, 31, tokens=1000.0)

    assert starts[-1] - starts[0] >= 299
    assert said == {"tokens a minute"}
    assert limiter.waiting is None


async def test_without_a_limit_no_call_waits():
    time = Time()

    starts = await start(make_limiter(time), time, 1000)

    assert set(starts) == {1000.0}


async def test_callers_are_served_in_order():
    time, order = Time(), []
    limiter = make_limiter(time, rpm=60)

    async def call(number):
        await limiter.acquire(1.0)
        order.append(number)
        if number < 10:
            tasks.append(asyncio.create_task(call(number + 100)))

    limiter.pause(5.0, "rate limit")
    tasks = [asyncio.create_task(call(number)) for number in range(50)]
    while any(not task.done() for task in tasks):
        await asyncio.sleep(0)

    assert order == [*range(50), *range(100, 110)]


async def test_a_new_call_does_not_overtake_waiting_ones():
    time, order = Time(), []
    limiter = make_limiter(time)
    limiter.pause(5.0, "rate limit")

    async def call(number):
        await limiter.acquire(1.0)
        order.append(number)

    waiting = [asyncio.create_task(call(number)) for number in range(3)]
    while not order:
        await asyncio.sleep(0)
    await call(99)
    await asyncio.gather(*waiting)

    assert order == [0, 1, 2, 99]


async def test_a_cancelled_caller_delays_no_other():
    time = Time()
    limiter = make_limiter(time, rpm=60)
    limiter.pause(5.0, "rate limit")
    limiter._sleep = lambda _: asyncio.Event().wait()
    stuck = asyncio.create_task(limiter.acquire(1.0))
    await asyncio.sleep(0)
    stuck.cancel()
    await asyncio.gather(stuck, return_exceptions=True)
    limiter._sleep = time.sleep

    assert limiter.waiting is None
    await limiter.acquire(1.0)
    assert time.now == 1005.0


# --- pauses


async def test_a_pause_is_named_also_while_no_call_waits_for_its_end():
    time = Time()
    limiter = make_limiter(time)
    assert limiter.pause_in_progress is None

    limiter.pause(3600.0, "rate_limit_exceeded")
    assert limiter.waiting is None
    assert limiter.pause_in_progress == Wait("rate_limit_exceeded", time.now + 3600.0, bound=Bound.REQUESTS)

    time.now += 3600.0
    assert limiter.pause_in_progress is None


async def test_a_pause_applies_to_all_calls():
    time = Time()
    limiter = make_limiter(time)
    limiter.pause(12.0, "rate limit")

    starts = await start(limiter, time, 20)

    assert set(starts) == {1012.0}


@pytest.mark.parametrize("seconds", [(12.0, 3.0), (3.0, 12.0)])
async def test_the_longer_pause_applies(seconds):
    time = Time()
    limiter = make_limiter(time)
    for pause in seconds:
        limiter.pause(pause, f"{pause:g} s")

    assert await start(limiter, time, 1) == [1012.0]
    assert limiter._pause.reason == "12 s"


async def test_a_pause_that_is_extended_lasts_to_its_new_end():
    time = Time()
    limiter = make_limiter(time)
    limiter.pause(5.0, "rate limit")
    waiting = asyncio.create_task(limiter.acquire(1.0))
    limiter.pause(9.0, "slow_down")

    await waiting

    assert time.now == 1009.0


async def test_calls_resume_gradually_after_a_pause():
    time = Time()
    limiter = make_limiter(time, rpm=6000)
    await start(limiter, time, 1000)
    limiter.pause(10.0, "rate limit")
    end = time.now + 10

    starts = await start(limiter, time, 1500)

    seconds = [sum(end + second <= moment < end + second + 1 for moment in starts) for second in range(5)]
    assert starts[0] >= end
    assert 50 <= seconds[0] <= 80
    assert seconds[0] < seconds[1]
    assert 95 <= seconds[4] <= 100


async def test_a_pause_before_the_first_call_needs_no_gradual_return():
    time = Time()
    limiter = make_limiter(time)
    limiter.pause(1.0, "rate limit")

    assert set(await start(limiter, time, 100)) == {1001.0}


# --- limits in headers


async def test_a_limit_is_learned_from_the_headers():
    time = Time()
    limiter = make_limiter(time)
    limiter.learn(make_headers(limit=600, remaining=599, reset="100ms"))

    starts = await start(limiter, time, 1201)

    assert busiest_minute(starts) <= 0.985 * 600
    assert starts[-1] - starts[0] <= 120 / 0.95


@pytest.mark.parametrize(
    ("remaining", "reset", "calls"),
    [
        pytest.param(590, "1s", 588, id="nearly all of a minute's worth is left"),
        pytest.param(9, "100ms", 588, id="nearly all of a second's worth is left"),
        pytest.param(20, "58s", 510, id="somebody else uses the limit too"),
    ],
)
async def test_calls_are_spaced_wider_only_while_little_is_left(remaining, reset, calls):
    time = Time()
    limiter = make_limiter(time)
    limiter.learn(make_headers(limit=600, remaining=remaining, reset=reset))

    starts = await start(limiter, time, 1200)

    assert abs(busiest_minute(starts) - calls) <= 3


async def test_a_token_limit_is_learned_from_the_headers():
    time = Time()
    limiter = make_limiter(time)
    limiter.learn(make_headers("tokens", limit=60_000, remaining=59_000, reset="1s"))

    starts = await start(limiter, time, 61, tokens=1000.0)

    assert 60 <= starts[-1] - starts[0] <= 63


async def test_limits_set_by_the_user_take_precedence():
    time = Time()
    limiter = make_limiter(time, rpm=60)
    limiter.learn(make_headers(limit=6000, remaining=5999, reset="10ms"))

    starts = await start(limiter, time, 61)

    assert starts[-1] - starts[0] >= 59


async def test_a_daily_limit_is_not_spread_over_the_day():
    time = Time()
    limiter = make_limiter(time)
    limiter.learn(make_headers(limit=200, remaining=190, reset="1h12m0s"))

    assert set(await start(limiter, time, 100)) == {1000.0}


@pytest.mark.parametrize(("remaining", "begins_at"), [(0, 1007.0), (1, 1000.0)])
async def test_calls_wait_until_a_used_up_limit_resets(remaining, begins_at):
    time = Time()
    limiter = make_limiter(time)
    limiter.learn(make_headers(limit=10, remaining=remaining, reset="7s"))

    assert await start(limiter, time, 1) == [begins_at]


LONG = [
    make_headers(limit=100, remaining=0, reset="999999999d"),
    make_headers("tokens", limit=10_000, remaining=0, reset="24h0m0s"),
    make_headers(limit=100, remaining=0, reset="2m1s"),
]


@pytest.mark.parametrize("headers", LONG)
async def test_a_limit_that_is_said_to_be_used_up_for_long_is_tried_again_after_seconds(headers):
    time = Time()
    limiter = make_limiter(time)
    for _ in range(8):  # the replies to calls that were in flight together
        limiter.learn(headers)

    assert await start(limiter, time, 1) == [1000.0 + DOUBT_SECONDS]


@pytest.mark.parametrize("headers", LONG)
async def test_an_answer_after_that_shows_that_the_header_is_wrong(headers):
    time = Time()
    limiter = make_limiter(time)
    limiter.learn(headers)
    for _ in range(50):
        await start(limiter, time, 1)
        limiter.learn(headers)

    assert time.now <= 1000.0 + DOUBT_SECONDS + 1


@pytest.mark.parametrize("headers", LONG)
async def test_a_refusal_after_that_is_waited_for_like_any_other(headers):
    time = Time()
    limiter = make_limiter(time)
    starts = []
    limiter.learn(headers)
    for _ in range(4):
        starts += await start(limiter, time, 1)
        limiter.learn(headers, accepted=False)
        limiter.refused(None, "rate_limit_exceeded")
        limiter.ended(answered=False)

    assert [round(later - earlier) for earlier, later in pairwise(starts)] == [1, 2, 4]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-ratelimit-limit-requests": "60"},
        make_headers(limit="many"),
        make_headers(limit=0, remaining=0),
        make_headers(limit=-5, remaining=0),
        make_headers(limit="nan", remaining=0),
        make_headers(limit="inf", remaining=0),
        make_headers(limit="1e-300", remaining=0),
        make_headers(limit=1e30, remaining=0, reset="9" * 400 + "s"),
        make_headers(limit=1e30, remaining=0, reset="soon"),
    ],
)
async def test_invalid_headers_delay_no_call(headers):
    time = Time()
    limiter = make_limiter(time)
    limiter.learn(headers)

    assert set(await start(limiter, time, 10)) == {1000.0}


async def test_a_refusal_that_comes_late_of_a_call_before_the_last_one_takes_no_more_calls_away():
    time = Time()
    concurrency = ConcurrencyLimit(64, time.clock, first=64)
    limiter = Limiter(rpm=None, tpm=None, clock=time.clock, sleep=time.sleep, concurrency=concurrency)
    before = await start(limiter, time, 32)

    limiter.refused(1.0, "rate_limit_exceeded", before[0])
    after_one = concurrency.size
    time.now += 5.0
    limiter.refused(1.0, "rate_limit_exceeded", before[1])
    after_a_late_one = concurrency.size
    time.now += 5.0
    limiter.refused(1.0, "rate_limit_exceeded", time.now - 1.0)

    assert (after_one, after_a_late_one) == (16.5, 16.5)
    assert concurrency.size < 16.5


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2ms", 0.002),
        ("1s", 1.0),
        ("0s", 0.0),
        ("1.5s", 1.5),
        ("6m0s", 360.0),
        ("1h2m3.5s", 3723.5),
        ("1d", 86_400.0),
        ("", 0.0),
        ("soon", 0.0),
        ("-5s", 0.0),
        ("5", 0.0),
        ("5 s", 0.0),
        ("in 5s", 0.0),
        ("5s later", 0.0),
        ("1e9s", 0.0),
        ("s", 0.0),
        ("٣s", 0.0),
    ],
)
def test_a_duration_is_read_as_the_api_writes_it(text, seconds):
    assert duration_seconds(text) == pytest.approx(seconds)


@given(st.text(), st.text(), st.text())
def test_headers_of_any_text_can_be_read(limit, remaining, reset):
    found = read_limit(make_headers(limit=limit, remaining=remaining, reset=reset), "requests")

    assert found is None or (found.per_period >= 1 and found.reset_seconds >= 0 and found.is_daily in (True, False))


@pytest.mark.parametrize("charged", [400.0, 1000.0, 2500.0])
async def test_the_pace_of_tokens_follows_the_actual_charge(charged):
    time = Time()
    limiter = make_limiter(time)
    level, at, refused = 60_000.0, time.now, 0
    begun = []
    while time.now < 1600.0:
        await limiter.acquire(1000.0)
        level, at = min(60_000.0, level + (time.now - at) * 1000.0), time.now
        refused += level < charged
        level -= charged if level >= charged else 0.0
        begun.append(time.now)
        limiter.learn(make_headers("tokens", 60_000, int(level), f"{(60_000 - level) / 1000:.3f}s"))

    late = [moment for moment in begun if moment > 1300.0]
    assert refused == 0
    assert 0.95 <= len(late) * charged / (300 * 1000.0) <= 1.02


# --- limits that change while calls wait


def tune(limiter, rpm=None, tpm=None):
    limiter.tune(rpm=rpm, tpm=tpm, max_workers=MANY)


async def test_a_limit_that_is_set_holds_from_the_next_call_on():
    time = Time()
    limiter = make_limiter(time)
    await start(limiter, time, 1000)

    tune(limiter, rpm=60)
    starts = await start(limiter, time, 62)

    assert busiest_minute(starts) <= 60


async def test_a_waiting_call_follows_a_higher_limit_at_once():
    time = Time()
    limiter = make_limiter(time, rpm=1)
    await start(limiter, time, 2)
    waiting = asyncio.create_task(limiter.acquire(1.0))
    await asyncio.sleep(0)
    began = time.now

    tune(limiter, rpm=6000)
    await waiting

    assert time.now - began < 1.0


async def test_without_a_limit_set_by_the_user_that_of_the_headers_applies_again():
    time = Time()
    limiter = make_limiter(time, rpm=10)
    limiter.learn(make_headers(limit=120, remaining=119))

    tune(limiter)
    starts = await start(limiter, time, 122)

    assert 100 <= busiest_minute(starts) <= 120


@settings(deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.sampled_from([None, 1, 7, 60, 500]), st.integers(1, 12)), min_size=1, max_size=6))
def test_the_latest_limit_is_kept_and_no_call_waits_for_ever(told):
    async def work():
        time = Time()
        limiter = make_limiter(time)
        for rpm, calls in told:
            tune(limiter, rpm=rpm)
            began, starts = time.now, await start(limiter, time, calls)
            assert time.now - began <= (calls + 1) * (61 / rpm if rpm else 0.0)
            assert rpm is None or busiest_minute(starts) <= rpm + 1

    asyncio.run(work())


LIMITS = {
    "requests": {"rpm": 600},
    "tokens": {"tpm": 6000},
    "requests of the headers": make_headers("requests", limit=600),
    "tokens of the headers": make_headers("tokens", limit=6000, remaining=5990),
}
"""Limits of 600 calls a minute, with ten tokens per call."""


def make_limited(time, kind, **options):
    if "headers" not in kind:
        return make_limiter(time, **LIMITS[kind], **options)
    limiter = make_limiter(time, **options)
    limiter.learn(LIMITS[kind])
    return limiter


@pytest.mark.parametrize("kind", LIMITS)
@pytest.mark.parametrize("workers", [2, 3, 10])
async def test_workers_that_share_a_limit_keep_to_it_together_and_use_nearly_all_of_it(kind, workers):
    # Each has its own clock with the same start, as if they waited at the same time.
    times = [Time() for _ in range(workers)]
    starts = [
        await start(make_limited(time, kind, sharers=lambda: workers), time, 1800 // workers + 1, tokens=10)
        for time in times
    ]

    assert busiest_minute(sorted(chain(*starts))) <= 600
    assert max(each[-1] - each[0] for each in starts) <= 180 / 0.95


@pytest.mark.parametrize("kind", LIMITS)
async def test_the_number_of_workers_that_share_a_limit_is_read_at_each_call(kind):
    time, sharers = Time(), [1]
    limiter = make_limited(time, kind, sharers=lambda: sharers[0])
    gaps = []
    for sharers[0] in (1, 4, 2, 1):
        starts = await start(limiter, time, 12, tokens=10)
        # The first call of each round still waits according to the previous number.
        gaps.append([after - before for before, after in pairwise(starts[1:])])

    alone = gaps[0][-1]
    assert gaps[1:] == [pytest.approx([times * alone] * 10, rel=1e-6) for times in (4, 2, 1)]


async def test_a_limiter_without_sharers_counts_one_worker():
    time = Time()

    starts = await start(make_limiter(time, rpm=60, sharers=lambda: 0), time, 4)

    assert starts[3] - starts[2] == pytest.approx(60.25 / 60)


def make_filling(time, slots):
    window = ConcurrencyLimit(slots, time.clock, first=slots)
    return Limiter(rpm=None, tpm=None, clock=time.clock, sleep=time.sleep, concurrency=window, first_gap=0.002)


async def test_the_first_calls_of_a_run_are_staggered_and_later_ones_start_at_once():
    time = Time()
    limiter, starts = make_filling(time, 50), []
    for _ in range(100):
        starts += await start(limiter, time, 1)
        limiter.ended(answered=True)

    gaps = [later - earlier for earlier, later in pairwise(starts)]
    assert gaps[:49] == pytest.approx([0.002] * 49)
    assert set(gaps[49:]) == {0.0}


async def test_any_number_of_slots_is_filled_in_a_fifth_of_a_second():
    time = Time()

    starts = await start(make_filling(time, 1000), time, 1000)

    assert starts[-1] - starts[0] <= 0.2


async def refuse(limiter, time, times, seconds=None):
    """Have that many calls refused, one after the other; return the waits between them."""
    starts = []
    for _ in range(times):
        starts += await start(limiter, time, 1)
        limiter.refused(seconds, "rate_limit_exceeded")
        limiter.ended(answered=False)
    return [later - earlier for earlier, later in pairwise(starts)]


async def test_refusals_without_a_time_are_waited_for_longer_and_longer_up_to_a_minute():
    time = Time()

    waits = await refuse(make_limiter(time), time, 10)

    # A second more, since calls come back gradually after a pause.
    assert waits[:6] == pytest.approx([1, 2, 4, 8, 16, 32], abs=1.1)
    assert waits[6:] == pytest.approx([MAX_REFUSAL_SECONDS] * 3, abs=1.1)


async def test_the_time_that_a_server_names_is_waited_for_instead():
    time = Time()

    assert await refuse(make_limiter(time), time, 5, seconds=7.0) == pytest.approx([7.0] * 4, abs=1.1)


async def test_refusals_that_arrive_together_count_once():
    time = Time()
    limiter = make_limiter(time)
    await start(limiter, time, 20)
    for _ in range(20):
        limiter.refused(None, "rate_limit_exceeded")
        limiter.ended(answered=False)

    assert (await start(limiter, time, 1))[0] == pytest.approx(1001.0, abs=1.1)
    assert not limiter.is_refused_throughout


async def test_an_answer_shortens_the_next_wait_and_nothing_is_refused_throughout_any_more():
    time = Time()
    limiter = make_limiter(time)
    await refuse(limiter, time, REFUSED_THROUGHOUT)
    assert limiter.is_refused_throughout

    await start(limiter, time, 1)
    limiter.ended(answered=True)

    assert not limiter.is_refused_throughout
    assert await refuse(limiter, time, 2) == pytest.approx([8.0], abs=1.1)


class Gate:
    """Opens at a time that a test sets."""

    def __init__(self, opens_at):
        self.opens_at = opens_at
        self.calls = 0

    def begin(self):
        self.calls += 1
        return self.calls


async def test_no_call_starts_while_the_gate_is_closed_and_each_has_its_number():
    time = Time()
    gate = Gate(opens_at=1030.0)
    limiter = make_limiter(time, gate=gate)

    numbers = [await limiter.acquire(1.0) for _ in range(3)]

    assert time.now == pytest.approx(1030.0)
    assert numbers == [1, 2, 3]


async def test_a_gate_that_closes_while_calls_wait_for_their_turn_stops_them_too():
    time = Time()
    gate = Gate(opens_at=0.0)
    limiter = make_limiter(time, rpm=60, gate=gate)
    await limiter.acquire(1.0)
    waiting = asyncio.create_task(limiter.acquire(1.0))
    await asyncio.sleep(0)

    gate.opens_at = 1500.0
    await waiting

    assert time.now == pytest.approx(1500.0)


async def test_after_a_rest_calls_come_back_gradually():
    time = Time()
    concurrency = ConcurrencyLimit(64, time.clock)
    limiter = Limiter(rpm=None, tpm=None, clock=time.clock, sleep=time.sleep, concurrency=concurrency)
    concurrency.in_flight = 5

    limiter.restart()
    sizes = []
    for _ in range(6):
        sizes.append(int(concurrency.size))
        for _ in range(int(concurrency.size)):
            concurrency.answered()

    assert sizes == [6, 12, 24, 48, 64, 64]
