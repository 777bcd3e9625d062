"""The SQLite file: its schema and views as other tools see them, its constraints, and its query plans."""

import re
import sqlite3
import stat
from contextlib import closing, suppress
from pathlib import Path

import factories as make
import pytest

from artistjobs.core.attempt import Outcome
from artistjobs.core.job import ALLOWED_MOVES, EVERYTHING, MAX_DELAY_SECONDS, BadLine, JobState
from artistjobs.core.timestamps import to_timestamp
from artistjobs.errors import InputError, NewerDatabaseError, NoDatabaseError, StoreError, WrongUseError
from artistjobs.store.sqlite import connection as connection_module
from artistjobs.store.sqlite.connection import sql
from artistjobs.store.sqlite.store import SqliteStore, open_store

STATEMENTS = Path(connection_module.__file__).parent / "sql"
TABLES = {"ingests", "ingest_lines", "bad_lines", "prompts", "jobs", "attempts", "answers", "workers"}
VIEWS = {"results", "failures", "progress", "spending", "job_columns"}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "jobs.db"


@pytest.fixture
def store(path):
    with open_store(path, create=True) as store:
        store.queue.register()
        yield store


def rows(path, statement, *parameters):
    """Return the rows that another program reads in the file."""
    with closing(sqlite3.connect(path)) as db:
        cursor = db.execute(statement, parameters)
        columns = [column[0] for column in cursor.description]
        return [dict(zip(columns, row, strict=True)) for row in cursor]


def connection(store):
    return store._connection.db.conn


def sentences(message):
    return message.count(". ") + message.endswith(".")


# Properties of the file


def test_the_tables_and_views_are_those_that_are_documented(store, path):
    found = rows(path, "SELECT name, type, strict FROM pragma_table_list WHERE schema = 'main'")

    assert {row["name"] for row in found if row["type"] == "table"} >= TABLES
    assert {row["name"] for row in found if row["type"] == "view"} == VIEWS


def test_every_table_of_ours_is_strict(store, path):
    found = rows(path, "SELECT name, strict FROM pragma_table_list WHERE schema = 'main' AND type = 'table'")

    lax = {row["name"] for row in found if not row["strict"]}

    assert lax <= {"_sqlite_migrations", "sqlite_schema", "sqlite_sequence", "sqlite_stat1"}


def test_commits_are_synced_in_wal_mode_and_foreign_keys_hold(store):
    found = {
        name: connection(store).execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("journal_mode", "synchronous", "foreign_keys")
    }

    assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


def test_foreign_keys_are_enforced_again_after_every_ingest(store):
    def break_off():
        yield make.make_rows("Prince")[0]
        raise InputError("the disk is gone")

    good = make.make_rows("Prince", ("Prince", "singer"), "Prince", BadLine(4, "no artist name", ","))
    for rows in (good, break_off()):
        with suppress(InputError):
            store.ingestor.ingest(make.make_source("a"), make.make_prompt(), rows, lambda: 4)

        assert connection(store).execute("PRAGMA foreign_keys").fetchone() == (1,)
        assert connection(store).execute("PRAGMA foreign_key_check").fetchall() == []


@pytest.mark.parametrize("good", [0, 1, 3, 7])
@pytest.mark.parametrize("bad", [0, 1, 4, 8])
def test_rows_are_stored_several_at_a_time_and_none_is_lost(store, path, monkeypatch, good, bad):
    monkeypatch.setattr("artistjobs.store.sqlite.ingest._VALUES_AT_ONCE", 12)
    artists = [(name, f"data of {name}") for name in make.names(good)]
    lines = [BadLine(good + number, "no artist name", f",{number}") for number in range(1, bad + 1)]

    report = make.ingest(store, *artists, *lines)

    assert (report.good, report.bad, report.added) == (good, bad, good)
    found = rows(path, "SELECT artist_name, jobs.artist_data FROM jobs JOIN ingest_lines ON job = id ORDER BY line")
    assert [tuple(row.values()) for row in found] == artists
    assert list(store.ingestor.bad_lines(report.ingest, 20)) == lines


def test_a_transaction_has_the_write_lock_from_its_beginning(store, path):
    """A transaction that reads before it writes fails at once if another program has written in between."""
    with (
        closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as program,
        store._connection.transaction(),
        pytest.raises(sqlite3.OperationalError, match="locked"),
    ):
        program.execute("BEGIN IMMEDIATE")


