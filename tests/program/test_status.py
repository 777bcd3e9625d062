"""Command ``status``: states by prompt configuration, runs and failures, as text, as JSON and with ``--watch``."""

import json
import os
import pty
import re
import signal
import sqlite3
import subprocess
import sys
from dataclasses import astuple
from pathlib import Path

import factories as make
import pytest
from conftest import wait_until, write_artists

from artistjobs.core.attempt import Outcome
from artistjobs.core.job import EVERYTHING
from artistjobs.errors import StoreError
from artistjobs.rehearsal import Fault
from artistjobs.store.sqlite.reader import open_reader
from artistjobs.store.sqlite.store import open_store

KEYS = [
    "at", "database", "kind", "jobs", "jobs_per_minute", "calls", "retries", "input_tokens", "output_tokens",
    "cached_share", "cost_usd", "unpriced_answers", "lost_usd", "written_off_usd", "projection", "failures", "workers",
    "prompts", "runs", "control", "batches", "background", "spool",
]  # fmt: skip
KEYS_WITHIN = {
    "jobs": ["total", "pending", "running", "done", "failed", "dropped"],
    "projection": ["answers", "jobs_left", "total_cost_usd", "seconds_left"],
    "failures": ["code", "jobs", "artist_name", "message", "status", "retry"],
    "prompts": [
        "prompt", "prompt_id", "version", "prompt_file", "model", "params", "created_at", "total", "pending", "running",
        "failed", "done", "dropped",
    ],
    "control": ["paused_since", "set"],
    "runs": [
        "worker", "host", "pid", "started_at", "seen_at", "ended_at", "ending", "done", "failed", "calls", "retries",
        "input_tokens", "output_tokens", "cost_usd", "unpriced", "bounded_by", "is_alive", "seconds",
        "jobs_per_minute",
    ],
}  # fmt: skip


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "jobs.db"


def by_hand(path: Path) -> dict[int, tuple[int, ...]]:
    """Return the states of each prompt's jobs, counted from the table."""
    query = """SELECT prompt, sum(error_code IS NOT 'user:dropped'), sum(state = 'pending'), sum(state = 'running'),
                      sum(state = 'done'),
                      sum(state = 'failed' AND error_code <> 'user:dropped'), sum(error_code IS 'user:dropped')
                 FROM jobs
                GROUP BY prompt"""
    with sqlite3.connect(path) as db:
        rows = db.execute(query).fetchall()
    db.close()
    return {prompt: tuple(counts) for prompt, *counts in rows}


def test_jobs_are_counted_by_prompt_as_in_the_table(path):
    one, two, three = (make.make_prompt(prompt_id=f"pmpt_{name}") for name in "abc")
    with open_store(path, create=True) as store:
        make.ingest(store, *make.names(10), prompt=one)
        make.ingest(store, *make.names(12), prompt=two)
        make.ingest(store, *make.names(15), prompt=one)  # five new ones, ten known
        make.ingest(store, *make.names(3), prompt=two)  # nothing new
        make.ingest(store, *make.names(2, start=50), prompt=two)
        make.ingest(store, *make.names(4), prompt=three)
        store.queue.register()
        store.queue.drop(scope=store.records.scope(5))
        for number, claimed in enumerate(make.claim(store, 29)):
            outcome = [Outcome.DONE, Outcome.FAILED, Outcome.RELEASED][number % 3]
            if number % 7:
                make.settle(store, make.make_attempt(claimed, outcome))

        with open_reader(path) as reader:
            found = {row.prompt: (row.counts.total, *astuple(row.counts)) for row in reader.job_queries.progress()}
            counts = reader.records.counts(EVERYTHING)

    assert found == by_hand(path)
    assert sum(row[0] for row in found.values()) == counts.total
    assert all(any(row[place] for row in found.values()) for place in range(6))


