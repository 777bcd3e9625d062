"""The contract of a store: every implementation has an opener and passes these tests."""

import json
import os
import threading
import time
from dataclasses import replace

import factories as make
import pytest
from factories import NOON
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from artistjobs.core.attempt import Outcome, Usage
from artistjobs.core.job import DEATHS_MAX, DROPPED, EVERYTHING, MAX_DELAY_SECONDS, BadLine
from artistjobs.core.json_values import clean_text
from artistjobs.core.timestamps import to_timestamp
from artistjobs.errors import WrongUseError
from artistjobs.store.address import DatabaseUrl
from artistjobs.store.models import Counts, Kind, Money, Submission, WorkTotals
from artistjobs.store.queries import picks
from artistjobs.store.sqlite.store import SqliteStore


@pytest.fixture(scope="session")
def new_file(tmp_path_factory):
    """Content of a new database, which takes 24 ms to make."""
    path = tmp_path_factory.mktemp("new") / "jobs.db"
    SqliteStore(path, None, create=True).close()
    return path.read_bytes()


@pytest.fixture
def open_sqlite(tmp_path, new_file):
    """Opens the same file each time."""
    path = tmp_path / "jobs.db"

    def open_store(kind=None):
        if kind is None and not path.exists():
            path.write_bytes(new_file)
        return SqliteStore(path, kind, create=True)

    return open_store


@pytest.fixture
def open_postgres(postgres, monkeypatch, tmp_path):
    """Opens the same database each time. A worker whose lock is free is dead at once, without a wait of 15 s."""
    from artistjobs.store.postgres import liveness
    from artistjobs.store.postgres.store import PostgresStore

    monkeypatch.setattr(liveness, "DEAD_SECONDS", -1.0)  # times are rounded
    with postgres.database() as url:
        yield lambda kind=None: PostgresStore(DatabaseUrl(url, spool=tmp_path), kind, create=True)


@pytest.fixture(params=["sqlite", "postgres"])
def open_again(request):
    """Function that opens the same database again; a worker that is closed without an end counts as dead."""
    open_one, opened = request.getfixturevalue(f"open_{request.param}"), []

    def open_store(kind=None):
        opened.append(open_one(kind))
        return opened[-1]

    yield open_store
    for store in opened:
        store.close()


@pytest.fixture
def store(open_again):
    return open_again()


@pytest.fixture
def worker(store):
    store.queue.register()
    return store


@pytest.fixture
def open_worker(open_again):
    def open_worker():
        other = open_again()
        other.queue.register()
        return other

    return open_worker


def states(store):
    counts = store.records.counts(EVERYTHING)
    return counts.pending, counts.running, counts.done, counts.failed


# Ingest


def test_an_ingest_adds_a_pending_job_for_each_row(store):
    report = make.ingest(store, "Frida Kahlo", ("Prince", "singer"))

    assert (report.lines, report.good, report.added, report.known, report.duplicates, report.bad) == (2, 2, 2, 0, 0, 0)
    assert not report.unchanged
    assert states(store) == (2, 0, 0, 0)


def test_an_empty_file_is_an_ingest_without_jobs(worker):
    make.ingest(worker, "of another file")

    report = make.ingest(worker)

    scope = worker.records.scope(report.ingest)
    assert (report.lines, report.added) == (0, 0)
    assert worker.records.counts(scope).total == 0
    assert make.claim(worker, 5, scope) == []
    assert make.exported(worker, report.ingest) == []


def test_a_reader_sees_all_of_an_ingest_or_none(store, open_again):
    reader, seen = open_again(), []

    def rows():
        for row in make.make_rows(*make.names(20_000)):
            if row.line % 4_000 == 0:
                seen.append(states(reader))
            yield row

    store.ingestor.ingest(make.make_source("big"), make.make_prompt(), rows(), lambda: 20_000)

    assert seen == [(0, 0, 0, 0)] * 5
    assert states(reader) == (20_000, 0, 0, 0)


def test_others_write_while_a_file_is_read(store, open_worker):
    make.ingest(store, "Frida Kahlo")
    other = open_worker()

    def rows():
        yield from make.make_rows(*make.names(6_000))
        make.settle(other, make.make_attempt(make.claim_one(other)))

    store.ingestor.ingest(make.make_source("slow"), make.make_prompt(), rows(), lambda: 6_000)

    assert states(store) == (6_000, 0, 1, 0)


@pytest.mark.parametrize("error", [RuntimeError("a template"), OSError("a reader"), KeyboardInterrupt()])
def test_an_error_while_reading_a_file_rolls_the_ingest_back(store, error):
    def rows():
        yield from make.make_rows(*make.names(7_000), BadLine(7_001, "no artist name", ",x"))
        raise error

    with pytest.raises(type(error)) as raised:
        store.ingestor.ingest(make.make_source("broken"), make.make_prompt(), rows(), lambda: 1)

    assert raised.value is error
    assert states(store) == (0, 0, 0, 0)
    assert store.ingestor.find_same_file(make.make_source("broken"), make.make_prompt()) is None
    assert make.ingest(store, "Frida Kahlo").added == 1


def test_the_same_rows_again_add_nothing(store):
    make.ingest(store, "Frida Kahlo", "Prince", "Prince")

    report = make.ingest(store, "Frida Kahlo", "Prince", "Prince")

    assert (report.added, report.known, report.duplicates) == (0, 2, 1)
    assert states(store) == (2, 0, 0, 0)


def test_the_same_file_is_known_again_without_being_read(store):
    first = make.ingest(store, "Frida Kahlo", "Prince", "Prince", BadLine(4, "no artist name", ",x"))
    source = make.make_source(make.make_rows("Frida Kahlo", "Prince", "Prince", BadLine(4, "no artist name", ",x")))

    again = store.ingestor.find_same_file(source, make.make_prompt())
    third = store.ingestor.find_same_file(source, make.make_prompt())

    for report in (again, third):
        assert report.unchanged
        assert (report.lines, report.added, report.known, report.duplicates, report.bad) == (4, 0, 2, 1, 1)
    assert first.ingest < again.ingest < third.ingest
    assert store.ingestor.bad_lines(third.ingest, 20) == [BadLine(4, "no artist name", ",x")]
    assert states(store) == (2, 0, 0, 0)


@pytest.mark.parametrize(
    "prompt", [make.make_prompt(version="2"), make.make_prompt(model="gpt-6"), make.make_template()]
)
def test_the_same_file_with_another_prompt_is_ingested_again(store, prompt):
    make.ingest(store, "Frida Kahlo")
    source = make.make_source(make.make_rows("Frida Kahlo"))

    assert store.ingestor.find_same_file(source, prompt) is None
    assert make.ingest(store, "Frida Kahlo", prompt=prompt).added == 1


def test_another_file_is_not_known(store):
    make.ingest(store, "Frida Kahlo")

    assert store.ingestor.find_same_file(make.make_source("another"), make.make_prompt()) is None


def test_ten_new_rows_add_ten_jobs(store):
    make.ingest(store, *make.names(100))

    report = make.ingest(store, *make.names(110))

    assert (report.added, report.known) == (10, 100)
    assert states(store)[0] == 110


def test_bad_lines_are_kept_with_their_reasons(store):
    bad = [BadLine(line, "no artist name", f",{line}") for line in range(2, 30)]

    report = make.ingest(store, "Frida Kahlo", *bad)

    assert (report.good, report.bad) == (1, 28)
    assert store.ingestor.bad_lines(report.ingest, 20) == bad[:20]


def test_a_name_that_is_no_unicode_does_not_stop_an_ingest(store):
    source = make.make_source("x", name="art\udce4.csv")
    prompt = make.make_template(template_file="fr\udce4ge.txt")

    report = store.ingestor.ingest(source, prompt, make.make_rows("Frida Kahlo"), lambda: 1)

    assert report.added == 1


