"""Mistakes of users: no file that is needed is overwritten, and every mistake can be corrected."""

import subprocess
import sys

import pytest
from conftest import read_records, write_artists

from artistjobs.rehearsal import Fault


@pytest.mark.parametrize("name", ["artistjobs.db", "artistjobs.db-wal", "artistjobs.db-lock", "artistjobs.db-worker-1"])
def test_an_export_never_overwrites_the_database(cli, folder, name):
    write_artists(folder / "a.csv", 2)
    cli("run", "a.csv")

    exported, ran = cli("export", f"./{name}"), cli("run", "a.csv", "--output", name)

    assert (exported.exit_code, ran.exit_code) == (2, 2)
    assert cli("status").exit_code == 0


def test_a_run_never_overwrites_its_input(cli, folder):
    write_artists(folder / "a.csv", 2)
    for name in ("p.txt", "i.txt"):
        (folder / name).write_text("{{ artist_name }}" if name == "p.txt" else "Be brief.")
    (folder / "link").symlink_to("p.txt")

    for output in ("a.csv", "p.txt", "i.txt", "link"):
        options = ("--prompt-file", "p.txt", "--instructions-file", "i.txt", "--output", output)
        assert cli("run", "a.csv", *options).exit_code == 2, output
    assert (folder / "p.txt").read_text() == "{{ artist_name }}"


def test_jobs_of_a_mistyped_model_do_not_affect_the_next_run(cli, folder):
    write_artists(folder / "a.csv", 3)
    wrong = cli("run", "a.csv", "--model", "missing-model")

    right = cli("run", "a.csv", "--model", "gpt-5")

    assert (wrong.exit_code, right.exit_code) == (3, 0)
    assert len(read_records(folder / "out.jsonl")) == 3


def test_an_unknown_price_of_other_jobs_does_not_affect_this_run(cli, folder):
    write_artists(folder / "a.csv", 3)
    wrong = cli("run", "a.csv", "--model", "nobody-knows-it", "--max-cost", "20")

    right = cli("run", "a.csv", "--model", "gpt-5", "--max-cost", "20")

    assert (wrong.exit_code, right.exit_code) == (2, 0)


def test_an_export_without_answers_leaves_the_old_file(cli, folder, api):
    write_artists(folder / "a.csv", 3)
    cli("run", "a.csv")
    before = (folder / "out.jsonl").read_bytes()
    api.script = lambda *_: Fault.BAD_KEY

    result = cli("run", "a.csv", "--model", "gpt-5-mini")

    assert result.exit_code == 3
    assert (folder / "out.jsonl").read_bytes() == before
    assert "left unchanged" in result.stderr


def test_a_template_that_asks_the_same_for_every_row_is_refused(cli, folder):
    write_artists(folder / "a.csv", 3)
    (folder / "p.txt").write_text("Tell me something. {% raw %}{{ artist_name }}{% endraw %}")

    result = cli("run", "a.csv", "--prompt-file", "p.txt")

    assert result.exit_code == 2
    assert "the same for every row" in result.stderr


def test_a_database_as_input_is_refused(cli, folder):
    write_artists(folder / "a.csv", 3)
    cli("run", "a.csv")

    result = cli("--db", "other.db", "run", "artistjobs.db")

    assert result.exit_code == 2
    assert "SQLite database" in result.stderr


def test_hints_name_the_database_that_was_used(cli, folder, api):
    write_artists(folder / "a.csv", 1)
    api.script = lambda *_: Fault.REFUSAL

    ran = cli("--db", "my own.db", "run", "a.csv")
    shown, retried = cli("--db", "my own.db", "status"), cli("--db", "my own.db", "retry")

    assert "artistjobs --db 'my own.db' status" in ran.stderr
    assert "artistjobs --db 'my own.db' retry --code refusal" in shown.stdout
    assert "artistjobs --db 'my own.db' work" in retried.stderr


def test_a_file_without_rows_is_reported(cli, folder):
    (folder / "a.csv").write_text("# nothing\n")

    assert "no good rows" in cli("run", "a.csv").stderr


@pytest.mark.parametrize("redirection", ["1>&-", "2>&-", "1>&- 2>&-"])
def test_closed_streams_are_no_error(program_with_api, folder, redirection):
    write_artists(folder / "a.csv", 1)
    command = f'"{sys.executable}" -m artistjobs run a.csv {redirection}'

    done = subprocess.run(
        ["bash", "-c", command], cwd=folder, env=program_with_api.environment, capture_output=True, text=True
    )

    assert done.returncode == 0
    assert "Traceback" not in done.stderr
    assert len(read_records(folder / "out.jsonl")) == 1


def test_an_export_to_a_pipe_by_its_name_works(program_with_api, folder, cli):
    write_artists(folder / "a.csv", 2)
    cli("run", "a.csv")

    result = program_with_api.run("export", "/dev/stdout", "--no-text")

    assert result.returncode == 0
    assert result.stdout.encode() == (folder / "out.jsonl").read_bytes()


def test_a_log_file_that_cannot_be_written_is_reported_once(program_with_api, folder):
    write_artists(folder / "a.csv", 2)

    result = program_with_api.run("--log-file", "/dev/full", "run", "a.csv")

    assert "Traceback" not in result.stderr
    assert len(read_records(folder / "out.jsonl")) == 2
