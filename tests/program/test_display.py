"""The display on a terminal; stdout stays byte-exact with any display."""

import json
import os
import pty
import re
import select
import signal
import time
from dataclasses import replace
from pathlib import Path

import factories as make
import pyte
import pytest
from conftest import read_records, wait_until, write_artists

from artistjobs.core.formatting import cost_text, count_text, duration_text
from artistjobs.store.sqlite.store import open_store
from artistjobs.terminal.escape import escape_controls

COLUMNS, LINES = 80, 24


class Screen:
    """A pseudo-terminal that a program writes to, and its content."""

    def __init__(self) -> None:
        self.reading, self.writing = pty.openpty()
        os.set_blocking(self.reading, False)
        self.raw = b""
        self._screen = pyte.Screen(COLUMNS, LINES)
        self._stream = pyte.ByteStream(self._screen)

    def read(self) -> str:
        while select.select([self.reading], [], [], 0.05)[0]:
            try:
                chunk = os.read(self.reading, 65536)
            except OSError:
                break
            if not chunk:
                break
            self.raw += chunk
            self._stream.feed(chunk)
        return "\n".join(self._screen.display)

    def close(self) -> None:
        for descriptor in (self.reading, self.writing):
            os.close(descriptor)


@pytest.fixture
def screen():
    opened = Screen()
    yield opened
    opened.close()


def run_on(screen: Screen, program, *arguments, stdout: Path) -> int:
    environment = {"COLUMNS": str(COLUMNS), "LINES": str(LINES)}
    with stdout.open("wb") as file:
        process = program.start(*arguments, stdout=file, stderr=screen.writing, env=environment)
        deadline = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < deadline:
            screen.read()
    screen.read()
    return process.returncode


def texts_of(path: Path) -> bytes:
    return "".join(record["response_text"] + "\n" for record in read_records(path)).encode()


def test_the_live_block_shows_the_state_of_the_run(program_with_api, folder, screen, api):
    program = program_with_api
    program.environment["TERM"] = "xterm-256color"
    write_artists(folder / "a.csv", 40)
    api.latency_seconds = 0.1

    code = run_on(screen, program, "run", "a.csv", "--max-workers", "8", stdout=folder / "texts")

    shown = screen.read()
    assert code == 0
    assert "40 of 40 100 %" in shown
    assert "done 40             failed 0            pending 0           in flight 0 of 8" in shown
    assert "jobs a minute" in shown
    assert "tokens" in shown
    assert (folder / "texts").read_bytes() == texts_of(folder / "out.jsonl")


def test_the_last_display_of_several_processes_shows_their_sum(program_with_api, folder, screen, api):
    program_with_api.environment["TERM"] = "xterm-256color"
    write_artists(folder / "a.csv", 40)
    api.latency_seconds = 0.02

    run_on(screen, program_with_api, "run", "a.csv", "--max-workers", "8", "--processes", "2", stdout=folder / "texts")

    shown = screen.read()
    assert "40 of 40 100 %" in shown
    assert "done 40             failed 0            pending 0           in flight 0 of 8" in shown


@pytest.mark.parametrize(
    "environment",
    [{"TERM": "dumb"}, {"NO_COLOR": "1", "TERM": "xterm"}, {"FORCE_COLOR": "1", "TERM": "xterm"}, {"TERM": "xterm"}],
    ids=" ".join,
)
def test_stdout_is_byte_exact_under_every_terminal(program_with_api, folder, screen, environment):
    program_with_api.environment |= environment
    write_artists(folder / "a.csv", 20)

    code = run_on(screen, program_with_api, "run", "a.csv", stdout=folder / "texts")

    assert code == 0
    assert (folder / "texts").read_bytes() == texts_of(folder / "out.jsonl")
    if environment["TERM"] == "dumb":
        assert b"\x1b" not in screen.raw
    if "NO_COLOR" in environment:
        assert b"\x1b[3" not in screen.raw


