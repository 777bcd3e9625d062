"""Command ``check``: it predicts whether a run will work and what it costs, and spends nothing without ``--spend``."""

import asyncio
import json
from dataclasses import replace

import pytest
from conftest import KEY, write_artists
from factories import make_body, make_prompt, make_template

from artistjobs.api.prices import usage_cost
from artistjobs.api.reply import Reply
from artistjobs.commands.check import CheckPlan, check
from artistjobs.commands.check_text import check_result_lines
from artistjobs.core.findings import Level
from artistjobs.rehearsal import Fault


def levels(result) -> dict[str, str]:
    """Return the worst level of each subject of a check."""
    found: dict[str, str] = {}
    for line in result.stdout.splitlines()[:-1]:
        level, subject = line[:4].strip(), line[6:].split("  ")[0].strip()
        found[subject] = max(found.get(subject, level), level, key=["ok", "warn", "fail"].index)
    return found


def verdict(result) -> str:
    return result.stdout.splitlines()[-1]


@pytest.fixture
def prompt_file(folder):
    (folder / "p.txt").write_text("Who is {{ artist_name }}?")
    return "p.txt"


def test_a_successful_check_calls_and_writes_nothing(cli, folder, api, prompt_file):
    write_artists(folder / "a.csv", 8)
    before = {path.name for path in folder.iterdir()}

    result = cli("check", "a.csv", "--prompt-file", prompt_file)

    assert result.exit_code == 0
    assert set(levels(result).values()) == {"ok"}
    assert list(levels(result)) == [
        "address", "key", "model", "prompt", "limits", "price", "file", "input", "output", "cost", "time",
    ]  # fmt: skip
    assert verdict(result) == "A run will work."
    assert "8 good rows, 8 distinct" in result.stdout
    assert len(result.stdout.splitlines()) <= 24
    assert api.journal.received == 0
    assert {path.name for path in folder.iterdir()} == before


def test_a_check_needs_no_file(cli, prompt_file):
    result = cli("check", "--prompt-file", prompt_file)

    assert result.exit_code == 0
    assert not {"file", "cost"} & set(levels(result))


def test_spend_makes_exactly_one_call_for_the_first_row_and_stores_nothing(cli, folder, api, prompt_file):
    write_artists(folder / "a.csv", 8)

    result = cli("check", "a.csv", "--prompt-file", prompt_file, "--spend")

    (call,) = api.journal.calls
    assert call.body["input"] == "Who is Artist 1?"
    assert result.exit_code == 0
    assert "answered by gpt-5 in" in result.stdout
    assert "measured on 1 earlier answer" in result.stdout
    assert not (folder / "artistjobs.db").exists()


def test_spend_without_a_file_calls_for_a_sample(cli, api, prompt_file):
    cli("check", "--prompt-file", prompt_file, "--spend")

    (call,) = api.journal.calls
    assert call.body["input"] == "Who is Frida Kahlo?"


def test_the_headers_of_the_call_give_the_limits_and_the_time(cli, folder, api, prompt_file):
    write_artists(folder / "a.csv", 600)
    api.scenario = replace(api.scenario, requests_per_minute=60, tokens_per_minute=1_000_000)

    result = cli("check", "a.csv", "--prompt-file", prompt_file, "--spend", "--max-workers", "32", "--json")

    found = json.loads(result.stdout)
    assert found["limits"] == {"requests_per_minute": 60, "tokens_per_minute": 1_000_000}
    assert found["seconds"]["middle"] == pytest.approx(600, rel=0.01)
    assert "limited by 60 requests a minute" in found["findings"][-1]["text"]


def test_a_wrong_key_fails_with_the_remedy_and_is_not_shown(cli, monkeypatch, api, prompt_file):
    monkeypatch.setenv("OPENAI_API_KEY", "bad-" + KEY)

    result = cli("check", "--prompt-file", prompt_file, "--spend")

    assert result.exit_code == 3
    assert levels(result)["key and model"] == "fail"
    assert "set OPENAI_API_KEY to a valid key" in result.stdout
    assert KEY not in result.output
    assert api.journal.received == 0


def test_a_model_that_is_not_there_fails_with_the_remedy(cli, prompt_file):
    result = cli("check", "--prompt-file", prompt_file, "--model", "missing-model")

    assert result.exit_code == 3
    assert "--model" in result.stdout
    assert verdict(result).startswith("A run will not work")


def test_a_server_that_cannot_be_reached_fails_at_once(cli, monkeypatch, prompt_file):
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")

    result = cli("check", "--prompt-file", prompt_file, "--spend")

    assert result.exit_code == 3
    assert "cannot be reached" in result.stdout
    assert "call" not in levels(result)