def test_the_json_of_a_status_keeps_its_keys(cli, folder, api):
    write_artists(folder / "a.csv", 4)
    api.script = lambda body, _: Fault.REFUSAL if body["prompt"]["variables"]["artist_name"] == "Artist 1" else None
    cli("run", "a.csv", "--limit", "3")

    found = json.loads(cli("status", "--json").stdout)

    assert list(found) == KEYS
    for name, keys in KEYS_WITHIN.items():
        value = found[name]
        assert list(value[0] if isinstance(value, list) else value) == keys, name
    assert (found["prompts"][0]["done"], found["prompts"][0]["pending"]) == (2, 1)
    assert (found["runs"][0]["done"], found["runs"][0]["failed"], found["runs"][0]["is_alive"]) == (2, 1, False)
    assert found["runs"][0]["ended_at"] > found["runs"][0]["started_at"]
    assert found["failures"][0]["retry"] == "artistjobs retry --code refusal"


def test_cache_hits_are_a_share_of_the_input_tokens(cli, path):
    with open_store(path, create=True) as store:
        make.ingest(store, *make.names(3))
        store.queue.register()
        make.answer_everything(store, 3)

    # Three of eleven input tokens of each answer come from the cache.
    assert json.loads(cli("--db", path, "status", "--json").stdout)["cached_share"] == round(3 / 11, 4)
    assert json.loads(cli("--db", path, "status", "--json", "--prompt", "1").stdout)["cached_share"] == round(3 / 11, 4)
    assert "33 tokens in (27 % cached), 66 out" in cli("--db", path, "status").stdout


def test_a_share_of_cache_hits_leaves_out_workers_that_did_not_count_them(cli, path):
    with open_store(path, create=True) as store:
        make.ingest(store, *make.names(2))
        store.queue.register()
        make.answer_everything(store, 2)
    with sqlite3.connect(path) as db:
        moment = "2026-11-22T20:51:07.123Z"
        db.execute(
            "INSERT INTO workers (host, pid, started_at, seen_at, input_tokens) VALUES ('a', 1, ?, ?, 1000)",
            [moment] * 2,
        )
    db.close()

    assert json.loads(cli("--db", path, "status", "--json").stdout)["cached_share"] == round(3 / 11, 4)


def test_a_run_and_the_status_after_it_report_the_same_speed(cli, folder, api):
    write_artists(folder / "a.csv", 30)
    api.latency_seconds = 0.05

    run = json.loads(cli("run", "a.csv", "--json").stdout)
    status = json.loads(cli("status", "--json").stdout)

    assert run["jobs_per_minute"] == status["jobs_per_minute"] == status["runs"][0]["jobs_per_minute"]
    assert run["seconds"] == status["runs"][0]["seconds"]
    # In JSON the speed is rounded to a tenth, so a half may have been a little more or less.
    spoken = {f"{status['jobs_per_minute'] + rest:,.0f} jobs a minute" for rest in (-0.05, 0.05)}
    assert any(text in cli("status").stdout for text in spoken)


def test_a_run_in_several_processes_and_the_status_after_it_report_the_same_speed(cli, folder, api):
    write_artists(folder / "a.csv", 30)

    run = json.loads(cli("run", "a.csv", "--json", "--processes", "2").stdout)
    status = json.loads(cli("status", "--json").stdout)

    assert run["jobs_per_minute"] == status["jobs_per_minute"]
    assert run["seconds"] >= max(one["seconds"] for one in status["runs"])


def test_a_status_names_prompts_runs_and_failures(cli, folder, api):
    write_artists(folder / "a.csv", 3)
    (folder / "ask.txt").write_text("Who is {{ artist_name }}?")
    api.script = lambda body, _: Fault.REFUSAL if "Artist 1?" in body.get("input", "") else None
    cli("run", "a.csv", "--prompt-file", "ask.txt", "--param", "reasoning.effort=low")
    cli("ingest", "a.csv", "--prompt-id", "pmpt_x", "--version", "3", "--model", "gpt-5-mini")

    text = cli("status").stdout

    assert re.search(r"1  ask\.txt reasoning\.effort=low +20[-0-9]+ +gpt-5 +3 +2 +1 +0 +0 +66\.7", text)
    assert re.search(r"2  pmpt_x version 3 +20[-0-9]+ +gpt-5-mini +3 +0 +0 +0 +3 +0\.0", text)
    assert re.search(r"1 failed with refusal \(HTTP 200\)\n    for example Artist 1: ", text)
    assert "\n    artistjobs retry --code refusal\n" in text
    assert "\x1b" not in text


