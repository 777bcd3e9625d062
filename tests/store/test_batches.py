"""Batches in the store: holders of jobs that no death of a process frees, and settled only once."""

import json

import factories as make
import pytest

from artistjobs.core.attempt import Outcome, Way
from artistjobs.core.batch import BATCH_MOVES, BatchState
from artistjobs.core.job import EVERYTHING
from artistjobs.store.address import DatabaseUrl
from artistjobs.store.database import Database
from artistjobs.store.models import BatchChange, Submission


@pytest.fixture(params=["sqlite", "postgres"])
def path(request, tmp_path, monkeypatch):
    """Address of a database of each store; in PostgreSQL a worker whose lock is free is dead at once."""
    if request.param == "sqlite":
        yield tmp_path / "jobs.db"
        return
    from artistjobs.store.postgres import liveness

    monkeypatch.setattr(liveness, "DEAD_SECONDS", -1.0)
    with request.getfixturevalue("postgres").database() as url:
        yield DatabaseUrl(url, spool=tmp_path)


def open_store(address, *, create=False):
    return Database(address, None).open(create=create)


@pytest.fixture
def store(path):
    with open_store(path, create=True) as store:
        make.ingest(store, *make.names(5), prompt=make.make_template())
        store.queue.register()
        yield store


def prepare(store, limit=50):
    return store.batches.prepare("uuid", "gpt-5", EVERYTHING, limit)


def jobs(store, batch):
    return store.batches.jobs(batch.id, 0, 100)


def test_a_batch_holds_jobs_of_one_model_and_others_cannot_claim_them(store):
    make.ingest(store, *make.names(3), prompt=make.make_template(model="gpt-6"))

    batch = prepare(store, 4)

    assert [claim.job for claim in jobs(store, batch)] == [1, 2, 3, 4]
    assert {claim.attempt for claim in jobs(store, batch)} == {1}
    assert [claim.job for claim in make.claim(store, 10)] == [5, 6, 7, 8]
    assert store.batches.held_jobs(EVERYTHING) == 4


def test_no_batch_is_made_without_jobs(store):
    assert store.batches.prepare("uuid", "gpt-9", EVERYTHING, 5) is None
    assert store.batches.open_batches() == []


def test_the_death_of_a_process_frees_no_job_of_a_batch_and_another_one_drives_it(path, store):
    with open_store(path) as other:
        other.queue.register()
        batch = other.batches.prepare("uuid", "gpt-5", EVERYTHING, 50)
    # The other process died without an end.
    assert store.batches.take() == []
    rescue = store.queue.rescue()

    (taken,) = store.batches.take()

    assert (rescue.pending, rescue.failed) == (0, 0)
    assert (taken.id, taken.driver) == (batch.id, store.queue.worker)
    assert store.records.counts(EVERYTHING).running == 5
    assert [run.pid for run in store.records.workers()] != [0]


def test_a_batch_has_no_process_whose_absence_would_free_its_jobs(path, store, monkeypatch):
    monkeypatch.setattr("artistjobs.store.sqlite.liveness.GRACE_SECONDS", 0.0)
    prepare(store)
    with open_store(path) as other:
        other.queue.register()

        assert other.queue.rescue().pending == 0
    assert store.records.counts(EVERYTHING).running == 5


def test_the_end_of_a_process_leaves_the_batches_of_others(path, store):
    with open_store(path) as other:
        other.queue.register()
        first, second = other.batches.prepare("first", "gpt-5", EVERYTHING, 2), prepare(store, 2)
        other.queue.end("finished")

    assert [store.batches.batch(batch.id).driver for batch in (first, second)] == [None, store.queue.worker]


def test_a_living_process_keeps_its_batches(path, store):
    batch = prepare(store)
    with open_store(path) as other:
        other.queue.register()
        other.queue.rescue()

        assert other.batches.take() == []
        assert other.queue.queue_state(EVERYTHING).claimed_by_others == 0
    assert [one.id for one in store.batches.take()] == [batch.id]


def test_a_seal_gives_back_the_jobs_without_a_line(store):
    batch = prepare(store)

    assert store.batches.seal(batch.id, 3, BatchChange(lines=3, bytes=9, tokens=2), None)

    assert [claim.job for claim in jobs(store, batch)] == [1, 2, 3]
    assert [(claim.job, claim.attempt) for claim in make.claim(store, 5)] == [(4, 1), (5, 1)]


def test_a_seal_holds_money_back_or_changes_nothing(store):
    batch = prepare(store)

    assert not store.batches.seal(batch.id, 3, BatchChange(lines=3, reserved_usd=2.0), 1.0)
    assert len(jobs(store, batch)) == 5
    assert store.batches.seal(batch.id, 3, BatchChange(lines=3, reserved_usd=0.5), 1.0)

    assert store.records.money().in_flight_usd == 0.5
    store.batches.finish(batch.id, BatchChange(ending="completed"))
    assert store.records.money().in_flight_usd == 0.0


def answered(claims, **changes):
    return [
        make.make_attempt(claim, answer=make.make_answer(way=Way.BATCH, cost_usd=0.1), **changes) for claim in claims
    ]


def test_results_that_are_read_twice_change_nothing_the_second_time(store):
    batch = prepare(store)
    attempts = answered(jobs(store, batch)[:3])

    assert len(store.batches.settle(batch.id, attempts)) == 3
    work = store.records.work()
    assert store.batches.settle(batch.id, attempts) == []

    assert store.records.work() == work
    assert (work.calls, store.records.counts(EVERYTHING).done) == (3, 3)
    assert [answer["late"] for answer in [*reader(store).answers(1)]] == [0]