def test_two_ingests_at_once_both_get_in(open_again):
    stores, reports = [open_again(), open_again()], []

    def take_in(store):
        reports.append(make.ingest(store, *make.names(3_000), prompt=make.make_prompt()))

    threads = [threading.Thread(target=take_in, args=[store]) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted((report.added, report.known) for report in reports) == [(0, 3_000), (3_000, 0)]


# The prompt of a job, and its scope


@pytest.mark.parametrize(
    "prompt",
    [
        make.make_prompt(),
        make.make_prompt(version="3", params='{"reasoning":{"effort":"low"}}'),
        make.make_template(),
        make.make_template("Über {{ artist_name }}\n\n{{ artist_data }} 🎨", instructions="kurz", params='{"top_p":1}'),
    ],
)
def test_a_claim_has_the_prompt_with_which_it_was_ingested(worker, prompt):
    make.ingest(worker, "Frida Kahlo", prompt=prompt)

    claimed = make.claim_one(worker)

    assert worker.records.prompt(claimed.prompt) == prompt


def test_what_bounds_a_worker_is_known_to_others_until_it_changes(worker):
    bounds = []
    for bound in ("requests", None, "cpu"):
        worker.queue.note_bound(bound)
        bounds.append([one.bounded_by for one in worker.records.workers()])

    assert bounds == [["requests"], [None], ["cpu"]]


def test_pending_models_are_those_of_pending_jobs(worker):
    make.ingest(worker, "Frida Kahlo", prompt=make.make_prompt(model="gpt-5"))
    make.ingest(worker, "Frida Kahlo", prompt=make.make_prompt(model="gpt-6"))

    make.settle(worker, make.make_attempt(make.claim_one(worker)))

    assert [prompt.model for prompt in worker.records.pending_prompts(EVERYTHING)] == ["gpt-6"]


def test_the_scope_of_no_ingest_is_the_latest(store):
    make.ingest(store, "Frida Kahlo")
    latest = make.ingest(store, "Prince")

    assert store.records.scope(None) == store.records.scope(latest.ingest)


@pytest.mark.parametrize("ingest", [None, 7])
def test_a_scope_of_what_was_never_ingested_is_refused(store, ingest):
    with pytest.raises(WrongUseError, match="has no ingest"):
        store.records.scope(ingest)


# Claims


def test_claims_are_the_oldest_jobs_and_no_more_than_asked_for(worker):
    make.ingest(worker, *make.names(5))

    first, second, third = make.claim(worker, 2), make.claim(worker, 2), make.claim(worker, 2)

    assert [claim.artist_name for claim in first + second + third] == make.names(5)
    assert [len(first), len(second), len(third)] == [2, 2, 1]
    assert make.claim(worker, 2) == []
    assert states(worker) == (0, 5, 0, 0)


def test_a_claim_of_no_jobs_is_empty(worker):
    make.ingest(worker, "Frida Kahlo")

    assert make.claim(worker, 0) == []
    assert states(worker) == (1, 0, 0, 0)


def test_a_claim_has_the_number_of_its_call_and_all_of_its_row(worker):
    make.ingest(worker, ("Frida Kahlo", "painter, México 🎨"))

    claimed = make.claim_one(worker)

    assert (claimed.attempt, claimed.artist_name, claimed.artist_data) == (1, "Frida Kahlo", "painter, México 🎨")


def test_no_two_workers_hold_the_same_job(worker, open_worker):
    make.ingest(worker, *make.names(10))
    other = open_worker()

    held = [claim.job for _ in range(5) for store in (worker, other) for claim in make.claim(store, 1)]

    assert len(held) == len(set(held)) == 10


def test_a_claim_in_the_scope_of_an_ingest_takes_none_of_another(worker):
    make.ingest(worker, *make.names(5))
    report = make.ingest(worker, *make.names(5, start=6))
    scope = worker.records.scope(report.ingest)

    claims = make.claim(worker, 99, scope)

    assert scope.is_span
    assert [claim.artist_name for claim in claims] == make.names(5, start=6)


def test_a_scope_whose_jobs_lie_among_others_takes_just_its_own(worker):
    make.ingest(worker, *make.names(9))
    report = make.ingest(worker, "Artist 2", "Artist 7", "Artist 5", "Artist 2", "new")
    scope = worker.records.scope(report.ingest)

    claims = make.claim(worker, 2, scope) + make.claim(worker, 99, scope)

    assert not scope.is_span
    assert [claim.artist_name for claim in claims] == ["Artist 2", "Artist 5", "Artist 7", "new"]
    assert worker.records.counts(scope).running == worker.records.counts(scope).total == 4
    assert states(worker) == (6, 4, 0, 0)


def test_a_job_is_not_claimed_before_it_is_available(worker):
    make.ingest(worker, "Frida Kahlo", "Prince")
    later = time.time() + 600
    make.settle(worker, make.make_attempt(make.claim_one(worker), Outcome.RELEASED, available_at=later))

    assert make.claim_one(worker).artist_name == "Prince"
    assert make.claim(worker, 9) == []
    assert worker.queue.queue_state(EVERYTHING).available_at == pytest.approx(later, abs=0.001)


def test_a_job_is_claimed_once_it_is_available(worker):
    make.ingest(worker, "Frida Kahlo")
    make.settle(worker, make.make_attempt(make.claim_one(worker), Outcome.RELEASED, available_at=1.0))

    assert make.claim_one(worker).artist_name == "Frida Kahlo"


def test_the_queue_state_has_the_jobs_left_and_their_holders(worker, open_worker):
    make.ingest(worker, *make.names(3))
    other = open_worker()
    make.claim(worker, 1)

    before = other.queue.queue_state(EVERYTHING)
    make.claim(worker, 2)
    after = other.queue.queue_state(EVERYTHING)

    assert (before.available_at, before.claimed_by_others) == (0.0, 1)
    assert (after.available_at, after.claimed_by_others) == (None, 3)
    assert worker.queue.queue_state(EVERYTHING).claimed_by_others == 0


def test_the_queue_state_of_an_ingest_leaves_other_jobs_out(worker, open_worker):
    first = worker.records.scope(make.ingest(worker, *make.names(2)).ingest)
    second = worker.records.scope(make.ingest(worker, "Artist 1", "new").ingest)
    make.claim(worker, 1, first)
    other = open_worker()

    assert other.queue.queue_state(second).claimed_by_others == 1
    assert other.queue.queue_state(first).available_at == 0.0
    make.claim(worker, 9, first)
    assert other.queue.queue_state(first).available_at is None
    assert other.queue.queue_state(second).available_at == 0.0


# Settling


def test_a_done_job_has_its_answer(worker):
    make.ingest(worker, ("Frida Kahlo", "painter"))
    claimed = make.claim_one(worker)

    make.settle(worker, make.make_attempt(claimed, answer=make.make_answer("¡Viva la vida!", response_id="resp_7")))

    (row,) = make.exported(worker)
    assert (row.artist_name, row.artist_data, row.state, row.attempts) == ("Frida Kahlo", "painter", "done", 1)
    assert (row.text, row.response_id, row.created, row.status) == ("¡Viva la vida!", "resp_7", 1795000000, "completed")
    assert states(worker) == (0, 0, 1, 0)


def test_what_is_settled_is_seen_by_all_on_return(worker, open_again):
    make.ingest(worker, "Frida Kahlo")
    reader = open_again()

    make.settle(worker, make.make_attempt(make.claim_one(worker)))

    assert len(make.exported(reader)) == 1


def test_one_exchange_settles_and_claims(worker):
    make.ingest(worker, *make.names(4))
    first = make.claim(worker, 2)

    second = worker.queue.exchange([make.make_attempt(claimed) for claimed in first], 2, EVERYTHING)

    assert [claim.artist_name for claim in second] == ["Artist 3", "Artist 4"]
    assert states(worker) == (0, 2, 2, 0)


def test_a_failed_job_has_its_reason(worker):
    make.ingest(worker, "Frida Kahlo")

    claimed = make.fail(worker, "content_filter")

    (row,) = make.exported(worker, states=["failed"])
    assert (row.state, row.error_code, row.text, row.attempts) == ("failed", "content_filter", None, 1)
    assert worker.records.last_error(claimed.job) == {
        "artist_name": "Frida Kahlo", "error_type": "server_error", "error_message": "it went wrong",
        "http_status": 500,
    }  # fmt: skip


def test_an_incomplete_answer_is_kept_with_the_failure(worker):
    make.ingest(worker, "Frida Kahlo")

    make.fail(worker, "incomplete", answer=make.make_answer("She was", status="incomplete"))

    (row,) = make.exported(worker, states=["failed"])
    assert (row.text, row.status, row.error_code) == ("She was", "incomplete", "incomplete")


def test_a_retry_keeps_the_claim_with_the_next_number(worker):
    make.ingest(worker, "Frida Kahlo")
    claimed = make.claim_one(worker)

    make.settle(worker, make.make_attempt(claimed, Outcome.RETRY))
    held = states(worker)
    make.settle(worker, make.make_attempt(make.make_claim(job=claimed.job, attempt=2)))

    assert held == (0, 1, 0, 0)
    assert states(worker) == (0, 0, 1, 0)
    assert make.exported(worker)[0].attempts == 2


def test_a_released_claim_does_not_count(worker):
    make.ingest(worker, "Frida Kahlo")

    make.settle(worker, make.make_attempt(make.claim_one(worker), Outcome.RELEASED, calls=0))

    assert states(worker) == (1, 0, 0, 0)
    assert make.claim_one(worker).attempt == 1


def test_a_release_after_a_retry_takes_one_attempt_back_and_no_more(worker):
    make.ingest(worker, "Frida Kahlo")
    claimed = make.claim_one(worker)

    make.settle(worker, make.make_attempt(claimed, Outcome.RETRY))
    make.settle(worker, make.make_attempt(make.make_claim(job=claimed.job, attempt=2), Outcome.RELEASED))

    assert make.claim_one(worker).attempt == 2


@pytest.mark.parametrize("outcome", [Outcome.DONE, Outcome.FAILED, Outcome.RETRY, Outcome.RELEASED])
def test_a_late_attempt_leaves_the_job_alone(worker, open_worker, outcome):
    make.ingest(worker, "Frida Kahlo")
    lost = make.claim_one(worker)
    make.settle(worker, make.make_attempt(lost, Outcome.RELEASED))
    other = open_worker()
    current = make.claim_one(other)

    make.settle(worker, make.make_attempt(lost, outcome))

    assert states(worker) == (0, 1, 0, 0)
    make.settle(other, make.make_attempt(current, answer=make.make_answer("the one")))
    assert make.exported(worker)[0].text == "the one"


def test_a_late_answer_is_paid_for_and_counted(worker):
    make.ingest(worker, "Frida Kahlo")
    claimed = make.claim_one(worker)
    make.settle(worker, make.make_attempt(claimed))

    make.settle(worker, make.make_attempt(claimed))

    assert worker.records.money().spent_usd == 1.0
    assert worker.records.work().calls == 2
    assert worker.records.workers()[0].done == 1


def test_an_attempt_at_an_older_number_is_late(worker):
    make.ingest(worker, "Frida Kahlo")
    claimed = make.claim_one(worker)
    make.settle(worker, make.make_attempt(claimed, Outcome.RETRY))

    make.settle(worker, make.make_attempt(claimed))

    assert states(worker) == (0, 1, 0, 0)


def test_a_failure_that_is_no_unicode_is_recorded(worker):
    make.ingest(worker, "Frida Kahlo")
    failure = make.make_failure("strange", message="caf\udce9 \0", type="\ud83d")

    claimed = make.claim_one(worker)
    make.settle(worker, make.make_attempt(claimed, Outcome.FAILED, failure=failure))

    stored = worker.records.last_error(claimed.job)["error_message"]
    # PostgreSQL cannot store NUL, so it becomes U+FFFD there.
    assert stored.replace("\0", "\ufffd") == clean_text("caf\udce9 \ufffd")


# The text of an answer with any body


ODD_TEXTS = st.text(st.characters() | st.sampled_from("\0\x01\x1f\x7f\x85\u2028\ufeff\ud83d\ude00\"\\/'"), max_size=30)
VALUES = st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | ODD_TEXTS, st.lists, max_leaves=4)
BODIES = st.one_of(
    ODD_TEXTS,
    st.tuples(ODD_TEXTS, st.booleans()).map(
        lambda odd: json.dumps(json.loads(make.make_body(odd[0])), ensure_ascii=odd[1])
    ),
    VALUES.map(lambda value: json.dumps({"output": [{"content": [{"text": value}]}]})),
    st.integers(1, 3000).map(lambda depth: "[" * depth + "]" * depth),
    st.integers(1, 3000).map(lambda depth: make.make_body("deep")[:-1] + ', "x": ' + "[" * depth + "]" * depth + "}"),
)
PATHS = st.sampled_from([None, make.TEXT_PATH, "$.output[7].content[0].text", "$.output", "$", "$.id"])


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ODD_TEXTS, BODIES | st.none(), PATHS)
@example("nul \0 inside", None, make.TEXT_PATH)
@example("\ud83d alone", None, make.TEXT_PATH)
@example("twice", '{"output":[{"content":[{"text":"once","text":"twice"}]}]}', make.TEXT_PATH)
@example("", "", make.TEXT_PATH)
@example("12", '{"output":[{"content":[{"text":12}]}]}', make.TEXT_PATH)
def test_the_text_read_back_is_the_text_that_was_stored(worker, text, body, path):
    body = make.make_body(text) if body is None else body
    make.ingest(worker, f"Artist {id(text)} {states(worker)[2]}")
    claimed = make.claim_one(worker)

    make.settle(worker, make.make_attempt(claimed, answer=make.make_answer(text, body=body, text_path=path)))

    assert make.exported(worker)[-1].text == clean_text(text)
    stored = worker.records.details(claimed.job)["body"]
    assert stored.replace("\0", "\ufffd") == clean_text(body).replace("\0", "\ufffd")


