"""Log lines: for people on stderr, for programs as JSON lines in a file."""

import json
import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import localtime, strftime

from artistjobs.errors import WrongUseError
from artistjobs.moment import moment_text
from artistjobs.terminal import visible

Print = Callable[[str], None]

_LEVELS = {-1: logging.ERROR, 0: logging.INFO, 1: logging.DEBUG}


class Voice(logging.Handler):
    """Says log lines to people. While a display is up they are printed above it, through ``print_line``."""

    def __init__(self) -> None:
        super().__init__()
        self.print_line: Print = _print_to_stderr

    def emit(self, record: logging.LogRecord) -> None:
        """Say one line; a terminal that is gone is no reason to stop."""
        try:
            self.print_line(_line(record))
        except Exception:  # noqa: BLE001 - logging must never end a run
            self.handleError(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's own name
        """Keep silent: there is nobody left to tell."""


class JsonLines(logging.Formatter):
    """One JSON object a line: ``at``, ``level``, ``message``."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        said = {
            "at": moment_text(record.created),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
        }
        return json.dumps(said)


@contextmanager
def logging_to(verbosity: int, log_file: Path | None) -> Iterator[Voice]:
    """Say log lines to people, from -1 (errors alone) to 1 (each call), and keep all of them in a file.

    Raises:
        WrongUseError: if the file cannot be written.

    """
    # A log that cannot be written is no reason to fill the screen with tracebacks.
    logging.raiseExceptions = False
    logger, voice = logging.getLogger("artistjobs"), Voice()
    voice.setLevel(_LEVELS[max(-1, min(1, verbosity))])
    handlers: list[logging.Handler] = [voice]
    if log_file is not None:
        handlers.append(_file_handler(log_file))
    logger.setLevel(logging.DEBUG if log_file else voice.level)
    logger.propagate = False
    for handler in handlers:
        logger.addHandler(handler)
    try:
        yield voice
    finally:
        for handler in handlers:
            logger.removeHandler(handler)
            handler.close()


def _file_handler(path: Path) -> logging.Handler:
    try:
        # Made here: logging would make a file that anybody may write to, if the umask allows it.
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644))
        handler = logging.FileHandler(path, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise WrongUseError(f"--log-file {path} cannot be written: {error.strerror}; name another file.") from error
    handler.setFormatter(JsonLines())
    return handler


def _line(record: logging.LogRecord) -> str:
    at = strftime("%H:%M:%S", localtime(record.created))
    level = "" if record.levelno <= logging.INFO else f"{record.levelname.lower()}: "
    return f"{at} {level}{visible(record.getMessage())}"


def _print_to_stderr(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
