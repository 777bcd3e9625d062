"""An answer that must fit a JSON Schema is done only if it does; otherwise it is corrected, kept and paid for."""

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
from conftest import read_records, wait_until, write_artists
from schemas import ARTIST

from artistjobs.errors import PromptError
from artistjobs.rehearsal import Fault


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr("artistjobs.core.retry.FIRST_WAIT_SECONDS", 0.01)


@pytest.fixture
def rows(folder) -> Path:
    (folder / "artist.json").write_text(json.dumps(ARTIST))
    (folder / "p.txt").write_text("Who is {{ artist_name }}?")
    return write_artists(folder / "a.csv", 3)


def run(cli, *further):
    return cli("run", "a.csv", "--prompt-file", "p.txt", "--schema", "artist.json", *further)


def query(folder, statement: str) -> list[tuple]:
    with closing(sqlite3.connect(folder / "artistjobs.db")) as db:
        return db.execute(statement).fetchall()


def is_correction(body) -> bool:
    return isinstance(body.get("input"), list)


def wrong_first(body, _nth):
    """Answer wrongly until a correction is asked for."""
    return None if is_correction(body) else Fault.SCHEMA_MISMATCH


def always_wrong(_body, _nth):
    return Fault.SCHEMA_MISMATCH


def test_every_answer_that_is_done_fits_the_schema(cli, folder, rows):
    result = run(cli)

    assert result.exit_code == 0, result.stderr
    for record in read_records(folder / "out.jsonl"):
        jsonschema.validate(json.loads(record["response_text"]), ARTIST)


def test_the_schema_is_sent_as_the_format_of_the_text(cli, api, rows):
    run(cli, "--param", "text.verbosity=low")

    (sent,) = {json.dumps(call.body["text"]) for call in api.journal.calls}
    asked = {"name": "Artist", "schema": ARTIST, "strict": False, "type": "json_schema"}
    assert json.loads(sent) == {"format": asked, "verbosity": "low"}
    assert json.dumps(ARTIST) in sent, "the properties are in the order of the file, which the model keeps to"


def test_a_wrong_answer_is_kept_and_asked_once_more_with_what_was_wrong(cli, api, folder, rows):
    api.script = wrong_first

    result = run(cli)

    assert result.exit_code == 0, result.stderr
    assert "6 calls (3 retried)" in result.stderr
    assert query(folder, "SELECT number, outcome, error_code FROM attempts WHERE job = 1 ORDER BY id") == [
        (1, "retry", "schema_mismatch"), (2, "done", None),
    ]  # fmt: skip
    ((wrong,), (right,)) = query(folder, "SELECT text FROM answers WHERE job = 1 ORDER BY id")
    jsonschema.validate(json.loads(right), ARTIST)
    corrections = [call.body for call in api.journal.calls if is_correction(call.body)]
    (corrected,) = (body for body in corrections if "Artist 1" in json.dumps(body))
    question, answer, complaint = corrected["input"]
    assert question == {"role": "user", "content": "Who is Artist 1?"}
    assert answer == {"role": "assistant", "content": wrong}
    ((reason,),) = query(folder, "SELECT error_message FROM attempts WHERE job = 1 AND number = 1")
    assert reason in complaint["content"]


def test_a_correction_counts_in_money_tokens_and_calls(cli, api, folder, rows):
    api.script = wrong_first

    summary = json.loads(run(cli, "--model", "gpt-5-mini", "--json").stdout)

    ((answers, cost, tokens),) = query(folder, "SELECT count(*), sum(cost_usd), sum(output_tokens) FROM answers")
    assert (answers, summary["calls"], summary["retries"]) == (6, 6, 3)
    assert summary["cost_usd"] == pytest.approx(cost, abs=1e-6)
    assert summary["output_tokens"] == tokens


def test_an_answer_that_stays_wrong_fails_its_job_alone_and_is_kept(cli, api, folder, rows):
    api.script = lambda body, nth: Fault.SCHEMA_MISMATCH if "Artist 2" in json.dumps(body) else None

    result = run(cli)

    assert result.exit_code == 1
    assert query(folder, "SELECT id, error_code FROM jobs WHERE state = 'failed'") == [(2, "schema_mismatch")]
    assert query(folder, "SELECT count(*) FROM answers WHERE job = 2") == [(2,)]
    cli("export", "failed.jsonl", "--state", "failed", "--no-text")
    (record,) = read_records(folder / "failed.jsonl")
    assert record["error"]["code"] == "schema_mismatch"
    assert record["error"]["attempts"] == 2
    assert [(record["response_text"],)] == query(
        folder, "SELECT text FROM answers JOIN jobs ON jobs.answer = answers.id WHERE jobs.id = 2"
    )


