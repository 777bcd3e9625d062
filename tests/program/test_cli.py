"""Commands, streams and exit codes that users and scripts rely on."""

import json
import subprocess
import sys
from dataclasses import replace

import pytest
from conftest import KEY, read_records, write_artists

from artistjobs import __version__
from artistjobs.cli import cli as commands
from artistjobs.cli.options import SCENARIO_NAMES
from artistjobs.rehearsal import SCENARIOS, Fault


def test_run_asks_about_every_row_and_exports_in_file_order(cli, folder, api):
    (folder / "artists.csv").write_text("artist_name,artist_data\nPrince,singer\n\n# no\nBjörk\nPrince,singer\n,bad\n")

    result = cli("run", "artists.csv")

    records = read_records(folder / "out.jsonl")
    assert result.exit_code == 0
    assert [record["artist_name"] for record in records] == ["Prince", "Björk", "Prince"]
    assert result.stdout == "".join(record["response_text"] + "\n" for record in records)
    assert api.journal.received == 2
    assert "line 7: no artist name" in result.stderr


def test_a_record_has_its_keys_in_the_order_of_the_contract(cli, folder):
    (folder / "a.csv").write_text("Prince,singer\nBjörk\n")

    cli("run", "a.csv", "--prompt-id", "pmpt_1", "--version", "7")

    first, second = (folder / "out.jsonl").read_text().splitlines()
    assert list(json.loads(first)) == [
        "artist_name", "artist_data", "request", "response_text", "response_id", "created", "error",
    ]  # fmt: skip
    assert json.loads(first)["request"] == {
        "prompt_id": "pmpt_1",
        "version": "7",
        "model": "gpt-5",
        "variables": {"artist_name": "Prince", "artist_data": "singer"},
    }
    assert "artist_data" not in json.loads(second)
    assert json.loads(second)["request"]["variables"] == {"artist_name": "Björk"}
    assert isinstance(json.loads(first)["created"], int)
    assert json.loads(first)["error"] is None
    assert "Björk" in second


def test_the_same_run_again_makes_no_call_and_exports_the_same_bytes(cli, folder, api):
    write_artists(folder / "a.csv", 20)
    cli("run", "a.csv")
    before, calls = (folder / "out.jsonl").read_bytes(), api.journal.received

    result = cli("run", "a.csv")

    assert result.exit_code == 0
    assert (folder / "out.jsonl").read_bytes() == before
    assert api.journal.received == calls
    assert "0 jobs added, 20 already known" in result.stderr


def test_ingest_prints_its_summary_as_json(cli, folder):
    (folder / "a.csv").write_text("A\nB\nA\n,x\n")

    result = cli("ingest", "a.csv", "--json")

    assert json.loads(result.stdout) == {
        "ingest": 1, "lines": 4, "added": 2, "known": 0, "duplicates": 1, "bad": 1,
    }  # fmt: skip


def test_ingest_reads_standard_input(cli, folder):
    result = cli("ingest", "-", input="Prince\nBjörk\n")

    assert result.exit_code == 0
    assert "2 jobs added" in result.stderr


def test_a_file_may_be_named_by_option_and_only_once(cli, folder):
    write_artists(folder / "a.csv", 1)

    assert cli("ingest", "--input-file", "a.csv").exit_code == 0
    assert cli("ingest", "a.csv", "--input-file", "a.csv").exit_code == 2
    assert cli("ingest").exit_code == 2


def test_work_and_export_continue_after_ingest(cli, folder):
    write_artists(folder / "a.csv", 5)
    cli("ingest", "a.csv")

    worked = cli("work")
    exported = cli("export", "answers.jsonl")

    assert (worked.exit_code, exported.exit_code) == (0, 0)
    assert worked.stdout == ""
    assert len(read_records(folder / "answers.jsonl")) == 5
    assert len(exported.stdout.splitlines()) >= 5


def test_export_to_stdout_is_records_alone(cli, folder):
    write_artists(folder / "a.csv", 3)
    cli("run", "a.csv")

    result = cli("export", "-")

    assert result.stdout.encode() == (folder / "out.jsonl").read_bytes()
    assert result.stderr == ""


def test_export_without_texts_leaves_stdout_empty(cli, folder):
    write_artists(folder / "a.csv", 3)
    cli("run", "a.csv")

    assert cli("export", "--no-text").stdout == ""


