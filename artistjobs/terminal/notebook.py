"""Live block in the output of a notebook cell, drawn as HTML and replaced in place."""

import io
import sys
from collections.abc import Sequence
from threading import RLock
from typing import Any, Final

COLUMNS: Final = 100
"""Width of the block in cells."""


class NotebookBlock:
    """Lines in the output of the cell that is being executed; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = RLock()
        self._lines: list[str] = []
        self._handle: Any = None  # of IPython, which has no types

    @property
    def is_always_coloured(self) -> bool:
        """True: the colours are converted to HTML."""
        return True

    @property
    def columns(self) -> int:
        """The maximum width of a line, in cells."""
        return COLUMNS

    def update(self, lines: Sequence[str]) -> None:
        """Replace the lines of the block; they may have ANSI colours."""
        from IPython.display import HTML, display

        with self._lock:
            if list(lines) == self._lines:
                return
            self._lines = list(lines)
            html = HTML(_html(lines) if lines else "")
            if self._handle is None:
                self._handle = display(html, display_id=True)
            else:
                self._handle.update(html)

    def print(self, line: str) -> None:
        """Print a permanent line; a notebook shows it below the block."""
        with self._lock:
            sys.stderr.write(line + "\n")
            sys.stderr.flush()

    def finish(self) -> None:
        """Leave the block where it is, and begin another one with the next update."""
        with self._lock:
            self._lines, self._handle = [], None

    def clear(self) -> None:
        """Erase the block."""
        if self._lines:
            self.update([])


def notebook_block() -> NotebookBlock | None:
    """Return an empty block if this process is the kernel of a notebook, else None."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return NotebookBlock() if hasattr(shell, "kernel") else None


def _html(lines: Sequence[str]) -> str:
    """Return lines with ANSI colours as HTML."""
    from rich.console import Console
    from rich.text import Text

    console = Console(record=True, file=io.StringIO(), width=COLUMNS, force_jupyter=False)
    for line in lines:
        console.print(Text.from_ansi(line), soft_wrap=True)
    code = '<pre style="line-height:normal">{code}</pre>'
    return console.export_html(inline_styles=True, code_format=code)