def test_show_names_both_answers_and_what_was_wrong(cli, api, rows):
    api.script = always_wrong
    run(cli)

    shown = cli("show", "--job", "1").stdout

    assert shown.count("schema_mismatch") == 2
    assert "earlier answer: " in shown
    details = json.loads(cli("show", "--job", "1", "--json").stdout)
    assert [attempt["error_code"] for attempt in details["attempts"]] == ["schema_mismatch"] * 2
    assert len(details["other_answers"]) == 1


@pytest.mark.parametrize(("corrections", "calls"), [(0, 3), (1, 6), (3, 12)])
def test_corrections_are_as_many_as_said(cli, api, folder, rows, corrections, calls):
    api.script = always_wrong

    assert run(cli, "--corrections", corrections).exit_code == 1
    assert len(api.journal.calls) == calls


def test_corrections_never_exceed_the_calls_of_a_job(cli, api, folder, rows):
    api.script = always_wrong

    run(cli, "--corrections", 9, "--max-attempts", 2)

    assert len(api.journal.calls) == 6
    assert query(folder, "SELECT DISTINCT error_code, attempt FROM jobs") == [("schema_mismatch", 2)]


def test_many_wrong_answers_in_a_row_are_no_outage(cli, api, folder, rows):
    write_artists(rows, 40)
    api.script = always_wrong

    result = run(cli)

    assert result.exit_code == 1, result.stderr
    assert query(folder, "SELECT state, count(*) FROM jobs GROUP BY state") == [("failed", 40)]


def test_a_correction_that_meets_an_error_is_repeated_as_a_correction(cli, api, folder, rows):
    def script(body, nth):
        if not is_correction(body):
            return Fault.SCHEMA_MISMATCH
        return Fault.SERVER_ERROR if nth == 1 else None

    api.script = script

    assert run(cli).exit_code == 0
    assert query(folder, "SELECT number, outcome, error_code FROM attempts WHERE job = 1 ORDER BY id") == [
        (1, "retry", "schema_mismatch"), (2, "retry", "http_500"), (3, "done", None),
    ]  # fmt: skip


def test_a_correction_that_was_due_at_a_kill_is_asked_by_the_next_run(program_with_api, api, folder, rows):
    program_with_api.run("ingest", "a.csv", "--prompt-file", "p.txt", "--schema", "artist.json")
    api.scenario = replace(api.scenario, hang_seconds=60.0)
    api.script = lambda body, nth: Fault.HANG if is_correction(body) else Fault.SCHEMA_MISMATCH
    process = program_with_api.start("work", "--max-workers", "1")
    wait_until(lambda: api.journal.names().get("hang"))
    process.kill()
    process.wait()
    api.script = wrong_first
    before = len(api.journal.calls)

    done = program_with_api.run("work", "--max-workers", "1")

    assert done.returncode == 0, done.stderr
    asked = [call.body for call in api.journal.calls[before:] if "Artist 1" in json.dumps(call.body["input"])]
    assert list(map(is_correction, asked)) == [True], "the question itself was paid for already"


def test_ctrl_c_before_a_correction_leaves_it_to_the_next_run(cli, api, folder, rows, monkeypatch):
    api.script = wrong_first
    from artistjobs.worker.active_job import ActiveJob
    from artistjobs.worker.stop import StopReason

    before_backoff = ActiveJob.before_backoff

    async def stopping(self, state):
        await before_backoff(self, state)
        self._shared.stop.request(StopReason.INTERRUPTED, "as by Ctrl+C")

    monkeypatch.setattr(ActiveJob, "before_backoff", stopping)
    assert run(cli, "--max-workers", 1).exit_code == 130
    monkeypatch.setattr(ActiveJob, "before_backoff", before_backoff)
    asked = len(api.journal.calls)

    assert cli("work", "--max-workers", 1).exit_code == 0
    assert is_correction(api.journal.calls[asked].body)
    assert query(folder, "SELECT attempt FROM jobs WHERE id = 1") == [(2,)]


def test_a_retry_by_hand_asks_anew_and_may_correct_again(cli, api, folder, rows):
    api.script = always_wrong
    run(cli)
    asked = len(api.journal.calls)
    api.script = wrong_first

    cli("retry", "--code", "schema_mismatch")
    result = cli("work", "--max-workers", 1)

    assert result.exit_code == 0, result.stderr
    assert [is_correction(call.body) for call in api.journal.calls[asked:]] == [False, True] * 3
    assert query(folder, "SELECT count(*) FROM answers WHERE job = 1") == [(4,)]