def test_export_of_one_ingest_holds_its_lines_alone(cli, folder):
    (folder / "one.csv").write_text("A\nB\n")
    (folder / "two.csv").write_text("C\nA\n")
    cli("run", "one.csv")
    cli("run", "two.csv", "--output", "two.jsonl")

    cli("export", "first.jsonl", "--ingest", "1")
    cli("export", "latest.jsonl", "--ingest", "latest")
    cli("export", "everything.jsonl")

    names = {
        name: [record["artist_name"] for record in read_records(folder / f"{name}.jsonl")]
        for name in ("two", "first", "latest", "everything")
    }
    assert names == {"two": ["C", "A"], "first": ["A", "B"], "latest": ["C", "A"], "everything": ["A", "B", "C"]}


@pytest.mark.parametrize("number", ["9", "x", "-1"])
def test_an_unknown_ingest_is_wrong_use(cli, folder, number):
    write_artists(folder / "a.csv", 1)
    cli("run", "a.csv")

    assert cli("export", "--ingest", number).exit_code == 2


def test_a_full_record_appends_further_fields(cli, folder):
    write_artists(folder / "a.csv", 1)
    cli("run", "a.csv")

    cli("export", "full.jsonl", "--full")

    (record,) = read_records(folder / "full.jsonl")
    assert list(record)[-6:] == ["job_id", "model", "usage", "cost_usd", "seconds", "response"]
    assert record["response"]["id"] == record["response_id"]
    assert record["cost_usd"] > 0
    assert record["usage"]["output_tokens"] > 0


def test_failed_jobs_are_exported_when_asked_for_and_exit_1(cli, folder, api):
    (folder / "a.csv").write_text("Good\nBad\n")
    api.script = lambda body, _: Fault.ROW_400 if body["prompt"]["variables"]["artist_name"] == "Bad" else None

    result = cli("run", "a.csv")
    cli("export", "failed.jsonl", "--state", "failed")
    cli("export", "all.jsonl", "--state", "all")

    (failed,) = read_records(folder / "failed.jsonl")
    assert result.exit_code == 1
    assert [failed[name] for name in ("response_text", "response_id", "created")] == [None, None, None]
    assert list(failed["error"]) == ["type", "code", "message", "status", "attempts"]
    assert (failed["error"]["code"], failed["error"]["status"], failed["error"]["attempts"]) == (
        "invalid_prompt",
        400,
        1,
    )
    assert [record["artist_name"] for record in read_records(folder / "all.jsonl")] == ["Good", "Bad"]
    assert [record["artist_name"] for record in read_records(folder / "out.jsonl")] == ["Good"]


def test_an_incomplete_answer_is_kept_and_fails_its_job(cli, folder, api):
    write_artists(folder / "a.csv", 1)
    api.script = lambda *_: Fault.INCOMPLETE

    result = cli("run", "a.csv")
    cli("export", "failed.jsonl", "--state", "failed")

    (record,) = read_records(folder / "failed.jsonl")
    assert result.exit_code == 1
    assert record["error"]["code"] == "incomplete"
    assert record["response_text"]
    assert read_records(folder / "out.jsonl") == []


def test_failed_jobs_are_not_called_without_a_retry(cli, folder, api):
    write_artists(folder / "a.csv", 3)
    api.script = lambda *_: Fault.REFUSAL
    cli("run", "a.csv")
    api.script = None

    again = cli("run", "a.csv")
    retried = cli("run", "a.csv", "--retry-failed")

    assert (again.exit_code, retried.exit_code) == (1, 0)
    assert "3 failed jobs are not retried" in again.stderr
    assert len(read_records(folder / "out.jsonl")) == 3


def test_retry_takes_a_code_or_a_job(cli, folder, api):
    write_artists(folder / "a.csv", 3)
    api.script = lambda *_: Fault.REFUSAL
    cli("run", "a.csv")

    one, rest = cli("retry", "2"), cli("retry", "--code", "refusal")

    assert [result.stderr.split()[0] for result in (one, rest)] == ["1", "2"]


def test_status_shows_failures_and_the_command_that_retries_them(cli, folder, api):
    write_artists(folder / "a.csv", 4)
    api.script = lambda body, _: Fault.REFUSAL if body["prompt"]["variables"]["artist_name"] == "Artist 1" else None
    cli("run", "a.csv")

    text, found = cli("status").stdout, json.loads(cli("status", "--json").stdout)

    assert found["jobs"] == {"total": 4, "pending": 0, "running": 0, "done": 3, "failed": 1, "dropped": 0}
    assert found["calls"] == 4
    assert found["cost_usd"] > 0
    assert found["failures"][0]["code"] == "refusal"
    assert "artistjobs retry --code refusal" in text