# Dead workers


def test_a_dead_workers_jobs_are_pending_again(worker, open_worker):
    make.ingest(worker, *make.names(3))
    dying = open_worker()
    make.claim(dying, 2)
    dying.close()

    rescued = worker.queue.rescue()

    assert (rescued.pending, rescued.failed) == (2, 0)
    assert states(worker) == (3, 0, 0, 0)


def test_a_living_workers_jobs_are_left_alone(worker, open_worker):
    make.ingest(worker, *make.names(2))
    other = open_worker()
    make.claim(other, 1)
    make.claim(worker, 1)

    rescued = worker.queue.rescue()

    assert (rescued.pending, rescued.failed, rescued.live_workers) == (0, 0, 1)
    assert states(worker) == (0, 2, 0, 0)


def test_a_dead_workers_job_is_rescued_once(worker, open_worker):
    make.ingest(worker, "Frida Kahlo")
    dying, other = open_worker(), open_worker()
    make.claim(dying)
    dying.close()

    assert [worker.queue.rescue().pending, other.queue.rescue().pending, worker.queue.rescue().pending] == [1, 0, 0]


def test_a_death_counts_as_an_attempt(worker, open_worker):
    make.ingest(worker, "Frida Kahlo")
    dying = open_worker()
    make.claim(dying)
    dying.close()

    worker.queue.rescue()

    assert make.claim_one(worker).attempt == 2


def test_the_third_death_fails_the_job(worker, open_worker):
    make.ingest(worker, "poison")
    for _ in range(DEATHS_MAX):
        dying = open_worker()
        claimed = make.claim_one(dying)
        dying.close()
        rescued = worker.queue.rescue()

    assert (rescued.pending, rescued.failed) == (0, 1)
    assert worker.records.failures()[0].code == "worker_died"
    assert worker.records.last_error(claimed.job)["error_message"] == "the worker died while it held the job"


def failed_by_deaths(worker, open_worker, *, jobs, calls=(), stopped=False):
    """Have workers die that hold jobs and made calls for some; return the places of the jobs that fail for it."""
    for _ in range(DEATHS_MAX):
        dying = open_worker()
        held = make.claim(dying, jobs)
        for place in calls:
            dying.queue.note_call(held[place].job)
        if stopped:
            dying.queue.note_stop("terminated")
        dying.close()
        worker.queue.rescue()
    pending = {claim.job for claim in make.claim(worker, jobs)}
    return [place for place, claim in enumerate(held) if claim.job not in pending]


def test_of_many_jobs_the_one_whose_call_began_or_ended_last_is_suspected(worker, open_worker):
    make.ingest(worker, *make.names(4))

    assert failed_by_deaths(worker, open_worker, jobs=4, calls=[0, 1, 2, 3, 1]) == [1]


def test_a_job_that_was_alone_is_suspected_even_without_a_call(worker, open_worker):
    make.ingest(worker, "poison")

    assert failed_by_deaths(worker, open_worker, jobs=1) == [0]


def test_of_many_jobs_without_a_call_none_is_suspected(worker, open_worker):
    make.ingest(worker, *make.names(4))

    assert failed_by_deaths(worker, open_worker, jobs=4) == []


@pytest.mark.parametrize("jobs", [1, 4])
def test_a_worker_that_was_told_to_stop_is_no_jobs_victim(worker, open_worker, jobs):
    make.ingest(worker, *make.names(jobs))

    assert failed_by_deaths(worker, open_worker, jobs=jobs, calls=range(jobs), stopped=True) == []


def test_a_job_that_is_retried_may_outlive_as_many_workers_again(worker, open_worker):
    make.ingest(worker, "poison")
    for _ in range(DEATHS_MAX):
        kill_with_a_job(worker, open_worker)

    worker.queue.retry(scope=EVERYTHING)

    assert [kill_with_a_job(worker, open_worker).pending for _ in range(DEATHS_MAX)] == [1, 1, 0]


def kill_with_a_job(worker, open_worker):
    dying = open_worker()
    make.claim_one(dying)
    dying.close()
    return worker.queue.rescue()


def test_a_worker_that_ended_with_jobs_in_hand_is_rescued_from(worker, open_worker):
    make.ingest(worker, "Frida Kahlo")
    other = open_worker()
    make.claim(other)
    other.queue.end("failed")

    ended = reader(worker).runs(1)
    assert worker.queue.rescue().pending == 1
    assert reader(worker).runs(1) == ended
    assert ended[0].ending == "failed"


