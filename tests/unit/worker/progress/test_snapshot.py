"""Snapshots of a run are values: they convert to JSON and back, and those of several processes can be merged."""

import json
from collections import Counter
from dataclasses import replace

import pytest
from factories import make_attempt, make_claim, make_failure
from hypothesis import given
from hypothesis import strategies as st

from artistjobs.core.attempt import Outcome
from artistjobs.core.bound import Bound
from artistjobs.store.models import Counts
from artistjobs.worker.limits.rate_limiter import Wait
from artistjobs.worker.progress.counters import (
    LatestFailure,
    RunCounters,
    RunTotals,
    merge_totals,
    totals_from_json,
    totals_json,
)
from artistjobs.worker.progress.job_counts import JobCountPoller, JobProgress
from artistjobs.worker.progress.snapshot import (
    RunSnapshot,
    jobs_left,
    jobs_per_minute,
    merge,
    seconds_left,
    snapshot_from_json,
    snapshot_json,
    waiting_for,
)
from artistjobs.worker.progress.throughput import LATEST_ANSWERS, LatencyHistogram, ThroughputMeter, quantile

NUMBERS = st.integers(0, 10**9)
# Sums of eighths are exact, so that they can be compared.
SUMS = st.integers(0, 10**6).map(lambda number: number / 8)
CODES = st.sampled_from(["incomplete", "server_error", "rate_limit_exceeded", "timeout", "template_error"])


def failures_of(seen) -> tuple[LatestFailure, ...]:
    """At most three failures, each code once, the latest first."""
    ranked = sorted(seen.items(), key=lambda pair: (pair[1], pair[0]), reverse=True)
    return tuple(LatestFailure(code, "Ōno 🎨", at) for code, at in ranked[:3])


COUNTS = st.builds(Counts, pending=NUMBERS, running=NUMBERS, done=NUMBERS, failed=NUMBERS)
TOTALS = st.builds(
    RunTotals, done=NUMBERS, failed=NUMBERS, calls=NUMBERS, retries=NUMBERS,
    input_tokens=NUMBERS, output_tokens=NUMBERS,
    cost_usd=SUMS, unpriced=NUMBERS, codes=st.dictionaries(CODES, st.integers(1, 99)),
)  # fmt: skip
SNAPSHOTS = st.builds(
    RunSnapshot, at=SUMS, started_at=SUMS, totals=TOTALS, jobs_per_minute=SUMS, in_flight=NUMBERS, max_workers=NUMBERS,
    job_progress=st.builds(
        JobProgress, counts=COUNTS, counted_at=SUMS, window_start=SUMS,
        done_at_window_start=NUMBERS, done_before=NUMBERS,
    ),
    workers=NUMBERS, processes=NUMBERS, claimed_by_others=NUMBERS, limit=st.none() | NUMBERS, cap_usd=st.none() | SUMS,
    spent_usd=SUMS, slowed_to=st.none() | NUMBERS, latencies=st.dictionaries(st.integers(-50, 200), st.integers(1, 99)),
    wait=st.none() | st.builds(
        Wait, reason=CODES, until=SUMS, gives_up_at=st.none() | SUMS, bound=st.none() | st.sampled_from(Bound)
    ),
    last_done_at=st.none() | SUMS,
    failures=st.dictionaries(CODES, SUMS).map(failures_of), paused=st.booleans(), stopping=st.booleans(),
)  # fmt: skip


def make_snapshot(**changes) -> RunSnapshot:
    counts = Counts(pending=60, running=0, done=40, failed=0)
    row = {
        "at": 130.0,
        "started_at": 100.0,
        "job_progress": JobProgress(
            counts=counts, counted_at=130.0, window_start=100.0, done_at_window_start=10, done_before=10
        ),
        "totals": RunTotals(done=30, calls=30),
        "jobs_per_minute": 60.0,
        "in_flight": 4,
        "max_workers": 8,
    }
    return RunSnapshot(**(row | changes))


@given(SNAPSHOTS)
def test_a_snapshot_survives_json_and_a_merge_with_itself_alone(snapshot):
    sent = json.dumps(snapshot_json(snapshot))

    assert snapshot_from_json(json.loads(sent)) == snapshot
    assert merge([snapshot]) == snapshot


@given(st.lists(SNAPSHOTS, min_size=1, max_size=4))
def test_snapshots_merge_to_the_same_result_in_any_order(snapshots):
    merged = merge(snapshots)

    assert merge(snapshots[::-1]).totals == merged.totals
    assert merged.in_flight == sum(snapshot.in_flight for snapshot in snapshots)
    assert sum(merged.latencies.values()) == sum(sum(snapshot.latencies.values()) for snapshot in snapshots)
    assert merged.job_progress.counted_at == max(snapshot.job_progress.counted_at for snapshot in snapshots)
    assert {seen.code for seen in merged.failures} <= {
        seen.code for snapshot in snapshots for seen in snapshot.failures
    }
    assert merge([merge(snapshots[:1]), *snapshots[1:]]).failures == merged.failures
    # Snapshots of ended processes do not change any more.
    assert merged.paused == all(
        snapshot.paused for snapshot in [each for each in snapshots if each.processes] or snapshots
    )


def test_an_ended_process_keeps_its_totals_and_makes_no_calls():
    ended = make_snapshot(processes=0, in_flight=0, workers=2)

    left = merge([ended, make_snapshot(workers=1)])

    assert (left.totals.done, left.workers, left.in_flight, left.max_workers) == (60, 1, 4, 8)
    assert merge([ended, ended]).max_workers == 16


