"""A block of lines that is redrawn leaves no remains on the terminal, also when the terminal is resized."""

import os
import shutil
import subprocess
import sys
import textwrap

import pyte
import pytest
from conftest import wait_until
from paths import ROOT

from artistjobs.terminal.live_block import LiveBlock


class Emulator:
    """A terminal that truncates lines when it gets narrower, with a block on it."""

    def __init__(self, columns: int = 40, lines: int = 12) -> None:
        self.screen = pyte.Screen(columns, lines)
        # The line discipline of a terminal replaces each line feed by CR and LF.
        self.stream = pyte.Stream(self.screen)
        self.is_in_front = True
        self.block = LiveBlock(
            lambda text: self.stream.feed(text.replace("\n", "\r\n")),
            lambda: (self.screen.columns, self.screen.lines),
            lambda: self.is_in_front,
        )

    def lines(self) -> list[str]:
        return [line.rstrip() for line in self.screen.display if line.strip()]


@pytest.fixture
def emulator():
    return Emulator()


def test_lines_are_printed_above_the_block_and_the_last_drawing_stays(emulator):
    block = emulator.block
    block.update(["one", "two"])
    block.print("said")
    block.update(["three", "four", "five"])
    block.update(["six"])
    block.print("said again")
    block.finish()
    block.print("after")

    assert emulator.lines() == ["said", "said again", "six", "after"]


def test_a_removed_block_leaves_nothing(emulator):
    emulator.block.print("said")
    emulator.block.update(["one", "two"])
    emulator.block.clear()

    assert emulator.lines() == ["said"]


def test_a_block_scrolls_with_log_lines_and_never_exceeds_the_screen(emulator):
    for number in range(50):
        emulator.block.update([f"row {row} of {number}" for row in range(30)])
        emulator.block.print(f"said {number}")

    shown = emulator.lines()
    assert shown[0] == "said 49"
    assert shown[1:] == [f"row {row} of 49" for row in range(10)]


@pytest.mark.parametrize(("columns", "lines"), [(20, 12), (60, 12), (40, 6), (40, 30)])
def test_a_resize_leaves_no_remains(emulator, columns, lines):
    emulator.block.print("said")
    emulator.block.update(["━" * 39, "two", "three"])
    emulator.screen.resize(lines, columns)
    emulator.block.update(["━" * (columns - 1), "two", "three"])

    assert emulator.lines()[-3:] == ["━" * (columns - 1), "two", "three"]
    assert sum("━" in line for line in emulator.lines()) == 1


def test_enter_during_a_redraw_leaves_an_empty_line_and_no_partial_block(emulator):
    emulator.block.update(["one", "two"])
    emulator.stream.feed("\r\n")
    emulator.block.update(["three", "four"])

    assert emulator.lines() == ["three", "four"]


def test_nothing_is_written_as_long_as_nothing_changes(emulator):
    emulator.block.update(["one", "two"])
    emulator.stream.feed("^C")
    emulator.block.update(["one", "two"])

    assert emulator.lines() == ["^C", "one", "two"]


def test_a_line_of_unexpected_width_takes_one_row(emulator):
    for _ in range(3):
        emulator.block.update(["wide " * 20, "two"])

    assert len(emulator.lines()) == 2


def test_in_the_background_nothing_is_drawn_and_all_lines_are_printed(emulator):
    emulator.block.update(["one"])
    emulator.block.clear()
    emulator.is_in_front = False
    emulator.block.update(["two"])
    emulator.block.print("said")
    emulator.block.clear()

    assert emulator.lines() == ["said"]


DRAWING = textwrap.dedent("""
    import sys, time
    from artistjobs.terminal.live_block import live_block
    from artistjobs.terminal.table import truncate_cells
    block = live_block(sys.stderr)
    for number in range(1000):
        if number < 12:
            block.print(f"said {number}")
        name = truncate_cells("草間彌生 👩‍🎨 محمد é " * 2, block.columns)
        block.update(["━" * block.columns, name, f"columns {block.columns} end"])
        time.sleep(0.02)
""")


@pytest.mark.skipif(shutil.which("tmux") is None, reason="needs a terminal that wraps lines anew")
def test_a_terminal_that_rewraps_lines_shows_one_block_after_any_resize(tmp_path):
    (tmp_path / "draw.py").write_text(DRAWING, "utf-8")

    def tmux(*arguments: str) -> str:
        command = ["tmux", "-f", "/dev/null", "-S", str(tmp_path / "socket"), *arguments]
        environment = os.environ | {"PYTHONPATH": str(ROOT), "LC_ALL": "C.UTF-8"}
        return subprocess.run(command, env=environment, capture_output=True, timeout=30, encoding="utf-8").stdout

    tmux("-u", "new-session", "-d", "-s", "s", "-x", "100", "-y", "20", sys.executable, str(tmp_path / "draw.py"))
    try:
        wait_until(lambda: "said 11" in tmux("capture-pane", "-p", "-t", "s"))
        for columns, lines in ((60, 20), (33, 20), (120, 8), (50, 24), (80, 24)):
            tmux("resize-window", "-t", "s", "-x", str(columns), "-y", str(lines))
            wait_until(lambda: f"columns {columns - 1} end" in tmux("capture-pane", "-p", "-t", "s"))  # noqa: B023
            shown = tmux("capture-pane", "-p", "-S", "-", "-t", "s").split("\n")
            assert [line for line in shown if "━" in line] == ["━" * (columns - 1)], shown
            assert sum("columns" in line for line in shown) == 1
            assert [line for line in shown if line.startswith("said")] == [f"said {number}" for number in range(12)]
    finally:
        tmux("kill-server")