def test_workers_are_alive_dead_or_ended(store, open_worker):
    alive, dead, ended = open_worker(), open_worker(), open_worker()
    dead.close()
    ended.queue.end("finished")

    told = [(row.worker, row.is_alive) for row in store.records.workers()]

    assert told == [(1, True), (2, False)]
    alive.queue.rescue()
    assert [row.worker for row in store.records.workers()] == [1]


def test_a_second_end_of_a_worker_changes_nothing(worker):
    worker.queue.end("finished")
    worker.queue.end("finished")

    assert worker.records.workers() == []


# Retry on command


def test_a_retry_makes_failed_jobs_pending_with_all_their_calls_before_them(worker):
    make.ingest(worker, *make.names(2))
    make.fail(worker)
    make.fail(worker)

    assert worker.queue.retry(scope=EVERYTHING) == 2
    assert states(worker) == (2, 0, 0, 0)
    assert make.claim_one(worker).attempt == 1


def test_a_retry_leaves_other_states_alone(worker):
    make.ingest(worker, *make.names(3))
    make.settle(worker, make.make_attempt(make.claim_one(worker)))
    make.claim_one(worker)

    assert worker.queue.retry(scope=EVERYTHING) == 0
    assert states(worker) == (1, 1, 1, 0)


def test_a_retry_by_code_takes_that_code_alone(worker):
    make.ingest(worker, *make.names(2))
    make.fail(worker, "refusal")
    make.fail(worker, "timeout")

    assert worker.queue.retry(scope=EVERYTHING, code="timeout") == 1
    assert [group.code for group in worker.records.failures()] == ["refusal"]


def test_a_retry_by_job_takes_that_job_alone(worker):
    make.ingest(worker, *make.names(2))
    make.fail(worker)
    second = make.fail(worker)

    assert worker.queue.retry(scope=EVERYTHING, job=second.job) == 1
    assert make.claim_one(worker).job == second.job


@pytest.mark.parametrize("rows", [["Artist 2"], ["Artist 1", "Artist 3"]], ids=["span", "among others"])
def test_a_retry_in_the_scope_of_an_ingest_takes_its_jobs_alone(worker, rows):
    make.ingest(worker, *make.names(3))
    for _ in range(3):
        make.fail(worker)
    scope = worker.records.scope(make.ingest(worker, *rows).ingest)

    assert worker.queue.retry(scope=scope) == len(rows)
    assert [claim.artist_name for claim in make.claim(worker, 9)] == rows


def test_a_retried_job_no_longer_has_its_earlier_answer(worker):
    make.ingest(worker, "Frida Kahlo")
    make.fail(worker, "incomplete", answer=make.make_answer("She was", status="incomplete"))

    worker.queue.retry(scope=EVERYTHING)
    make.fail(worker, "timeout")

    (row,) = make.exported(worker, states=["failed"])
    assert (row.error_code, row.text, row.status) == ("timeout", None, None)


# Reading


def test_counts_are_those_of_the_scope(worker):
    first = make.ingest(worker, *make.names(4))
    second = make.ingest(worker, "Artist 1", "Artist 3", "new", "new")
    make.settle(worker, make.make_attempt(make.claim_one(worker)))
    make.fail(worker)
    make.claim_one(worker)

    counts = [worker.records.counts(worker.records.scope(report.ingest)) for report in (first, second)]

    assert [(c.pending, c.running, c.done, c.failed, c.total) for c in counts] == [(1, 1, 1, 1, 4), (1, 1, 1, 0, 3)]
    assert states(worker) == (2, 1, 1, 1)


def test_an_export_of_an_ingest_has_one_record_per_good_line_in_order(worker):
    make.ingest(worker, "Prince", "Björk")
    report = make.ingest(worker, "Frida Kahlo", "Björk", "Frida Kahlo", BadLine(4, "no artist name", ","), "Prince")
    make.settle(worker, *[make.make_attempt(claimed) for claimed in make.claim(worker, 9)])

    rows = make.exported(worker, report.ingest)

    assert [row.artist_name for row in rows] == ["Frida Kahlo", "Björk", "Frida Kahlo", "Prince"]


def test_an_export_of_a_file_ingested_again_has_its_lines(worker):
    make.ingest(worker, "Prince", "Björk", "Prince")
    again = worker.ingestor.find_same_file(
        make.make_source(make.make_rows("Prince", "Björk", "Prince")), make.make_prompt()
    )
    make.settle(worker, *[make.make_attempt(claimed) for claimed in make.claim(worker, 9)])

    rows = make.exported(worker, again.ingest)

    assert [row.artist_name for row in rows] == ["Prince", "Björk", "Prince"]


def test_lines_that_differ_in_what_is_not_sent_share_a_job_and_keep_their_own_data(worker):
    rows = [("Prince", "singer"), ("Prince", ""), ("Prince", "singer"), ("Prince", "songwriter")]

    report = make.ingest(worker, *rows, prompt=make.make_template())
    make.settle(worker, make.make_attempt(make.claim_one(worker)))

    assert (report.added, report.duplicates) == (1, 3)
    assert [(row.artist_name, row.artist_data) for row in make.exported(worker, report.ingest)] == rows


def test_lines_that_differ_in_what_is_sent_are_jobs_of_their_own(store):
    report = make.ingest(store, ("Prince", "singer"), ("Prince", ""), ("Prince ", "singer"), ("Princes", "inger"))

    assert report.added == 4


def test_an_export_of_all_is_oldest_first_with_one_record_per_job(worker):
    make.ingest(worker, *make.names(3))
    make.ingest(worker, "Artist 2", "Artist 2")
    claims = make.claim(worker, 3)
    for claimed in reversed(claims):
        make.settle(worker, make.make_attempt(claimed))

    assert [row.artist_name for row in make.exported(worker)] == make.names(3)


def test_an_export_has_the_states_asked_for(worker):
    make.ingest(worker, *make.names(3))
    make.settle(worker, make.make_attempt(make.claim_one(worker)))
    make.fail(worker)

    assert [row.state for row in make.exported(worker, states=["done"])] == ["done"]
    assert [row.state for row in make.exported(worker, states=["failed"])] == ["failed"]
    assert [row.state for row in make.exported(worker, states=["done", "failed"])] == ["done", "failed"]


def test_an_export_is_one_snapshot_and_blocks_no_writer(worker, open_again):
    make.ingest(worker, *make.names(4))
    first, *rest = make.claim(worker, 4)
    make.settle(worker, make.make_attempt(first))
    export = open_again().records.export(EVERYTHING, ["done"])

    begun = next(export)
    make.settle(worker, *[make.make_attempt(claimed) for claimed in rest])

    assert begun.artist_name == "Artist 1"
    assert list(export) == []
    assert len(make.exported(worker)) == 4


def test_an_export_left_halfway_does_not_block_the_store(worker):
    make.ingest(worker, *make.names(4))
    make.settle(worker, *[make.make_attempt(claimed) for claimed in make.claim(worker, 3)])
    export = worker.records.export(EVERYTHING, ["done"])
    next(export)
    export.close()

    make.settle(worker, make.make_attempt(make.claim_one(worker)))

    assert len(make.exported(worker)) == 4


def test_details_are_all_that_is_kept_with_an_answer(worker):
    make.ingest(worker, *make.names(2))
    claimed = make.claim_one(worker)
    usage = Usage(
        input_tokens=11, cached_tokens=3, cache_write_tokens=2, output_tokens=22, reasoning_tokens=7, total_tokens=33
    )

    answer = make.make_answer("a text", body=make.make_body("a text"), usage=usage)
    make.settle(worker, make.make_attempt(claimed, answer=answer))

    assert worker.records.details(claimed.job) == {
        "model": "gpt-5-2025-08-07", "cost_usd": 0.5, "seconds": 2.0, "body": make.make_body("a text"),
        "input_tokens": 11, "cached_tokens": 3, "cache_write_tokens": 2,
        "output_tokens": 22, "reasoning_tokens": 7, "total_tokens": 33,
    }  # fmt: skip
    assert worker.records.details(claimed.job + 1) == {}


def test_work_adds_up_over_all_workers(worker, open_worker):
    make.ingest(worker, *make.names(3))
    other = open_worker()
    unpriced = make.make_answer(cost_usd=None, usage=Usage())

    make.settle(worker, make.make_attempt(make.claim_one(worker)))
    make.settle(other, make.make_attempt(make.claim_one(other), answer=unpriced))
    retried = make.claim_one(other)
    make.settle(other, make.make_attempt(retried, Outcome.RETRY), make.make_attempt(retried, Outcome.RELEASED, calls=0))

    assert worker.records.work() == WorkTotals(
        calls=3, retries=1, input_tokens=11, output_tokens=22, cached_share=3 / 11, cost_usd=0.5, unpriced=1
    )
    assert worker.records.money().spent_usd == 0.5


