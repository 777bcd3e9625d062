"""A call that was never sent costs nothing; one that is perhaps lost counts, can be seen, and can be written off."""

import json
import sqlite3
from contextlib import closing

import pytest
from conftest import wait_until, write_artists

from artistjobs.api.responses import ResponsesApi
from artistjobs.rehearsal import Fault

BOUNDED = ("--prompt-file", "prompt.txt", "--param", "max_output_tokens=50000")
WORST = 1.0
"""What a call can cost, nearly: 50,000 tokens of gpt-5 at the tier priority."""


@pytest.fixture(autouse=True)
def _quick(monkeypatch, folder):
    (folder / "prompt.txt").write_text("Who is {{ artist_name }}?")
    write_artists(folder / "a.csv", 40)
    monkeypatch.setattr("artistjobs.core.retry.FIRST_WAIT_SECONDS", 0.01)


def query(folder, statement: str) -> list[tuple]:
    with closing(sqlite3.connect(folder / "artistjobs.db")) as db:
        return db.execute(statement).fetchall()


def run(cli, cap, *options):
    return cli("run", "a.csv", *BOUNDED, "--max-workers", 16, "--max-cost", cap, *options)


def test_calls_to_a_server_that_has_gone_cost_nothing(cli, folder, api, monkeypatch):
    create, answered = ResponsesApi.create, []

    async def create_until_it_goes(self, body):
        if len(answered) >= 5:
            self._address, self._repeated = "http://127.0.0.1:1/v1/responses", None
        answered.append(body)
        return await create(self, body)

    monkeypatch.setattr(ResponsesApi, "create", create_until_it_goes)
    gone = run(cli, 40)
    monkeypatch.undo()
    calls = api.journal.received

    ((lost, reserved, counted),) = query(folder, "SELECT sum(lost_usd), sum(reserved_usd), sum(calls) FROM workers")
    assert gone.exit_code not in (0, 4)
    assert (lost, reserved, counted) == (0.0, 0.0, calls)
    assert calls == 5


def test_calls_that_are_perhaps_lost_are_seen_and_written_off(cli, folder, api):
    api.script = lambda _, nth: Fault.CUT_BODY if nth == 1 else None
    stopped = run(cli, 3)
    lost = json.loads(cli("lost", "--json").stdout)
    status = json.loads(cli("status", "--json").stdout)
    again = run(cli, 3)

    assert (stopped.exit_code, again.exit_code) == (4, 4)
    assert "perhaps lost (see artistjobs lost)" in again.stderr
    assert 2 * WORST < lost["lost_usd"] == status["lost_usd"] < 3
    assert [(one["code"], one["calls"]) for one in lost["codes"]] == [("connection_error", 2)]
    assert "up to $2.0" in cli("status").stdout
    assert "counted under --max-cost; see: artistjobs lost" in cli("status").stdout
    assert "connection_error" in cli("lost").stdout

    written_off = cli("lost", "--write-off")
    api.script = None
    resumed = run(cli, 3)

    assert "$2.00 written off" in written_off.stderr
    assert resumed.exit_code == 0
    assert json.loads(cli("status", "--json").stdout)["written_off_usd"] == pytest.approx(lost["lost_usd"])
    assert cli("lost").stderr == "no call counts as lost\n"
    assert cli("lost", "--write-off").stderr == "nothing is lost\n"


def test_the_attempt_that_was_lost_is_named(cli, folder, api):
    api.script = lambda body, nth: Fault.CUT_BODY if "Artist 7?" in body["input"] and nth == 1 else None

    assert run(cli, 40).exit_code == 0

    assert query(folder, "SELECT job, lost_usd > 1 FROM attempts WHERE lost_usd <> 0") == [(7, 1)]
    first, second = json.loads(cli("show", "Artist 7", "--json").stdout)["attempts"]
    assert first["lost_usd"] > WORST > second["lost_usd"] == 0


def test_what_a_killed_worker_held_is_attributed_to_its_jobs(program_with_api, folder, api, cli):
    api.latency_seconds = 30.0
    worker = program_with_api.start("run", "a.csv", *BOUNDED, "--max-workers", "3", "--max-cost", "40")
    wait_until(lambda: api.journal.in_flight >= 3)
    worker.kill()
    worker.wait()
    api.latency_seconds = 0.0

    cli("work", "--limit", 1)

    shares = query(folder, "SELECT round(lost_usd, 2) FROM attempts WHERE outcome = 'died'")
    assert shares == [(1.0,)] * 3
    assert json.loads(cli("lost", "--json").stdout)["codes"][0]["calls"] == 3


def test_lost_money_of_an_earlier_version_is_told_and_written_off_too(cli, folder, api):
    run(cli, 40)
    with closing(sqlite3.connect(folder / "artistjobs.db")) as db, db:
        db.execute("UPDATE workers SET lost_usd = 137")

    shown = cli("lost")
    cli("lost", "--write-off")

    assert "calls may have been billed although no answer arrived, and count at most $137.00" in shown.stderr
    assert query(folder, "SELECT sum(lost_usd), sum(written_off_usd) FROM workers") == [(0.0, 137.0)]
