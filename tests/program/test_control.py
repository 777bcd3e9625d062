"""Control from another terminal: settings reach running workers, and a pause loses nothing."""

import json
import signal
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest
from conftest import read_records, wait_until, write_artists
from hypothesis import given
from hypothesis import strategies as st

from artistjobs.commands.control import control_lines
from artistjobs.core.controls import MOST_AUTO_CALLS, Control, ControlChange, ProcessShare, WorkerSettings
from artistjobs.store.models import Run
from artistjobs.store.sqlite.store import open_store

BOUNDED = ("--prompt-file", "prompt.txt", "--model", "gpt-4o", "--param", "max_output_tokens=400")


def query(folder, statement: str) -> list[tuple]:
    with closing(sqlite3.connect(folder / "artistjobs.db", timeout=30)) as db:
        return db.execute(statement).fetchall()


def count(folder, state: str) -> int:
    return query(folder, f"SELECT count(*) FROM jobs WHERE state = '{state}'")[0][0]


def receive(process, word: str) -> str:
    """Return the next line of a process that contains a word."""
    for line in process.stderr:
        if word in line.decode():
            return line.decode()
    raise AssertionError(f"{word} was never said")


def end(process) -> int:
    process.communicate(timeout=60)
    return process.returncode


@pytest.fixture
def started(program_with_api, folder, api, cli):
    """Function that starts to work on a number of artists, and returns once calls are in flight."""

    def start(artists: int, *options: object, latency: float = 0.1, ask=(), workers: int = 1):
        write_artists(folder / "a.csv", artists)
        (folder / "prompt.txt").write_text("Who is {{ artist_name }}?")
        cli("ingest", "a.csv", *ask)
        api.latency_seconds = latency
        processes = [program_with_api.start("work", *options) for _ in range(workers)]
        wait_until(lambda: len(query(folder, "SELECT 1 FROM workers WHERE ended_at IS NULL")) == workers)
        wait_until(lambda: api.journal.received)
        return processes if workers > 1 else processes[0]

    return start


# --- pause and resume


def test_pause_stops_the_calls_of_all_workers_and_resume_continues(started, folder, api, cli):
    both = started(300, "--max-workers", "8", workers=2)
    wait_until(lambda: api.journal.received > 40)

    said = cli("pause")
    for process in both:
        receive(process, "paused: no new calls are made")
    wait_until(lambda: not api.journal.in_flight and not count(folder, "running"))
    received, done = api.journal.received, count(folder, "done")
    shown = json.loads(cli("status", "--json").stdout)
    ((paused_at,),) = query(folder, "SELECT changed_at FROM controls WHERE name = 'paused'")
    still = api.journal.received, count(folder, "done")
    api.latency_seconds = 0.0
    resumed = cli("resume")
    codes = [end(process) for process in both]

    assert "2 workers told to make no new calls; continue with: artistjobs resume" in said.stderr
    assert still == (received, done) == (done, done)
    assert shown["control"] == {"paused_since": paused_at, "set": []}
    assert resumed.exit_code == 0
    assert codes == [0, 0]
    assert (count(folder, "done"), api.journal.received, api.journal.repeated()) == (300, 300, {})


def test_jobs_that_wait_for_a_limit_or_a_retry_are_released_during_a_pause(started, folder, api, cli):
    process = started(20, "--max-workers", "8", "--rpm", "60", latency=0.0)
    wait_until(lambda: count(folder, "running") == 8)

    cli("pause")
    wait_until(lambda: not count(folder, "running"))
    attempts = query(folder, "SELECT max(attempt), max(deaths) FROM jobs WHERE state = 'pending'")
    cli("resume")
    cli("set", "--rpm", "none")

    assert attempts == [(0, 0)]
    assert end(process) == 0
    assert (api.journal.received, api.journal.repeated()) == (20, {})


