"""Commands ``failures``, ``show`` and ``retry``."""

import json

import factories as make
import pytest
from conftest import read_records, write_artists

from artistjobs.core.attempt import Outcome
from artistjobs.rehearsal import Fault
from artistjobs.store.sqlite.reader import open_reader
from artistjobs.store.sqlite.store import open_store


@pytest.fixture
def failed(cli, folder, api):
    """A run with three refusals, one incomplete answer and one good answer."""
    (folder / "a.csv").write_text("Frida Kahlo,painter\nPrince,singer\nPrincess Nokia\nBjörk\n42\n")
    faults = {"Frida Kahlo": Fault.REFUSAL, "Prince": Fault.REFUSAL, "42": Fault.REFUSAL, "Björk": Fault.INCOMPLETE}
    api.script = lambda body, _: faults.get(body["prompt"]["variables"]["artist_name"])
    cli("run", "a.csv")
    api.script = None


def test_failures_off_a_terminal_are_fields_and_the_retry_command_goes_to_stderr(cli, failed):
    result = cli("failures")

    rows = [line.split("\t") for line in result.stdout.splitlines()]
    assert [row[:5] for row in rows] == [
        ["1", "Frida Kahlo", "refusal", "200", "1"],
        ["2", "Prince", "refusal", "200", "1"],
        ["4", "Björk", "incomplete", "200", "1"],
        ["5", "42", "refusal", "200", "1"],
    ]
    assert all(len(row) == 7 and row[5].endswith("Z") and row[6] for row in rows)
    assert result.stderr == "retry them with: artistjobs retry\n"


def test_failures_take_a_code_and_a_limit_and_count_the_rest(cli, failed):
    result = cli("failures", "--code", "refusal", "--limit", "1", "--json")

    assert [json.loads(line)["artist_name"] for line in result.stdout.splitlines()] == ["Frida Kahlo"]
    assert list(json.loads(result.stdout)) == [
        "job", "artist_name", "artist_data", "code", "status", "attempts", "failed_at", "message", "request_id",
    ]  # fmt: skip
    assert "2 more jobs failed" in result.stderr
    assert "artistjobs retry --code refusal" in result.stderr


@pytest.mark.parametrize("command", [["failures", "--code", "refusd"], ["retry", "--code", "refusd"], ["retry", "3"]])
def test_a_code_or_a_job_that_did_not_fail_is_refused_with_the_existing_codes(cli, failed, command):
    result = cli(*command)

    assert result.exit_code == 2
    assert "refusal (3), incomplete (1)" in result.stderr


def test_failures_of_a_database_without_any_are_none(cli, folder):
    write_artists(folder / "a.csv", 1)
    cli("run", "a.csv")

    listed, retried = cli("failures"), cli("retry")

    assert (listed.exit_code, listed.stdout, listed.stderr) == (0, "", "no job failed\n")
    assert (retried.exit_code, retried.stderr) == (0, "0 jobs pending again\n")


def test_a_retry_prints_the_next_command(cli, failed):
    assert cli("retry", "--code", "refusal").stderr == "3 jobs pending again; continue with: artistjobs work\n"
    assert cli("retry", "4").stderr == "1 job pending again; continue with: artistjobs work\n"


@pytest.mark.parametrize("command", ["show", "show --job", "retry", "failures --limit", "export --ingest"])
def test_a_number_larger_than_any_id_is_wrong_use(cli, failed, command):
    result = cli(*command.split(), 10**20)

    assert result.exit_code == 2
    assert str(10**20) in result.stderr


def test_failures_are_listed_in_order_whatever_their_codes(tmp_path):
    with open_store(tmp_path / "j.db", create=True) as store:
        make.ingest(store, *make.names(60))
        store.queue.register()
        for number, claimed in enumerate(make.claim(store, 60)):
            failure = make.make_failure(f"code_{number % 7}")
            make.settle(store, make.make_attempt(claimed, Outcome.FAILED, failure=failure))

    with open_reader(tmp_path / "j.db") as reader:
        assert [job.job for job in reader.job_queries.failed(None, None)] == list(range(1, 61))
        assert [job.job for job in reader.job_queries.failed("code_3", 2)] == [4, 11]


