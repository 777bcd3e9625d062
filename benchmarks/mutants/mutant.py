"""The value that describes a mutant."""

from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Mutant:
    """A file of the program with one small change."""

    file: Path
    text: str
    kind: str

    @property
    def module(self) -> str:
        """Name of the module in the file."""
        return ".".join(self.file.relative_to(ROOT).with_suffix("").parts)

    def change(self) -> str:
        """Return the lines taken away and added, without their place, so that it stays the same when others move."""
        lines = unified_diff(self.file.read_text("utf-8").splitlines(), self.text.splitlines(), n=0, lineterm="")
        changed = [f"{line[0]} {line[1:].strip()}" for line in list(lines)[2:] if line[0] in "+-"]
        return "\n".join(changed)