def test_work_on_a_paused_database_says_so_and_waits_and_ctrl_c_ends_it_at_once(program_with_api, folder, api, cli):
    write_artists(folder / "a.csv", 5)
    cli("ingest", "a.csv")
    paused = cli("pause")
    again = cli("pause")

    process = program_with_api.start("run", "a.csv")
    line = receive(process, "paused")
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)

    assert "no worker is running, and a worker that starts will wait; continue with: artistjobs resume" in paused.stderr
    assert "already paused since " in again.stderr
    assert line.endswith("paused: no new calls are made; continue with: artistjobs resume\n")
    assert process.returncode == 130
    assert errors.decode().splitlines()[-1] == "continue with: artistjobs run a.csv"
    assert (count(folder, "pending"), api.journal.received) == (5, 0)
    assert "continue with: artistjobs work" in cli("resume").stderr
    assert cli("work").exit_code == 0
    assert cli("resume").stderr == "nothing to resume: the database is not paused\n"


def test_a_paused_worker_takes_over_from_one_that_is_killed_and_nothing_is_lost(started, folder, api, cli):
    first, second = started(60, "--max-workers", "4", latency=2.0, workers=2)
    wait_until(lambda: api.journal.in_flight == 8)

    cli("pause")
    first.kill()
    first.wait()
    receive(second, "took over 4 jobs")
    wait_until(lambda: not count(folder, "running"))
    # All calls were answered except the four of the killed process: none was made during the pause.
    unanswered = api.journal.received - count(folder, "done")
    api.latency_seconds = 0.0
    cli("resume")

    assert end(second) == 0
    assert unanswered == 4
    assert count(folder, "done") == 60
    assert len(api.journal.repeated()) <= 4
    cli("export", "out.jsonl")
    assert len(read_records(folder / "out.jsonl")) == 60


# --- set


def test_more_and_fewer_calls_are_in_flight_as_set(started, api, cli):
    process = started(2000, "--max-workers", "2", latency=0.2)
    wait_until(lambda: api.journal.in_flight == 2 and api.journal.received > 4)
    at_first = api.journal.max_in_flight
    # Long enough that the last calls begin before the first ones end, also on a busy machine.
    api.latency_seconds = 3.0

    told = cli("set", "--max-workers", "120")
    wait_until(lambda: api.journal.in_flight == 120)
    api.latency_seconds = 0.2
    cli("set", "--max-workers", "3")
    wait_until(lambda: api.journal.in_flight == 3)
    seen = len(api.journal.calls)
    wait_until(lambda: len(api.journal.calls) > seen + 12)
    later = api.journal.calls[seen + 3 :]
    shown = cli("status").stdout
    process.send_signal(signal.SIGINT)

    assert told.stderr == "settings sent to 1 worker: --max-workers 120\n"
    assert at_first == 2
    assert api.journal.max_in_flight == 120
    assert max(call.in_flight for call in later) == 3
    assert "--max-workers 3 for running workers, set at " in shown
    assert end(process) == 130
    assert api.journal.repeated() == {}


def test_the_number_of_calls_in_flight_is_found_again_after_auto_is_set(started, folder, api, cli):
    process = started(400, "--max-workers", "1", latency=0.1)
    wait_until(lambda: api.journal.received > 2)

    told = cli("set", "--max-workers", "auto")
    receive(process, "settings from another terminal: --max-workers auto")
    wait_until(lambda: api.journal.max_in_flight >= 8)
    shown = cli("status").stdout
    cli("set", "--max-workers", "2")
    wait_until(lambda: api.journal.in_flight == 2)
    process.send_signal(signal.SIGINT)

    assert told.stderr == "settings sent to 1 worker: --max-workers auto\n"
    assert "--max-workers auto for running workers, set at " in shown
    assert end(process) == 130
    assert api.journal.repeated() == {}


def test_requests_a_minute_are_kept_as_set_until_none(started, api, cli):
    process = started(400, "--max-workers", "4", latency=0.05)

    cli("set", "--rpm", "240")
    receive(process, "settings from another terminal: --rpm 240")
    # Four calls may have begun before that.
    seen = len(api.journal.calls) + 4
    wait_until(lambda: len(api.journal.calls) >= seen + 8)
    arrivals = [call.received_at for call in api.journal.calls[seen : seen + 8]]
    cli("set", "--rpm", "none", "--max-workers", "64")

    assert arrivals[-1] - arrivals[0] > 1.0
    assert end(process) == 0
    assert api.journal.received == 400


