"""PostgreSQL that goes away in a run: no answer is lost, no call is made in doubt, none is paid for twice."""

import json
import os
import re
import signal
import threading
from contextlib import closing
from pathlib import Path

import pytest
from conftest import read_records, wait_until, write_artists
from postgres import OwnServer
from services import use
from wire import Wire

from artistjobs.rehearsal.scenarios import BackgroundRules
from artistjobs.store.postgres import liveness

COUNT = 120


@pytest.fixture
def server(postgres):
    """A server of this session that is running again afterwards."""
    if not isinstance(postgres, OwnServer):
        pytest.skip("the server is not one that the tests may stop")
    yield postgres
    if postgres.is_stopped:
        postgres.start()


@pytest.fixture
def url(server):
    with server.database() as url:
        yield url


@pytest.fixture
def spool(program_with_api, tmp_path, monkeypatch):
    folder = tmp_path / "spool"
    program_with_api.environment["ARTISTJOBS_SPOOL"] = str(folder)
    monkeypatch.setenv("ARTISTJOBS_SPOOL", str(folder))
    return folder


@pytest.fixture
def start(program_with_api, folder, api, url, spool):
    write_artists(folder / "a.csv", COUNT)
    api.latency_seconds = 0.1

    def start(*options, address=None, more=()):
        command = ("--db", address or url, *options, "run", "a.csv", "--max-workers", 8, "--no-text", *more)
        return program_with_api.start(*command)

    return start


def assert_all_were_asked_once(folder: Path, api, repeats: int = 0) -> None:
    names = [record["artist_name"] for record in read_records(folder / "out.jsonl")]
    assert names == [f"Artist {number}" for number in range(1, COUNT + 1)]
    assert len(api.journal.repeated()) <= repeats


def written(spool: Path) -> int:
    """Return the number of answers in a spool, stored or not."""
    return sum(path.read_bytes().count(b'{"number"') for path in spool.glob("*/*.spool"))


def all_answered(api) -> bool:
    return api.journal.in_flight == 0


def test_a_run_waits_for_a_server_that_restarts_after_a_crash(start, server, folder, api):
    run = start()
    wait_until(lambda: api.journal.received > 30)

    server.stop(signal.SIGQUIT)
    wait_until(lambda: all_answered(api))
    received = api.journal.received
    assert any(b"cannot be reached" in line for line in run.stderr)
    server.start()
    _, errors = run.communicate(timeout=60)

    assert run.returncode == 0, errors
    assert b"is back" in errors
    assert received < COUNT
    assert_all_were_asked_once(folder, api)


def test_answers_of_an_outage_survive_a_kill_and_are_stored_by_the_next_run(
    start, server, folder, api, query, spool, cli, url, monkeypatch
):
    run = start()
    wait_until(lambda: api.journal.received > 30)
    server.stop(signal.SIGQUIT)
    wait_until(lambda: all_answered(api))
    wait_until(lambda: written(spool) == api.journal.received)
    run.kill()
    run.wait()
    server.start()
    monkeypatch.setattr(liveness, "DEAD_SECONDS", 0.5)

    told = json.loads(cli("--db", url, "status", "--json").stdout)
    said = cli("--db", url, "status").stdout
    again = cli("--db", url, "run", "a.csv", "--max-workers", 8, "--no-text")

    assert told["spool"]["answers"] > 0
    assert f"in {told['spool']['folder']} not stored yet" in said
    assert again.exit_code == 0, again.stderr
    assert json.loads(cli("--db", url, "status", "--json").stdout)["spool"] is None
    assert not list(spool.glob("*/*.spool"))
    assert_all_were_asked_once(folder, api)


def test_a_run_ends_with_74_if_the_server_stays_away_and_the_next_stores_its_answers(
    start, server, folder, api, cli, url, monkeypatch
):
    run = start("--db-timeout", 1)
    wait_until(lambda: api.journal.received > 30)
    server.stop(signal.SIGQUIT)
    _, errors = run.communicate(timeout=60)
    server.start()
    monkeypatch.setattr(liveness, "DEAD_SECONDS", 0.5)

    again = cli("--db", url, "run", "a.csv", "--max-workers", 8, "--no-text")

    assert run.returncode == 74, errors
    assert b"The next run on this machine stores" in errors
    assert b"Traceback" not in errors
    assert again.exit_code == 0, again.stderr
    assert_all_were_asked_once(folder, api)


def test_an_answer_in_the_background_is_not_bought_again_if_the_server_stops_before_its_id_is_stored(
    start, server, folder, api, spool, cli, url, monkeypatch
):
    use(api, background=BackgroundRules(seconds=3.0))
    api.latency_seconds = 0.5
    run = start(more=["--background"])
    wait_until(lambda: api.journal.in_flight == 8)
    server.stop(signal.SIGQUIT)
    wait_until(lambda: ids_in(spool) == 8)
    run.kill()
    run.wait()
    server.start()
    monkeypatch.setattr(liveness, "DEAD_SECONDS", 0.5)
    monkeypatch.setattr("artistjobs.worker.calls.POLL_SECONDS", 0.01)
    monkeypatch.setattr("artistjobs.worker.calls.JOBS_A_POLL", 0.01)
    api.latency_seconds = 0.0

    again = cli("--db", url, "run", "a.csv", "--max-workers", 8, "--no-text")

    assert again.exit_code == 0, again.stderr
    assert_all_were_asked_once(folder, api)


