"""A run in several processes: one display, one summary, one Ctrl+C, and no job lost if a process dies."""

import json
import logging
import os
import signal
import sqlite3
import subprocess
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
from conftest import KEY, read_records, wait_for_second_signal, wait_until, write_artists
from hypothesis import given
from hypothesis import strategies as st

from artistjobs.api.config import ApiConfig
from artistjobs.core.job import Scope
from artistjobs.core.pricing import GivenPrices
from artistjobs.errors import StoreError, WrongUseError
from artistjobs.rehearsal import Fault
from artistjobs.store.database import Database
from artistjobs.store.models import Kind
from artistjobs.terminal.log import repeats
from artistjobs.worker.config import WorkConfig
from artistjobs.worker.processes import messages
from artistjobs.worker.processes.child import LogForwarder
from artistjobs.worker.processes.parent import COMMAND
from artistjobs.worker.progress.counters import RunTotals
from artistjobs.worker.stop import StopReason

RUN = ("run", "a.csv", "--processes", "2", "--max-workers", "8")


@pytest.fixture
def file(folder):
    return write_artists(folder / "a.csv", 200)


@pytest.fixture
def start(program_with_api):
    """Start the program as the leader of a process group, as a shell does."""
    return lambda *arguments: program_with_api.start(*arguments, start_new_session=True)


def query(statement: str) -> list[tuple]:
    with closing(sqlite3.connect("artistjobs.db", timeout=30)) as db:
        return db.execute(statement).fetchall()


def members() -> list[int]:
    """Return the process ids of the living workers in the database."""
    if not Path("artistjobs.db").exists():
        return []
    try:
        return [pid for (pid,) in query("SELECT pid FROM workers WHERE ended_at IS NULL ORDER BY id")]
    except sqlite3.OperationalError:  # the table does not exist yet
        return []


def children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def at_work(api, calls: int = 20) -> list[int]:
    """Wait until both processes have calls in flight."""
    wait_until(lambda: api.journal.received >= calls and len(members()) == 2)
    return members()


def ended(process) -> tuple[int, str]:
    _, said = process.communicate(timeout=60)
    return process.returncode, said.decode()


def test_two_processes_call_each_row_once_and_print_one_summary(program_with_api, api, file, folder):
    api.latency_seconds = 0.02

    done = program_with_api.run(*RUN, "--json")

    summary = json.loads(done.stdout)
    assert done.returncode == 0
    assert len(members()) == 0
    assert query("SELECT count(*), sum(done > 0) FROM workers") == [(2, 2)]
    assert (summary["done"], summary["calls"], summary["exit_code"]) == (200, 200, 0)
    assert summary["output_tokens"] == query("SELECT sum(output_tokens) FROM answers")[0][0]
    assert len(read_records(folder / "out.jsonl")) == 200
    assert api.journal.repeated() == {}
    assert 4 < api.journal.max_in_flight <= 8
    assert done.stderr.count("200 jobs: 200 done") == 1


def test_the_death_of_a_process_is_reported_and_its_jobs_are_taken_over(start, api, file):
    api.latency_seconds = 0.05
    process = start(*RUN)

    victim = at_work(api)[0]
    os.kill(victim, signal.SIGKILL)
    api.latency_seconds = 0.0
    code, said = ended(process)

    assert code == 0
    assert f"process {victim} died (killed by SIGKILL); its jobs are taken over" in said
    assert query("SELECT state, count(*) FROM jobs GROUP BY state") == [("done", 200)]
    assert len(api.journal.repeated()) <= 4


def test_when_the_last_process_dies_another_one_takes_its_place(start, api, file):
    api.latency_seconds = 0.05
    process = start(*RUN)

    for victim in at_work(api):
        os.kill(victim, signal.SIGKILL)
    api.latency_seconds = 0.0
    code, said = ended(process)

    assert code == 0, said
    assert "a new one replaces it" in said
    assert query("SELECT state, count(*) FROM jobs GROUP BY state") == [("done", 200)]
    assert len(api.journal.repeated()) <= 8


def holders(slots: int, killed: list[int]) -> set[int]:
    """Return the workers once they hold as many jobs as there are slots, an empty result before."""
    rows = query("SELECT pid FROM jobs JOIN workers ON claimed_by = workers.id WHERE ended_at IS NULL")
    return {pid for (pid,) in rows}.difference(killed) if len(rows) == slots else set()


def test_processes_that_die_again_and_again_end_the_run_and_leave_the_jobs_pending(start, api, file):
    # No call ends, so a killed process holds jobs, and no process can finish before it is killed.
    api.latency_seconds = 120.0
    process = start(*RUN)
    at_work(api, calls=8)

    killed = []
    for slots in (8, 4, 4, 4):
        wait_until(partial(holders, slots, killed))
        for pid in holders(slots, killed):
            killed.append(pid)
            os.kill(pid, signal.SIGKILL)
    code, said = ended(process)

    assert code == 3
    assert len(killed) == 2 + 3
    assert said.count("a new one replaces it") == 3
    assert "several processes died in a row, the last one killed by SIGKILL" in said
    assert "continue with: artistjobs run a.csv" in said
    # Only the job whose call began last is suspected of a death, so at most one can have been suspected three times.
    states = dict(query("SELECT state, count(*) FROM jobs GROUP BY state"))
    assert states.pop("failed", 0) <= 1
    assert states.keys() == {"pending"}