def test_a_cap_that_is_set_stops_within_it_until_it_is_removed(started, program_with_api, folder, api, cli):
    process = started(400, "--max-workers", "8", latency=0.1, ask=BOUNDED)
    wait_until(lambda: count(folder, "done") > 8)
    cli("set", "--max-cost", "0.5")
    # Near the cap calls wait for each other.
    api.latency_seconds = 0.02
    stopped = end(process)
    ((spent,),) = query(folder, "SELECT sum(cost_usd) FROM answers")

    api.latency_seconds = 0.3
    resumed = program_with_api.start("work", "--max-cost", "0.8", "--max-workers", "8")
    wait_until(lambda: api.journal.in_flight)
    cli("set", "--max-cost", "none", "--max-workers", "32")
    receive(resumed, "--max-cost none")
    api.latency_seconds = 0.0

    assert stopped == 4
    assert 0.3 < spent <= 0.5
    assert end(resumed) == 0
    assert count(folder, "done") == 400
    assert query(folder, "SELECT sum(cost_usd) > 0.8 FROM answers") == [(1,)]
    assert query(folder, "SELECT sum(reserved_usd) FROM workers") == [(0.0,)]
    assert api.journal.repeated() == {}


def test_a_cap_with_an_unknown_price_stops_the_run_and_says_why(started, program_with_api, cli):
    process = started(400, "--max-workers", "2", ask=("--model", "nobody-knows-it"))

    cli("set", "--max-cost", "5")
    _, errors = process.communicate(timeout=60)

    assert process.returncode == 4
    assert "the price of nobody-knows-it is unknown" in errors.decode()


def test_a_setting_does_not_apply_to_a_worker_that_starts_later(started, program_with_api, folder, api, cli):
    first = started(150, "--max-workers", "2")
    cli("set", "--rpm", "1")
    receive(first, "--rpm 1")
    api.latency_seconds = 0.0

    # The first worker holds two jobs that it may not call yet.
    second = program_with_api.start("work", "--max-workers", "64")
    wait_until(lambda: count(folder, "done") >= 148)
    cli("set", "--rpm", "none")

    assert [end(first), end(second)] == [0, 0]
    assert (api.journal.received, api.journal.repeated()) == (150, {})


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "give a setting, for example: artistjobs set --max-workers 8"),
        (("--rpm", "60"), "no worker is running on artistjobs.db"),
    ],
)
def test_set_without_a_setting_or_a_worker_is_wrong_use(cli, folder, options, said):
    write_artists(folder / "a.csv", 1)
    cli("ingest", "a.csv")

    result = cli("set", *options)

    assert result.exit_code == 2
    assert said in result.stderr
    assert query(folder, "SELECT * FROM controls") == []


@pytest.mark.parametrize("command", [("pause",), ("resume",), ("set", "--rpm", "1")])
def test_pause_and_set_never_create_a_database(cli, folder, command):
    result = cli(*command)

    assert result.exit_code == 2
    assert "start with: artistjobs ingest FILE" in result.stderr
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    "options", [("--max-workers", "0"), ("--max-workers", "none"), ("--rpm", "-1"), ("--max-cost", "nan")]
)
def test_an_invalid_setting_is_refused(cli, folder, options):
    assert cli("set", *options).exit_code == 2


# --- messages


def test_the_latest_value_of_a_setting_is_read(tmp_path):
    with open_store(tmp_path / "jobs.db", create=True) as one, open_store(tmp_path / "jobs.db") as other:
        one.controls.set({Control.PAUSED: 1, Control.MAX_COST: 0.25})
        one.controls.set({Control.RPM: None, Control.PAUSED: None})

        said = other.controls.read()

    assert [(one.control, one.value, one.revision) for one in said] == [
        (Control.MAX_COST, 0.25, 2),
        (Control.RPM, None, 3),
        (Control.PAUSED, None, 4),
    ]


