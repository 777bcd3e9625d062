"""A retry with changed fields asks the same jobs again in another way; their identity and their answers stay."""

import json
import sqlite3
from contextlib import closing

import pytest
from conftest import read_records, write_artists
from schemas import ARTIST

from artistjobs.rehearsal import Fault


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr("artistjobs.core.retry.FIRST_WAIT_SECONDS", 0.01)


def query(folder, statement: str) -> list[tuple]:
    with closing(sqlite3.connect(folder / "artistjobs.db")) as db:
        return db.execute(statement).fetchall()


def cut_below(limit: int):
    """Cut every answer whose limit is lower."""
    return lambda body, nth: Fault.INCOMPLETE if (body.get("max_output_tokens") or limit) < limit else None


@pytest.fixture
def cut(cli, api, folder):
    """Three jobs whose answers were cut, and one that is done."""
    write_artists(folder / "a.csv", 4)
    script = cut_below(4000)
    api.script = lambda body, nth: None if "Artist 4" in json.dumps(body) else script(body, nth)
    (folder / "p.txt").write_text("Who is {{ artist_name }}?")
    options = ("--prompt-file", "p.txt", "--param", "max_output_tokens=100", "--param", "reasoning.effort=low")

    result = cli("run", "a.csv", *options)

    assert result.exit_code == 1, result.stderr
    return lambda: cli("run", "a.csv", *options)


def test_the_jobs_are_asked_again_with_that_field_alone_changed(cli, api, folder, cut):
    before = query(folder, "SELECT id, key, prompt FROM jobs ORDER BY id")
    asked = len(api.journal.calls)

    retried = cli("retry", "--code", "incomplete", "--param", "max_output_tokens=4000")

    assert "3 jobs pending again with max_output_tokens changed" in retried.stderr
    assert cli("work").exit_code == 0
    bodies = [call.body for call in api.journal.calls[asked:]]
    assert [body.get("max_output_tokens") for body in bodies] == [4000] * 3
    first = next(call.body for call in api.journal.calls if call.body["input"] == bodies[0]["input"])
    assert bodies[0] == {**first, "max_output_tokens": 4000}
    assert query(folder, "SELECT id, key, prompt FROM jobs ORDER BY id") == before
    assert query(folder, "SELECT count(*), count(DISTINCT job) FROM answers") == [(7, 4)]


def test_the_same_file_is_still_known(cli, api, folder, cut):
    cli("retry", "--param", "max_output_tokens=4000")

    again = cut()

    assert again.exit_code == 0
    assert "0 jobs added, 4 already known" in again.stderr
    assert len(read_records(folder / "out.jsonl")) == 4


def test_show_tells_what_is_sent_and_what_was_changed(cli, cut):
    cli("retry", "--param", "max_output_tokens=4000", "--param", "text.verbosity=low")

    details = json.loads(cli("show", "--job", "1", "--json").stdout)

    assert details["changed"] == {"max_output_tokens": 4000, "text": {"verbosity": "low"}}
    assert details["request"]["max_output_tokens"] == 4000
    assert len(details["other_answers"]) == 1
    assert "request, with max_output_tokens, text changed by a retry" in cli("show", "--job", "1").stdout
    assert json.loads(cli("show", "--job", "4", "--json").stdout)["changed"] == {}


def test_one_job_alone_can_be_changed(cli, folder, cut):
    cli("retry", "2", "--param", "max_output_tokens=4000")

    assert query(folder, "SELECT id FROM jobs WHERE sent_as IS NOT NULL") == [(2,)]
    assert query(folder, "SELECT id FROM jobs WHERE state = 'pending'") == [(2,)]


def test_later_changes_add_to_earlier_ones_and_a_plain_retry_keeps_them(cli, api, folder, cut):
    cli("retry", "--param", "max_output_tokens=200")
    cli("work")
    cli("retry", "--param", "reasoning.effort=high")
    cli("work")
    cli("retry")
    asked = len(api.journal.calls)

    cli("work")

    for call in api.journal.calls[asked:]:
        assert (call.body["max_output_tokens"], call.body["reasoning"]) == (200, {"effort": "high"})


def test_a_change_back_leaves_no_trace(cli, folder, cut):
    cli("retry", "--param", "max_output_tokens=200")
    cli("work")

    cli("retry", "--param", "max_output_tokens=100")

    assert query(folder, "SELECT count(*) FROM jobs WHERE sent_as IS NOT NULL") == [(0,)]