def test_a_rehearsed_database_says_so(cli, folder):
    write_artists(folder / "a.csv", 1)
    cli("run", "a.csv", "--rehearse")

    assert cli("--db", "rehearsal.db", "status").stdout.startswith("rehearsal.db: 1 job (rehearsal)\n")


def test_status_imports_nothing_slow_and_leaves_no_file(cli, folder):
    write_artists(folder / "a.csv", 2)
    cli("run", "a.csv")
    before = sorted(folder.iterdir())
    script = (
        "import sys; sys.argv = ['artistjobs', *sys.argv[1:]]\n"
        "from artistjobs.cli import main\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        "heavy = {'openai', 'sqlite_utils', 'rich', 'asyncio', 'jinja2', 'tenacity', 'genai_prices'}\n"
        "print(heavy & set(sys.modules), file=sys.stderr)"
    )

    for command in (["status"], ["failures"], ["show", "Artist 1"]):
        done = subprocess.run([sys.executable, "-c", script, *command], capture_output=True, text=True, check=True)

        assert done.stderr.splitlines()[-1] == "set()", command
    assert sorted(folder.iterdir()) == before


def test_status_migrates_a_database_of_an_earlier_version(path):
    with open_store(path, create=True) as store:
        make.ingest(store, "A")
    with sqlite3.connect(path) as db:
        db.execute("DELETE FROM _sqlite_migrations WHERE name LIKE '0003%'")
        db.execute("ALTER TABLE workers DROP COLUMN lost_usd")
        db.execute("ALTER TABLE workers DROP COLUMN reserved_usd")
    db.close()

    with open_reader(path) as reader:
        assert reader.records.counts(EVERYTHING).total == 1
    with sqlite3.connect(path) as db:
        assert db.execute("SELECT count(*) FROM _sqlite_migrations WHERE name LIKE '0003%'").fetchone() == (1,)
    db.close()


def test_a_locked_database_is_not_read_as_immutable(path, monkeypatch):
    monkeypatch.setattr("artistjobs.store.sqlite.reader.BUSY_SECONDS", 0.1)
    with open_store(path, create=True) as store:
        make.ingest(store, "A")
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA journal_mode = DELETE")
    db.execute("BEGIN EXCLUSIVE")

    with pytest.raises(StoreError, match="another program keeps it locked"), open_reader(path):
        pass
    db.close()


def test_watching_as_json_prints_one_object_per_line_until_interrupted(program_with_api, folder, cli):
    write_artists(folder / "a.csv", 1)
    cli("run", "a.csv")

    process = program_with_api.start("status", "--watch", "--json")
    first = json.loads(process.stdout.readline())
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)

    assert first["jobs"]["done"] == 1
    assert process.returncode == 130
    assert errors == b""


