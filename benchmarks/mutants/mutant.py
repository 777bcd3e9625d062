"""The value that describes a mutant."""

import ast
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Mutant:
    """A file of the program with one small change.

    ``number`` counts the mutants of a file that differ in nothing but the place of the change.
    """

    file: Path
    text: str
    kind: str
    number: int = 0

    @property
    def module(self) -> str:
        """Name of the module in the file."""
        return ".".join(self.file.relative_to(ROOT).with_suffix("").parts)

    def place(self) -> str:
        """Return the statement or the function that is changed, '' if a module is changed outside of functions."""
        if self.file.suffix != ".py":
            return self.file.name
        source = self.file.read_text("utf-8")
        pairs = zip(source.splitlines(), self.text.splitlines(), strict=False)
        line = next(number for number, (before, after) in enumerate(pairs, 1) if before != after)
        names = [
            (node.lineno, node.end_lineno or 0, node.name, isinstance(node, ast.ClassDef))
            for node in ast.walk(ast.parse(source))
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        ]
        around = [(name, is_class) for first, last, name, is_class in sorted(names) if first < line <= last]
        outermost = next((n for n, (_, is_class) in enumerate(around, 1) if not is_class), 0)
        return f"{self.file}:{'.'.join(name for name, _ in around[:outermost])}" if outermost else ""

    def change(self) -> str:
        """Return the lines taken away and added, without their place, so that it stays the same when others move."""
        lines = unified_diff(self.file.read_text("utf-8").splitlines(), self.text.splitlines(), n=0, lineterm="")
        changed = [f"{line[0]} {line[1:].strip()}" for line in list(lines)[2:] if line[0] in "+-"]
        return "\n".join(changed)
