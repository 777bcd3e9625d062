"""Standard streams: results go to stdout, messages go to stderr."""

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from artistjobs.core.json_values import Json
from artistjobs.errors import OutputError
from artistjobs.terminal.escape import escape_controls, visible_json

MAX_TEXTS_SHOWN, FIRST_TEXTS_SHOWN = 20, 3
"""On a terminal, if there are more texts than the first number, only as many as the second number are shown."""


def print_message(line: str) -> None:
    """Print a message to stderr; a closed stderr is ignored."""
    with suppress(OSError):
        sys.stderr.write(line + "\n")
        sys.stderr.flush()


def print_json(value: Json, indent: int | None = None) -> None:
    """Print a value to stdout as JSON, on one line or indented; see ``print_result`` for the errors."""
    print_result(visible_json(json.dumps(value, ensure_ascii=False, indent=indent)))


def print_result(line: str) -> None:
    """Print a line to stdout.

    Raises:
        BrokenPipeError: if the reader has gone.
        OutputError: if stdout cannot be written.

    """
    sys.stdout.buffer.write(line.encode("utf-8", "replace") + b"\n")
    sys.stdout.buffer.flush()


class TextOutput:
    """Writes answer texts to stdout. After a failed write it discards them, so that the export file is completed.

    On a terminal, only the first of many texts are shown; ``hidden_count`` counts the others.
    """

    def __init__(self) -> None:
        self._is_terminal = sys.stdout.isatty()
        self._failure: BrokenPipeError | OutputError | None = None
        self._held: list[str] = []
        self.hidden_count = 0

    def __call__(self, texts: Sequence[str]) -> None:
        """Write texts, each with a newline; on a terminal, keep them until all are known."""
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
        """Write the remaining texts and flush; ``raise_failure`` reports a failed write."""
        for text in self._held:
            # A text for a file or a pipe is written unchanged; on a terminal it must not control the terminal.
            self._write(escape_controls(text, keep="\n\t"))
        with self._failure_noted():
            sys.stdout.buffer.flush()

    def raise_failure(self) -> None:
        """Raise BrokenPipeError if the reader has gone, and OutputError if stdout could not be written."""
        if self._failure is not None:
            raise self._failure

    def _write(self, text: str) -> None:
        if self._failure is None:
            with self._failure_noted():
                sys.stdout.buffer.write(text.encode("utf-8", "replace") + b"\n")

    @contextmanager
    def _failure_noted(self) -> Iterator[None]:
        try:
            yield
        except (BrokenPipeError, OutputError) as error:
            self._failure = self._failure or error


def forget_stdout() -> None:
    """Redirect stdout to the null device after a failed write, so that the flush at exit does not fail again."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