def test_a_new_store_has_no_work_and_no_failures(store):
    assert store.records.work() == WorkTotals(
        calls=0, retries=0, input_tokens=0, output_tokens=0, cached_share=None, cost_usd=0.0, unpriced=0
    )
    assert store.records.failures() == []
    assert store.records.jobs_per_minute(60.0) == 0.0
    assert store.records.money().spent_usd == 0.0


def test_failures_are_grouped_by_code_with_the_most_frequent_first(worker):
    make.ingest(worker, *make.names(4))
    make.fail(worker, "refusal", calls=1)
    for _ in range(3):
        make.fail(worker, "timeout")

    groups = worker.records.failures()

    assert [(group.code, group.jobs, group.artist_name) for group in groups] == [
        ("timeout", 3, "Artist 2"),
        ("refusal", 1, "Artist 1"),
    ]
    assert (groups[0].message, groups[0].status) == ("it went wrong", 500)


def test_a_failure_is_explained_by_the_attempt_that_failed_it(worker):
    make.ingest(worker, "Frida Kahlo")
    claimed = make.fail(worker, "timeout")

    make.settle(worker, make.make_attempt(claimed, Outcome.DONE))

    assert worker.records.last_error(claimed.job)["error_message"] == "it went wrong"
    assert worker.records.failures()[0].message == "it went wrong"


def test_jobs_per_minute_count_recent_answers(worker):
    make.ingest(worker, *make.names(3))
    worker.records._clock = lambda: NOON + 62
    for ended_at in (NOON, NOON + 10, NOON + 60):
        make.settle(worker, make.make_attempt(make.claim_one(worker), ended_at=ended_at))

    assert worker.records.jobs_per_minute(60.0) == 2.0
    assert worker.records.jobs_per_minute(30.0) == 2.0


def work_from(store, start: float, end: float | None, jobs: int) -> None:
    """Run a worker for a time in which it answers some jobs; ``end`` is None if it goes on."""
    worker = store.queue.register()
    set_moment(store, worker, "started_at", NOON + start)
    for _ in range(jobs):
        make.settle(store, make.make_attempt(make.claim_one(store), ended_at=NOON + start))
    if end is not None:
        store.queue.end("finished")
        set_moment(store, worker, "ended_at", NOON + end)


def set_moment(store, worker: int, column: str, moment: float) -> None:
    connection = store._connection
    statement = f"UPDATE workers SET {column} = '{to_timestamp(moment)}' WHERE id = {worker}"
    if isinstance(store, SqliteStore):
        with connection.transaction() as db:
            db.execute(statement)
    else:
        connection.in_transaction(lambda db: db.execute(statement))


@pytest.mark.parametrize(
    ("periods", "per_minute"),
    [
        ([(-5.0, -2.0, 3)], 60.0),
        ([(-30.0, None, 3)], 6.0),
        ([(-300.0, None, 3)], 0.0),
        ([(-50.0, -40.0, 1), (-20.0, -10.0, 2)], 9.0),
        ([(-50.0, -40.0, 1), (-45.0, -30.0, 1)], 6.0),
        ([(-70.0, -50.0, 1), (-30.0, -20.0, 2)], 6.0),
    ],
    ids=[
        "a short run",
        "a run that goes on",
        "no recent answer",
        "a pause between runs",
        "runs at the same time",
        "old",
    ],
)
def test_jobs_per_minute_count_only_the_time_in_which_a_worker_ran(open_again, periods, per_minute):
    make.ingest(open_again(), *make.names(9))
    store = None
    for period in periods:
        store = open_again()
        work_from(store, *period)
    store.records._clock = lambda: NOON

    assert store.records.jobs_per_minute(60.0) == pytest.approx(per_minute)


def test_jobs_per_minute_are_right_if_there_are_more_attempts_than_are_read(open_again, monkeypatch):
    monkeypatch.setattr("artistjobs.store.queries.records.PACE_ATTEMPTS", 4)
    store = open_again()
    make.ingest(store, *make.names(9))
    set_moment(store, store.queue.register(), "started_at", NOON - 40)
    for number in range(9):
        make.settle(store, make.make_attempt(make.claim_one(store), ended_at=NOON - 40 + 4 * number))
    store.records._clock = lambda: NOON

    assert store.records.jobs_per_minute(60.0) == pytest.approx(4 * 60 / 20)


def test_the_time_worked_is_that_of_the_workers_named_since_a_moment(open_again):
    make.ingest(open_again(), *make.names(9))
    for period in [(-500.0, -400.0, 1), (-50.0, -40.0, 1), (-45.0, -30.0, 1)]:
        store = open_again()
        work_from(store, *period)

    assert store.records.worked_seconds([os.getpid()], NOON - 60) == 20.0
    assert store.records.worked_seconds([os.getpid()], NOON - 600) == 470.0
    assert store.records.worked_seconds([1], NOON - 600) is None
    assert store.records.worked_seconds([os.getpid()], NOON) is None


# Real and rehearsal databases


def test_a_database_holds_the_kind_it_was_made_for(open_again):
    open_again(Kind.REHEARSAL)

    assert open_again().kind is Kind.REHEARSAL
    assert open_again(Kind.REHEARSAL).kind is Kind.REHEARSAL


@pytest.mark.parametrize("first", [Kind.REAL, Kind.REHEARSAL])
def test_real_and_rehearsed_jobs_never_mix(open_again, first):
    open_again(first)
    (other,) = set(Kind) - {first}

    with pytest.raises(WrongUseError, match=r"; (add --rehearse, or )?name another database with --db\.$"):
        open_again(other)


# The queue, condition by condition


def reader(store):
    from artistjobs.store.queries.job_queries import SqlJobQueries

    return SqlJobQueries(store._connection)


@pytest.fixture(params=["oldest", "random"])
def claimer(request, worker):
    """A worker that claims the oldest jobs, and one that claims random ones."""
    if request.param == "random":
        worker.queue.claim_randomly()
    return worker


def ingest_table(store, prompt, *rows):
    """Ingest a table with one column beside name and data."""
    source = make.make_source((rows, prompt.key))
    return store.ingestor.ingest(source, prompt, rows, lambda: len(rows), column_names=lambda: ["country"])


def test_a_claim_has_the_columns_of_its_row_if_its_prompt_uses_some(claimer):
    asks = make.make_template("Is {{ artist_name }} from {{ country }}?", columns=("country",))
    ingest_table(claimer, make.make_template(), make.table_row(1, "Björk", "", ["Iceland"]))
    ingest_table(claimer, asks, make.table_row(1, "Frida Kahlo", "", ["Mexico"]))
    make.ingest(claimer, "Prince", prompt=asks)

    claims = make.claim(claimer, 9)

    assert {claim.artist_name: claim.columns for claim in claims} == {
        "Björk": {}, "Frida Kahlo": {"country": "Mexico"}, "Prince": {},
    }  # fmt: skip


def test_a_job_that_a_retry_changed_is_claimed_with_its_new_prompt_until_it_is_changed_back(claimer):
    make.ingest(claimer, "Frida Kahlo", prompt=make.make_prompt(model="gpt-5"))
    make.ingest(claimer, "Frida Kahlo", prompt=make.make_prompt(model="gpt-5-mini"))
    models = []

    for model in ("gpt-6", None, "gpt-5", None):
        make.fail(claimer)
        make.fail(claimer)
        change = (lambda prompt, model=model: replace(prompt, model=model)) if model else None
        assert claimer.queue.retry(scope=EVERYTHING, change=change, job=1) == 1
        assert claimer.queue.retry(scope=EVERYTHING) == 1
        claims = make.claim(claimer, 2)
        models.append([claimer.records.prompt(claim.prompt).model for claim in claims])
        make.settle(claimer, *(make.make_attempt(claim, Outcome.RELEASED) for claim in claims))

    assert models == [[model, "gpt-5-mini"] for model in ("gpt-6", "gpt-6", "gpt-5", "gpt-5")]


def test_a_changed_retry_changes_only_the_jobs_that_it_selects(worker):
    make.ingest(worker, *make.names(3))
    make.fail(worker, "refusal")
    make.fail(worker, "timeout")
    scope = worker.records.scope(make.ingest(worker, "Artist 1", "Artist 3").ingest)
    make.fail(worker, "refusal")

    changed = worker.queue.retry(scope=scope, code="refusal", change=lambda prompt: replace(prompt, model="gpt-6"))
    worker.queue.retry(scope=EVERYTHING)

    models = [worker.records.prompt(claim.prompt).model for claim in make.claim(worker, 3)]
    assert (changed, models) == (2, ["gpt-6", "gpt-5", "gpt-6"])