def test_a_journal_mode_that_another_tool_changed_is_put_right(path):
    with open_store(path, create=True):
        pass
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA journal_mode = DELETE").fetchall()

    with open_store(path) as store:
        assert connection(store).execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_every_statement_has_a_comment_and_names_its_columns():
    files = sorted(STATEMENTS.glob("*.sql"))

    assert files
    for file in files:
        text = file.read_text("utf-8")
        assert text.startswith("-- "), file.name
        assert not re.search(r"(SELECT|,|\.)\s*\*", text), file.name


@pytest.mark.parametrize("before", JobState)
@pytest.mark.parametrize("after", JobState)
def test_the_table_allows_the_moves_of_the_diagram_and_no_other(store, before, after):
    make.ingest(store, "Frida Kahlo")
    bring_to(store, before)

    def move():
        connection(store).execute(f"UPDATE jobs SET {COLUMNS[after]}, state = '{after}'")

    if after is before or after in ALLOWED_MOVES[before]:
        move()
    else:
        with pytest.raises(sqlite3.IntegrityError, match="cannot make this move"):
            move()


COLUMNS = {
    JobState.PENDING: "claimed_by = NULL, error_code = NULL",
    JobState.RUNNING: "claimed_by = 1, error_code = NULL, attempt = 1",
    JobState.DONE: "claimed_by = NULL, error_code = NULL, attempt = 1, answer = (SELECT max(id) FROM answers)",
    JobState.FAILED: "claimed_by = NULL, error_code = 'x', attempt = 1",
}


def bring_to(store, state):
    if state is JobState.PENDING:
        fill_answers(store)
        return
    claimed = make.claim_one(store)
    if state is JobState.RUNNING:
        fill_answers(store)
    elif state is JobState.DONE:
        make.settle(store, make.make_attempt(claimed))
    else:
        make.settle(store, make.make_attempt(claimed, Outcome.FAILED, answer=make.make_answer()))


def fill_answers(store):
    """Store a late answer, because a job without an answer cannot be done."""
    make.settle(store, make.make_attempt(make.make_claim(attempt=77)))


@pytest.mark.parametrize(
    "change",
    [
        "state = 'lost'", "state = 'running'", "claimed_by = 1", "error_code = 'x'", "artist_name = ''",
        "attempt = 'many'", "prompt = 99", "claimed_by = 99, state = 'running', attempt = 1", "key = NULL",
    ],
)  # fmt: skip
def test_the_table_refuses_invalid_values(store, change):
    make.ingest(store, "Frida Kahlo")

    with pytest.raises(sqlite3.IntegrityError):
        connection(store).execute(f"UPDATE jobs SET {change}")


@pytest.mark.parametrize("state", [state for state in JobState if state is not JobState.PENDING])
def test_a_job_begins_as_pending(store, state):
    make.ingest(store, "Frida Kahlo")
    fill_answers(store)

    with pytest.raises(sqlite3.IntegrityError):
        connection(store).execute(
            "INSERT INTO jobs (key, prompt, artist_name, state, claimed_by, answer, error_code)"
            " VALUES (x'00', 1, 'x', :state, iif(:state = 'running', 1, NULL), 1, iif(:state = 'failed', 'x', NULL))",
            {"state": state.value},
        )


# Views for people


def test_results_are_the_texts_of_the_jobs_that_are_done(store, path):
    make.ingest(store, ("Frida Kahlo", "painter"), "Prince")
    make.settle(
        store, make.make_attempt(make.claim_one(store), answer=make.make_answer("a text", response_id="resp_9"))
    )
    make.fail(store, answer=make.make_answer())

    assert rows(path, "SELECT * FROM results") == [
        {
            "job": 1, "artist_name": "Frida Kahlo", "artist_data": "painter", "text": "a text",
            "model": "gpt-5-2025-08-07", "input_tokens": 11, "output_tokens": 22, "cost_usd": 0.5, "seconds": 2.0,
            "received_at": to_timestamp(make.NOON + 2), "response_id": "resp_9", "prompt": 1, "service_tier": "default",
        }
    ]  # fmt: skip