def test_a_shutdown_date_is_a_warning(cli, api, prompt_file):
    api.scenario = replace(api.scenario, shutdown_date="2026-12-11")

    result = cli("check", "--prompt-file", prompt_file, "--json")

    found = json.loads(result.stdout)
    assert (result.exit_code, found["works"], found["shutdown_date"]) == (0, True, "2026-12-11")
    assert {"level": "warn", "subject": "model"}.items() <= found["findings"][2].items()
    assert "2026-12-11" in found["findings"][2]["text"]


def test_a_server_without_the_look_up_is_no_failure(cli, api, prompt_file):
    api.scenario = replace(api.scenario, has_models_endpoint=False)

    free, spent = (cli("check", "--prompt-file", prompt_file, *more) for more in ([], ["--spend"]))

    assert (free.exit_code, levels(free)["key and model"]) == (0, "warn")
    assert "--spend" in free.stdout
    assert (spent.exit_code, levels(spent)["call"]) == (0, "ok")


def test_without_a_key_a_check_is_wrong_use_and_reports_the_rest(cli, folder, monkeypatch, prompt_file):
    monkeypatch.delenv("OPENAI_API_KEY")
    write_artists(folder / "a.csv", 3)

    result = cli("check", "a.csv", "--prompt-file", prompt_file, "--spend")

    assert result.exit_code == 2
    assert "OPENAI_API_KEY is not set" in result.stdout
    assert (levels(result)["file"], levels(result)["cost"]) == ("ok", "ok")


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ([], "--prompt-file"),
        (["--prompt-file", "none.txt"], "none.txt"),
        (["--prompt-file", "bad.txt"], "bad.txt, line 1"),
        (["--prompt-id", "x", "--param", "model=y"], "--model"),
    ],
)
def test_a_prompt_that_cannot_be_used_is_wrong_use(cli, folder, monkeypatch, options, part):
    monkeypatch.delenv("OPENAI_PROMPT_ID")
    (folder / "bad.txt").write_text("{{ artist_name")

    result = cli("check", *options)

    assert result.exit_code == 2
    assert levels(result)["prompt"] == "fail"
    assert part in result.stdout


def test_an_invalid_key_and_a_missing_file_are_both_reported(cli, monkeypatch, prompt_file):
    monkeypatch.setenv("OPENAI_API_KEY", "two words")

    result = cli("check", "none.csv", "--prompt-file", prompt_file)

    assert result.exit_code == 2
    assert (levels(result)["key"], levels(result)["file"]) == ("fail", "fail")
    assert "two words" not in result.output


def test_a_stored_prompt_causes_a_warning_and_only_a_call_can_check_it(cli, api):
    api.script = lambda *_: Fault.PROMPT_NOT_FOUND

    free, spent = cli("check"), cli("check", "--spend")

    assert (free.exit_code, spent.exit_code) == (0, 3)
    assert levels(free)["prompt"] == "warn"
    assert "2026-11-30" in free.stdout
    assert "--prompt-file" in spent.stdout
    assert api.journal.received == 1


@pytest.mark.parametrize(
    ("fault", "code", "level"),
    [
        (Fault.NO_CREDIT, 3, "fail"),
        (Fault.SAME_400, 3, "fail"),
        (Fault.RESET, 3, "fail"),
        (Fault.UNAVAILABLE, 0, "warn"),
        (Fault.RATE_LIMITED, 0, "warn"),
        (Fault.INCOMPLETE, 0, "warn"),
        (Fault.REFUSAL, 0, "warn"),
        (Fault.HTML_OK, 0, "warn"),
    ],
)
def test_the_call_is_classified_as_in_a_run(cli, api, prompt_file, fault, code, level):
    api.script = lambda *_: fault

    result = cli("check", "--prompt-file", prompt_file, "--spend")

    assert (result.exit_code, levels(result)["call"]) == (code, level)
    assert api.journal.received == 1


def test_an_unknown_price_is_a_warning_unless_prices_are_given(cli, folder, prompt_file):
    write_artists(folder / "a.csv", 3)
    asked = ["check", "a.csv", "--prompt-file", prompt_file, "--model", "nobody-knows"]

    unknown, given = cli(*asked), cli(*asked, "--price-input", "1", "--price-output", "2")

    assert (unknown.exit_code, levels(unknown)["price"], levels(unknown)["cost"]) == (0, "warn", "warn")
    assert (levels(given)["price"], levels(given)["cost"]) == ("ok", "ok")


