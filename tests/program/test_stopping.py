"""A failure that no row caused stops the run and fails no row; the same command continues."""

import json
import sqlite3

import pytest
from conftest import read_records, write_artists

from artistjobs.rehearsal import Fault, faults
from artistjobs.rehearsal.replies import ApiError

RUN_FAULTS = [
    (Fault.NO_CREDIT, "credit"),
    (Fault.SPEND_LIMIT, "spending limit"),
    (Fault.BAD_KEY, "OPENAI_API_KEY"),
    (Fault.FORBIDDEN, "key"),
    (Fault.MODEL_NOT_FOUND, "--model"),
    (Fault.PROMPT_NOT_FOUND, "--prompt-file"),
    (Fault.SAME_400, "parameters"),
]


def jobs_by_state(folder) -> dict[str, int]:
    with sqlite3.connect(folder / "artistjobs.db") as db:
        found = dict(db.execute("SELECT state, count(*) FROM jobs GROUP BY state"))
    db.close()
    return found


def artist_of(body) -> str:
    return body["prompt"]["variables"]["artist_name"]


def query(folder, statement: str) -> list[tuple]:
    with sqlite3.connect(folder / "artistjobs.db") as db:
        rows = db.execute(statement).fetchall()
    db.close()
    return rows


@pytest.mark.parametrize(("fault", "remedy"), RUN_FAULTS)
def test_an_account_error_stops_the_run_at_once_and_the_same_command_continues(cli, folder, api, fault, remedy):
    write_artists(folder / "a.csv", 200)
    api.script = lambda *_: fault

    stopped = cli("run", "a.csv", "--max-workers", "4")
    calls = api.journal.received
    states, attempts = jobs_by_state(folder), query(folder, "SELECT max(attempt) FROM jobs")
    api.script = None
    resumed = cli("run", "a.csv", "--max-workers", "16")

    assert stopped.exit_code == 3
    assert calls <= 4
    assert states == {"pending": 200}
    assert attempts == [(0,)]
    assert remedy in stopped.stderr
    assert "continue with: artistjobs run a.csv" in stopped.stderr
    assert resumed.exit_code == 0
    assert len(read_records(folder / "out.jsonl")) == 200


OTHER_ERRORS = [
    ApiError(429, "No.", code="credit_balance_exhausted", type="billing_error"),
    ApiError(429, "No.", code=None, type="insufficient_quota"),
    ApiError(429, "No.", code="project_spend_limit_exceeded"),
    ApiError(429, "No.", code="organization_usage_limit_exceeded"),
    ApiError(401, "No.", code="ip_not_authorized"),
    ApiError(400, "No.", code="model_not_found"),
    ApiError(400, "No.", code="missing_required_parameter", param="input"),
    ApiError(400, "No.", code="unsupported_parameter", param="top_p"),
    ApiError(400, "No.", code="invalid_value", param="service_tier"),
    ApiError(400, "No.", param="temperature"),
    ApiError(400, "No.", param="text.format.schema"),
    ApiError(400, "No.", param="model"),
    ApiError(400, "Unknown prompt variables: artist_data"),
]
"""Further errors that stop a run."""


@pytest.mark.parametrize("error", OTHER_ERRORS, ids=lambda error: error.code or error.param or error.type)
def test_an_error_that_concerns_every_job_stops_the_run_at_once(cli, folder, api, monkeypatch, error):
    monkeypatch.setitem(faults._ERRORS, Fault.SAME_400, error)
    write_artists(folder / "a.csv", 50)
    api.script = lambda *_: Fault.SAME_400

    stopped = cli("run", "a.csv", "--max-workers", "4")

    assert stopped.exit_code == 3
    assert api.journal.received <= 4
    assert query(folder, "SELECT DISTINCT state, attempt FROM jobs") == [("pending", 0)]
    assert "continue with: artistjobs run a.csv" in stopped.stderr


