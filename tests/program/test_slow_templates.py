"""A template that is slow for a row fails that row alone, delays no other answer, and lets the program end."""

import signal
import sqlite3
from contextlib import closing

import pytest
from conftest import read_records, wait_until

from artistjobs.rendering import process

SLOW_FOR_LONG_DATA = "{{ artist_name }}" + "{% for a in artist_data %}" * 4 + "{% endfor %}" * 4
ENDLESS = "{{ artist_name }}" + "{% for a in 'x' * 1000 %}" * 5 + "{% endfor %}" * 5
ORDINARY = "{{ artist_name }}{% for part in artist_data.split() %} {{ part }}{% endfor %}"


def states(folder) -> list[tuple]:
    if not (folder / "artistjobs.db").exists():
        return []
    with closing(sqlite3.connect(folder / "artistjobs.db")) as db:
        if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'jobs'").fetchone():
            return []
        return db.execute("SELECT state, error_code, count(*) FROM jobs GROUP BY 1, 2 ORDER BY 1").fetchall()


def write_rows(folder, template: str, short_rows: int, long_rows: int) -> None:
    (folder / "p.txt").write_text(template)
    rows = [f"Short {number},x" for number in range(short_rows)]
    (folder / "a.csv").write_text("\n".join([*rows, *(f"Long {number},{'x' * 3000}" for number in range(long_rows))]))


def test_a_row_that_is_slow_fails_alone_and_all_others_are_answered(cli, folder, api):
    write_rows(folder, SLOW_FOR_LONG_DATA, 30, 1)

    result = cli("run", "a.csv", "--prompt-file", "p.txt")

    assert result.exit_code == 1
    assert states(folder) == [("done", None, 30), ("failed", "template_error", 1)]
    assert "more than 1 s of CPU time" in cli("failures").stdout
    assert len(read_records(folder / "out.jsonl")) == 30


def test_answers_are_stored_while_a_template_is_slow(program_with_api, folder, api):
    write_rows(folder, SLOW_FOR_LONG_DATA, 8, 200)
    api.latency_seconds = 1.0
    work = program_with_api.start("run", "a.csv", "--prompt-file", "p.txt", "--max-workers", "300")

    wait_until(lambda: ("done", None, 8) in states(folder), 60)

    assert work.poll() is None


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_run_whose_template_is_slow_for_every_row(program_with_api, folder, api, number, code):
    write_rows(folder, SLOW_FOR_LONG_DATA, 0, 500)
    work = program_with_api.start("run", "a.csv", "--prompt-file", "p.txt", "--max-workers", "50")
    wait_until(lambda: len(states(folder)) > 1)

    work.send_signal(number)
    work.communicate(timeout=60)

    assert work.returncode == code
    assert {state: count for state, _, count in states(folder)}["pending"] > 400


@pytest.mark.parametrize("command", ["ingest", "run"])
def test_a_template_that_is_slow_for_any_row_is_refused_before_anything_is_stored(cli, folder, api, command):
    write_rows(folder, ENDLESS, 3, 0)

    result = cli(command, "a.csv", "--prompt-file", "p.txt")

    assert result.exit_code == 2
    assert "p.txt: the template cannot be filled in for this row: it takes more than 1 s of CPU time" in result.output
    assert not (folder / "artistjobs.db").exists()


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        (SLOW_FOR_LONG_DATA, "it takes more than 1 s of CPU time"),
        ("{{ artist_name }}{{ artist_data * 9000 }}", "the result is longer than the API accepts"),
        ("{{ artist_name }}{{ 1 // (artist_data|length - 3000) }}", "integer division or modulo by zero"),
    ],
)
def test_an_ingest_warns_if_the_longest_row_cannot_be_rendered(cli, folder, api, template, reason):
    write_rows(folder, template, 3, 2)

    result = cli("ingest", "a.csv", "--prompt-file", "p.txt")

    assert result.exit_code == 0
    assert "a.csv, line 4: the template cannot be filled in for this row: " + reason in result.stderr
    assert "such rows fail as template_error" in result.stderr
    assert states(folder) == [("pending", None, 5)]


def test_a_check_counts_the_rows_for_which_a_template_is_slow(cli, folder, api):
    write_rows(folder, SLOW_FOR_LONG_DATA, 3, 1)

    result = cli("check", "a.csv", "--prompt-file", "p.txt")

    assert "1 row cannot be filled into the template, the first in line 4" in result.stdout


def test_a_job_whose_template_is_slow_can_be_shown(cli, folder, api):
    write_rows(folder, SLOW_FOR_LONG_DATA, 0, 1)
    cli("ingest", "a.csv", "--prompt-file", "p.txt")

    result = cli("show", "--job", "1")

    assert result.exit_code == 0
    assert "cannot be built any more" in result.stdout


def test_a_process_that_cannot_start_stops_the_run_and_fails_no_row(cli, folder, api, monkeypatch):
    write_rows(folder, ORDINARY, 5, 0)
    cli("ingest", "a.csv", "--prompt-file", "p.txt")
    monkeypatch.setattr(process, "_COMMAND", ("/nowhere/python",))

    result = cli("work")

    assert result.exit_code == 3
    assert "cannot be started" in result.stderr
    assert states(folder) == [("pending", None, 5)]
