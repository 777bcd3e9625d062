"""The command that a run prints at its end continues the work, also if a cap ended it."""

import re
import shlex
import sqlite3
from contextlib import closing

import pytest
from conftest import write_artists

from artistjobs.cli.console import _with_cap, higher_cap

BOUNDED = ("--param", "max_output_tokens=400")


def done(folder) -> int:
    with closing(sqlite3.connect(folder / "artistjobs.db")) as db:
        return db.execute("SELECT count(*) FROM jobs WHERE state = 'done'").fetchone()[0]


def printed_command(result) -> list[str]:
    return shlex.split(re.findall(r"continue with: artistjobs (.*)", result.stderr)[-1])


@pytest.mark.parametrize(
    "cap", ["--max-cost 0.02", "--max-cost=0.02", "--max-cost 0.0001", "--max-cost 0.0001 --processes 2"]
)
def test_the_command_after_a_cap_names_a_cap_with_which_it_continues(cli, folder, cap):
    write_artists(folder / "a.csv", 60)
    stopped = cli("run", "a.csv", *cap.split(), *BOUNDED)
    before = done(folder)

    command = printed_command(stopped)
    resumed = cli(*command)

    assert stopped.exit_code == 4
    assert sum(word.startswith("--max-cost") for word in command) == 1
    assert done(folder) > before
    assert resumed.exit_code in (0, 4)


def test_a_cap_that_was_set_from_another_terminal_is_raised_too(cli, folder):
    write_artists(folder / "a.csv", 60)
    cli("run", "a.csv", "--limit", "20", *BOUNDED)

    stopped = cli("work", "--max-cost", "0.001")
    command = printed_command(stopped)

    assert stopped.exit_code == 4
    assert command[:2] == ["work", "--max-cost"]
    assert cli(*command).exit_code in (0, 4)
    assert done(folder) > 20


@pytest.mark.parametrize(
    ("least", "cap", "higher"),
    [
        (0.0123, 0.01, "0.025"),
        (None, 0.01, "0.02"),
        (3.2, None, "6.4"),
        (0.3, 5.0, "10"),
        (float("inf"), 0.5, "1"),
        (1234.5, 1000.0, "2500"),
        (None, None, "1"),
        (4.4e-6, 1e-6, "0.0000088"),
    ],
)
def test_a_higher_cap_has_room_for_further_calls(least, cap, higher):
    assert higher_cap(least, cap) == higher


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (["run", "a.csv", "--max-cost", "1"], ["run", "a.csv"]),
        (["run", "--max-cost=1", "a.csv", "--max-cost", "2"], ["run", "a.csv"]),
        (["--db", "x.db", "work"], ["--db", "x.db", "work"]),
    ],
)
def test_the_cap_of_a_command_is_replaced(given, kept):
    assert _with_cap(given, "3") == [*kept, "--max-cost", "3"]