def test_the_jobs_of_several_prompts_keep_their_own_fields(cli, api, folder, cut):
    api.script = cut_below(4000)
    cli("run", "a.csv", "--prompt-id", "pmpt_other", "--param", "max_output_tokens=50", "--no-store")
    asked = len(api.journal.calls)

    cli("retry", "--param", "max_output_tokens=5000")
    cli("work")

    bodies = [call.body for call in api.journal.calls[asked:]]
    assert sorted("prompt" in body for body in bodies) == [False] * 3 + [True] * 4
    for body in bodies:
        assert body["max_output_tokens"] == 5000
        assert ("store" in body) == ("prompt" in body)
        assert ("reasoning" in body) == ("input" in body)


def test_another_model_is_asked_checked_and_named_in_the_record(cli, api, folder, cut):
    cli("retry", "--param", "model=gpt-5-mini", "--param", "max_output_tokens=4000")

    assert cli("work", "--max-cost", "5").exit_code == 0
    cli("export", "out.jsonl", "--no-text")
    models = [record["request"]["model"] for record in read_records(folder / "out.jsonl")]
    assert models == ["gpt-5-mini"] * 3 + ["gpt-5"]


def test_a_schema_can_be_changed_and_is_checked_and_exported(cli, api, folder, cut):
    (folder / "artist.json").write_text(json.dumps(ARTIST))
    cli("retry", "--param", "text.format=@artist.json", "--param", "max_output_tokens=4000")

    assert cli("work").exit_code == 0
    cli("export", "out.csv", "--no-text")
    cli("export", "out.jsonl", "--no-text", "--ingest", "latest")

    assert (folder / "out.csv").read_text().splitlines()[0].endswith(",gender,born,works")
    assert ["data" in record for record in read_records(folder / "out.jsonl")] == [True] * 3 + [False]


def test_an_ingest_exports_the_columns_of_a_changed_schema(cli, folder, cut):
    (folder / "artist.json").write_text(json.dumps(ARTIST))
    cli("retry", "--param", "text.format=@artist.json", "--param", "max_output_tokens=4000")
    cli("work")

    cli("export", "out.csv", "--no-text", "--ingest", "1")

    assert (folder / "out.csv").read_text().splitlines()[0].endswith(",gender,born,works")


@pytest.mark.parametrize(
    ("params", "said"),
    [
        (["input=x"], "ingest the file again"),
        (["prompt.id=x"], "ingest the file again"),
        (["stream=true"], "set by artistjobs"),
        (["max_output_tokens"], "not KEY=VALUE"),
        (["a=1", "a=2"], "given twice"),
        (["text.format=@nowhere.json"], "cannot read"),
        (["text.format=x"], "not a JSON Schema"),
        (["model="], "name of a model"),
        (["model=3"], "name of a model"),
    ],
)
def test_a_change_that_cannot_be_sent_is_refused_and_changes_nothing(cli, folder, cut, params, said):
    result = cli("retry", *(part for one in params for part in ("--param", one)))

    assert result.exit_code == 2
    assert said in result.stderr
    assert query(folder, "SELECT count(*) FROM jobs WHERE state = 'failed'") == [(3,)]


def test_a_change_for_no_job_is_wrong_use(cli, folder, cut):
    result = cli("retry", "--code", "http_500", "--param", "max_output_tokens=4000")

    assert result.exit_code == 2
    assert query(folder, "SELECT count(*) FROM prompts") == [(1,)]


def test_a_cut_rehearsed_answer_is_whole_after_a_retry_with_more_tokens(cli, folder):
    write_artists(folder / "a.csv", 3)
    (folder / "artist.json").write_text(json.dumps(ARTIST))
    rehearsed = ("--db", "rehearsal.db")
    cut = cli("run", "a.csv", "--schema", "artist.json", "--rehearse", "--param", "max_output_tokens=16")
    assert cut.exit_code == 1, cut.stderr
    assert cli(*rehearsed, "retry", "--param", "model=gpt-5").exit_code == 2

    cli(*rehearsed, "retry", "--code", "incomplete", "--param", "max_output_tokens=4000")

    assert cli("work", "--rehearse").exit_code == 0


def test_the_help_shows_a_retry_that_does_not_buy_the_same_cut_twice(cli):
    assert "retry --code incomplete --param max_output_tokens=4000" in cli("retry", "--help").stdout