@pytest.mark.parametrize("command", ["work", "export", "status", "retry", "failures"])
def test_only_ingest_and_run_make_a_database(cli, folder, command):
    result = cli(command)

    assert result.exit_code == 2
    assert "artistjobs ingest FILE" in result.stderr
    assert list(folder.iterdir()) == []


def test_a_missing_key_is_reported_before_anything_is_created(cli, folder, monkeypatch):
    write_artists(folder / "a.csv", 1)
    monkeypatch.delenv("OPENAI_API_KEY")

    result = cli("run", "a.csv")

    assert result.exit_code == 2
    assert "OPENAI_API_KEY is not set" in result.stderr
    assert [path.name for path in folder.iterdir()] == ["a.csv"]


def test_a_missing_file_is_reported_before_anything_is_created(cli, folder):
    for command in ("run", "ingest"):
        result = cli(command, "none.csv")

        assert result.exit_code == 2
        assert "none.csv" in result.stderr
    assert list(folder.iterdir()) == []


def test_a_missing_prompt_is_wrong_use(cli, folder, monkeypatch):
    write_artists(folder / "a.csv", 1)
    monkeypatch.delenv("OPENAI_PROMPT_ID")

    result = cli("run", "a.csv")

    assert result.exit_code == 2
    assert "--prompt-file" in result.stderr


def test_an_output_that_cannot_be_written_is_reported_before_any_call(cli, folder, api):
    write_artists(folder / "a.csv", 1)

    for output in ("nowhere/out.jsonl", "."):
        assert cli("run", "a.csv", "--output", output).exit_code == 2
    assert api.journal.received == 0


def test_strict_ingests_nothing_if_a_line_is_bad(cli, folder):
    (folder / "a.csv").write_text("A\n,bad\n")

    result = cli("ingest", "a.csv", "--strict")

    assert result.exit_code == 2
    assert cli("status", "--json").stdout.count('"total": 0')


def test_a_dry_run_shows_five_requests_and_writes_nothing(cli, folder, monkeypatch, api):
    write_artists(folder / "a.csv", 8)
    monkeypatch.delenv("OPENAI_API_KEY")

    for command in ("run", "ingest"):
        result = cli(command, "a.csv", "--dry-run", "--param", "reasoning.effort=low")

        assert result.exit_code == 0
        assert result.stdout.count('"artist_name"') == 5
        assert '"effort": "low"' in result.stdout
        assert "8 good rows" in result.stderr
    assert [path.name for path in folder.iterdir()] == ["a.csv"]
    assert api.journal.received == 0


def test_a_stored_prompt_causes_a_warning_with_the_date(cli, folder):
    write_artists(folder / "a.csv", 1)
    (folder / "p.txt").write_text("Who is {{ artist_name }}?")

    assert "2026-11-30" in cli("ingest", "a.csv", "--prompt-id", "pmpt_1").stderr
    assert "2026-11-30" not in cli("ingest", "a.csv", "--prompt-file", "p.txt").stderr


def test_a_prompt_file_is_sent_as_input_with_its_instructions(cli, folder, api):
    (folder / "a.csv").write_text("Prince,singer\nBjörk\n")
    (folder / "p.txt").write_text("Who is {{artist_name}}?{% if artist_data %} ({{artist_data}}){% endif %}\n")
    (folder / "i.txt").write_text("Be brief.")

    result = cli("run", "a.csv", "--prompt-file", "p.txt", "--instructions-file", "i.txt", "--param", "store=false")

    bodies = sorted((call.body for call in api.journal.calls), key=lambda body: body["input"])
    assert result.exit_code == 0
    assert bodies == [
        {"model": "gpt-5", "store": False, "instructions": "Be brief.", "input": text, "stream": False}
        for text in ("Who is Björk?", "Who is Prince? (singer)")
    ]
    request = read_records(folder / "out.jsonl")[0]["request"]
    assert list(request) == ["prompt_file", "prompt_sha256", "model", "variables"]
    assert request["prompt_file"] == "p.txt"


