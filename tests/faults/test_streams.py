"""Standard output that is full, slow or gone: every byte of a result arrives, or the exit code says that it did not."""

import fcntl
import json
import os
import signal

import pytest
from conftest import read_records, write_artists
from factories import answer_everything, fail, ingest, names

from artistjobs.store.sqlite.store import open_store

ROWS = 400
"""Rows whose records are more bytes than a pipe holds."""

needs_full_device = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")  # noqa: PTH110


@pytest.fixture
def answered(folder):
    """A database of answered jobs."""
    with open_store(folder / "artistjobs.db", create=True) as store:
        store.queue.register()
        ingest(store, *names(ROWS + 1))
        fail(store)
        answer_everything(store, ROWS)
    return folder


@pytest.mark.parametrize("unbuffered", ["1", ""])
@pytest.mark.parametrize("command", ["export -", "export o.jsonl", "report -"])
def test_a_non_blocking_pipe_that_empties_slowly_gets_every_byte(program, answered, command, unbuffered):
    whole = program.run(*command.split()).stdout.encode()
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETFL, os.O_NONBLOCK)

    process = program.start(*command.split(), stdout=writing, env={"PYTHONUNBUFFERED": unbuffered})
    os.close(writing)
    received = b""
    while piece := os.read(reading, 20_000):
        received += piece
    os.close(reading)

    assert process.wait(60) == 0
    assert len(received) == len(whole)
    assert received == whole or command == "report -", "a report has the moment at which it was made"


def test_a_process_that_is_stopped_and_continued_again_and_again_writes_every_byte(program, answered):
    whole = program.run("export", "-").stdout.encode()

    process = program.start("export", "-", env={"PYTHONUNBUFFERED": "1"})
    received = b""
    while piece := os.read(process.stdout.fileno(), 10_000):
        received += piece
        process.send_signal(signal.SIGSTOP)
        process.send_signal(signal.SIGCONT)

    assert process.wait(60) == 0
    assert received == whole


@needs_full_device
@pytest.mark.parametrize(
    "command",
    [
        "export -",
        "export - --full --format csv",
        "report -",
        "status --json",
        "failures --json",
        "show --job 1",
        "--help",
        "check --json",
    ],
)
def test_a_full_stdout_is_74_and_one_sentence_about_stdout(world, answered, command):
    result = world.run(*command.split(), stdout="/dev/full")

    assert result.code == 74
    assert result.err.splitlines()[-1].startswith("artistjobs: stdout cannot be written: No space left")
    assert result.err.count("stdout") == 1
    assert "Traceback" not in result.err


@needs_full_device
@pytest.mark.parametrize("unbuffered", ["1", ""])
def test_a_full_stdout_is_told_once_however_python_buffers(program, answered, unbuffered):
    with open("/dev/full", "wb") as full:  # noqa: PTH123
        result = program.run("export", "-", stdout=full, env={"PYTHONUNBUFFERED": unbuffered})

    assert result.returncode == 74
    assert result.stderr.splitlines() == [
        "artistjobs: stdout cannot be written: No space left on device; fix the cause and run the same command again."
    ]


@needs_full_device
@pytest.mark.parametrize("command", ["run a.csv", "export"])
def test_a_full_stdout_keeps_no_file_from_being_written_whole(world, folder, api, command):
    write_artists(folder / "a.csv", 30)
    if command == "export":
        world.run("ingest", "a.csv")
        world.run("work")

    result = world.run(*command.split(), stdout="/dev/full")

    assert result.code == 74
    assert len(read_records(folder / "out.jsonl")) == 30
    assert "exported 30 records to out.jsonl" in result.err
    assert "out.jsonl cannot be written" not in result.err
    if command == "run a.csv":
        assert "30 jobs: 30 done" in result.err


@needs_full_device
def test_a_summary_that_cannot_be_printed_as_json_is_told_as_text(world, folder):
    write_artists(folder / "a.csv", 3)

    result = world.run("run", "a.csv", "--json", stdout="/dev/full")

    assert result.code == 74
    assert "3 jobs: 3 done" in result.err
    assert len(read_records(folder / "out.jsonl")) == 3


def test_a_disk_that_fills_up_under_an_export_to_stdout_is_74(world, answered):
    result = world.run("export", "-", limits={"FSIZE": 40_000})

    assert result.code == 74
    assert "stdout cannot be written: File too large" in result.err


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_command_whose_reader_has_stopped_reading(program, answered, number, code):
    process = program.start("export", "-")
    os.read(process.stdout.fileno(), 1)

    process.send_signal(number)

    assert process.wait(30) == code


@needs_full_device
def test_a_full_stderr_changes_no_exit_code(program, answered):
    with open("/dev/full", "wb") as full:  # noqa: PTH123
        result = program.run("export", "o.jsonl", "--no-text", stderr=full)

    assert result.returncode == 0
    assert len(read_records(answered / "o.jsonl")) == ROWS


@needs_full_device
@pytest.mark.parametrize("options", [[], ["-q"], ["--processes", "2"]])
def test_a_full_log_file_ends_no_run_and_the_summary_agrees_with_the_exit_code(world, folder, options):
    write_artists(folder / "a.csv", 4)

    result = world.run("--log-file", "/dev/full", "run", "a.csv", "--json", *options)

    summary = json.loads(result.out)
    assert result.code == summary["exit_code"] == 74
    assert summary["done"] == 4
    assert "--log-file /dev/full lacks lines" in summary["message"]
    assert "--log-file /dev/full lacks lines: No space left on device" in result.err
    assert len(read_records(folder / "out.jsonl")) == 4


@needs_full_device
def test_a_full_log_file_hides_no_other_reason_to_stop(world, folder):
    write_artists(folder / "a.csv", 4)

    result = world.run("--log-file", "/dev/full", "run", "a.csv", "--json", "--limit", "1")

    assert result.code == json.loads(result.out)["exit_code"] == 4


@needs_full_device
@pytest.mark.parametrize("command", ["export o.jsonl --no-text", "report", "ingest a.csv"])
def test_a_full_log_file_is_74_for_every_command_that_logs(world, answered, command):
    (answered / "a.csv").write_text("Ann\n,a bad line is a line of the log\n")

    result = world.run("--log-file", "/dev/full", *command.split())

    assert result.code == 74
    assert result.err.splitlines()[-1].startswith("artistjobs: --log-file /dev/full lacks lines")