def test_failures_show_the_attempt_that_failed_each_job(store, path):
    make.ingest(store, ("Frida Kahlo", "painter"), "Prince")
    claimed = make.fail(store, "timeout")
    make.settle(store, make.make_attempt(claimed))

    (row,) = rows(path, "SELECT * FROM failures")

    assert row.pop("failed_at").endswith("Z")
    assert row == {
        "job": 1, "artist_name": "Frida Kahlo", "artist_data": "painter", "error_code": "timeout",
        "error_message": "it went wrong", "http_status": 500, "attempts": 1, "request_id": "req_failure",
        "prompt": 1,
    }  # fmt: skip


def test_progress_counts_the_jobs_of_each_prompt(store, path):
    make.ingest(store, *make.names(4), prompt=make.make_prompt(version="2"))
    make.ingest(store, "Frida Kahlo", prompt=make.make_template())
    make.settle(store, make.make_attempt(make.claim_one(store)))
    make.fail(store)
    make.claim_one(store)

    found = [tuple(row.values()) for row in rows(path, "SELECT * FROM progress ORDER BY prompt")]

    assert found == [
        (1, "pmpt_test", "2", "gpt-5", "{}", 4, 1, 1, 1, 1, found[0][-2], 0),
        (2, "ask.txt", None, "gpt-5", "{}", 1, 1, 0, 0, 0, found[1][-2], 0),
    ]


def test_spending_adds_up_by_model_and_tier(store, path):
    make.ingest(store, *make.names(3))
    first, second, third = make.claim(store, 3)
    make.settle(store, make.make_attempt(first), make.make_attempt(first))
    make.settle(store, make.make_attempt(second, answer=make.make_answer(service_tier="flex", cost_usd=None)))
    make.settle(store, make.make_attempt(third, answer=make.make_answer(cost_usd=0.25)))

    found = [tuple(row.values()) for row in rows(path, "SELECT * FROM spending ORDER BY service_tier")]

    assert found == [
        ("gpt-5-2025-08-07", "default", 3, 1, 33, 9, 66, 21, 1.25, 0, "live"),
        ("gpt-5-2025-08-07", "flex", 1, 0, 11, 3, 22, 7, None, 1, "live"),
    ]


def test_an_ingest_is_recorded_with_its_counts(store, path):
    make.ingest(store, "Frida Kahlo", "Prince", "Prince", BadLine(4, "a NUL character", "x"))

    (row,) = rows(
        path, "SELECT source, length(sha256) AS sha256, lines, good, added, known, duplicates, bad FROM ingests"
    )
    lines = rows(path, "SELECT line, job FROM ingest_lines ORDER BY line")

    assert tuple(row.values()) == ("artists.csv", 64, 4, 3, 2, 0, 1, 1)
    assert [tuple(line.values()) for line in lines] == [(1, 1), (2, 2), (3, 2)]
    assert [tuple(line.values()) for line in rows(path, "SELECT line, reason, beginning FROM bad_lines")] == [
        (4, "a NUL character", "x")
    ]


def test_the_texts_of_templates_are_stored_once(store, path):
    for model in ("gpt-5", "gpt-6"):
        make.ingest(store, "Frida Kahlo", prompt=make.make_template(model=model, instructions="kurz"))

    assert rows(path, "SELECT count(*) AS texts FROM texts") == [{"texts": 2}]


def test_each_attempt_is_recorded(store, path):
    make.ingest(store, "Frida Kahlo")
    claimed = make.claim_one(store)
    make.settle(store, make.make_attempt(claimed, Outcome.RETRY))
    make.settle(store, make.make_attempt(make.make_claim(attempt=2)))

    found = rows(path, "SELECT job, number, worker, calls, outcome, http_status, error_code, request_id FROM attempts")

    assert [tuple(row.values()) for row in found] == [
        (1, 1, 1, 1, "retry", 500, "server_error", "req_failure"),
        (1, 2, 1, 1, "done", None, None, "req_answer"),
    ]


@pytest.mark.parametrize("outcome", [Outcome.DONE, Outcome.FAILED, Outcome.RELEASED])
def test_a_job_has_the_time_of_its_claim_as_long_as_it_is_held(store, path, monkeypatch, outcome):
    monkeypatch.setattr(store.queue, "_clock", lambda: make.NOON)
    make.ingest(store, "Frida Kahlo")
    claimed = make.claim_one(store)
    make.settle(store, make.make_attempt(claimed, Outcome.RETRY))
    held = rows(path, "SELECT claimed_at FROM jobs")

    make.settle(store, make.make_attempt(make.make_claim(attempt=2), outcome))

    assert held == [{"claimed_at": to_timestamp(make.NOON)}]
    assert rows(path, "SELECT claimed_by, claimed_at FROM jobs") == [{"claimed_by": None, "claimed_at": None}]