def test_a_resume_sends_what_the_first_run_sent(cli, folder, api):
    write_artists(folder / "a.csv", 2)
    (folder / "p.txt").write_text("First {{ artist_name }}")
    cli("ingest", "a.csv", "--prompt-file", "p.txt", "--model", "gpt-5-mini")
    (folder / "p.txt").write_text("Changed {{ artist_name }}")

    cli("work")

    assert {call.body["model"] for call in api.journal.calls} == {"gpt-5-mini"}
    assert all(call.body["input"].startswith("First") for call in api.journal.calls)


@pytest.mark.parametrize(
    ("options", "part"),
    [
        (["--prompt-file", "p.txt", "--prompt-id", "x"], "exclude each other"),
        (["--prompt-file", "none.txt"], "none.txt"),
        (["--prompt-file", "bad.txt"], "line 2"),
        (["--prompt-id", "x", "--instructions-file", "p.txt"], "--instructions-file"),
        (["--prompt-file", "p.txt", "--version", "2"], "--version"),
        (["--prompt-id", "x", "--param", "model=y"], "--model"),
        (["--prompt-id", "x", "--param", "nonsense"], "KEY=VALUE"),
    ],
)
def test_an_invalid_request_is_refused_with_the_remedy(cli, folder, options, part):
    write_artists(folder / "a.csv", 1)
    (folder / "p.txt").write_text("{{ artist_name }}")
    (folder / "bad.txt").write_text("{{ artist_name }}\n{{ artist_age }}")

    result = cli("ingest", "a.csv", *options)

    assert result.exit_code == 2
    assert part in result.stderr
    assert "Traceback" not in result.stderr
    assert not (folder / "artistjobs.db").exists()


def test_flag_wins_over_environment_and_environment_over_env_file(program_with_api, folder, api):
    program = program_with_api
    write_artists(folder / "a.csv", 1)
    (folder / ".env").write_text("OPENAI_MODEL=from-file\nOPENAI_PROMPT_ID=pmpt_file\n")
    del program.environment["OPENAI_PROMPT_ID"], program.environment["OPENAI_MODEL"]

    program.run("run", "a.csv")
    program.environment["OPENAI_MODEL"] = "from-environment"
    program.run("run", "a.csv")
    program.run("run", "a.csv", "--model", "from-flag")

    assert [call.body["model"] for call in api.journal.calls] == ["from-file", "from-environment", "from-flag"]
    assert api.journal.calls[0].body["prompt"]["id"] == "pmpt_file"


def test_limit_bounds_the_jobs_and_exits_4(cli, folder, api):
    write_artists(folder / "a.csv", 10)

    first = cli("run", "a.csv", "--limit", "3")
    second = cli("run", "a.csv", "--limit", "7")

    assert (first.exit_code, second.exit_code) == (4, 0)
    assert "--limit 3 is reached" in first.stderr
    assert "continue with: artistjobs run a.csv --limit 3" in first.stderr
    assert api.journal.received == 10


def test_a_run_prints_its_summary_as_one_json_object(cli, folder):
    (folder / "a.csv").write_text("A\nB\n,bad\n")

    result = cli("run", "a.csv", "--json")

    said = json.loads(result.stdout)
    assert (said["jobs"], said["done"], said["failed"], said["skipped_lines"], said["calls"]) == (2, 2, 0, 1, 2)
    assert said["cost_usd"] > 0
    assert said["exit_code"] == 0


def test_quiet_prints_only_results(cli, folder):
    write_artists(folder / "a.csv", 2)

    result = cli("-q", "run", "a.csv")

    assert result.stderr == ""
    assert result.stdout


def test_verbose_logs_each_call_and_a_log_file_keeps_them_as_json(cli, folder):
    write_artists(folder / "a.csv", 2)

    result = cli("-v", "--log-file", "run.log", "run", "a.csv")

    lines = [json.loads(line) for line in (folder / "run.log").read_text().splitlines()]
    assert result.stderr.count("answered") == 2
    assert [list(line) for line in lines] == [["at", "level", "message"]] * len(lines)
    assert sum("answered" in line["message"] for line in lines) == 2


def test_the_key_is_in_no_output(cli, folder, api):
    write_artists(folder / "a.csv", 3)
    api.script = lambda body, nth: [Fault.BAD_KEY, None][nth > 1]

    result = cli("-v", "--log-file", "run.log", "run", "a.csv")

    said = result.stderr + result.stdout
    assert result.exit_code == 3
    assert KEY not in said
    for path in folder.iterdir():
        assert KEY.encode() not in path.read_bytes(), path


