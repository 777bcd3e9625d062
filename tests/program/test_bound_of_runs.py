"""What bounded a run is the last fact of its summary; what bounds it now is in `status` while it works."""

import json
import signal
import sqlite3
from contextlib import closing

from conftest import wait_until, write_artists


def bound_of(result) -> str:
    return json.loads(result.stdout)["bounded_by"]["by"]


def test_calls_that_a_limit_spaces_out_were_bounded_by_requests_a_minute(cli, folder):
    write_artists(folder / "a.csv", 8)

    result = cli("run", "a.csv", "--rpm", "300", "--max-workers", "8", "--json")

    assert bound_of(result) == "requests"
    assert "\nbounded by requests a minute (" in result.stderr
    assert "raise --rpm" in result.stderr


def test_one_slot_that_is_always_in_a_call_was_bounded_by_the_calls_in_flight(cli, folder, api):
    write_artists(folder / "a.csv", 3)
    api.latency_seconds = 0.5

    result = cli("run", "a.csv", "--max-workers", "1", "--json")

    assert bound_of(result) == "workers"
    assert "raise --max-workers, or use auto" in result.stderr


def test_a_run_that_stops_at_its_cap_was_bounded_by_the_budget(cli, folder):
    write_artists(folder / "a.csv", 8)

    result = cli("run", "a.csv", "--max-cost", "0.02", "--param", "max_output_tokens=400", "--json")

    assert result.exit_code == 4
    assert bound_of(result) == "budget"


def test_a_run_without_jobs_was_bounded_by_nothing(cli, folder):
    write_artists(folder / "a.csv", 1)
    cli("run", "a.csv")

    result = cli("run", "a.csv", "--json")

    assert json.loads(result.stdout)["bounded_by"] is None


def noted(folder) -> list[str]:
    with closing(sqlite3.connect(folder / "artistjobs.db")) as db:
        return [bound for (bound,) in db.execute("SELECT bounded_by FROM workers")]


def test_status_tells_what_bounds_workers_and_the_summary_sums_it_up(program_with_api, folder, cli, api):
    write_artists(folder / "a.csv", 200)
    process = program_with_api.start("run", "a.csv", "--rpm", "120", "--processes", 2)

    wait_until(lambda: api.journal.received)
    wait_until(lambda: "requests" in noted(folder))
    found = json.loads(cli("status", "--json").stdout)
    shown = cli("status").stdout
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)

    assert "requests" in [worker["bounded_by"] for worker in found["workers"]]
    assert "working, bounded by requests a minute; raise --rpm" in shown
    assert b"bounded by requests a minute" in errors