def test_rows_are_compared_with_the_database_which_is_not_changed(cli, folder, prompt_file):
    (folder / "a.csv").write_text("A\nB\n")
    cli("run", "a.csv", "--prompt-file", prompt_file)
    (folder / "a.csv").write_text("A\nB\nC\nC\n,bad\n")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    found = json.loads(cli("check", "a.csv", "--prompt-file", prompt_file, "--json").stdout)

    assert found["file"] == {
        "name": "a.csv", "good": 4, "bad": 1, "distinct": 3, "database": "artistjobs.db", "new": 1, "done": 2,
        "failed": 0, "calls": 1,
    }  # fmt: skip
    assert found["estimate"]["how"]["cost_usd"].startswith("measured on 2 earlier answers")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_check_reads_the_database_while_a_worker_runs(cli, folder, prompt_file):
    from artistjobs.store.sqlite.store import open_store

    write_artists(folder / "a.csv", 3)
    with open_store(folder / "artistjobs.db", create=True):
        cli("ingest", "a.csv", "--prompt-file", prompt_file)

        found = json.loads(cli("check", "a.csv", "--prompt-file", prompt_file, "--json").stdout)

    assert (found["file"]["new"], found["file"]["calls"]) == (0, 3)


@pytest.mark.parametrize(("content", "code"), [(b"no database at all" * 100, 74), (b"", 0)])
def test_a_file_that_is_no_database_is_reported(cli, folder, prompt_file, content, code):
    (folder / "a.csv").write_text("A\n")
    (folder / "artistjobs.db").write_bytes(content)

    result = cli("check", "a.csv", "--prompt-file", prompt_file)

    assert result.exit_code == code
    assert (folder / "artistjobs.db").read_bytes() == content


def test_a_database_of_the_other_kind_is_wrong_use(cli, folder, prompt_file):
    (folder / "a.csv").write_text("A\n")
    cli("run", "a.csv", "--rehearse")

    result = cli("--db", "rehearsal.db", "check", "a.csv", "--prompt-file", prompt_file)

    assert result.exit_code == 2
    assert "rehearsed jobs" in result.stdout


def test_bad_rows_and_rows_that_cannot_be_rendered_are_warnings(cli, folder):
    (folder / "p.txt").write_text("{{ artist_name }} {{ 1 / (artist_name|length - 3) }}")
    (folder / "a.csv").write_text("Anna\n,bad\nOdd\n")

    result = cli("check", "a.csv", "--prompt-file", "p.txt")

    assert (result.exit_code, levels(result)["file"]) == (0, "warn")
    assert "the first is line 2: no artist name" in result.stdout
    assert "1 row cannot be filled into the template, the first in line 3" in result.stdout


def test_a_check_reports_that_no_calls_are_left(cli, folder, prompt_file):
    (folder / "a.csv").write_text("# nobody\n")

    result = cli("check", "a.csv", "--prompt-file", prompt_file)

    assert (result.exit_code, levels(result)["file"]) == (0, "warn")
    assert "there is nothing to send" in result.stdout


def test_a_rehearsed_check_needs_no_key_and_costs_nothing(cli, folder, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY")
    (folder / "a.csv").write_text("A\n")

    calm = cli("check", "a.csv", "--rehearse", "--spend")
    outage = cli("check", "a.csv", "--scenario", "outage", "--spend")

    assert (calm.exit_code, outage.exit_code) == (0, 0)
    assert levels(outage)["call"] == "warn"
    assert [path.name for path in folder.iterdir()] == ["a.csv"]


class OneReply:
    """An API that always sends the same reply."""

    def __init__(self, found: Reply, answer: Reply) -> None:
        self.found, self.answer = found, answer

    async def create(self, _body):
        return self.answer

    async def look_up_model(self, _model):
        return self.found


def checked(api, **changes):
    plan = {
        "base_url": "http://api", "model": "gpt-5", "prompt": make_template(), "max_workers": 4, "cost": usage_cost,
        "spend": True,
    }  # fmt: skip
    return asyncio.run(check(CheckPlan(**(plan | changes)), api, lambda: 0.0))


def test_a_temporary_failure_of_the_look_up_is_a_warning():
    found = checked(OneReply(Reply(status=503), Reply(status=200, body=make_body().encode())))

    assert found.exit_code == 0
    assert found.findings[1].level is Level.WARN
    assert "HTTP 503" in found.findings[1].text


def test_an_answer_without_usage_is_still_an_answer():
    found = checked(OneReply(Reply(status=200, body=b"{}"), Reply(status=200, body=make_body().encode())))

    (call,) = [finding for finding in found.findings if finding.subject == "call"]
    assert call.level is Level.OK
    assert "tokens unknown, cost unknown" in call.text


def test_messages_of_a_server_cannot_control_the_terminal():
    evil = Reply(status=401, body=json.dumps({"error": {"message": "\x1b]0;owned\x07"}}).encode())

    lines = check_result_lines(checked(OneReply(evil, evil), prompt=make_prompt()))

    assert all(line.isprintable() for line in lines)