def test_real_and_rehearsed_jobs_never_share_a_database(cli, folder):
    write_artists(folder / "a.csv", 1)
    cli("run", "a.csv")
    cli("run", "a.csv", "--rehearse", "--output", "r.jsonl")

    assert cli("--db", "artistjobs.db", "run", "a.csv", "--rehearse").exit_code == 2
    assert cli("--db", "rehearsal.db", "work").exit_code == 2
    assert read_records(folder / "r.jsonl")[0]["request"]["model"] == "rehearsal"


def test_a_rehearsal_is_announced_first_and_last_and_needs_no_key(folder, program):
    write_artists(folder / "a.csv", 3)

    result = program.run("run", "a.csv", "--rehearse")

    lines = result.stderr.splitlines()
    assert result.returncode == 0
    assert lines[0].startswith("rehearsal")
    assert lines[-1].startswith("rehearsal")


def test_every_scenario_can_be_named():
    assert set(SCENARIO_NAMES) == set(SCENARIOS)


@pytest.mark.parametrize("command", [[], *([name] for name in commands.commands)])
def test_help_imports_nothing_heavy(command, folder):
    script = (
        "import sys; sys.argv = ['artistjobs', *sys.argv[1:]]\n"
        "from artistjobs.cli import main\n"
        "try: main()\n"
        "except SystemExit as end: assert end.code == 0, end.code\n"
        "heavy = {'openai', 'sqlite_utils', 'rich', 'sqlite3', 'asyncio', 'jinja2', 'tenacity', 'genai_prices'}\n"
        "heavy |= {'datasette', 'uvicorn'}\n"
        "print(heavy & set(sys.modules), file=sys.stderr)"
    )

    done = subprocess.run(
        [sys.executable, "-c", script, *command, "--help"], capture_output=True, text=True, check=True
    )

    assert done.stderr.strip() == "set()"
    assert "Example" in done.stdout or "Try it" in done.stdout


def test_a_command_does_not_wait_for_the_modules_of_other_commands(folder):
    script = (
        "import sys; sys.argv = ['artistjobs', 'status', '--help']\n"
        "from artistjobs.cli import main\n"
        "try: main()\n"
        "except SystemExit: print('artistjobs.cli.run' in sys.modules, file=sys.stderr)"
    )

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert done.stderr.strip() == "False"


def test_the_version_is_printed(cli):
    assert cli("--version").stdout == f"artistjobs {__version__}\n"


def test_a_misspelt_command_gets_a_suggestion(cli):
    result = cli("wrok")

    assert result.exit_code == 2
    assert "Did you mean 'work'" in result.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_works_for_each_shell(program, shell):
    program.environment["_ARTISTJOBS_COMPLETE"] = f"{shell}_source"
    script = "import sys; sys.argv = ['artistjobs']; from artistjobs.cli import main; main()"

    done = subprocess.run([sys.executable, "-c", script], env=program.environment, capture_output=True, text=True)

    assert "_artistjobs_completion" in done.stdout or "_ARTISTJOBS_COMPLETE" in done.stdout


def test_a_closed_pipe_ends_the_program_quietly_with_the_file_written(cli, program, folder):
    # More of them than fit into a pipe.
    write_artists(folder / "a.csv", 1500)
    cli("run", "a.csv", "--max-workers", "64", "--output", "first.jsonl")

    process = program.start("export")
    process.stdout.read(10)
    process.stdout.close()
    errors = process.stderr.read().decode()

    assert process.wait(timeout=60) == 141
    assert "Traceback" not in errors
    assert "Exception" not in errors
    assert len(read_records(folder / "out.jsonl")) == 1500


def test_the_scenario_busy_gives_the_same_records(cli, folder, api):
    write_artists(folder / "a.csv", 200)
    api.scenario = replace(SCENARIOS["storm"], latency_seconds=0.0, hang_seconds=0.1)

    result = cli("run", "a.csv", "--max-workers", "32", "--retry-failed")

    done, failed = read_records(folder / "out.jsonl"), cli("export", "f.jsonl", "--state", "failed")
    assert failed.exit_code == 0
    codes = {record["error"]["code"] for record in read_records(folder / "f.jsonl")}
    assert codes <= {"incomplete"}
    assert len(done) + len(read_records(folder / "f.jsonl")) == 200
    assert result.exit_code == (1 if codes else 0)