@given(st.lists(TOTALS, max_size=4))
def test_totals_of_several_processes_are_their_sums(totals):
    merged = merge_totals(map(totals_from_json, json.loads(json.dumps(list(map(totals_json, totals))))))

    for name in ("done", "failed", "calls", "retries", "input_tokens", "output_tokens", "cost_usd", "unpriced"):
        assert getattr(merged, name) == sum(getattr(each, name) for each in totals)
    assert merged.codes == sum((Counter(each.codes) for each in totals), Counter())


@given(st.lists(st.floats(0.01, 600), min_size=1, max_size=50), st.sampled_from([0.5, 0.95]))
def test_latencies_are_right_to_three_percent(seconds, share):
    latencies = LatencyHistogram()
    for each in seconds:
        latencies.add(each)
    exact = sorted(seconds)[max(0, -int(-share * len(seconds) // 1) - 1)]

    assert abs(quantile(latencies.buckets(), share) / exact - 1) < 0.03


def test_only_the_latest_latencies_count():
    latencies = LatencyHistogram()
    for each in [100.0] * LATEST_ANSWERS + [1.0] * LATEST_ANSWERS:
        latencies.add(each)

    assert sum(latencies.buckets().values()) == LATEST_ANSWERS
    assert quantile(latencies.buckets(), 0.95) < 1.05
    assert quantile({}, 0.5) is None


def test_the_pace_is_that_of_the_last_minute_in_constant_memory():
    pace = ThroughputMeter()
    for quarter in range(4 * 4 * 3600):
        pace.add(quarter / 4)

    assert abs(pace.per_minute(4 * 3600, 0.0) - 240) < 5
    assert pace.per_minute(4 * 3600 + 90, 0.0) == 0
    assert len(pace._seconds) <= ThroughputMeter.SECONDS + 1


def test_counters_keep_the_latest_failure_of_the_latest_three_codes():
    counters = RunCounters(before=Counts(pending=9, running=0, done=0, failed=0), started_at=0.0)
    for number, code in enumerate(["a", "b", "c", "a", "d"]):
        claim = make_claim(artist_name=f"Artist {number}")
        counters.add(make_attempt(claim, Outcome.FAILED, failure=make_failure(code)), float(number))

    assert list(counters.failures.values()) == [
        LatestFailure("c", "Artist 2", 2.0),
        LatestFailure("a", "Artist 3", 3.0),
        LatestFailure("d", "Artist 4", 4.0),
    ]
    assert counters.totals().codes == {"a": 2, "b": 1, "c": 1, "d": 1}


def test_progress_of_other_workers_counts_towards_the_time_left():
    alone = make_snapshot(jobs_per_minute=60.0)
    beside_others = make_snapshot(jobs_per_minute=20.0)

    assert jobs_per_minute(alone) == jobs_per_minute(beside_others) == 60.0
    assert seconds_left(beside_others) == 60.0
    assert seconds_left(make_snapshot(paused=True)) is None


def test_a_wait_with_a_known_end_is_part_of_the_time_left():
    waiting = make_snapshot(wait=Wait("rate_limit_exceeded", 130.0 + 3600, bound=Bound.REQUESTS))

    assert seconds_left(waiting) == 3600 + 60
    assert waiting_for(waiting) == "rate_limit_exceeded, 1 h 00 min"


def test_the_time_left_is_unknown_during_an_outage_and_the_outage_is_told():
    resting = make_snapshot(wait=Wait("http_503", 146.0, gives_up_at=130.0 + 1700))
    probing = make_snapshot(wait=Wait("http_503", 130.0, gives_up_at=130.0 + 1700))

    assert seconds_left(resting) is None
    assert waiting_for(resting) == "the service (http_503): next try in 16 s, at most 28 min 20 s more"
    assert waiting_for(probing) == "the service (http_503): trying now, at most 28 min 20 s more"


@pytest.mark.parametrize(("pending", "shown"), [(1, 1.0), (0, 0.0)])
def test_while_a_job_is_left_the_time_left_is_not_zero(pending, shown):
    counts = Counts(pending=pending, running=0, done=40, failed=0)
    progress = replace(make_snapshot().job_progress, counts=counts)

    assert seconds_left(make_snapshot(jobs_per_minute=100_000.0, job_progress=progress)) == shown


def test_a_last_job_that_takes_long_makes_no_false_promise():
    assert seconds_left(make_snapshot(last_done_at=129.0)) == 60.0
    assert seconds_left(make_snapshot(last_done_at=121.0)) is None
    assert seconds_left(make_snapshot(last_done_at=121.0, workers=2)) == 60.0


def test_a_limit_bounds_what_is_left():
    assert jobs_left(make_snapshot(limit=35)) == 5
    assert jobs_left(make_snapshot(limit=1000)) == 60


class Clock:
    """A clock that a test moves; each reading may take some time."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_job_progress_is_the_count_of_the_database_plus_own_progress_since():
    clock, database = Clock(), Counts(pending=5, running=3, done=2, failed=0)
    poller = JobCountPoller(None, clock)
    poller.poll(lambda _scope: database)

    poller.add([make_attempt(make_claim(), Outcome.DONE), make_attempt(make_claim(), Outcome.FAILED)])
    assert poller.job_progress.counts == Counts(pending=5, running=1, done=3, failed=1)

    clock.now = 1.0
    poller.poll(lambda _scope: Counts(pending=1, running=2, done=6, failed=1))
    assert poller.job_progress.counts == Counts(pending=1, running=2, done=6, failed=1)
    assert (poller.job_progress.window_start, poller.job_progress.done_at_window_start) == (0.0, 2)


def test_slow_counting_is_done_less_often():
    clock, looks = Clock(), []

    def count(_scope):
        looks.append(clock.now)
        clock.now += 0.5
        return Counts(pending=1, running=0, done=0, failed=0)

    poller = JobCountPoller(None, clock)
    while clock.now < 200:
        poller.poll(count)
        clock.now += 1.0

    assert len(looks) == 4