def test_a_changed_retry_changes_each_prompt_by_itself(worker):
    for model in ("gpt-5", "gpt-5-mini"):
        make.ingest(worker, "Frida Kahlo", prompt=make.make_prompt(model=model))
        make.fail(worker)

    assert worker.queue.retry(scope=EVERYTHING, change=lambda prompt: replace(prompt, params='{"top_p": 1}')) == 2

    found = [worker.records.prompt(claim.prompt) for claim in make.claim(worker, 2)]
    assert [(prompt.model, prompt.params) for prompt in found] == [
        ("gpt-5", '{"top_p": 1}'), ("gpt-5-mini", '{"top_p": 1}'),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "selected", [{"code": "timeout"}, {"job": 2}, {"ingest": 2}, {"ingest": 5}], ids=["code", "job", "span", "among"]
)
def test_a_changed_retry_stores_no_prompt_for_jobs_that_it_leaves(worker, selected):
    mini, large = make.make_prompt(model="gpt-5-mini"), make.make_prompt(model="gpt-5")
    for name, prompt in (("first", large), ("second", mini), ("third", large)):
        make.ingest(worker, name, prompt=prompt)
    for code in ("refusal", "timeout", "refusal"):
        make.fail(worker, code)
    make.ingest(worker, "fourth", prompt=mini)
    make.ingest(worker, "second", "fourth", prompt=mini)
    scope = worker.records.scope(selected["ingest"]) if "ingest" in selected else EVERYTHING
    chosen = {name: value for name, value in selected.items() if name != "ingest"}

    changed = worker.queue.retry(scope=scope, change=lambda prompt: replace(prompt, params='{"top_p": 1}'), **chosen)

    assert (changed, len(worker.records.prompt_names())) == (1, 3)


def test_only_what_may_be_claimed_is_claimed(claimer, open_worker):
    make.ingest(claimer, *make.names(9))
    rows = ["Artist 2", "Artist 8", "Artist 5", "Artist 7", "new"]
    scope = claimer.records.scope(make.ingest(claimer, *rows).ingest)
    other = open_worker()
    held = {claim.artist_name: claim for claim in make.claim(other, 8)}
    released = [held.pop(name) for name in ("Artist 1", "Artist 2", "Artist 7")]
    make.settle(
        other,
        make.make_attempt(released[0], Outcome.RELEASED),
        make.make_attempt(released[1], Outcome.RELEASED, available_at=time.time() + 600),
        make.make_attempt(released[2], Outcome.RELEASED),
        make.make_attempt(held["Artist 5"]),
    )

    assert {claim.artist_name for claim in make.claim(claimer, 9, scope)} == {"Artist 7", "new"}
    assert {claim.artist_name for claim in make.claim(claimer, 9)} == {"Artist 1", "Artist 9"}


def test_a_claim_in_the_scope_of_an_ingest_between_others_takes_just_its_own(claimer):
    make.ingest(claimer, *make.names(5))
    scope = claimer.records.scope(make.ingest(claimer, *make.names(5, start=6)).ingest)
    make.ingest(claimer, *make.names(5, start=11))

    assert scope.is_span
    assert {claim.job for claim in make.claim(claimer, 99, scope)} == set(range(6, 11))


def test_a_job_that_may_be_claimed_is_found_among_many_that_may_not(claimer, monkeypatch):
    monkeypatch.setattr(picks, "PICKS_AT_ONCE", 1)
    make.ingest(claimer, *make.names(30))
    later = time.time() + 600
    attempts = [
        make.make_attempt(claim, Outcome.RELEASED, available_at=1.0 if claim.job in {7, 17} else later)
        for claim in make.claim(claimer, 30)
    ]
    make.settle(claimer, *attempts)

    assert {make.claim_one(claimer).job, make.claim_one(claimer).job} == {7, 17}
    assert make.claim(claimer) == []


def test_jobs_that_others_took_or_put_off_are_no_longer_picked(worker, open_worker):
    make.ingest(worker, *make.names(6))
    other = open_worker()
    worker.queue.claim_randomly()
    (first,) = make.claim(worker)  # all of them are picked now
    taken, put_off, put_back = make.claim(other, 3)
    make.settle(
        other,
        make.make_attempt(put_off, Outcome.RELEASED, available_at=time.time() + 600),
        make.make_attempt(put_back, Outcome.RELEASED, available_at=1.0),
    )

    found = {claim.job for claim in make.claim(worker, 9)}

    assert found == set(range(1, 7)) - {first.job, taken.job, put_off.job}


def test_a_time_that_a_wrong_clock_set_keeps_no_job_from_being_claimed(claimer):
    make.ingest(claimer, "Frida Kahlo")
    wrong = time.time() + 2 * MAX_DELAY_SECONDS
    make.settle(claimer, make.make_attempt(make.claim_one(claimer), Outcome.RELEASED, available_at=wrong))

    assert claimer.queue.queue_state(EVERYTHING).available_at == 0.0
    assert make.claim_one(claimer).artist_name == "Frida Kahlo"


def test_the_job_of_a_dead_worker_is_available_at_once_even_if_it_was_put_off_before(worker, open_worker):
    make.ingest(worker, "Frida Kahlo")
    dying = open_worker()
    make.settle(dying, make.make_attempt(make.claim_one(dying), Outcome.RELEASED, available_at=1.0))
    make.claim_one(dying)
    dying.close()

    worker.queue.rescue()

    assert worker.queue.queue_state(EVERYTHING).available_at == 0.0


def test_the_queue_state_counts_no_jobs_of_open_batches_and_none_outside_its_scope(worker, open_worker):
    make.ingest(worker, *make.names(2), prompt=make.make_template())
    first = worker.records.scope(make.ingest(worker, *make.names(2)).ingest)
    second = worker.records.scope(make.ingest(worker, *make.names(2, start=3)).ingest)
    third = worker.records.scope(make.ingest(worker, *make.names(2, start=5)).ingest)
    other = open_worker()
    worker.batches.prepare("uuid", "gpt-5", EVERYTHING, 2)
    for scope, count in ((first, 1), (second, 2), (third, 1)):
        make.claim(worker, count, scope)

    counts = [other.queue.queue_state(scope).claimed_by_others for scope in (EVERYTHING, first, second, third)]
    times = [other.queue.queue_state(scope).available_at for scope in (first, second, third)]

    assert counts == [4, 1, 2, 1]
    assert times == [0.0, None, 0.0]


def test_the_queue_state_of_an_ingest_leaves_the_jobs_among_its_own_out(worker, open_worker):
    make.ingest(worker, *make.names(3))
    scope = worker.records.scope(make.ingest(worker, "Artist 1", "Artist 3").ingest)
    other = open_worker()
    make.claim(worker, 9, scope)

    partly = other.queue.queue_state(scope)
    make.claim(worker, 9)
    wholly = other.queue.queue_state(scope)

    assert (partly.available_at, partly.claimed_by_others) == (None, 2)
    assert (wholly.available_at, wholly.claimed_by_others) == (None, 2)


def test_the_queue_state_has_the_time_of_the_first_job_that_is_available_again(worker):
    make.ingest(worker, *make.names(3))
    times = [time.time() + seconds for seconds in (300, 100, 200)]
    claims = make.claim(worker, 3)
    make.settle(
        worker,
        *(
            make.make_attempt(claim, Outcome.RELEASED, available_at=later)
            for claim, later in zip(claims, times, strict=True)
        ),
    )

    assert worker.queue.queue_state(EVERYTHING).available_at == pytest.approx(times[1], abs=0.001)


def test_a_retry_that_is_handed_on_counts_and_is_anyones(worker, open_worker):
    make.ingest(worker, "Frida Kahlo")
    make.settle(worker, make.make_attempt(make.claim_one(worker), Outcome.RETRY, is_handed_on=True))

    assert make.claim_one(open_worker()).attempt == 2


def test_the_run_of_a_worker_has_its_own_totals(worker, open_worker):
    make.ingest(worker, *make.names(4))
    first, second, third, _ = make.claim(worker, 4)
    other = open_worker()
    answer = make.make_answer(cost_usd=None, usage=Usage(input_tokens=5, cached_tokens=2, output_tokens=7))

    for _ in range(2):
        make.settle(
            worker,
            make.make_attempt(first),
            make.make_attempt(second, Outcome.FAILED, answer=answer),
            make.make_attempt(third, Outcome.RETRY, answer=make.make_answer(cost_usd=0.25)),
        )

    (theirs, ours) = reader(worker).runs(9)
    totals = (ours.done, ours.failed, ours.calls, ours.retries, ours.input_tokens, ours.output_tokens)
    assert totals == (1, 1, 6, 1, 54, 102)
    assert (ours.cost_usd, ours.unpriced) == (1.5, 2)
    assert ours.seen_at > ours.started_at
    assert (theirs.worker, theirs.calls, theirs.done) == (2, 0, 0)
    assert other.records.work().cached_share == pytest.approx((3 + 2 + 3) / (11 + 5 + 11))