def test_the_attempt_of_a_dead_worker_lasts_from_its_claim_to_the_rescue(store, path, monkeypatch):
    make.ingest(store, "Frida Kahlo")
    with open_store(path) as dying:
        dying.queue.register()
        monkeypatch.setattr(dying.queue, "_clock", lambda: make.NOON)
        make.claim_one(dying)
        dying.queue.close()
    monkeypatch.setattr(store.queue, "_clock", lambda: make.NOON + 60)

    store.queue.rescue()

    assert rows(path, "SELECT worker, started_at, ended_at, error_message FROM attempts") == [{
        "worker": 2, "started_at": to_timestamp(make.NOON), "ended_at": to_timestamp(make.NOON + 60),
        "error_message": "the worker died while it held the job",
    }]  # fmt: skip
    assert rows(path, "SELECT claimed_by, claimed_at FROM jobs") == [{"claimed_by": None, "claimed_at": None}]
    assert rows(path, "SELECT ended_at, ending FROM workers WHERE id = 2") == [
        {"ended_at": to_timestamp(make.NOON + 60), "ending": "died"}
    ]


def test_late_answers_are_kept_and_marked(store, path):
    make.ingest(store, "Frida Kahlo")
    claimed = make.claim_one(store)
    make.settle(store, make.make_attempt(claimed, answer=make.make_answer("in time")))
    make.settle(store, make.make_attempt(claimed, answer=make.make_answer("late")))

    assert [tuple(row.values()) for row in rows(path, "SELECT text, late FROM answers")] == [
        ("in time", 0),
        ("late", 1),
    ]


def test_the_answer_of_a_retried_call_is_kept_without_settling_the_job(store, path):
    make.ingest(store, "Frida Kahlo")
    cut = make.make_answer("cut", status="failed")
    make.settle(store, make.make_attempt(make.claim_one(store), Outcome.RETRY, answer=cut))

    assert [tuple(row.values()) for row in rows(path, "SELECT text, late FROM answers")] == [("cut", 0)]
    assert rows(path, "SELECT answer FROM jobs") == [{"answer": None}]


def test_a_text_is_stored_apart_only_where_the_body_does_not_give_it(store, path):
    make.ingest(store, *make.names(3))
    first, second, third = make.claim(store, 3)
    make.settle(
        store,
        make.make_attempt(first, answer=make.make_answer("a text")),
        make.make_attempt(second, answer=make.make_answer("two parts", body=make.make_body("two"))),
        make.make_attempt(third, answer=make.make_answer("no JSON", body="<html>")),
    )

    found = [tuple(row.values()) for row in rows(path, "SELECT text, text_apart FROM answers ORDER BY id")]

    assert found == [("a text", None), ("two parts", "two parts"), ("no JSON", "no JSON")]


@pytest.mark.parametrize("is_random", [False, True])
def test_a_job_is_available_from_its_very_moment_on(store, monkeypatch, is_random):
    monkeypatch.setattr(store.queue, "_clock", lambda: make.NOON)
    make.ingest(store, *make.names(3))
    first, second, third = make.claim(store, 3)
    latest = make.NOON + MAX_DELAY_SECONDS
    make.settle(store, make.make_attempt(second, Outcome.RELEASED, available_at=latest))
    if is_random:
        store.queue.claim_randomly()

    assert store.queue.queue_state(EVERYTHING).available_at == latest
    assert make.claim(store) == []
    make.settle(store, make.make_attempt(first, Outcome.RELEASED, available_at=make.NOON))
    assert make.claim_one(store).job == first.job
    make.settle(store, make.make_attempt(third, Outcome.RELEASED, available_at=latest + 0.001))
    assert store.queue.queue_state(EVERYTHING).available_at == 0.0
    assert make.claim_one(store).job == third.job


# Speed does not depend on the number of finished jobs


def steps(store, action):
    """Return the steps of SQLite's virtual machine in hundreds, which do not depend on the load of the computer."""
    counted = 0

    def count():
        nonlocal counted
        counted += 1

    connection(store).set_progress_handler(count, 100)
    try:
        action()
    finally:
        connection(store).set_progress_handler(None, 100)
    return counted


