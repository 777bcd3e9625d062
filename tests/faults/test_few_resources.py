"""A process with few file handles, little memory or no threads: no row fails for it, and nothing shows a traceback."""

import json
import resource
import sqlite3
import threading
from contextlib import closing
from dataclasses import replace

import pytest
from conftest import read_records, write_artists

from artistjobs.api.faults import fault_reply
from artistjobs.api.responses import ResponsesApi
from artistjobs.core.shortage import Shortage
from artistjobs.worker import active_job
from artistjobs.worker.limits import shortages


def limited(**limits):
    """Return a function that sets limits in a process that is about to start, each to a soft and a hard value."""

    def prepare():
        for name, (soft, hard) in limits.items():
            resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (soft, hard))

    return prepare


def attempts(folder, name="artistjobs.db"):
    with closing(sqlite3.connect(folder / name)) as db:
        return dict(db.execute("SELECT outcome, count(*) FROM attempts GROUP BY 1"))


def states(folder):
    with closing(sqlite3.connect(folder / "artistjobs.db")) as db:
        return dict(db.execute("SELECT state, count(*) FROM jobs GROUP BY 1"))


def test_a_low_soft_limit_of_open_files_limits_no_calls(program_with_api, api, folder):
    api.latency_seconds = 0.5
    write_artists(folder / "a.csv", 150)
    few = limited(NOFILE=(48, 4096))

    run = program_with_api.run("run", "a.csv", "--max-workers", 100, prepare=few)

    assert run.returncode == 0, run.stderr
    assert "open files" not in run.stderr
    assert attempts(folder) == {"done": 150}
    assert api.journal.max_in_flight > 30  # with 48 files open there could not be as many


@pytest.mark.parametrize("options", [[], ["--rehearse"], ["--processes", "2"]])
def test_a_low_hard_limit_of_open_files_lowers_the_calls_and_says_so(program_with_api, folder, options):
    write_artists(folder / "a.csv", 120)
    few = limited(NOFILE=(48, 48))

    run = program_with_api.run("run", "a.csv", "--max-workers", 120, *options, prepare=few)

    assert run.returncode == 0, run.stderr
    assert "calls can be in flight: the system allows no more open files; raise the hard limit" in run.stderr
    assert attempts(folder, "rehearsal.db" if "--rehearse" in options else "artistjobs.db") == {"done": 120}
    assert len(read_records(folder / "out.jsonl")) == 120


@pytest.mark.parametrize("handles", [9, 19])
def test_too_few_handles_for_the_database_are_said_in_a_sentence(program_with_api, folder, handles):
    write_artists(folder / "a.csv", 3)

    run = program_with_api.run("run", "a.csv", prepare=limited(NOFILE=(handles, handles)))

    assert run.returncode in (0, 74)
    assert "Traceback" not in run.stderr
    if run.returncode:
        assert "too many files are open; raise the limit (ulimit -n)" in run.stderr
        assert "permission" not in run.stderr


def test_handles_that_end_at_work_cost_no_row_an_attempt(cli, folder, api, monkeypatch):
    in_flight, real_create = set(), ResponsesApi.create

    async def create(calls, body):
        if len(in_flight) >= 5:
            return replace(fault_reply("connection_error", "no", Shortage.FILES), was_sent=False)
        in_flight.add(call := object())
        try:
            return await real_create(calls, body)
        finally:
            in_flight.discard(call)

    monkeypatch.setattr(ResponsesApi, "create", create)
    monkeypatch.setattr(shortages, "PAUSE_SECONDS", 0.01)
    api.latency_seconds = 0.02
    write_artists(folder / "a.csv", 60)

    run = cli("run", "a.csv", "--max-workers", 40, "--max-attempts", 1)

    assert run.exit_code == 0, run.stderr
    assert states(folder) == {"done": 60}
    assert attempts(folder).keys() == {"done", "released"}
    with closing(sqlite3.connect(folder / "artistjobs.db")) as db:
        assert db.execute("SELECT sum(calls) FROM attempts").fetchall() == [(60,)]
        assert db.execute("SELECT max(attempt) FROM jobs").fetchall() == [(1,)]


@pytest.fixture
def short(monkeypatch):
    """Makes every call of this process meet a shortage."""

    def be(shortage):
        async def create(_self, _body):
            return fault_reply("connection_error", "no", shortage)

        monkeypatch.setattr(ResponsesApi, "create", create)
        monkeypatch.setattr(shortages, "PAUSE_SECONDS", 0.01)

    return be


@pytest.mark.parametrize("shortage", Shortage)
def test_a_shortage_that_no_end_of_a_call_relieves_stops_the_run(cli, folder, short, shortage):
    short(shortage)
    write_artists(folder / "a.csv", 20)

    run = cli("run", "a.csv", "--json", "--max-attempts", "1")

    assert run.exit_code == 74
    assert json.loads(run.stdout)["stopped"] == "resources"
    assert f"stopped: {shortage}" in run.stderr
    assert states(folder) == {"pending": 20}
    assert set(attempts(folder)) == {"released"}


def out_of_memory(*_arguments):
    raise MemoryError


def test_memory_that_ends_while_an_answer_is_read_stops_the_run_and_charges_no_row(cli, folder, api, monkeypatch):
    monkeypatch.setattr(active_job, "classify", out_of_memory)
    write_artists(folder / "a.csv", 20)

    run = cli("run", "a.csv", "--max-attempts", "1")

    assert run.exit_code == 74
    assert "stopped: memory ran out" in run.stderr
    assert states(folder) == {"pending": 20}
    with closing(sqlite3.connect(folder / "artistjobs.db")) as db:
        ((calls, most),) = db.execute("SELECT sum(calls), (SELECT max(attempt) FROM jobs) FROM attempts").fetchall()
    assert calls == api.journal.received > 0  # they may have been billed
    assert most == 0


@pytest.mark.parametrize(
    "function",
    ["sqlite.queue.answer_values", "sqlite.queue.write_rows", "sqlite.ingest._Stager.stage"],
)
def test_memory_that_ends_in_the_database_is_said_in_a_sentence(cli, folder, monkeypatch, function):
    monkeypatch.setattr(f"artistjobs.store.{function}", out_of_memory)
    write_artists(folder / "a.csv", 5)

    run = cli("run", "a.csv")

    assert run.exit_code == 74
    assert "memory ran out" in run.stderr


def test_a_thread_that_cannot_be_started_is_said_in_a_sentence(cli, folder, monkeypatch):
    def refuse(_thread):
        raise RuntimeError("can't start new thread")

    write_artists(folder / "a.csv", 5)
    cli("ingest", "a.csv")
    monkeypatch.setattr(threading.Thread, "start", refuse)

    run = cli("work")

    assert run.exit_code == 74
    assert "no thread can be started" in run.stderr


@pytest.mark.parametrize("mebibytes", [60, 110])
def test_little_memory_ends_in_a_sentence_or_suffices(program_with_api, api, folder, mebibytes):
    write_artists(folder / "a.csv", 60)
    little = limited(AS=(mebibytes * 2**20, mebibytes * 2**20))

    run = program_with_api.run("run", "a.csv", "--max-workers", 30, "--max-attempts", 1, prepare=little)

    assert run.returncode in (0, 74), run.stderr
    assert "Traceback" not in run.stderr
    assert "failed" not in states(folder)