def test_watching_redraws_in_place_and_restores_the_terminal(program_with_api, folder, cli):
    write_artists(folder / "a.csv", 1)
    cli("run", "a.csv")
    ours, theirs = pty.openpty()
    seen = b""

    def reads(part: bytes, times: int = 1) -> bool:
        nonlocal seen
        if seen.count(part) < times:
            seen += os.read(ours, 65536)
        return seen.count(part) >= times

    process = program_with_api.start("status", "--watch", stdout=theirs, stderr=theirs, env={"TERM": "xterm"})
    os.close(theirs)
    wait_until(lambda: reads(b"artistjobs.db: ", times=2))
    process.send_signal(signal.SIGINT)
    wait_until(lambda: reads(b"\x1b[?1049l"))

    assert process.wait(timeout=60) == 130
    assert seen.startswith(b"\x1b[?1049h\x1b[?25l\x1b[H")
    assert b"\x1b[2J" not in seen
    assert seen.rstrip().endswith(b"\x1b[?25h\x1b[?1049l")
    os.close(ours)


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_no_line_is_wider_than_the_terminal_but_the_commands(path, width):
    from artistjobs.commands.status import read_status
    from artistjobs.commands.status_text import status_lines
    from artistjobs.terminal.table import cell_width

    with open_store(path, create=True) as store:
        make.ingest(store, "葛飾北斎 " * 30, *make.names(9), prompt=make.make_template(template_file="質問" * 30))
        store.queue.register()
        claimed = make.claim_one(store)
        failure = make.make_failure(message="悪い " * 60)
        make.settle(store, make.make_attempt(claimed, Outcome.FAILED, failure=failure))
    with open_reader(path) as reader:
        lines = status_lines(read_status(reader), width)

    assert [line for line in lines if cell_width(line) > width and "artistjobs --db" not in line] == []
    assert any("…" in line for line in lines)


SAMPLE = re.compile(r'(?P<name>[a-z_]+)\{(?P<labels>(?:[a-z_]+="(?:[^"\\\n]|\\["\\n])*",?)*)\} (?P<value>[0-9.e+-]+)')


def metrics_of(text: str) -> dict[str, dict[str, float]]:
    """Return the samples of a text in the format of Prometheus, by name and labels; fails if it is not in that form."""
    found: dict[str, dict[str, float]] = {}
    kind = ""
    lines = text.split("\n")
    assert lines.pop() == ""
    for line in lines:
        if line.startswith("# HELP "):
            name = line.split(" ")[2]
            assert name not in found
            found[name] = {}
        elif line.startswith("# TYPE "):
            assert line.split(" ")[2] == name
            kind = line.split(" ")[3]
            assert (kind == "counter") == name.endswith("_total")
            assert kind in ("counter", "gauge")
        else:
            sample = SAMPLE.fullmatch(line)
            assert sample, line
            assert sample["name"] == name
            assert sample["labels"] not in found[name]
            found[name][sample["labels"]] = float(sample["value"])
    return found


def test_metrics_have_the_numbers_of_the_status_and_any_names_in_their_labels(cli, folder, api):
    write_artists(folder / "a.csv", 5)
    name = 'as"k\\\n\x1b[31m.txt'
    (folder / name).write_text("Who is {{ artist_name }}?")
    api.script = lambda body, _: Fault.REFUSAL if "Artist 1?" in body["input"] else None
    cli("--db", "a.db", "run", "a.csv", "--prompt-file", name, "--limit", "3")

    result = cli("--db", "a.db", "status", "--prometheus")
    metrics, status = metrics_of(result.stdout), json.loads(cli("--db", "a.db", "status", "--json").stdout)

    here = 'database="a.db"'
    for state in ("pending", "running", "done", "failed", "dropped"):
        assert metrics["artistjobs_jobs"][f'{here},state="{state}"'] == status["jobs"][state]
    for key in ("calls", "retries", "input_tokens", "output_tokens", "cost_usd"):
        assert metrics[f"artistjobs_{key}_total"][here] == pytest.approx(status[key])
    assert metrics["artistjobs_failed_jobs"] == {f'{here},code="refusal"': 1}
    assert any(r'prompt_name="as\"k\\\n\\x1b[31m.txt"' in labels for labels in metrics["artistjobs_prompt_jobs"])
    assert metrics["artistjobs_live_workers"] == {here: 0}
    assert "artistjobs_batches" not in metrics


@pytest.mark.parametrize("other", [["--json"], ["--watch"], ["--prompt", "1"]])
def test_metrics_are_of_the_whole_database_and_printed_once(cli, folder, other):
    write_artists(folder / "a.csv", 1)
    cli("ingest", "a.csv")

    assert cli("status", "--prometheus", *other).exit_code == 2
