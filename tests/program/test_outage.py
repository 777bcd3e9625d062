"""An outage is waited for and burns no row, however it begins, ends, or is interrupted."""

import itertools
import json
import signal

import pytest
from conftest import wait_until, write_artists
from hostile import hostile_server, refusal, reply
from test_stopping import artist_of, jobs_by_state, query

from artistjobs.rehearsal import Fault

QUICK = ("--max-attempts", "1", "--max-workers", "4")


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch):
    """Shorten the waits of commands that run in this process; their proportions stay."""
    monkeypatch.setattr("artistjobs.core.retry.FIRST_WAIT_SECONDS", 0.01)
    monkeypatch.setattr("artistjobs.worker.limits.rate_limiter.FIRST_REFUSAL_SECONDS", 0.01)
    for name in ("limits.circuit_breaker.FIRST_PAUSE_SECONDS", "limits.circuit_breaker.SUSPICION_SECONDS"):
        monkeypatch.setattr(f"artistjobs.worker.{name}", 0.02)
    for name in ("verdicts.GIVE_BACK_SECONDS", "verdicts.ASK_AGAIN_SECONDS"):
        monkeypatch.setattr(f"artistjobs.worker.{name}", 0.05)


def untouched(folder) -> bool:
    return query(folder, "SELECT DISTINCT attempt, error_code FROM jobs WHERE state = 'pending'") == [(0, None)]


@pytest.mark.parametrize("fault", [Fault.UNAVAILABLE, Fault.RESET, Fault.HTML_OK])
def test_an_outage_that_ends_in_time_ends_well_by_itself(cli, folder, api, fault):
    write_artists(folder / "a.csv", 60)
    api.script = lambda *_: fault if 20 < api.journal.received <= 34 else None

    result = cli("run", "a.csv", *QUICK)

    assert result.exit_code == 0, result.stderr
    assert jobs_by_state(folder) == {"done": 60}
    assert ": failed" not in result.stderr


def test_an_outage_is_said_when_it_begins_and_ends(cli, folder, api):
    write_artists(folder / "a.csv", 60)
    api.script = lambda *_: Fault.UNAVAILABLE if 20 < api.journal.received <= 34 else None

    result = cli("run", "a.csv", *QUICK)

    assert result.stderr.count("the service is away") == 1
    assert "the service is still away (http_503: Service unavailable); next try in" in result.stderr
    assert result.stderr.count("the service answers again") == 1


@pytest.mark.parametrize("rows", [1, 5, 9])
@pytest.mark.parametrize("good", [0, 30])
def test_an_outage_burns_no_row_at_the_end_of_a_file_either(cli, folder, api, rows, good):
    write_artists(folder / "a.csv", good + rows)
    api.script = lambda body, _: Fault.UNAVAILABLE if int(artist_of(body).split()[1]) > good else None

    result = cli("run", "a.csv", "--max-attempts", "5", "--max-workers", "1", "--patience", "0.2")

    assert result.exit_code == 75
    assert jobs_by_state(folder).get("failed") is None
    assert jobs_by_state(folder)["pending"] == rows
    assert untouched(folder)


def test_a_rehearsed_outage_ends_with_75_and_burns_no_row(cli, folder):
    write_artists(folder / "a.csv", 9)

    result = cli("run", "a.csv", "--scenario", "outage", "--max-attempts", "1", "--patience", "0.2", "--json")
    status = json.loads(cli("--db", "rehearsal.db", "status", "--json").stdout)

    assert result.exit_code == 75
    assert json.loads(result.stdout.strip().splitlines()[-1])["stopped"] == "outage"
    assert (status["jobs"]["failed"], status["jobs"]["pending"]) == (0, 9)


def test_a_brown_out_burns_no_row(cli, folder, api):
    write_artists(folder / "a.csv", 60)
    coin = itertools.cycle([True] * 6 + [False])
    api.script = lambda *_: Fault.UNAVAILABLE if api.journal.received < 120 and next(coin) else None

    result = cli("run", "a.csv", "--max-workers", "16", "--max-attempts", "3")

    assert result.exit_code == 0, result.stderr
    assert jobs_by_state(folder) == {"done": 60}


def test_a_row_that_always_fails_among_good_ones_is_failed_after_its_five_calls(cli, folder, api):
    write_artists(folder / "a.csv", 60)
    api.script = lambda body, _: Fault.SERVER_ERROR if artist_of(body) == "Artist 20" else None

    result = cli("run", "a.csv", "--max-workers", "4")

    assert result.exit_code == 1
    assert jobs_by_state(folder) == {"done": 59, "failed": 1}
    assert 5 <= api.journal.received - 59 <= 6