def test_a_table_of_failures_fits_the_terminal(tmp_path):
    from artistjobs.commands.failures import failures_table
    from artistjobs.terminal.table import cell_width

    with open_store(tmp_path / "j.db", create=True) as store:
        make.ingest(store, "\x1b[31m悪い" * 20, "B")
        store.queue.register()
        for claimed in make.claim(store, 2):
            failure = make.make_failure(message="a\tlong\x1b[2J message " * 20)
            make.settle(store, make.make_attempt(claimed, Outcome.FAILED, failure=failure))

    for width in (40, 80, 120):
        with open_reader(tmp_path / "j.db") as reader:
            lines = list(failures_table(reader.job_queries.failed(None, None), width, str))

        assert [line for line in lines if cell_width(line) > width or "\x1b" in line] == []
        assert len(lines) == 3
        assert "server_error" in lines[2]


def test_a_job_is_shown_with_its_request_and_its_answer(cli, folder, api):
    (folder / "ask.txt").write_text("Who is {{ artist_name }}? {{ artist_data }}")
    (folder / "a.csv").write_text("Frida Kahlo,painter\n")
    api.script = lambda _, nth: Fault.SERVER_ERROR if nth == 1 else None
    cli("run", "a.csv", "--prompt-file", "ask.txt", "--param", "reasoning.effort=low")

    shown = json.loads(cli("show", "Frida Kahlo", "--json").stdout)
    text = cli("show", "Frida Kahlo").stdout

    assert shown["request"] == api.journal.calls[-1].body
    assert [attempt["outcome"] for attempt in shown["attempts"]] == ["retry", "done"]
    assert shown["attempts"][0]["status"] == 500
    assert shown["attempts"][1]["seconds"] >= 0
    assert shown["answer"]["text"] == read_records(folder / "out.jsonl")[0]["response_text"]
    assert shown["answer"]["text"] in text
    assert shown["answer"]["response_id"] in text
    assert list(shown) == [
        "job", "artist_name", "artist_data", "state", "error_code", "available_at", "worker", "request", "changed",
        "attempts", "answer", "other_answers",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("artist", "job"),
    [("Prince", 2), ("princess nokia", 3), ("frida", 1), ("BJÖRK", 4), ("kahlo", 1), ("3", 3), ("42", 5)],
)
def test_an_artist_is_found_by_name_by_part_of_it_or_by_the_id_of_the_job(cli, failed, artist, job):
    assert json.loads(cli("show", artist, "--json").stdout)["job"] == job


def test_several_matches_are_listed_with_their_ids(cli, failed):
    result = cli("show", "PRIN")

    assert result.exit_code == 2
    assert result.stdout == ""
    assert [line.split()[:2] for line in result.stderr.splitlines()[1:3]] == [["2", "Prince"], ["3", "Princess"]]
    assert "artistjobs show --job 2" in result.stderr


@pytest.mark.parametrize("arguments", [["Nobody"], ["--job", "99"], ["99"], [], ["Prince", "--job", "1"], [""]])
def test_a_missing_job_is_wrong_use(cli, failed, arguments):
    result = cli("show", *arguments)

    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1


def test_a_failed_job_is_shown_with_its_command_and_a_late_answer_as_late(cli, failed, folder):
    assert "artistjobs retry 2\n" in cli("show", "Prince").stdout
    cli("retry", "4")
    cli("work")

    shown = json.loads(cli("show", "Björk", "--json").stdout)

    assert (shown["state"], shown["answer"]["status"]) == ("done", "completed")
    assert [(other["status"], other["late"]) for other in shown["other_answers"]] == [("incomplete", False)]
    assert "earlier answer: " in cli("show", "Björk").stdout
