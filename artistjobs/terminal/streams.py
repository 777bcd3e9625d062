"""The two streams: results go to stdout, everything said to people goes to stderr."""

import json
import os
import sys
from collections.abc import Sequence
from contextlib import suppress

from artistjobs.core.json_values import Json
from artistjobs.terminal.escape import escape_controls, visible_json

MAX_TEXTS_SHOWN, FIRST_TEXTS_SHOWN = 20, 3
"""On a terminal: of more texts than the former only as many as the latter are shown."""


def print_message(line: str) -> None:
    """Say a line to people; where nobody listens any more, that is no reason to stop."""
    with suppress(OSError):
        sys.stderr.write(line + "\n")
        sys.stderr.flush()


def print_json(value: Json, indent: int | None = None) -> None:
    """Write a value to stdout as JSON, in one line or indented."""
    print_result(visible_json(json.dumps(value, ensure_ascii=False, indent=indent)))


def print_result(line: str) -> None:
    """Write a line to stdout. Raises BrokenPipeError if its reader has gone."""
    sys.stdout.buffer.write(line.encode("utf-8", "replace") + b"\n")
    sys.stdout.buffer.flush()


class TextOutput:
    """Writes texts to stdout, and goes on without it when its reader has gone: the file comes first.

    On a terminal the first of many stand for all; ``withheld`` counts the others.
    """

    def __init__(self) -> None:
        self._is_terminal = sys.stdout.isatty()
        self._is_gone = False
        self._held: list[str] = []
        self.hidden_count = 0

    def __call__(self, texts: Sequence[str]) -> None:
        """Write some texts, a newline after each; on a terminal at the end."""
        if not self._is_terminal:
            self._write("\n".join(texts))
            return
        for text in texts:
            self._hold(text)

    def _hold(self, text: str) -> None:
        if len(self._held) + self.hidden_count < MAX_TEXTS_SHOWN:
            self._held.append(text)
        else:
            self.hidden_count += 1 + len(self._held[FIRST_TEXTS_SHOWN:])
            del self._held[FIRST_TEXTS_SHOWN:]

    def end(self) -> None:
        """Write what is left. Raises BrokenPipeError if the reader has gone."""
        for text in self._held:
            # A text that goes to a file stays as it is; on a terminal it must not give commands.
            self._write(escape_controls(text, keep="\n\t"))
        if self._is_gone:
            raise BrokenPipeError
        sys.stdout.buffer.flush()

    def _write(self, text: str) -> None:
        if self._is_gone:
            return
        try:
            sys.stdout.buffer.write(text.encode("utf-8", "replace") + b"\n")
        except BrokenPipeError:
            self._is_gone = True


def forget_stdout() -> None:
    """Send what is still buffered for a reader that has gone to nowhere: at exit it would fail again."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