@pytest.mark.parametrize("stdout_is_terminal", [True, False])
@pytest.mark.parametrize("stderr_is_terminal", [True, False])
@pytest.mark.parametrize("as_json", [True, False])
def test_results_do_not_depend_on_the_streams(
    program_with_api, folder, screen, stdout_is_terminal, stderr_is_terminal, as_json
):
    program_with_api.environment["TERM"] = "xterm-256color"
    write_artists(folder / "a.csv", 5)
    out, err = (folder / "out").open("wb"), (folder / "err").open("wb")
    options = {"stdout": screen.writing if stdout_is_terminal else out}
    options["stderr"] = screen.writing if stderr_is_terminal else err

    process = program_with_api.start("run", "a.csv", *["--json"] * as_json, **options)
    wait_until(lambda: screen.read() is not None and process.poll() is not None)
    screen.read()
    out.close()
    err.close()

    said = screen.raw.replace(b"\r\n", b"\n") if stdout_is_terminal else (folder / "out").read_bytes()
    texts = texts_of(folder / "out.jsonl")
    if as_json:
        assert json.loads(re.search(rb'{"jobs".*}', said)[0])["done"] == 5
        assert texts[:40] not in said
    elif stdout_is_terminal:
        assert texts in said
    else:
        assert said == texts
    if not stderr_is_terminal:
        assert b"\x1b" not in (folder / "err").read_bytes()


@pytest.mark.parametrize("command", [["run", "a.csv"], ["export"]], ids=lambda command: command[0])
@pytest.mark.parametrize("count", [20, 21])
def test_a_terminal_shows_a_few_of_many_texts(program_with_api, folder, screen, command, count, cli):
    program_with_api.environment["TERM"] = "xterm-256color"
    write_artists(folder / "a.csv", count)
    if command == ["export"]:
        cli("run", "a.csv")

    with (folder / "said").open("wb") as file:
        process = program_with_api.start(*command, stdout=screen.writing, stderr=file)
        wait_until(lambda: screen.read() is not None and process.poll() is not None)
    screen.read()
    said = (folder / "said").read_text()

    lines = [record["response_text"] for record in read_records(folder / "out.jsonl")]
    shown = lines if count == 20 else lines[:3]
    assert screen.raw.replace(b"\r\n", b"\n").decode() == "".join(line + "\n" for line in shown)
    assert ("18 more texts are in out.jsonl" in said) == (count == 21)


@pytest.mark.parametrize("processes", ["1", "2"])
def test_a_terminal_shows_few_lines_of_many_failures_and_the_log_file_all(
    program_with_api, folder, screen, api, processes
):
    from artistjobs.rehearsal import Fault

    program_with_api.environment["TERM"] = "xterm-256color"
    write_artists(folder / "a.csv", 30)
    api.script = lambda _name, call: Fault.SERVER_ERROR if call == 1 else None

    arguments = ["--log-file", "log", "run", "a.csv", "--max-workers", "30", "--processes", processes]
    run_on(screen, program_with_api, *arguments, stdout=folder / "texts")

    records = [json.loads(line) for line in (folder / "log").read_text().splitlines()]
    messages = [record["message"] for record in records]
    assert sum("; retry in " in message for message in messages) == 30
    assert screen.raw.count(b"call 1: ") == 1
    assert b"calls retried: " in screen.raw
    assert "30 jobs: 30 done, 0 failed, 0 pending" in messages


def test_nothing_animates_into_a_pipe_even_if_colour_is_forced(program_with_api, folder):
    program_with_api.environment["FORCE_COLOR"] = "1"
    write_artists(folder / "a.csv", 5)

    result = program_with_api.run("run", "a.csv")

    assert "\x1b" not in result.stderr


def test_names_cannot_control_the_terminal(program_with_api, folder, screen, api):
    from artistjobs.rehearsal import Fault

    program_with_api.environment["TERM"] = "xterm-256color"
    (folder / "a.csv").write_text("Evil\x1b]0;owned\x07\x1b[2J\u202e name,data\n,bad \x1b[31m line\n")
    api.script = lambda *_: Fault.REFUSAL

    run_on(screen, program_with_api, "-v", "run", "a.csv", stdout=folder / "texts")

    assert b"\x1b]0;" not in screen.raw
    assert b"\x1b[2J" not in screen.raw
    assert b"\x1b[31m line" not in screen.raw
    assert "\u202e".encode() not in screen.raw
    assert b"Evil\\x1b]0;owned" in screen.raw.replace(b"\r\n", b"")