def test_one_ctrl_c_lets_the_calls_of_all_processes_finish(start, api, file):
    api.latency_seconds = 0.3
    process = start(*RUN)

    at_work(api, calls=10)
    os.killpg(process.pid, signal.SIGINT)
    code, said = ended(process)

    assert code == 130
    assert said.count("stopping: waiting for") == 1
    assert query("SELECT count(*) FROM jobs WHERE state = 'running'") == [(0,)]
    assert query("SELECT count(*) FROM answers") == [(api.journal.received,)]
    assert query("SELECT DISTINCT ending FROM workers") == [("interrupted",)]


def test_a_second_ctrl_c_gives_the_calls_of_all_processes_up(start, api, file):
    api.latency_seconds = 120.0
    process = start(*RUN)

    at_work(api, calls=8)
    os.killpg(process.pid, signal.SIGINT)
    # After the first signal was handled, because two pending signals count as one.
    assert any(b"stopping: waiting for" in line for line in process.stderr)
    wait_for_second_signal()
    os.killpg(process.pid, signal.SIGINT)
    code, said = ended(process)

    assert code == 130
    assert said.count("giving up ") == 1
    assert query("SELECT DISTINCT state, attempt FROM jobs") == [("pending", 0)]


def test_without_their_parent_the_children_finish_their_calls_and_end(start, api, file):
    api.latency_seconds = 0.3
    process = start(*RUN)

    at_work(api, calls=10)
    process.kill()
    process.communicate()
    wait_until(lambda: not members())

    assert query("SELECT DISTINCT ending FROM workers") == [("terminated",)]
    assert query("SELECT count(*) FROM answers") == [(api.journal.received,)]
    assert api.journal.received < 200


def test_a_process_that_is_asked_to_end_leaves_its_jobs_to_the_others(start, api, file):
    api.latency_seconds = 0.05
    process = start(*RUN)

    victim = at_work(api)[0]
    os.kill(victim, signal.SIGTERM)
    api.latency_seconds = 0.0
    code, said = ended(process)

    assert code == 0
    assert f"process {victim} was asked to stop; the others continue" in said
    assert api.journal.repeated() == {}


def test_a_process_without_a_share_of_the_calls_gets_one_when_it_is_left_alone(start, api, file, cli):
    api.latency_seconds = 0.05
    process = start(*RUN)

    at_work(api)
    cli("set", "--max-workers", "1")
    holders = "SELECT pid FROM workers JOIN jobs ON claimed_by = workers.id WHERE state = 'running'"
    wait_until(lambda: len(query(holders)) == 1)
    ((working,),) = query(holders)
    api.latency_seconds = 0.0
    os.kill(working, signal.SIGTERM)
    code, said = ended(process)

    assert code == 0, said
    assert query("SELECT state, count(*) FROM jobs GROUP BY state") == [("done", 200)]


def test_ctrl_c_during_the_start_prints_only_the_message_of_the_parent(start, api, file):
    process = start(*RUN)

    wait_until(lambda: children(process.pid))
    os.killpg(process.pid, signal.SIGINT)
    code, said = ended(process)

    assert code == 130
    assert "Traceback" not in said
    assert "died" not in said


def test_a_failed_start_of_processes_is_one_sentence(cli, file, monkeypatch):
    monkeypatch.setattr("artistjobs.worker.processes.parent.COMMAND", ("no/such/python",))

    result = cli(*RUN)

    assert result.exit_code == 3
    assert "--processes 1" in result.stderr


def test_account_trouble_of_one_process_stops_all_of_them(program_with_api, api, file):
    api.script = lambda *_: Fault.NO_CREDIT if api.journal.received > 30 else None

    stopped = program_with_api.run(*RUN)

    assert stopped.returncode == 3
    assert stopped.stderr.count("stopped: ") == 1
    assert "credit" in stopped.stderr
    assert query("SELECT DISTINCT state, attempt FROM jobs WHERE state <> 'done'") == [("pending", 0)]
    assert api.journal.received <= 30 + 8


def test_one_look_up_serves_all_processes_and_a_bad_key_costs_no_call(program_with_api, api, file):
    stopped = program_with_api.run(*RUN, env={"OPENAI_API_KEY": "bad-key-0123456789"})

    assert stopped.returncode == 3
    assert api.journal.received == 0
    assert "bad-key" not in stopped.stderr


def test_all_processes_together_keep_the_limit_on_jobs(program_with_api, api, file):
    stopped = program_with_api.run(*RUN, "--limit", "7")

    assert stopped.returncode == 4
    assert "--limit 7 is reached" in stopped.stderr
    assert api.journal.received == 7


