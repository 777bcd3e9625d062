"""The pages of the documentation, as a reader follows them: their files, and their commands with the output shown."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from paths import ROOT

ENDINGS = {"bash": ".sh", "csv": ".csv", "json": ".json", "text": ".txt"}
"""Languages of blocks that may be files, with the endings of their names."""


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text, and the paragraph before it."""

    language: str
    text: str
    before: str

    @property
    def file_name(self) -> str | None:
        """The first file name in the paragraph before, if it has the ending of the language; None if there is none."""
        names = re.findall(r"`([\w./-]+)`", self.before)
        return next((name for name in names if name.endswith(ENDINGS.get(self.language, "\0"))), None)


@dataclass(frozen=True)
class Shown:
    """A command line, and its output where the page shows it (``…`` stands for any text)."""

    line: str
    output: str | None = None

    def matches(self, text: str) -> bool:
        """Return True if the output is a text; whether a short run tells what bounded it depends on the machine."""
        text = re.sub(r"^bounded by .*\n", "", text, flags=re.MULTILINE)
        pattern = ".*".join(re.escape(part) for part in (self.output or "…").strip("\n").split("…"))
        return re.fullmatch(pattern, text.strip("\n"), re.DOTALL) is not None


class Page:
    """A Markdown file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = path.relative_to(ROOT).as_posix()

    @cached_property
    def text(self) -> str:
        return self.path.read_text("utf-8")

    @cached_property
    def blocks(self) -> list[Block]:
        # Text outside of blocks and their contents alternate.
        parts = re.split(r"^```(\w*)\n(.*?)^```$", self.text, flags=re.MULTILINE | re.DOTALL)
        before, languages, texts = parts[::3], parts[1::3], parts[2::3]
        return [
            Block(language, text, around.rstrip("\n").rpartition("\n\n")[2])
            for around, language, text in zip(before, languages, texts, strict=False)
        ]

    def of(self, language: str) -> list[str]:
        """Return the texts of the blocks of a language."""
        return [block.text for block in self.blocks if block.language == language]

    def files(self) -> dict[str, str]:
        """Return the files that the page shows, by name."""
        return {block.file_name: block.text for block in self.blocks if block.file_name}

    def commands(self) -> list[Shown]:
        """Return all commands in order: those of ``sh`` blocks, and those of ``console`` blocks with their output."""
        return [shown for block in self.blocks for shown in _commands(block)]

    def section(self, title: str) -> str:
        """Return the text of a section, without those that follow it."""
        (found,) = re.findall(rf"^#+ {re.escape(title)}\n(.*?)(?=^#|\Z)", self.text, re.MULTILINE | re.DOTALL)
        return found


def _commands(block: Block) -> Iterator[Shown]:
    if block.language == "sh":
        yield from (Shown(line) for line in block.text.splitlines() if line.strip() and not line.startswith("#"))
    elif block.language == "console":
        parts = re.split(r"^\$ (.*)\n", block.text, flags=re.MULTILINE)[1:]
        yield from (Shown(line, output) for line, output in zip(parts[::2], parts[1::2], strict=True))


README = Page(ROOT / "README.md")
PAGES = [README, *(Page(path) for path in sorted((ROOT / "docs").glob("*.md")))]


def page(name: str) -> Page:
    """Return the page ``docs/NAME.md``."""
    return Page(ROOT / "docs" / f"{name}.md")