def test_a_line_that_is_in_the_results_twice_is_settled_once(store):
    attempts = answered(jobs(store, prepare(store, 3)))

    settled = store.batches.settle(store.batches.open_batches()[0].id, [*attempts, *attempts])

    assert [attempt.claim.job for attempt in settled] == [1, 2, 3]
    assert store.batches.open_batches()[0].done == 3


def reader(store):
    from artistjobs.store.queries.job_queries import SqlJobQueries

    return SqlJobQueries(store._connection)


def test_an_answer_to_a_job_that_was_freed_is_kept_once_as_late(store):
    batch = prepare(store)
    attempts = answered(jobs(store, batch)[:1])
    assert store.batches.finish(batch.id, BatchChange(ending="vanished"), is_lost=True) == 5

    for _ in range(2):
        assert store.batches.settle(batch.id, attempts) == []

    assert [(answer["late"], answer["way"]) for answer in reader(store).answers(1)] == [(1, "batch")]
    assert store.records.counts(EVERYTHING).pending == 5


def test_the_money_of_a_batch_that_is_given_up_counts_as_lost_in_equal_shares(store):
    batch = prepare(store)
    store.batches.seal(batch.id, 4, BatchChange(lines=4, reserved_usd=2.0), 10.0)

    store.batches.finish(batch.id, BatchChange(ending="vanished"), is_lost=True)

    assert (store.records.money().lost_usd, store.records.money().in_flight_usd) == (2.0, 0.0)
    (lost,) = reader(store).lost_calls()
    assert (lost.code, lost.calls, lost.usd) == ("batch_lost", 4, 2.0)


def test_a_retry_that_is_handed_on_is_pending_and_counts(store):
    batch = prepare(store)
    (first, *_) = jobs(store, batch)

    store.batches.settle(batch.id, [make.make_attempt(first, Outcome.RETRY, is_handed_on=True)])
    store.batches.finish(batch.id, BatchChange(ending="completed"))

    assert [(claim.job, claim.attempt) for claim in make.claim(store, 2)] == [(1, 2), (2, 1)]
    assert store.records.work().retries == 1


def test_a_finish_frees_all_other_jobs_without_an_attempt(store):
    batch = prepare(store)
    store.batches.settle(batch.id, answered(jobs(store, batch)[:2]))

    assert store.batches.finish(batch.id, BatchChange(ending="expired")) == 3

    assert {claim.attempt for claim in make.claim(store, 5)} == {1}
    assert store.batches.batch(batch.id).state is BatchState.COLLECTED


@pytest.mark.parametrize("state", BatchState)
def test_the_database_refuses_a_move_that_is_not_in_the_diagram(store, state):
    batch = prepare(store)
    if state in BATCH_MOVES[BatchState.PREPARED] or state is BatchState.PREPARED:
        assert store.batches.move(batch.id, state, BatchChange()).state is state
    else:
        changes = BatchChange(closed_at="2026-11-26T12:00:00.000Z", batch_id="b")
        with pytest.raises(Exception, match=r"cannot make this move|closed_at"):
            store.batches.move(batch.id, state, changes)


def test_a_refusal_for_the_token_queue_teaches_its_limit(store):
    batch = prepare(store)
    store.batches.seal(batch.id, 5, BatchChange(lines=5, tokens=100), None)
    assert store.batches.token_queue("gpt-5").queued == 100
    assert store.batches.token_queue("gpt-5").room is None

    store.batches.finish(batch.id, BatchChange(ending="token_limit_exceeded", queue_limit=50))

    assert store.batches.token_queue("gpt-5").room == 50
    assert store.batches.token_queue("gpt-6").room is None


def test_a_cancellation_is_asked_for_once(store):
    batch = prepare(store)

    assert [store.batches.ask_to_cancel(batch.id), store.batches.ask_to_cancel(None)] == [1, 0]
    assert store.batches.take()[0].cancel_asked_at is not None


def test_a_response_in_the_background_outlives_its_worker_and_ends_with_its_attempt(path, store):
    with open_store(path) as other:
        other.queue.register()
        claim = make.claim_one(other)
        other.queue.submit(Submission(job=claim.job, response_id="resp_1", window="8h", submitted_at=make.NOON))
    store.queue.rescue()

    found = store.queue.submission(claim.job)
    again = make.claim_one(store)

    assert (found.response_id, found.window, found.submitted_at) == ("resp_1", "8h", make.NOON)
    assert (again.job, again.attempt) == (claim.job, 1)
    assert reader(store).attempts(claim.job) == []
    make.settle(store, make.make_attempt(again))
    assert (store.queue.submission(claim.job), store.queue.submissions()) == (None, 0)


def test_a_release_without_a_call_keeps_the_response_in_the_background(store):
    claim = make.claim_one(store)
    store.queue.submission(claim.job)
    store.queue.submit(Submission(job=claim.job, response_id="resp_1", window=None, submitted_at=make.NOON))

    make.settle(store, make.make_attempt(claim, Outcome.RELEASED, calls=0))

    assert store.queue.submission(claim.job).response_id == "resp_1"


def test_batches_are_values_that_json_can_express(store):
    from artistjobs.commands.batches import batch_json

    assert json.loads(json.dumps(batch_json(prepare(store))))["state"] == "prepared"