def test_answers_in_flight_are_kept_when_the_credit_ends(cli, folder, api):
    write_artists(folder / "a.csv", 100)
    api.script = lambda *_: Fault.NO_CREDIT if api.journal.received > 30 else None

    stopped = cli("run", "a.csv", "--max-workers", "8")

    assert stopped.exit_code == 3
    assert len(read_records(folder / "out.jsonl")) == len(api.journal.paid_by_key())
    assert jobs_by_state(folder)["pending"] == 100 - len(api.journal.paid_by_key())


def test_a_key_that_the_look_up_refuses_costs_no_call(cli, folder, api, monkeypatch):
    write_artists(folder / "a.csv", 5)
    monkeypatch.setenv("OPENAI_API_KEY", "bad-key-0123456789")

    result = cli("run", "a.csv")

    assert result.exit_code == 3
    assert api.journal.received == 0


def test_a_missing_model_costs_no_call(cli, folder, api):
    write_artists(folder / "a.csv", 5)

    result = cli("run", "a.csv", "--model", "missing-model")

    assert result.exit_code == 3
    assert "missing-model" in result.stderr
    assert api.journal.received == 0


def test_the_shutdown_date_of_a_model_causes_a_warning(cli, folder, api):
    from dataclasses import replace

    write_artists(folder / "a.csv", 1)
    api.scenario = replace(api.scenario, shutdown_date="2026-12-11")

    assert "shut down on 2026-12-11" in cli("run", "a.csv").stderr


def test_a_server_without_the_look_up_is_no_error(cli, folder, api):
    from dataclasses import replace

    write_artists(folder / "a.csv", 1)
    api.scenario = replace(api.scenario, has_models_endpoint=False)

    assert cli("run", "a.csv").exit_code == 0


def test_an_unreachable_server_fails_no_row(cli, folder, monkeypatch):
    write_artists(folder / "a.csv", 3)
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setattr("artistjobs.worker.preflight.TRIES", 2)

    result = cli("run", "a.csv")

    assert result.exit_code == 3
    assert "cannot be reached" in result.stderr
    assert jobs_by_state(folder) == {"pending": 3}


def test_an_outage_stops_the_run_and_leaves_all_jobs_pending(cli, folder, api, monkeypatch):
    monkeypatch.setattr("artistjobs.core.retry.FIRST_WAIT_SECONDS", 0.01)
    write_artists(folder / "a.csv", 60)
    api.script = lambda *_: Fault.UNAVAILABLE

    result = cli("run", "a.csv", "--max-workers", "12", "--patience", "0")

    assert result.exit_code == 75
    assert jobs_by_state(folder) == {"pending": 60}
    assert query(folder, "SELECT max(attempt) FROM jobs") == [(0,)]
    assert api.journal.received <= 12 * 5 * 2
    assert "continue with: artistjobs run a.csv" in result.stderr


@pytest.mark.parametrize(
    ("fault", "rows"), [(Fault.UNPROCESSABLE, 1), (Fault.TOO_LARGE, 9), (Fault.MISSING_STATUS, 60)]
)
def test_the_same_refusal_of_many_rows_stops_the_run(cli, folder, api, fault, rows):
    write_artists(folder / "a.csv", rows)
    api.script = lambda *_: fault

    result = cli("run", "a.csv", "--max-workers", "2")

    assert result.exit_code == 3
    assert jobs_by_state(folder) == {"pending": rows}
    assert api.journal.received <= 12
    assert ": failed" not in result.stderr
    assert f"{rows} pending" in result.stderr


def test_rows_that_are_refused_for_what_they_say_never_stop_a_run(cli, folder, api):
    write_artists(folder / "a.csv", 60)
    api.script = lambda body, _: Fault.ROW_400 if int(artist_of(body).split()[1]) <= 40 else None

    result = cli("run", "a.csv", "--max-workers", "2")

    assert result.exit_code == 1
    assert jobs_by_state(folder) == {"done": 20, "failed": 40}
    assert api.journal.received == 60