def test_a_worker_that_has_ended_says_nothing_more(worker):
    worker.queue.note_stop("interrupted")
    worker.queue.note_bound("cpu")
    stopped = reader(worker).runs(1)[0]
    queue, number = worker.queue, worker.queue.worker
    queue.end("finished")
    ended = reader(worker).runs(1)[0]

    queue.note_stop("terminated")
    queue.note_bound("requests")

    assert (stopped.worker, stopped.ending, stopped.bounded_by, stopped.ended_at) == (
        number,
        "interrupted",
        "cpu",
        None,
    )
    assert (ended.ending, ended.ended_at is None) == ("finished", False)
    assert reader(worker).runs(1)[0] == ended


def test_what_one_worker_notes_says_nothing_of_another(worker, open_worker):
    other = open_worker()
    other.queue.note_stop("interrupted")
    other.queue.note_bound("cpu")
    other.queue.end("interrupted")

    assert [(run.ending, run.bounded_by, run.ended_at is None) for run in reader(worker).runs(9)] == [
        ("interrupted", "cpu", False), (None, None, True),
    ]  # fmt: skip


def test_a_release_takes_no_more_attempts_back_than_there_were(worker):
    make.ingest(worker, "Frida Kahlo")

    make.settle(worker, make.make_attempt(make.claim_one(worker), Outcome.RELEASED, uncounted=3))

    assert make.claim_one(worker).attempt == 1


def test_the_time_of_a_call_is_kept_in_milliseconds(worker):
    make.ingest(worker, "Frida Kahlo")
    claimed = make.claim_one(worker)

    make.settle(worker, make.make_attempt(claimed, ended_at=NOON + 1.2346))

    assert worker.records.details(claimed.job)["seconds"] == pytest.approx(1.235, abs=1e-6)


def test_a_job_with_a_number_that_no_database_can_hold_is_not_found(worker):
    make.ingest(worker, "Frida Kahlo")

    assert [reader(worker).job(number) is None for number in (1, 2**63 - 1, 2**63, 10**30)] == [False, True, True, True]


# Deaths


def attempts_of(store, claim):
    names = ("number", "calls", "outcome", "error_code", "lost_usd")
    return [tuple(row[name] for name in names) for row in reader(store).attempts(claim.job)]


def test_each_call_of_a_dead_worker_is_an_attempt_with_its_share_of_the_money(worker, open_worker):
    make.ingest(worker, *make.names(4))
    dying = open_worker()
    first, second, background, _ = make.claim(dying, 4)
    make.claim(worker, 1)
    worker.queue.reserve([(5.0, 0.0)], 99.0)
    dying.queue.reserve([(1.0, 0.5)] * 3 + [(2.0, 0.0)], 99.0)
    dying.queue.submission(background.job)
    dying.queue.submit(submission(background, reserved_usd=2.0))
    dying.close()

    worker.queue.rescue()

    assert [attempts_of(worker, claim) for claim in (first, second, background)] == [
        [(1, 1, "died", "worker_died", pytest.approx(1.0))], [(1, 1, "died", "worker_died", pytest.approx(1.0))], [],
    ]  # fmt: skip
    money = worker.records.money()
    assert (money.lost_usd, money.in_flight_usd) == (pytest.approx(3.0), pytest.approx(5.0))


def test_what_is_held_back_for_answers_in_the_background_is_not_lost_with_their_worker(worker, open_worker):
    make.ingest(worker, *make.names(2))
    for store, usd in ((worker, 4.0), (dying := open_worker(), 2.0)):
        claimed = make.claim_one(store)
        store.queue.reserve([(usd, 0.0)], 99.0)
        store.queue.submit(submission(claimed, reserved_usd=usd))
    dying.close()

    worker.queue.rescue()

    assert (worker.records.money().lost_usd, worker.records.money().in_flight_usd) == (0.0, 4.0)


def test_what_a_dead_worker_held_back_beyond_its_answers_in_the_background_is_lost(worker, open_worker):
    make.ingest(worker, *make.names(3))
    dying = open_worker()
    for store, usd in ((worker, 4.0), (dying, 2.0)):
        store.queue.submit(submission(make.claim_one(store), reserved_usd=usd))
    make.claim_one(dying)
    dying.queue.reserve([(2.0, 0.0), (3.0, 0.0)], 99.0)
    dying.close()

    worker.queue.rescue()

    assert worker.records.money().lost_usd == 3.0


def submission(claim, **changes):
    row = {"job": claim.job, "response_id": "resp_1", "window": "8h", "submitted_at": NOON} | changes
    return Submission(**row)


def test_a_rescue_takes_no_job_of_a_living_worker_and_blames_none_for_the_death_of_another(worker, open_worker):
    make.ingest(worker, "Artist 1", "poison", "Artist 3")
    kept = make.claim_one(worker)
    for _ in range(DEATHS_MAX):
        dying = open_worker()
        dying.queue.note_call(make.claim_one(dying).job)
        dying.close()
        worker.queue.rescue()

    assert states(worker) == (1, 1, 0, 1)
    assert attempts_of(worker, kept) == []
    make.settle(worker, make.make_attempt(kept))
    assert states(worker) == (1, 0, 1, 1)


@pytest.mark.parametrize("is_submitted", [False, True])
def test_a_job_that_failed_by_deaths_has_the_attempt_of_its_last_one(worker, open_worker, is_submitted):
    make.ingest(worker, "poison")
    for _ in range(DEATHS_MAX):
        dying = open_worker()
        claimed = make.claim_one(dying)
        dying.queue.note_call(claimed.job)
        if is_submitted:
            dying.queue.submit(submission(claimed))
        dying.close()
        worker.queue.rescue()

    (row,) = make.exported(worker, states=["failed"])
    assert (row.error_code, row.attempts) == ("worker_died", 1 if is_submitted else DEATHS_MAX)


def test_a_response_in_the_background_is_not_blamed_for_the_call_beside_it(worker, open_worker):
    make.ingest(worker, "in the background", "poison")
    for _ in range(DEATHS_MAX):
        dying = open_worker()
        background, poison = make.claim(dying, 2)
        dying.queue.submit(submission(background))
        dying.queue.note_call(poison.job)
        dying.close()
        worker.queue.rescue()

    assert [row.artist_name for row in make.exported(worker, states=["failed"])] == ["poison"]
    assert (make.claim_one(worker).job, background.attempt) == (background.job, 1)


@pytest.mark.parametrize("is_stopped", [False, True])
def test_a_response_in_the_background_that_is_not_suspected_is_fetched_with_the_same_attempt(
    worker, open_worker, is_stopped
):
    make.ingest(worker, "in the background", "poison")
    for death in range(DEATHS_MAX + 1):
        dying = open_worker()
        claim = make.claim_one(dying)
        dying.queue.submit(submission(claim))
        if death < DEATHS_MAX - 1 or is_stopped:
            dying.queue.note_call(claim.job)
        if is_stopped and death >= DEATHS_MAX - 1:
            dying.queue.note_stop("terminated")
        dying.close()
        worker.queue.rescue()

    again = make.claim_one(worker)
    assert (again.artist_name, again.attempt) == ("in the background", 1)


def test_a_death_forgives_no_earlier_one(worker, open_worker):
    make.ingest(worker, *make.names(2))

    def die(*calls):
        dying = open_worker()
        claims = make.claim(dying, 2)
        for call in calls:
            dying.queue.note_call(claims[call].job)
        dying.close()
        worker.queue.rescue()

    for calls in ((0,), (0,), (1,), (0,)):
        die(*calls)

    assert [claim.artist_name for claim in make.claim(worker, 9)] == ["Artist 2"]


# Money


def test_money_for_calls_that_were_not_made_is_free_again(worker, open_worker):
    other = open_worker()
    other.queue.reserve([(1.0, 0.0)], 9.0)
    worker.queue.reserve([(0.1, 0.1), (0.2, 0.2), (3.0, 0.5)], 9.0)

    worker.queue.free(3.0, 0.5)
    some = other.records.money().in_flight_usd
    worker.queue.free(0.3, 0.3)

    assert some == pytest.approx(1.6)
    other.queue.free(1.0, 0.0)
    assert other.records.money().in_flight_usd == 0.0


def test_a_call_that_is_alone_may_take_all_that_the_cap_leaves(worker):
    assert worker.queue.reserve([(2.0, 9.0)], 2.0).granted == 1
    worker.queue.free(2.0, 9.0)
    assert worker.queue.reserve([(2.1, 9.0)], 2.0).granted == 0