def test_all_processes_together_keep_the_cost_cap(program_with_api, api, file):
    api.latency_seconds = 0.02

    Path("prompt.txt").write_text("Who is {{ artist_name }}?")

    bounded = ("--prompt-file", "prompt.txt", "--param", "max_output_tokens=400")
    stopped = program_with_api.run(*RUN, "--max-cost", "0.05", *bounded)

    ((spent,),) = query("SELECT sum(cost_usd) FROM answers")
    assert stopped.returncode == 4
    assert 0.03 < spent <= 0.05
    assert query("SELECT count(*) FROM jobs WHERE state = 'running'") == [(0,)]


def test_an_error_at_the_start_is_reported_once(program_with_api, file):
    refused = program_with_api.run(*RUN, "--max-cost", "1", "--model", "no-such-model-of-any-price")

    assert refused.returncode in (2, 3)
    assert refused.stderr.count("artistjobs: --max-cost cannot be enforced") == 1
    assert "Traceback" not in refused.stderr


def test_the_key_is_on_no_command_line(start, api, file):
    api.latency_seconds = 0.5
    process = start(*RUN)

    lines = [Path(f"/proc/{pid}/cmdline") for pid in at_work(api, calls=8)]

    assert not any(KEY.encode() in line.read_bytes() for line in lines if line.exists())
    process.kill()


def test_no_file_of_the_working_directory_is_imported(folder):
    for name in ("json", "click", "sqlite_utils"):
        (folder / f"{name}.py").write_text("raise SystemExit('the wrong module')")

    done = subprocess.run(COMMAND, input=b"\n", capture_output=True, timeout=60)

    assert (done.returncode, done.stderr) == (0, b"")


@given(processes=st.integers(1, 20), workers=st.integers(1, 2000), limit=st.none() | st.integers(1, 10_000))
def test_the_shares_of_a_value_add_up(processes, workers, limit):
    config = WorkConfig(processes=processes, max_workers=workers, limit=limit, rpm=60)

    parts = config.shared_out()

    assert 1 <= len(parts) <= processes
    assert {part.processes for part in parts} == {len(parts)}
    assert sum(part.max_workers for part in parts) == workers
    assert max(part.max_workers for part in parts) - min(part.max_workers for part in parts) <= 1
    assert all(part.limit is None or part.limit > 0 for part in parts)
    assert limit == (None if limit is None else sum(part.limit for part in parts))
    assert all(
        replace(part, max_workers=workers, limit=limit, processes=processes, number=0) == config for part in parts
    )


numbers = st.integers(0, 10**6)
texts = st.text(max_size=20)


@given(
    work=st.builds(
        WorkConfig, max_workers=numbers, rpm=st.none() | numbers, max_cost_usd=st.none() | st.floats(0, 100),
        prices=st.none() | st.builds(GivenPrices, input_usd=st.floats(0, 9), output_usd=st.floats(0, 9)),
    ),
    scope=st.builds(Scope, ingest=st.none() | numbers, first_job=numbers),
    kind=st.none() | st.sampled_from(Kind),
    looks_up=st.booleans(),
)  # fmt: skip
def test_a_start_message_survives_json(work, scope, kind, looks_up):
    order = messages.StartMessage(
        work=work, scope=scope, database=Database(Path("a.db"), kind), api=ApiConfig(api_key=KEY), looks_up=looks_up,
        log_level=20,
    )  # fmt: skip

    name, value = messages.read_line(messages.line(messages.START, messages.start_message_json(order)))

    assert name == messages.START
    assert messages.start_message_from_json(value) == order


@given(
    totals=st.builds(RunTotals, done=numbers, codes=st.dictionaries(texts, numbers, max_size=3)),
    reason=st.none() | st.sampled_from(StopReason),
    sentence=texts,
    error=st.none() | st.builds(lambda kind, text: kind(text), st.sampled_from([StoreError, WrongUseError]), texts),
)
def test_an_end_message_survives_json(totals, reason, sentence, error):
    end = messages.EndMessage(totals=totals, reason=reason, sentence=sentence, error=error)

    _, value = messages.read_line(messages.line(messages.END, messages.end_json(end)))
    told = messages.end_from_json(value)

    assert (told.totals, told.reason, told.sentence) == (totals, reason, sentence)
    assert (type(told.error), str(told.error)) == (type(error), str(error))


def test_a_log_line_arrives_with_its_group():
    lines, logger = [], logging.getLogger("test of the relay")
    logger.propagate = False
    logger.addHandler(LogForwarder(SimpleNamespace(send=lambda kind, value: lines.append(messages.line(kind, value)))))

    logger.warning("%d fell", 3, extra=repeats("jobs failed", "incomplete"))
    _, value = messages.read_line(lines[0])

    assert value == [logging.WARNING, "3 fell", {"group": ["jobs failed", "incomplete"]}]


@pytest.mark.parametrize("text", [b"", b"\xff\n", b"[]\n", b'"x"\n', b"{}\n", b'{"a": 1, "b": 2}\n', b"hello\n"])
def test_an_invalid_message_is_ignored(text):
    assert messages.read_line(text) == ("", None)
