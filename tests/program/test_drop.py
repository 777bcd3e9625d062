"""Jobs that were dropped are never asked, count apart, and come back only if they are named."""

import json
import sqlite3
from contextlib import closing

import factories as make
import pytest
from conftest import read_records, write_artists

from artistjobs.core.attempt import Outcome
from artistjobs.core.job import EVERYTHING
from artistjobs.rehearsal import Fault
from artistjobs.store.sqlite.store import open_store

ONE, OTHER = ("--prompt-file", "one.txt"), ("--prompt-file", "other.txt")


@pytest.fixture(autouse=True)
def _asked(folder):
    (folder / "one.txt").write_text("Who is {{ artist_name }}?")
    (folder / "other.txt").write_text("What did {{ artist_name }} paint?")
    write_artists(folder / "a.csv", 10)


def query(folder, statement: str) -> list[tuple]:
    with closing(sqlite3.connect(folder / "artistjobs.db")) as db:
        return db.execute(statement).fetchall()


def jobs(cli) -> dict:
    return json.loads(cli("status", "--json").stdout)["jobs"]


def test_the_pending_jobs_of_a_prompt_are_never_asked(cli, folder, api):
    cli("run", "a.csv", *ONE, "--limit", 3)
    cli("ingest", "a.csv", *OTHER)

    dropped = cli("drop", "--prompt", 1)
    worked = cli("work")

    assert "7 pending jobs dropped" in dropped.stderr
    assert worked.exit_code == 0
    assert sorted({call.body["input"].split()[0] for call in api.journal.calls[3:]}) == ["What"]
    assert jobs(cli) == {"total": 13, "pending": 0, "running": 0, "done": 13, "failed": 0, "dropped": 7}
    assert query(folder, "SELECT prompt, done, failed, dropped FROM progress") == [(1, 3, 0, 7), (2, 10, 0, 0)]
    assert "dropped 7" in cli("status").stdout


def test_the_pending_jobs_of_an_ingest_are_dropped_and_no_others(cli, folder, api):
    cli("ingest", "a.csv", *ONE)
    write_artists(folder / "b.csv", 14)
    cli("ingest", "b.csv", *ONE)

    assert "10 pending jobs dropped" in cli("drop", "--ingest", 1).stderr
    assert "4 pending jobs dropped" in cli("drop", "--ingest", "latest").stderr
    assert "no pending job to drop" in cli("drop", "--ingest", 2).stderr


def test_jobs_that_failed_with_a_code_are_dropped_with_what_was_paid_for_them(cli, folder, api):
    api.script = lambda body, _: Fault.INCOMPLETE if "Artist 1?" in body["input"] else None
    failed = cli("run", "a.csv", *ONE)
    api.script = lambda body, _: Fault.REFUSAL

    dropped = cli("drop", "--code", "incomplete")
    again = cli("run", "a.csv", *ONE, "--retry-failed")

    assert (failed.exit_code, again.exit_code) == (1, 0)
    assert "1 failed job dropped" in dropped.stderr
    assert "1 job is dropped and not asked" in again.stderr
    assert len(api.journal.calls) == 10
    assert query(folder, "SELECT count(*) FROM answers WHERE job = 1") == [(1,)]
    assert query(folder, "SELECT count(*) FROM failures") == [(0,)]
    assert cli("failures").stderr == "no job failed\n"


def test_what_was_dropped_is_in_no_export(cli, folder, api):
    cli("run", "a.csv", *ONE, "--limit", 4)
    cli("drop", "--prompt", 1)

    for state, count in (("done", 4), ("failed", 0), ("all", 4)):
        for more in ((), ("--ingest", "latest")):
            cli("export", "all.jsonl", "--state", state, *more, "--no-text")
            assert len(read_records(folder / "all.jsonl")) == count


def test_what_was_dropped_comes_back_if_it_is_named_and_is_asked_once(cli, folder, api):
    cli("ingest", "a.csv", *ONE)
    cli("drop", "--prompt", 1)

    untouched = cli("retry")
    asked_again = cli("run", "a.csv", *ONE)
    revived = cli("retry", "--code", "user:dropped")
    cli("work")

    assert "0 jobs pending again" in untouched.stderr
    assert (asked_again.exit_code, "10 jobs are dropped" in asked_again.stderr) == (0, True)
    assert "10 jobs pending again" in revived.stderr
    assert len(api.journal.calls) == 10
    assert jobs(cli)["done"] == 10