def test_bad_rows_among_good_ones_stop_nothing(cli, folder, api):
    write_artists(folder / "a.csv", 60)
    api.script = lambda body, _: (
        Fault.ROW_400 if int(body["prompt"]["variables"]["artist_name"].split()[1]) % 3 else None
    )

    result = cli("run", "a.csv", "--max-workers", "2")

    assert result.exit_code == 1
    assert jobs_by_state(folder) == {"done": 20, "failed": 40}


def test_a_call_is_repeated_until_it_is_answered_and_each_try_is_recorded(cli, folder, api, monkeypatch):
    monkeypatch.setattr("artistjobs.core.retry.FIRST_WAIT_SECONDS", 0.01)
    write_artists(folder / "a.csv", 1)
    faults = [Fault.SERVER_ERROR, Fault.CUT_BODY, Fault.HTML_OK, Fault.RESET]
    api.script = lambda _, nth: faults[nth - 1] if nth <= len(faults) else None

    result = cli("run", "a.csv")

    assert result.exit_code == 0
    assert query(folder, "SELECT number, outcome, error_code FROM attempts ORDER BY id") == [
        (1, "retry", "http_500"),
        (2, "retry", "connection_error"),
        (3, "retry", "not_json"),
        (4, "retry", "connection_error"),
        (5, "done", None),
    ]
    assert result.stderr.count("retry in") == 4


def test_a_job_is_failed_with_its_last_error_when_its_calls_are_used_up(cli, folder, api, monkeypatch):
    monkeypatch.setattr("artistjobs.core.retry.FIRST_WAIT_SECONDS", 0.01)
    write_artists(folder / "a.csv", 2)
    api.script = lambda body, _: Fault.OVERLOADED if body["prompt"]["variables"]["artist_name"] == "Artist 1" else None

    result = cli("run", "a.csv", "--max-attempts", "3")
    cli("export", "failed.jsonl", "--state", "failed")

    (record,) = read_records(folder / "failed.jsonl")
    assert result.exit_code == 1
    assert record["error"]["attempts"] == 3
    assert record["error"]["code"] == "server_is_overloaded"
    assert api.journal.received == 4


def test_a_hanging_call_times_out_and_is_repeated(cli, folder, api, monkeypatch):
    monkeypatch.setattr("artistjobs.core.retry.FIRST_WAIT_SECONDS", 0.01)
    write_artists(folder / "a.csv", 1)
    api.script = lambda _, nth: Fault.HANG if nth == 1 else None

    result = cli("run", "a.csv", "--timeout", "0.3")

    assert result.exit_code == 0
    assert query(folder, "SELECT error_code FROM attempts WHERE outcome = 'retry'") == [("timeout",)]


def test_spending_stops_before_the_cap_and_a_higher_cap_resumes(cli, folder, api):
    write_artists(folder / "a.csv", 100)
    (folder / "prompt.txt").write_text("Who is {{ artist_name }}?")
    options = ("--prompt-file", "prompt.txt", "--param", "max_output_tokens=400")

    stopped = cli("run", "a.csv", "--max-cost", "0.05", *options)
    spent = json.loads(cli("status", "--json").stdout)
    resumed = cli("run", "a.csv", "--max-cost", "5", *options)

    assert stopped.exit_code == 4
    assert 0.03 < spent["cost_usd"] <= 0.05
    assert spent["jobs"]["pending"] > 0
    assert "--max-cost" in stopped.stderr
    assert resumed.exit_code == 0


def test_a_cap_with_an_unknown_price_is_refused(cli, folder, api):
    write_artists(folder / "a.csv", 1)

    result = cli("run", "a.csv", "--max-cost", "1", "--model", "nobody-knows-it")

    assert result.exit_code == 2
    assert "price" in result.stderr
    assert api.journal.received == 0
