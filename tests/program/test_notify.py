"""``--notify`` and ``--warn-cost``: the user learns of the end of a run and of its cost while it runs."""

import json
import signal

import pytest
from conftest import KEY, wait_until, write_artists

from artistjobs.commands import notify as notifying
from artistjobs.commands.notify import command_environment, notify
from artistjobs.rehearsal import Fault

SAVE = "cat > summary.json; env > environment.txt"


@pytest.fixture
def told(folder):
    """Function that returns the summary that the command got, and its environment."""

    def read() -> tuple[dict, str]:
        return json.loads((folder / "summary.json").read_text()), (folder / "environment.txt").read_text()

    return read


def test_the_command_gets_the_summary_on_stdin_and_in_its_environment(cli, folder, told):
    write_artists(folder / "a.csv", 3)

    result = cli("run", "a.csv", "--notify", SAVE, "--json")
    summary, environment = told()

    assert result.exit_code == 0
    assert summary == summary | json.loads(result.stdout)
    assert summary["event"] == "end"
    assert summary["database"] == "artistjobs.db"
    assert "ARTISTJOBS_RUN_DONE=3\n" in environment
    assert "ARTISTJOBS_RUN_EXIT_CODE=0\n" in environment
    assert f"ARTISTJOBS_RUN={json.dumps(summary)}\n" in environment


def test_a_stop_is_told_with_its_reason_and_code(cli, folder, told):
    write_artists(folder / "a.csv", 3)

    result = cli("run", "a.csv", "--limit", "1", "--notify", SAVE)
    summary, _ = told()

    assert result.exit_code == summary["exit_code"] == 4
    assert (summary["event"], summary["stopped"], summary["pending"]) == ("stop", "limit", 2)


def test_an_account_without_credit_is_told(cli, folder, api, told):
    write_artists(folder / "a.csv", 2)
    api.script = lambda body, nth: Fault.NO_CREDIT

    result = cli("run", "a.csv", "--notify", SAVE)

    assert result.exit_code == told()[0]["exit_code"] == 3
    assert told()[0]["message"]


def test_an_error_before_the_work_is_told(cli, folder, told, monkeypatch):
    result = cli("run", "missing.csv", "--notify", SAVE)

    assert result.exit_code == 2
    assert told()[0]["stopped"] == "error"
    assert "missing.csv" in told()[0]["message"]


def test_an_interrupt_is_told(program_with_api, folder, api, told):
    write_artists(folder / "a.csv", 50)
    api.latency_seconds = 0.2
    process = program_with_api.start("run", "a.csv", "--notify", SAVE)
    wait_until(lambda: api.journal.received)

    process.send_signal(signal.SIGINT)

    assert process.wait(60) == 130
    assert told()[0]["stopped"] == "interrupted"


def test_neither_key_nor_password_reaches_the_command(cli, folder, told, monkeypatch):
    monkeypatch.setenv("PGPASSWORD", "s3cret-pass")
    monkeypatch.setenv("ARTISTJOBS_DB", "postgresql://user:s3cret-pass@127.0.0.1:9/x")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Key: s3cret-pass")
    write_artists(folder / "a.csv", 1)

    cli("run", "a.csv", "--db", "postgresql://user:s3cret-pass@127.0.0.1:9/x", "--db-timeout", "0", "--notify", SAVE)

    summary, environment = told()
    assert summary["database"] == "postgresql://user@127.0.0.1:9/x"
    assert not [text for text in (json.dumps(summary), environment) if KEY in text or "s3cret-pass" in text]


@pytest.mark.parametrize("command", ["exit 7", "no-such-command-anywhere", "kill -9 $$"])
def test_a_command_that_fails_is_a_warning_and_the_exit_code_stays(cli, folder, command):
    write_artists(folder / "a.csv", 1)

    result = cli("run", "a.csv", "--notify", command)

    assert result.exit_code == 0
    assert "--notify: the command failed with exit code" in result.stderr


def test_a_command_that_hangs_is_ended_with_all_that_it_started(folder, monkeypatch):
    import os

    monkeypatch.setattr(notifying, "NOTIFY_SECONDS", 0.3)

    failure = notify("sleep 99 & echo $! > pid; wait", {"exit_code": 0}, os.environ)

    assert "was ended after" in failure
    pid = int((folder / "pid").read_text())
    wait_until(lambda: not _runs(pid))


def _runs(pid: int) -> bool:
    from pathlib import Path

    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_command_that_reads_nothing_is_no_failure(folder):
    import os

    assert notify("true", {"message": "x" * 100_000}, os.environ) is None


def test_any_text_can_be_a_variable():
    environment = command_environment({"message": "a\0b\ud800"}, {})

    assert environment["ARTISTJOBS_RUN_MESSAGE"] == "ab?"


def test_a_dry_run_tells_nobody(cli, folder):
    write_artists(folder / "a.csv", 1)
    cli("run", "a.csv", "--dry-run", "--notify", "touch told")

    assert not (folder / "told").exists()


def test_no_folder_can_set_the_command(program_with_api, folder):
    write_artists(folder / "a.csv", 1)
    (folder / ".env").write_text("ARTISTJOBS_NOTIFY=touch told\nNOTIFY=touch told\n")

    assert program_with_api.run("run", "a.csv").returncode == 0
    assert not (folder / "told").exists()


@pytest.mark.parametrize("processes", [1, 2])
def test_spending_past_a_share_of_the_cap_is_warned_of_once(program_with_api, folder, processes):
    write_artists(folder / "a.csv", 40)
    prices = ("--price-input", 1, "--price-output", 1000, "--soft-cap")

    done = program_with_api.run(
        "run", "a.csv", "--no-text", "--max-cost", 50, "--warn-cost", 0.05, "--processes", processes, *prices
    )

    assert done.stderr.count("(--warn-cost)") == 1, done.stderr


def test_no_warning_below_the_share(cli, folder):
    write_artists(folder / "a.csv", 3)

    assert "--warn-cost)" not in cli("run", "a.csv", "--max-cost", "50", "--warn-cost", "1").stderr


def test_a_share_without_a_cap_is_wrong_use(cli, folder):
    write_artists(folder / "a.csv", 1)

    result = cli("run", "a.csv", "--warn-cost", "0.5")

    assert result.exit_code == 2
    assert "add --max-cost" in result.stderr