def finish_many(store, count):
    """Set jobs to done by one statement."""
    make.ingest(store, *make.names(count, start=1_000_000))
    make.settle(store, make.make_attempt(make.claim_one(store)))
    db = connection(store)
    db.execute("UPDATE jobs SET state = 'running', attempt = 1, claimed_by = 1 WHERE state = 'pending'")
    db.execute("UPDATE jobs SET state = 'done', claimed_by = NULL, answer = 1 WHERE state = 'running'")


@pytest.mark.parametrize(
    "action",
    [
        lambda store: store.queue.exchange([], 4, EVERYTHING),
        lambda store: store.queue.exchange([], 4, store.records.scope(None)),
        lambda store: store.queue.queue_state(EVERYTHING),
        lambda store: store.queue.rescue(),
        lambda store: store.queue.retry(scope=EVERYTHING),
        lambda store: store.queue.retry(scope=EVERYTHING, job=3),
        lambda store: store.records.counts(EVERYTHING),
        lambda store: store.records.counts(store.records.scope(None)),
        lambda store: store.records.failures(),
        lambda store: store.records.pending_prompts(EVERYTHING),
        lambda store: store.records.work(),
    ],
    ids=["claim", "claim of an ingest", "outlook", "rescue", "retry", "retry one", "counts", "counts of an ingest",
         "failures", "pending models", "work"],
)  # fmt: skip
def test_the_cost_does_not_grow_with_the_jobs_done(store, action):
    finish_many(store, 20_000)
    make.ingest(store, *make.names(20))

    assert steps(store, lambda: action(store)) < 40


def test_a_claim_of_an_ingest_among_others_passes_the_jobs_that_are_done(store):
    finish_many(store, 20_000)
    make.ingest(store, "Artist 1000007", *make.names(20), "Artist 1010007")
    scope = store.records.scope(None)

    assert not scope.is_span
    assert steps(store, lambda: make.claim(store, 4, scope)) < 40


@pytest.mark.parametrize(
    "statement",
    [
        "claimable", "random_pending", "next_available", "held_elsewhere", "rescue", "retry", "failed_prompts",
        "record_deaths", "drop_pending", "drop_failed", "holders",
    ],
)  # fmt: skip
def test_the_queue_is_read_through_the_small_indexes(store, statement):
    named = {
        "worker": 1, "now": "", "latest": "", "limit": 1, "ingest": None, "first_job": 0, "last_job": 9,
        "code": None, "job": None, "deaths_max": 3, "suspect": None, "is_alone": 0, "asked": None, "sent_as": None,
        "count": 1, "prompt": None,
    }  # fmt: skip

    plan = [row[3] for row in connection(store).execute("EXPLAIN QUERY PLAN " + sql(statement), named)]

    assert any("jobs_pending" in step or "jobs_running" in step or "jobs_failed" in step for step in plan), plan
    assert not any(step.startswith("SCAN jobs") and "INDEX" not in step for step in plan), plan


def test_an_ingest_frees_its_memory_and_disk(store):
    make.ingest(store, *make.names(1_000))

    assert connection(store).execute("PRAGMA cache_size").fetchone() == (-2000,)
    assert connection(store).execute("SELECT name FROM temp.sqlite_master").fetchall() == []


# Files that are missing or belong to another program


def test_a_missing_database_is_not_created_without_a_request(path):
    with pytest.raises(NoDatabaseError, match=r"^there is no database .*; start with: artistjobs ingest FILE$"):
        SqliteStore(path, None, create=False)

    assert not path.exists()
    assert make.litter(path) == set()


def test_a_folder_is_no_database(tmp_path):
    with pytest.raises(WrongUseError, match=r"is a folder; name a file with --db\.$"):
        SqliteStore(tmp_path, None, create=True)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(WrongUseError, match=r"there is no folder .*gone for the database"):
        SqliteStore(tmp_path / "gone" / "jobs.db", None, create=True)


def test_another_programs_database_is_refused_and_not_changed(path):
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE jobs (id)")
    before = path.read_bytes()

    with pytest.raises(WrongUseError, match="belongs to another program"):
        SqliteStore(path, None, create=True)

    assert path.read_bytes() == before
    assert make.litter(path) == set()


