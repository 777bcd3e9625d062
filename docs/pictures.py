"""Make the pictures of the terminal in the README: real commands on a pseudo-terminal, its content drawn as SVG.

    python docs/pictures.py

All commands are rehearsals: they need no key, cost nothing and stay on this machine.
"""

import csv
import fcntl
import os
import pty
import re
import select
import shlex
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from io import StringIO
from itertools import groupby
from pathlib import Path

import pyte
from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

DOCS = Path(__file__).parent
EXAMPLE = DOCS.parent / "example_artists.csv"
COLUMNS, LINES = 100, 26
LONGEST_SECONDS = 120

# pyte has no faint text; most terminals show it in this colour.
FAINT, GREY = b"\x1b[2m", b"\x1b[90m"
COLOURS = {"default": "default", "brown": "yellow", "brightblack": "bright_black"}

# The frame of rich without its fonts, which it would load from the network.
FRAME = re.sub(r"@font-face \{\{.*?\}\}", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)

Moment = Callable[[str], object]
"""Returns True if the content of the screen is right for the picture."""


@dataclass(frozen=True)
class Picture:
    """A command, the condition on which its picture is taken (None for its end), and the file to write."""

    command: str
    file: Path
    moment: Moment | None = None


RUN = "artistjobs run artists.csv --scenario storm --max-workers 32 --price-input 1.25 --price-output 10 --max-cost 20"

PICTURES = [
    Picture(RUN, DOCS / "live.svg", lambda shown: re.search(r" of 2,000 +(4[5-9]|[5-9]\d) %", shown)),
    Picture("artistjobs --db rehearsal.db status", DOCS / "status.svg"),
]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        write_artists(Path(folder) / "artists.csv", 2000)
        for picture in PICTURES:
            screen = play(shlex.split(picture.command), Path(folder), picture.moment)
            picture.file.write_text(svg(screen, picture.command), "utf-8")
            print(picture.file)


def write_artists(path: Path, count: int) -> None:
    """Write a file of ``count`` rows about the artists of the example."""
    with EXAMPLE.open(encoding="utf-8") as file:
        names = [row[0] for row in csv.reader(file) if row and row[0].strip() and not row[0].startswith("#")][1:]
    rows = (f'"{names[number % len(names)]}",work {number // len(names) + 1}\n' for number in range(count))
    path.write_text("".join(rows), "utf-8")


def play(command: Sequence[str], folder: Path, moment: Moment | None = None) -> pyte.Screen:
    """Run a command on a pseudo-terminal to its end; return the screen when the condition held, or at the end."""
    reading, writing = pty.openpty()
    fcntl.ioctl(writing, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-m", *command], cwd=folder, env=environment(), stdin=subprocess.DEVNULL, stdout=writing,
        stderr=writing, start_new_session=True,
    )  # fmt: skip
    os.close(writing)
    try:
        return watched(reading, moment)
    finally:
        process.kill()
        process.wait()
        os.close(reading)


def environment() -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("OPENAI_", "ARTISTJOBS_"))}
    return inherited | {"TERM": "xterm-256color", "PYTHONPATH": str(DOCS.parent), "NO_COLOR": ""}


def watched(reading: int, moment: Moment | None) -> pyte.Screen:
    """Return the screen when the condition held, or after the last output if it never held."""
    screen, taken = pyte.Screen(COLUMNS, LINES), None
    stream, deadline = pyte.ByteStream(screen), time.monotonic() + LONGEST_SECONDS
    while time.monotonic() < deadline and (chunk := read(reading)) is not None:
        stream.feed(chunk.replace(FAINT, GREY))
        if taken is None and moment is not None and moment("\n".join(screen.display)):
            taken = deepcopy(screen)
    return taken or screen


def read(descriptor: int) -> bytes | None:
    """Return the latest output, None at the end."""
    if not select.select([descriptor], [], [], 0.1)[0]:
        return b""
    try:
        return os.read(descriptor, 1 << 16) or None
    except OSError:
        return None  # Linux reports the end of the last writer in this way


def svg(screen: pyte.Screen, command: str) -> str:
    """Return the content of a screen as SVG, with the command above it."""
    console = Console(record=True, width=COLUMNS, file=StringIO(), force_terminal=True, color_system="truecolor")
    console.print(Text.assemble(("$ ", "bright_black"), (command, "bold")))
    for row in rows(screen):
        console.print(row, no_wrap=True, overflow="ignore", crop=False)
    return console.export_svg(title="artistjobs", unique_id="artistjobs", code_format=FRAME)


def rows(screen: pyte.Screen) -> list[Text]:
    """Return the rows of a screen up to the last one that is not empty."""
    shown = [row(screen, number) for number in range(screen.lines)]
    while shown and not shown[-1].plain.strip():
        shown.pop()
    return shown


def row(screen: pyte.Screen, number: int) -> Text:
    # The second cell of a wide character is empty.
    cells = [cell for _, cell in sorted(screen.buffer[number].items()) if cell.data]
    runs = groupby(cells, style_of)
    text = Text.assemble(*(("".join(cell.data for cell in run), style) for style, run in runs))
    text.rstrip()
    return text


def style_of(cell: pyte.screens.Char) -> str:
    colour = COLOURS.get(cell.fg, cell.fg if not re.fullmatch("[0-9a-f]{6}", cell.fg) else f"#{cell.fg}")
    return f"bold {colour}" if cell.bold else colour


if __name__ == "__main__":
    main()