def test_texts_cannot_control_the_terminal(program_with_api, folder, screen):
    write_artists(folder / "a.csv", 1)
    (folder / "a.csv").write_text("Evil\x1b]0;owned\x07\n")
    program_with_api.run("run", "a.csv")

    process = program_with_api.start("export", stdout=screen.writing)
    process.wait(timeout=30)
    screen.read()

    assert b"\x1b]0;" not in screen.raw
    assert read_records(folder / "out.jsonl")[0]["artist_name"] == "Evil\x1b]0;owned\x07"


COMMANDS = "\x1b]0;owned\x07\u202eA\u2066B\u2069C\u200fD\u061cE\ufeffF\u2028G\x85H\x9b31mI\u00adJ\U000e0041K\u200bL"
"""Characters that control a terminal, or the direction or the place of what it shows."""


@pytest.mark.parametrize("command", ["export -", "export /dev/stdout --full", "export - --format tsv", "report -"])
def test_results_on_a_terminal_cannot_command_it_and_keep_their_values(program, folder, screen, command):
    with open_store(folder / "artistjobs.db", create=True) as store:
        store.queue.register()
        make.ingest(store, COMMANDS)
        answer = make.make_answer(COMMANDS, body=make.make_body(COMMANDS))
        make.settle(store, make.make_attempt(make.claim_one(store), answer=answer))

    process = program.start(*command.split(), stdout=screen.writing)
    while process.poll() is None:
        screen.read()
    screen.read()

    shown = screen.raw.decode().replace("\r\n", "\n")
    assert process.returncode == 0
    assert not [character for character in COMMANDS if not character.isprintable() and character in shown]
    if "tsv" not in command and "report" not in command:
        (record,) = [json.loads(line) for line in shown.splitlines()]
        assert record["artist_name"] == record["response_text"] == COMMANDS


def test_an_interrupt_restores_the_terminal(program_with_api, folder, screen, api):
    program_with_api.environment["TERM"] = "xterm-256color"
    write_artists(folder / "a.csv", 40)
    api.latency_seconds = 0.3
    process = program_with_api.start("run", "a.csv", stderr=screen.writing)
    wait_until(lambda: screen.read() and api.journal.received > 4)

    process.send_signal(signal.SIGINT)
    wait_until(lambda: screen.read() is not None and process.poll() is not None)

    assert process.returncode == 130
    assert b"in flight were finished and stored" in screen.raw
    assert screen.raw.rstrip().endswith(b"continue with: artistjobs run a.csv")
    assert screen.raw.count(b"\x1b[?25l") == screen.raw.count(b"\x1b[?25h")


def test_a_run_whose_jobs_all_wait_for_a_rate_limit_says_so(world, folder, api):
    write_artists(folder / "a.csv", 3)
    api.scenario = replace(api.scenario, requests_per_minute=1, latency_seconds=0.3)
    process = world.start(
        "run", "a.csv", "--max-workers", 3, set={"artistjobs.worker.progress.display.PLAIN_SECONDS": 0.05}
    )

    # One is answered, the others are refused and are to be called again after a minute.
    wait_until(lambda: process.err.count("retry in") == 2 or process.poll() is not None)
    wait_until(lambda: re.search("in flight 0 .*waiting for .*limit", process.err) or process.poll() is not None)
    process.signal(signal.SIGINT)

    assert process.wait() == 130, process.err


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.2, "0 s"),
        (59.4, "59 s"),
        (61, "1 min 01 s"),
        (3600, "1 h 00 min"),
        (90000, "25 h 00 min"),
        (200000, "2 d 07 h"),
    ],
)
def test_durations_have_two_units(seconds, text):
    assert duration_text(seconds) == text


def test_unknown_prices_are_never_shown_as_zero():
    assert cost_text(0.0, 1) == "1 answer of unknown price"
    assert cost_text(0.0, 3) == "3 answers of unknown price"
    assert cost_text(1.5, 3) == "$1.50 and 3 answers of unknown price"
    assert cost_text(0.00123) == "$0.0012"


def test_emoji_and_scripts_are_shown_as_they_are():
    assert escape_controls("Björk 👩‍🎨 草間彌生 محمد") == "Björk 👩‍🎨 草間彌生 محمد"
    assert escape_controls("a\tb\nc", keep="\n\t") == "a\tb\nc"
    assert escape_controls("\x9b31m\x00") == "\\x9b31m\\x00"


def test_numbers_are_followed_by_their_noun():
    assert [count_text(1, "job"), count_text(3532, "job")] == ["1 job", "3,532 jobs"]