@pytest.mark.parametrize(
    "content",
    [b"artist_name,artist_data\n" * 100, *(b"x" * size for size in (1, 99, 100, 511, 512, 513)), b"\0" * 4096],
)
def test_a_file_that_is_no_database_is_refused_and_not_changed(path, content):
    path.write_bytes(content)

    with pytest.raises(StoreError, match=r"it is not a SQLite database; name another with --db") as raised:
        SqliteStore(path, None, create=True)

    assert sentences(str(raised.value)) == 1
    assert path.read_bytes() == content
    assert make.litter(path) == set()


def test_an_empty_file_is_a_new_database(path):
    path.touch()

    with open_store(path, create=True) as store:
        assert store.records.counts(EVERYTHING).total == 0


def test_a_database_of_a_later_version_is_refused(path):
    with open_store(path, create=True):
        pass
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("INSERT INTO _sqlite_migrations (migration_set, name) VALUES ('artistjobs', '9999_add_wings')")

    with pytest.raises(NewerDatabaseError, match=r"made by a later version .*9999_add_wings.*; upgrade artistjobs\.$"):
        SqliteStore(path, None, create=True)


@pytest.mark.parametrize(
    "name",
    ["with space.db", "what?.db", "half#.db", "100%41.db", "Künstler 🎨.db", "file:x.db", ":memory:", "'.db", "-x"],
)
def test_a_database_may_be_called_anything(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)

    with open_store(tmp_path / name, create=True) as store:
        store.queue.register()
        make.ingest(store, "Frida Kahlo")
        make.settle(store, make.make_attempt(make.claim_one(store)))

    assert stat.S_ISREG((tmp_path / name).stat().st_mode)
    with open_store(tmp_path / name) as store:
        assert len(make.exported(store)) == 1


def test_a_link_leads_to_the_database_and_its_workers(store, path, tmp_path):
    link = tmp_path / "elsewhere" / "link.db"
    link.parent.mkdir()
    link.symlink_to(path)

    with open_store(link) as other:
        assert [row.is_alive for row in other.records.workers()] == [True]
    assert [file.name for file in link.parent.iterdir()] == ["link.db"]


def test_a_worker_that_ended_leaves_no_file_behind(path):
    with open_store(path, create=True) as store:
        store.queue.register()
        store.queue.end("finished")

    assert make.litter(path) == {"-lock"}


def test_the_file_of_a_dead_worker_goes_with_its_rescue(store, path):
    dying = SqliteStore(path, None, create=False)
    dying.queue.register()
    dying.close()
    assert make.litter(path) == {"-lock", "-worker-1", "-worker-2"}

    store.queue.rescue()

    assert make.litter(path) == {"-lock", "-worker-1"}


def test_a_store_may_be_closed_twice(path):
    store = SqliteStore(path, None, create=True)

    store.close()
    store.close()


def test_a_database_is_little_larger_than_its_answers(path, store):
    # So many that the pages of empty tables do not matter.
    jobs, text = 4_000, "x" * 1_900
    make.ingest(store, *make.names(jobs))

    while claims := make.claim(store, 500):
        make.settle(store, *[make.make_attempt(claimed, answer=make.make_answer(text)) for claimed in claims])
    store._connection.db.conn.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    (answers,) = rows(path, "SELECT sum(length(body)) AS bytes FROM answers")
    assert answers["bytes"] >= jobs * len(text)
    assert path.stat().st_size < 1.4 * answers["bytes"]


# The keys of a large first file are indexed after the insert.


@pytest.fixture
def of_any_size(monkeypatch):
    monkeypatch.setattr("artistjobs.store.sqlite.ingest._MANY", 1)


def keys_are_unique(store):
    with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
        connection(store).execute("INSERT INTO jobs (key, prompt, artist_name) SELECT key, 1, 'x' FROM jobs")
    return True


def test_a_large_first_file_becomes_the_jobs_that_it_would_row_by_row(of_any_size, store):
    first = make.ingest(store, *make.names(50))
    second = make.ingest(store, *make.names(60, start=41))

    assert (first.added, first.duplicates, second.known, second.added) == (50, 0, 10, 50)
    assert [claim.artist_name for claim in make.claim(store, 100)] == make.names(100)
    assert keys_are_unique(store)


def test_a_large_first_file_with_a_row_that_occurs_twice_asks_it_once(of_any_size, store):
    names = [*make.names(30), "Artist 7", *make.names(30, start=31)]

    ingested = make.ingest(store, *names)

    assert (ingested.added, ingested.duplicates) == (60, 1)
    assert [claim.artist_name for claim in make.claim(store, 100)] == make.names(60)
    assert keys_are_unique(store)