def test_a_rate_limit_without_any_header_burns_no_row(cli, folder, api):
    write_artists(folder / "a.csv", 3)
    api.script = lambda _, nth: Fault.SLOW_DOWN if nth == 1 else None

    result = cli("run", "a.csv", "--max-attempts", "1", "--patience", "60")

    assert result.exit_code == 0, result.stderr
    assert jobs_by_state(folder) == {"done": 3}


def test_a_limit_on_jobs_is_not_used_up_by_an_outage(cli, folder, api):
    write_artists(folder / "a.csv", 60)
    api.script = lambda *_: Fault.UNAVAILABLE if api.journal.received <= 12 else None

    result = cli("run", "a.csv", *QUICK, "--limit", "20")

    assert result.exit_code == 4
    assert jobs_by_state(folder) == {"done": 20, "pending": 40}


# --- refusals


@pytest.mark.parametrize("fault", [Fault.BAD_KEY, Fault.PROMPT_NOT_FOUND, Fault.FORBIDDEN])
def test_one_refusal_of_the_account_among_answers_ends_no_run(cli, folder, api, fault):
    write_artists(folder / "a.csv", 60)
    api.script = lambda body, nth: fault if nth == 1 and artist_of(body) == "Artist 30" else None

    result = cli("run", "a.csv", "--max-workers", "4")

    assert result.exit_code == 0, result.stderr
    assert jobs_by_state(folder) == {"done": 60}


@pytest.mark.parametrize("fault", [Fault.BAD_KEY, Fault.PROMPT_NOT_FOUND, Fault.FORBIDDEN])
def test_a_refusal_of_the_account_that_stays_ends_the_run_and_burns_no_row(cli, folder, api, fault):
    write_artists(folder / "a.csv", 100)
    api.script = lambda *_: fault if api.journal.received > 30 else None

    result = cli("run", "a.csv", "--max-workers", "4")

    assert result.exit_code == 3
    assert jobs_by_state(folder) == {"done": 30, "pending": 70}
    assert untouched(folder)
    assert api.journal.received <= 30 + 4 + 20


REFUSED_ROWS = {
    "a page": reply(b"<html>Request blocked</html>", b"content-type: text/html", status=b"403 Forbidden"),
    "flagged": reply(
        b'{"error": {"code": 403, "message": "Your input was flagged", "metadata": {"reasons": ["violence"]}}}',
        status=b"403 Forbidden",
    ),
    "a policy": refusal("no", code="content_policy_violation", status=b"403 Forbidden"),
    "a filter": refusal("no", code="content_filter", param="prompt"),
    "legal reasons": reply(b"", status=b"451 Unavailable For Legal Reasons"),
}


@pytest.mark.parametrize("workers", ["1", "4"])
@pytest.mark.parametrize("where", ["first", "middle", "last"])
def test_rows_that_a_gateway_or_moderation_refuses_fail_alone(cli, folder, monkeypatch, where, workers):
    rows = [f"Good {number}" for number in range(12)]
    place = {"first": 0, "middle": 6, "last": len(rows)}[where]
    rows[place:place] = REFUSED_ROWS
    (folder / "a.csv").write_text("\n".join(rows))
    with hostile_server() as server:
        server.replies |= REFUSED_ROWS
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        results = [cli("run", "a.csv", "--max-workers", workers) for _ in range(2)]

    assert [result.exit_code for result in results] == [1, 1]
    assert jobs_by_state(folder) == {"done": 12, "failed": 5}
    assert query(folder, "SELECT count(*) FROM jobs WHERE state = 'failed' AND artist_name LIKE 'Good%'") == [(0,)]


# --- processes and signals


def test_an_interrupt_during_an_outage_leaves_every_job_as_it_was(program_with_api, folder, api):
    write_artists(folder / "a.csv", 40)
    api.script = lambda *_: Fault.UNAVAILABLE if api.journal.received > 5 else None
    process = program_with_api.start("run", "a.csv", *QUICK)
    wait_until(lambda: api.journal.received > 12)

    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)

    assert process.returncode == 130
    assert jobs_by_state(folder).keys() == {"done", "pending"}
    assert untouched(folder)


def test_several_processes_share_one_outage(program_with_api, folder, api):
    write_artists(folder / "a.csv", 60)
    api.script = lambda *_: Fault.UNAVAILABLE

    result = program_with_api.run("run", "a.csv", *QUICK, "--processes", "2", "--patience", "1")

    assert result.returncode == 75
    assert result.stderr.count("the service is away") == 1
    assert jobs_by_state(folder) == {"pending": 60}
    assert untouched(folder)


def test_an_outage_that_ends_is_over_for_all_processes(program_with_api, folder, api):
    write_artists(folder / "a.csv", 60)
    api.script = lambda *_: Fault.UNAVAILABLE if api.journal.received <= 12 else None

    result = program_with_api.run("run", "a.csv", *QUICK, "--processes", "2")

    assert result.returncode == 0, result.stderr
    assert jobs_by_state(folder) == {"done": 60}