def test_a_dry_run_does_not_count_dropped_jobs_as_calls(cli, api):
    cli("ingest", "a.csv", *ONE)
    cli("drop", "--prompt", 1)
    write_artists_more = cli("run", "a.csv", *ONE, "--dry-run", "--json")

    assert '"calls": 0' in write_artists_more.stdout


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "say which jobs to drop: --prompt N, --ingest N or --code CODE"),
        (("--prompt", 2), "there is no prompt 2; 1 is one.txt, gpt-5, of 20"),
        (("--ingest", 9), "has no ingest 9"),
        (("--ingest", "x"), "neither a number nor latest"),
        (("--code", "nonsense"), "no job failed with nonsense"),
    ],
)
def test_what_there_is_not_is_not_dropped(cli, options, message):
    cli("ingest", "a.csv", *ONE)

    result = cli("drop", *options)

    assert result.exit_code == 2
    assert message in result.stderr
    assert jobs(cli)["pending"] == 10


def test_jobs_that_a_worker_holds_are_left_to_it(tmp_path):
    with open_store(tmp_path / "jobs.db", create=True) as store:
        make.ingest(store, *make.names(5))
        store.queue.register()
        held = make.claim(store, 2)

        assert store.queue.drop(scope=EVERYTHING) == 3
        make.settle(store, *(make.make_attempt(claim) for claim in held))

        counts = store.records.counts(EVERYTHING)
        assert (counts.done, counts.dropped, counts.total) == (2, 3, 2)
        assert make.claim(store, 9) == []


def test_a_server_cannot_drop_a_job(cli, folder, api, monkeypatch):
    monkeypatch.setattr("artistjobs.core.retry.FIRST_WAIT_SECONDS", 0.001)
    with open_store(folder / "artistjobs.db", create=True) as store:
        make.ingest(store, *make.names(1))
        store.queue.register()
        claim = make.claim_one(store)
        from artistjobs.api.classify import classify
        from artistjobs.api.reply import Reply

        failure = classify(Reply(status=422, body=b'{"error": {"code": "user:dropped"}}')).failure
        make.settle(store, make.make_attempt(claim, Outcome.FAILED, failure=failure))

        assert store.records.counts(EVERYTHING).failed == 1


def test_files_that_were_read_are_listed_with_number_and_date(cli, folder):
    assert cli("ingests").exit_code == 2
    cli("ingest", "a.csv", *ONE)
    cli("ingest", "a.csv", *OTHER)

    table = cli("ingests").stdout.splitlines()
    records = [json.loads(line) for line in cli("ingests", "--json").stdout.splitlines()]

    assert [line.split()[0] for line in table] == ["ingest", "1", "2"]
    assert [(one["ingest"], one["prompt"], one["source"], one["added"]) for one in records] == [
        (1, 1, "a.csv", 10),
        (2, 2, "a.csv", 10),
    ]
    assert all(one["ingested_at"].startswith("20") for one in records)


def test_prompts_are_listed_with_number_and_date(cli):
    cli("ingest", "a.csv", *ONE)
    cli("ingest", "a.csv", *OTHER)

    (head, one, other) = cli("status").stdout.splitlines()[-3:]
    prompts = json.loads(cli("status", "--json").stdout)["prompts"]

    assert head.split()[:3] == ["no.", "prompt", "ingested"]
    assert (one.split()[:2], other.split()[:2]) == (["1", "one.txt"], ["2", "other.txt"])
    assert one.split()[2] == prompts[0]["created_at"][:10] or one.split()[2].startswith("20")


# --- before a changed prompt asks about everything again

AGAIN = "of these artists were already ingested with another prompt"


@pytest.mark.parametrize("changed", [OTHER, (*ONE, "--param", "max_output_tokens=99"), (*ONE, "--model", "gpt-5-mini")])
def test_artists_that_will_be_asked_about_again_are_told_before_anything_is_stored(cli, folder, api, changed):
    cli("run", "a.csv", *ONE, "--limit", 3)

    result = cli("run", "a.csv", *changed, "--limit", 1)

    warned = f"10 {AGAIN}: 3 done, 7 pending; they will all be asked again"
    assert warned in result.stderr
    assert "to drop them: artistjobs drop --prompt 1" in result.stderr
    assert result.stderr.index(warned) < result.stderr.index("ingest 2:")


def test_only_artists_that_are_asked_again_are_told(cli, folder, api):
    cli("ingest", "a.csv", *ONE)
    first = cli("ingest", "a.csv", *OTHER).stderr
    same = cli("ingest", "a.csv", *OTHER).stderr
    write_artists(folder / "a.csv", 12)
    longer = cli("ingest", "a.csv", *OTHER).stderr
    both = cli("ingest", "a.csv", *OTHER, "--model", "gpt-5-mini").stderr

    assert f"10 {AGAIN}: 0 done, 10 pending" in first
    assert AGAIN not in same
    assert AGAIN not in longer
    assert f"12 {AGAIN}: 0 done, 22 pending" in both
    assert "artistjobs drop --prompt 1 and artistjobs drop --prompt 2" in both


