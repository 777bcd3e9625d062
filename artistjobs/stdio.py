"""The two streams: results go to stdout, everything said to people goes to stderr."""

import json
import os
import shlex
import sys
from contextlib import suppress
from pathlib import Path

from artistjobs.reply import Json
from artistjobs.terminal import visible, visible_json

DEFAULT_DATABASE = Path("artistjobs.db")


def say(line: str) -> None:
    """Say a line to people; where nobody listens any more, that is no reason to stop."""
    with suppress(OSError):
        sys.stderr.write(line + "\n")
        sys.stderr.flush()


def tell_json(value: Json, indent: int | None = None) -> None:
    """Write a value to stdout as JSON, in one line or indented."""
    tell(visible_json(json.dumps(value, ensure_ascii=False, indent=indent)))


def tell(line: str) -> None:
    """Write a line to stdout. Raises BrokenPipeError if its reader has gone."""
    sys.stdout.buffer.write(line.encode("utf-8", "replace") + b"\n")
    sys.stdout.buffer.flush()


class Texts:
    """Writes texts to stdout, and goes on without it when its reader has gone: the file comes first."""

    def __init__(self) -> None:
        self._is_terminal = sys.stdout.isatty()
        self._is_gone = False

    def __call__(self, text: str) -> None:
        """Write one text and a newline."""
        if self._is_gone:
            return
        # A text that goes to a file stays as it is; on a terminal it must not give commands.
        shown = visible(text, keep="\n\t") if self._is_terminal else text
        try:
            sys.stdout.buffer.write(shown.encode("utf-8", "replace") + b"\n")
        except BrokenPipeError:
            self._is_gone = True

    def end(self) -> None:
        """Write what is left. Raises BrokenPipeError if the reader has gone."""
        if self._is_gone:
            raise BrokenPipeError
        sys.stdout.buffer.flush()


def forget_stdout() -> None:
    """Send what is still buffered for a reader that has gone to nowhere: at exit it would fail again."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def same_command() -> str:
    """Return the command that this process was started with, fit to be pasted into a shell."""
    return " ".join(["artistjobs", *map(_quoted, sys.argv[1:])])


def _quoted(argument: str) -> str:
    if argument.isprintable():
        return shlex.quote(argument)
    # bash and zsh read such escapes; what a file is called must not command the terminal.
    return "$'" + "".join(map(_escaped, os.fsencode(argument))) + "'"


def _escaped(byte: int) -> str:
    character = chr(byte)
    return character if character.isascii() and character.isprintable() and character not in "'\\" else f"\\x{byte:02x}"


def command(database: Path, rest: str) -> str:
    """Return a command about a database, fit to be pasted into a shell."""
    if database == DEFAULT_DATABASE:
        return f"artistjobs {rest}"
    return f"artistjobs --db {shlex.quote(str(database))} {rest}"