def ids_in(spool: Path) -> int:
    """Return the number of responses in the background whose ids are in a spool."""
    return sum(path.read_bytes().count(b'{"submission"') for path in spool.glob("*/*.spool"))


def test_a_failover_that_forgets_commits_loses_no_answer(start, server, folder, api, tmp_path):
    run = start()
    wait_until(lambda: api.journal.received > 20)
    server.stop()
    replica = tmp_path / "replica"
    server.copy_to(replica)
    server.start()
    wait_until(lambda: api.journal.received > 60)

    server.stop(signal.SIGQUIT)
    server.replace_with(replica)
    server.start()
    _, errors = run.communicate(timeout=60)

    assert run.returncode == 0, errors
    assert_all_were_asked_once(folder, api)


def test_sessions_that_the_server_ends_all_the_time_cost_nothing(start, folder, api, query):
    run = start()
    wait_until(lambda: api.journal.received > 10)

    while run.poll() is None and api.journal.received < COUNT:
        query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'artistjobs'"
              " AND datname = current_database()")  # fmt: skip
        threading.Event().wait(0.15)
    _, errors = run.communicate(timeout=60)

    assert run.returncode == 0, errors
    assert_all_were_asked_once(folder, api)


def other_calls(result) -> int:
    return int(re.search(r"^(\d+) calls", result.stderr, re.MULTILINE)[1])


def test_a_worker_behind_a_cut_wire_makes_no_call_and_its_late_answers_land(
    start, server, folder, api, query, cli, url, monkeypatch
):
    with closing(Wire(server.port)) as wire:
        run = start(address=url.replace(f":{server.port}/", f":{wire.port}/"))
        wait_until(lambda: api.journal.received > 20)
        api.latency_seconds = 2.0
        wait_until(lambda: api.journal.in_flight == 8)
        wire.cut()
        wait_until(lambda: all_answered(api))
        received = api.journal.received
        api.latency_seconds = 0.01
        # The lock of the lost session is still held, and is taken from it.
        monkeypatch.setattr(liveness, "DEAD_SECONDS", 0.5)
        monkeypatch.setattr(liveness, "HALF_OPEN_SECONDS", 1.0)

        other = cli("--db", url, "work")

        assert other.exit_code == 0, other.stderr
        assert "took over 8 jobs of a worker that died" in other.stderr
        assert api.journal.received == received + other_calls(other)
        wire.restore()
        _, errors = run.communicate(timeout=90)

    assert run.returncode == 0, errors
    assert_all_were_asked_once(folder, api, repeats=8)
    ((late,), (answers,)) = query("SELECT sum(late) FROM answers UNION ALL SELECT count(*) FROM answers")
    assert answers == api.journal.received
    assert late == answers - COUNT


def test_the_jobs_of_a_killed_worker_are_taken_over(start, folder, api, cli, url, monkeypatch):
    api.latency_seconds = 0.2
    run = start()
    wait_until(lambda: api.journal.received > 20)
    run.kill()
    run.wait()
    monkeypatch.setattr(liveness, "DEAD_SECONDS", 0.5)

    again = cli("--db", url, "run", "a.csv", "--max-workers", 8, "--no-text")

    assert again.exit_code == 0, again.stderr
    assert_all_were_asked_once(folder, api, repeats=8)


def test_the_jobs_of_a_stopped_worker_are_left_alone_until_its_session_counts_as_lost(
    start, folder, api, cli, url, query, monkeypatch
):
    run = start()
    wait_until(lambda: api.journal.received > 20)
    os.kill(run.pid, signal.SIGSTOP)
    wait_until(lambda: all_answered(api))
    monkeypatch.setattr(liveness, "DEAD_SECONDS", 0.2)
    wait_until(lambda: query("SELECT clock_timestamp() - max(seen_at) > interval '1 s' FROM workers") == [(True,)])

    alone = cli("--db", url, "work", "--limit", 5)
    assert alone.exit_code == 4, alone.stderr
    assert "took over" not in alone.stderr
    monkeypatch.setattr(liveness, "HALF_OPEN_SECONDS", 1.0)
    taking = cli("--db", url, "work")
    assert "took over" in taking.stderr, taking.stderr
    os.kill(run.pid, signal.SIGCONT)
    _, errors = run.communicate(timeout=60)

    assert run.returncode == 0, errors
    assert_all_were_asked_once(folder, api, repeats=8)


def test_a_full_disk_of_the_server_ends_the_run_with_74_and_loses_no_answer(
    start, folder, api, cli, url, query, monkeypatch
):
    api.latency_seconds = 0.05
    run = start("--db-timeout", 1)
    wait_until(lambda: api.journal.received > 20)
    query("CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS"
          " $$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100'; END $$;"
          "CREATE TRIGGER full_disk BEFORE INSERT ON answers EXECUTE FUNCTION full_disk()")  # fmt: skip
    _, errors = run.communicate(timeout=60)
    query("DROP TRIGGER full_disk ON answers; DROP FUNCTION full_disk")
    monkeypatch.setattr(liveness, "DEAD_SECONDS", 0.5)

    again = cli("--db", url, "run", "a.csv", "--max-workers", 8, "--no-text")

    assert run.returncode == 74, errors
    assert b"disk of the server is full" in errors
    assert again.exit_code == 0, again.stderr
    assert_all_were_asked_once(folder, api)