def test_several_processes_check_and_correct_too(program_with_api, api, folder, rows):
    write_artists(rows, 12)
    api.script = wrong_first

    done = program_with_api.run(
        "run", "a.csv", "--prompt-file", "p.txt", "--schema", "artist.json", "--processes", "2", "--corrections", "2"
    )

    assert done.returncode == 0, done.stderr
    assert query(folder, "SELECT count(*) FROM answers") == [(24,)]


def test_a_param_with_a_schema_is_checked_as_well_and_a_bare_one_is_wrapped(cli, api, folder, rows):
    api.script = always_wrong
    whole = {"type": "json_schema", "name": "a", "schema": ARTIST}
    (folder / "format.json").write_text(json.dumps(whole))

    for name in ("format.json", "artist.json"):
        asked = len(api.journal.calls)
        result = cli("run", "a.csv", "--prompt-file", "p.txt", "--param", f"text.format=@{name}", "--corrections", 0)

        assert result.exit_code == 1, result.stderr
        assert api.journal.calls[asked].body["text"]["format"]["type"] == "json_schema"
    assert query(folder, "SELECT count(*), error_code FROM jobs GROUP BY error_code") == [(6, "schema_mismatch")]


@pytest.mark.parametrize(
    ("content", "further", "said"),
    [
        (None, [], "cannot be read"),
        (b"\xff\xfe{", [], "not UTF-8"),
        (b"{", [], "not JSON"),
        (b"[]", [], "not a JSON Schema"),
        (b'{"type": "strin"}', [], "strin"),
        (b'{"$ref": "https://example.com/x.json"}', [], "example.com"),
        (b"{}", ["--param", "text.format=@artist.json"], "both set text.format"),
        (b"{}", ["--param", "text=x"], "both set text.format"),
        (b'{"type": "json_schema", "name": "a"}', [], "no schema"),
    ],
)
def test_a_schema_that_cannot_be_used_is_refused_before_anything_is_stored(cli, folder, rows, content, further, said):
    if content is not None:
        (folder / "s.json").write_bytes(content)

    for command in ("run", "ingest"):
        result = cli(command, "a.csv", "--prompt-file", "p.txt", "--schema", "s.json", *further)

        assert result.exit_code == 2
        assert said in result.stderr
        assert len(result.stderr.strip().splitlines()) == 1
    assert not (folder / "artistjobs.db").exists()
    assert cli("check", "a.csv", "--prompt-file", "p.txt", "--schema", "s.json", *further).exit_code == 2


def test_a_schema_that_cannot_be_strict_is_told_with_the_reason(cli, rows):
    assert "strict false, because it allows additional properties" in run(cli).stderr


def test_another_schema_makes_other_jobs(cli, folder, rows):
    run(cli)
    (folder / "artist.json").write_text('{"type": "object"}')

    run(cli)

    assert query(folder, "SELECT count(*) FROM jobs") == [(6,)]


def test_check_names_the_schema_and_tries_it_with_one_call(cli, api, rows):
    options = ["--prompt-file", "p.txt", "--schema", "artist.json"]
    assert "every answer is checked" in cli("check", "a.csv", *options).stdout
    assert "the answer fits the schema" in cli("check", "a.csv", *options, "--spend").stdout

    api.script = always_wrong

    assert "would ask for a correction" in cli("check", "a.csv", *options, "--spend").stdout


def test_a_schema_of_an_older_database_that_cannot_be_used_stops_nothing(cli, folder, rows, monkeypatch):
    cli("ingest", "a.csv", "--prompt-file", "p.txt", "--schema", "artist.json")

    def refuse(schema):
        raise PromptError("no schema for this version")

    monkeypatch.setattr("artistjobs.worker.answer_checks.compile_check", refuse)

    result = cli("work")

    assert result.exit_code == 0, result.stderr
    assert result.stderr.count("the answers are not checked") == 1


def test_a_rehearsed_storm_with_a_schema_ends_with_answers_that_fit(cli, folder, rows):
    write_artists(rows, 60)

    result = cli("run", "a.csv", "--schema", "artist.json", "--scenario", "storm", "--max-workers", 30)

    assert result.exit_code in (0, 1), result.stderr
    records = read_records(folder / "out.jsonl")
    assert records
    for record in records:
        jsonschema.validate(json.loads(record["response_text"]), ARTIST)