def test_a_file_with_more_rows_and_another_prompt_tells_of_the_old_ones(cli, folder, api):
    cli("run", "a.csv", *ONE, "--limit", 4)
    cli("drop", "--prompt", 1)
    write_artists(folder / "a.csv", 25)

    told = cli("ingest", "a.csv", *OTHER).stderr

    assert f"10 {AGAIN}: 4 done, 0 pending; they will all be asked again\n" in told


def test_new_artists_are_no_reason_for_a_warning(cli, folder):
    cli("ingest", "a.csv", *ONE)
    (folder / "b.csv").write_text("Frida Kahlo,painter\nArtist 1,another painter\n")

    assert AGAIN not in cli("ingest", "b.csv", *OTHER).stderr


# --- one prompt of several


@pytest.fixture
def two_prompts(cli, folder, api):
    """Three answers and a failure with one prompt, two answers with another."""
    api.script = lambda body, _: Fault.REFUSAL if "Who is Artist 1?" in body["input"] else None
    cli("run", "a.csv", *ONE, "--limit", 4)
    cli("run", "a.csv", *OTHER, "--limit", 2)


def exported(cli, folder, *options) -> list[dict]:
    result = cli("export", "all.jsonl", "--no-text", *options)
    assert result.exit_code == 0, result.stderr
    return read_records(folder / "all.jsonl")


@pytest.mark.usefixtures("two_prompts")
def test_an_export_of_a_prompt_has_its_jobs_and_no_others(cli, folder):
    for more in ((), ("--full",), ("--state", "all"), ("--ingest", 1)):
        assert {one["request"]["prompt_file"] for one in exported(cli, folder, "--prompt", 1, *more)} == {"one.txt"}
    assert [len(exported(cli, folder, "--prompt", number)) for number in (1, 2)] == [3, 2]
    assert len(exported(cli, folder, "--prompt", 1, "--state", "failed")) == 1
    assert exported(cli, folder, "--prompt", 2, "--ingest", 1) == []
    assert len(exported(cli, folder)) == 5


@pytest.mark.usefixtures("two_prompts")
def test_a_status_of_a_prompt_counts_its_jobs_calls_tokens_and_failures(cli):
    everything, one, other = (
        json.loads(cli("status", "--json", *options).stdout) for options in ((), ("--prompt", 1), ("--prompt", 2))
    )

    assert one["jobs"] == {"total": 10, "pending": 6, "running": 0, "done": 3, "failed": 1, "dropped": 0}
    assert (other["jobs"]["done"], other["jobs"]["pending"]) == (2, 8)
    for name in ("calls", "retries", "input_tokens", "output_tokens"):
        assert one[name] + other[name] == everything[name]
    assert one["cost_usd"] + other["cost_usd"] == pytest.approx(everything["cost_usd"], abs=2e-6)  # each is rounded
    assert (len(one["failures"]), other["failures"]) == (1, [])
    assert [len(found["prompts"]) for found in (everything, one, other)] == [2, 1, 1]
    assert one["projection"]["jobs_left"] == 6
    assert "artistjobs.db, prompt 1: 10 jobs" in cli("status", "--prompt", 1).stdout


@pytest.mark.usefixtures("two_prompts")
def test_failures_of_a_prompt_are_listed_alone(cli):
    assert len(cli("failures", "--prompt", 1).stdout.splitlines()) == 1
    assert cli("failures", "--prompt", 2).stderr == "no job failed\n"
    assert cli("failures", "--prompt", 2, "--code", "refusal").exit_code == 2


@pytest.mark.usefixtures("two_prompts")
def test_a_report_of_a_prompt_is_about_its_jobs(cli, folder):
    pages = {}
    for number in (1, 2):
        assert cli("report", f"{number}.html", "--prompt", number).exit_code == 0
        pages[number] = (folder / f"{number}.html").read_text()

    assert "artistjobs.db, prompt 1" in pages[1]
    assert "3 of 10 jobs are done" in pages[1]
    assert "2 of 10 jobs are done" in pages[2]
    assert ("refusal" in pages[1], "refusal" in pages[2]) == (True, False)
    assert "1: one.txt, of 20" in pages[1]
    assert "2: other.txt, of 20" in pages[2]


@pytest.mark.usefixtures("two_prompts")
@pytest.mark.parametrize("command", ["export", "status", "failures", "report"])
def test_a_prompt_that_there_is_not_is_wrong_use(cli, command):
    result = cli(command, "--prompt", 3)

    assert result.exit_code == 2
    assert "there is no prompt 3; 1 is one.txt" in result.stderr