def test_a_pause_applies_to_all_workers_and_other_settings_to_living_ones():
    said = [
        ControlChange(Control.PAUSED, 1, 1, "a moment"),
        ControlChange(Control.RPM, 60, 2, "a moment"),
        ControlChange(Control.TPM, None, 3, "a moment"),
        ControlChange(Control.MAX_WORKERS, 10, 4, "a moment"),
    ]
    flags = WorkerSettings(max_workers=4, rpm=7, tpm=8, max_cost_usd=9.0)

    assert flags.with_changes(said, 2, ProcessShare(1, 4)) == WorkerSettings(
        max_workers=3, rpm=7, tpm=None, max_cost_usd=9.0, is_paused=True, total_max_workers=10
    )  # fmt: skip


def test_the_share_of_each_process_in_calls_that_are_found_adds_up_to_their_maximum():
    said = [ControlChange(Control.MAX_WORKERS, None, 1, "a moment")]
    settings = [WorkerSettings(max_workers=1).with_changes(said, 0, ProcessShare(number, 3)) for number in range(3)]

    assert sum(each.max_workers for each in settings) == MOST_AUTO_CALLS
    assert all(each.is_auto for each in settings)


def test_settings_are_shown_once_with_their_local_time():
    at, later = "2026-01-31T23:59:58.123Z", "2026-02-01T00:00:01.000Z"
    said = [
        ControlChange(Control.PAUSED, 1, 4, later),
        ControlChange(Control.RPM, None, 2, at),
        ControlChange(Control.MAX_COST, 5, 3, at),
        ControlChange(Control.MAX_WORKERS, 8, 5, later),
    ]
    worker = Run(
        worker=1, host="host", pid=42, started_at=at, seen_at=at, ended_at=None, ending=None, done=0, failed=0, calls=0,
        retries=0, input_tokens=0, output_tokens=0, cost_usd=0.0, unpriced=0, is_alive=True,
    )  # fmt: skip

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "UTC-02")
        time.tzset()
        lines = control_lines(said, [worker], Path("artistjobs.db"))
    time.tzset()

    assert lines == [
        "paused since 02-01 02:00:01; continue with: artistjobs resume",
        "--rpm none, --max-cost 5 for running workers, set at 02-01 01:59:58",
        "--max-workers 8 for running workers, set at 02-01 02:00:01",
    ]


@given(st.integers(1, 10_000), st.integers(1, 64))
def test_the_processes_of_a_command_divide_a_setting(total, processes):
    shares = [ProcessShare(number, processes).share(total) for number in range(processes)]

    assert sum(shares) == total
    assert max(shares) - min(shares) <= 1
    assert WorkerSettings(max_workers=min(shares)).makes_no_calls == (total < processes)


def test_the_processes_of_one_command_are_paused_and_share_what_is_set(program_with_api, folder, api, cli):
    write_artists(folder / "a.csv", 200)
    api.latency_seconds = 0.3
    process = program_with_api.start("run", "a.csv", "--processes", "2", "--max-workers", "4")
    wait_until(lambda: api.journal.in_flight == 4)

    cli("set", "--max-workers", "9")
    wait_until(lambda: api.journal.in_flight == 9)
    cli("pause")
    wait_until(lambda: not api.journal.in_flight and not count(folder, "running"))
    cli("set", "--max-workers", "1")
    most, received = api.journal.max_in_flight, api.journal.received
    api.latency_seconds = 0.1
    cli("resume")
    wait_until(lambda: api.journal.received > received + 3)
    one_at_a_time = max(call.in_flight for call in api.journal.calls[received:])
    cli("set", "--max-workers", "200")
    _, errors = process.communicate(timeout=60)

    assert (most, one_at_a_time) == (9, 1)
    told = [line[9:] for line in errors.decode().splitlines() if "settings from another terminal" in line]
    assert told == [f"settings from another terminal: --max-workers {number}" for number in (9, 1, 200)]
    assert errors.decode().count("paused: no new calls are made") == 1
    assert process.returncode == 0
    assert (len(read_records(folder / "out.jsonl")), api.journal.repeated()) == (200, {})