def test_a_new_store_has_spent_and_holds_back_nothing(store):
    assert store.records.money() == Money(spent_usd=0.0, lost_usd=0.0, written_off_usd=0.0, in_flight_usd=0.0)


def test_the_rounding_of_a_margin_leaves_nothing_in_flight(worker):
    make.ingest(worker, "Frida Kahlo")
    claimed = make.claim_one(worker)
    worker.queue.reserve([(0.1, 0.1), (0.2, 0.2)], 9.0)

    make.settle(worker, make.make_attempt(claimed, Outcome.RETRY, reserved_usd=0.3, margin_usd=0.3))

    assert worker.records.money().in_flight_usd == 0.0


def test_a_part_of_the_money_in_flight_stays_when_a_call_ends(worker):
    make.ingest(worker, "Frida Kahlo")
    claimed = make.claim_one(worker)
    worker.queue.reserve([(1.0, 0.5), (2.0, 0.25)], 9.0)

    make.settle(worker, make.make_attempt(claimed, Outcome.RETRY, reserved_usd=1.0, margin_usd=0.5, lost_usd=1.0))

    money = worker.records.money()
    assert (money.spent_usd, money.lost_usd, money.in_flight_usd) == (1.0, 1.0, 2.25)


def test_money_that_is_written_off_is_spent_no_longer_and_stays_on_record(worker):
    make.ingest(worker, *make.names(2))
    first, second = make.claim(worker, 2)
    make.settle(worker, make.make_attempt(first), make.make_attempt(second, Outcome.RETRY, lost_usd=2.0))

    worker.queue.write_off()
    once = worker.records.money()
    make.settle(worker, make.make_attempt(replace(second, attempt=2), Outcome.RETRY, lost_usd=1.0))
    worker.queue.write_off()
    twice = worker.records.money()

    assert (once.spent_usd, once.lost_usd, once.written_off_usd) == (0.5, 0.0, 2.0)
    assert (twice.spent_usd, twice.lost_usd, twice.written_off_usd) == (0.5, 0.0, 3.0)
    assert reader(worker).lost_calls() == []


# Dropping


@pytest.fixture
def mixed(worker):
    """A worker of a database with a job in each state, of two prompts and two ingests.

    Of the first prompt, job 1 is done, 2 and 3 have failed, 4 is running and 5 is pending; of the second one, 6 has
    failed and 7 is pending.
    """
    make.ingest(worker, *make.names(5))
    make.settle(worker, make.make_attempt(make.claim_one(worker)))
    make.fail(worker, "refusal")
    make.fail(worker, "timeout")
    make.claim_one(worker)
    make.ingest(worker, *make.names(2), prompt=make.make_prompt(model="gpt-6"))
    scope = worker.records.scope(2)
    (claimed,) = make.claim(worker, 1, scope)
    make.settle(worker, make.make_attempt(claimed, Outcome.FAILED, failure=make.make_failure("refusal")))
    return worker


def codes(store):
    return [reader(store).job(number)["error_code"] for number in range(1, 8)]


def dropped(store):
    return [number for number, code in enumerate(codes(store), 1) if code == DROPPED]


def test_pending_jobs_are_dropped_and_no_others(mixed):
    assert mixed.queue.drop(scope=EVERYTHING) == 2
    assert dropped(mixed) == [5, 7]
    assert make.claim(mixed, 9) == []


def test_failed_jobs_are_dropped_by_their_code(mixed):
    assert mixed.queue.drop(scope=EVERYTHING, code="refusal") == 2
    assert dropped(mixed) == [2, 6]


@pytest.mark.parametrize(("code", "found"), [(None, [5]), ("refusal", [2])])
def test_jobs_of_one_prompt_are_dropped(mixed, code, found):
    assert mixed.queue.drop(scope=EVERYTHING, prompt=1, code=code) == 1
    assert dropped(mixed) == found


@pytest.mark.parametrize("code", [None, "refusal"])
@pytest.mark.parametrize("rows", [make.names(5), ["Artist 5", "Artist 2"]], ids=["span", "among others"])
def test_jobs_of_one_ingest_are_dropped(mixed, code, rows):
    first = mixed.records.scope(make.ingest(mixed, *rows).ingest)

    assert mixed.queue.drop(scope=first, code=code) == 1
    assert dropped(mixed) == [5 if code is None else 2]


@pytest.mark.parametrize("code", [None, "refusal"])
def test_jobs_among_those_of_an_ingest_are_not_dropped(worker, code):
    make.ingest(worker, *make.names(3))
    for _ in range(3 if code else 0):
        make.fail(worker, code)
    scope = worker.records.scope(make.ingest(worker, "Artist 1", "Artist 3").ingest)

    assert worker.queue.drop(scope=scope, code=code) == 2
    assert reader(worker).job(2)["error_code"] == code


@pytest.mark.parametrize(("code", "found"), [(None, [7]), ("refusal", [6])])
def test_jobs_of_the_last_ingest_are_dropped(mixed, code, found):
    mixed.queue.drop(scope=mixed.records.scope(2), code=code)

    assert dropped(mixed) == found


def test_a_dropped_job_was_attempted_as_often_as_before_and_waits_for_nothing(worker):
    make.ingest(worker, *make.names(3))
    for number, later in ((2, time.time() + 600), (1, None)):
        claimed = make.claim_one(worker)
        for attempt in range(1, number + 1):
            make.settle(worker, make.make_attempt(replace(claimed, attempt=attempt), Outcome.RETRY))
        again = replace(claimed, attempt=number + 1)
        make.settle(worker, make.make_attempt(again, Outcome.RELEASED, available_at=later))

    worker.queue.drop(scope=EVERYTHING)

    found = [reader(worker).job(number) for number in (1, 2, 3)]
    assert [(row["attempts"], row["available_at"]) for row in found] == [(2, None), (1, None), (1, None)]


@pytest.mark.parametrize(
    ("selected", "found"),
    [({}, [2, 3, 6]), ({"code": DROPPED}, [5, 7]), ({"job": 5}, [5]), ({"job": 2}, [2]), ({"code": "timeout"}, [3])],
)
def test_a_retry_leaves_dropped_jobs_out_unless_they_are_named(mixed, selected, found):
    mixed.queue.drop(scope=EVERYTHING)
    before = [reader(mixed).job(number)["state"] for number in range(1, 8)]

    assert mixed.queue.retry(scope=EVERYTHING, **selected) == len(found)

    after = [reader(mixed).job(number)["state"] for number in range(1, 8)]
    assert [n for n, (old, new) in enumerate(zip(before, after, strict=True), 1) if old != new] == found


def test_the_progress_of_a_prompt_has_its_names_and_its_jobs_in_each_state(mixed):
    make.ingest(mixed, "Prince", prompt=make.make_template(template_file="ask.txt", params='{"top_p": 1}'))
    mixed.queue.drop(scope=EVERYTHING, prompt=2)

    found = {one.prompt: one for one in reader(mixed).progress()}

    assert [found[prompt].counts for prompt in (1, 2, 3)] == [
        Counts(pending=1, running=1, done=1, failed=2), Counts(pending=0, running=0, done=0, failed=1, dropped=1),
        Counts(pending=1, running=0, done=0, failed=0),
    ]  # fmt: skip
    assert [(one.model, one.prompt_id, one.version) for one in found.values() if one.prompt != 3] == [
        ("gpt-5", "pmpt_test", None), ("gpt-6", "pmpt_test", None),
    ]  # fmt: skip
    assert (found[3].prompt_file, found[3].params, found[3].prompt_id) == ("ask.txt", '{"top_p": 1}', None)
    assert all(one.created_at.endswith("Z") for one in found.values())


def test_the_progress_of_a_stored_prompt_has_its_version(store):
    make.ingest(store, "Prince", prompt=make.make_prompt(version="7"))

    assert [one.version for one in reader(store).progress()] == ["7"]


# Answers in the background


def test_a_response_that_is_submitted_again_replaces_the_first_one_and_no_other(worker):
    make.ingest(worker, *make.names(2))
    first, second = make.claim(worker, 2)
    later = submission(first, response_id="resp_2", window="2h", submitted_at=NOON + 60, reserved_usd=3.0)
    worker.queue.submission(first.job)

    for told in (submission(first), submission(second), later):
        worker.queue.submit(told)

    assert [worker.queue.submission(claim.job) for claim in (first, second)] == [later, submission(second)]
    assert worker.queue.submissions() == 2
    make.settle(worker, make.make_attempt(first))
    assert [worker.queue.submission(claim.job) for claim in (first, second)] == [None, submission(second)]
    assert worker.queue.submissions() == 1
