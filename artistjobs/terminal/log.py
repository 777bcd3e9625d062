"""Log lines: for people on stderr, for programs as JSON lines in a file."""

import json
import logging
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import Final

from artistjobs.core.json_values import Json
from artistjobs.core.timestamps import clock_text, to_timestamp
from artistjobs.errors import WrongUseError
from artistjobs.terminal.escape import escape_controls
from artistjobs.terminal.live_block import LiveBlock

log = logging.getLogger("artistjobs")


Print = Callable[[str], None]


_LEVELS = {-1: logging.ERROR, 0: logging.INFO, 1: logging.DEBUG}


GROUP_SECONDS: Final = 10.0
"""On a terminal, of what happens again and again one line is said in so many seconds."""


MAX_KINDS: Final = 100
"""Of errors that get a line of their own; a server may make up any number of codes."""


FILE_ONLY: Final = {"is_for_file": True}
"""What a log line is given as ``extra`` that people are told in another way."""


EXTRAS: Final = ("group", "is_for_file")
"""What a log line may be given as ``extra``."""


def extra_of(record: logging.LogRecord) -> dict[str, Json]:
    """Return what a log line was given as ``extra``."""
    return {name: getattr(record, name) for name in EXTRAS if hasattr(record, name)}


def repeats(what: str, code: str) -> dict[str, tuple[str, str]]:
    """Return what a log line is given as ``extra`` that may be counted with others of its kind."""
    return {"group": (what, code)}


class ConsoleHandler(logging.Handler):
    """Says log lines to people. While a display is up they are printed above it, through ``print_line``.

    With a ``block`` there is somebody at a terminal, who is not told the same again and again.
    """

    def __init__(self, block: LiveBlock | None = None) -> None:
        super().__init__()
        self.block = block
        self.print_line: Print = block.print if block else _print_to_stderr
        self._groups = RepeatCounter() if block else None

    def emit(self, record: logging.LogRecord) -> None:
        """Say one line; a terminal that is gone is no reason to stop."""
        try:
            if not hasattr(record, "is_for_file") and not self._is_counted(record):
                self.print_line(_line(record))
        except Exception:  # noqa: BLE001 - logging must never end a run
            self.handleError(record)

    def show_status(self, what: str) -> None:
        """Show what is being done, until something else is shown."""
        if self.block is not None:
            self.block.update([escape_controls(what)])

    def clear_status(self) -> None:
        """Show nothing of the kind any more."""
        if self.block is not None:
            self.block.clear()

    def flush_repeats(self, *, at_once: bool = False) -> None:
        """Say what was only counted, if it is time for that or everything is to be said."""
        for line in self._groups.due(at_once=at_once) if self._groups else []:
            self.print_line(f"{clock_text()} {escape_controls(line)}")

    def _is_counted(self, record: logging.LogRecord) -> bool:
        if self._groups is None or self.level != logging.INFO or not hasattr(record, "group"):
            return False
        return self._groups.add(*record.group)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's own name
        """Keep silent: there is nobody left to tell."""


class RepeatCounter:
    """Counts what happens again and again: the first of its kind gets a line of its own, the others one line."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._met: set[tuple[str, str]] = set()
        self._counts: dict[str, Counter[str]] = {}
        self._told_at = clock()
        self._lock = Lock()

    def add(self, what: str, code: str) -> bool:
        """Count one; say whether that is enough."""
        with self._lock:
            if (what, code) not in self._met and len(self._met) < MAX_KINDS:
                self._met.add((what, code))
                return False
            self._counts.setdefault(what, Counter())[code] += 1
            return True

    def due(self, *, at_once: bool = False) -> list[str]:
        """Return what was counted if the last time is long enough ago, and begin to count anew."""
        now = self._clock()
        with self._lock:
            if now - self._told_at < GROUP_SECONDS and not at_once:
                return []
            counts, self._told_at, self._counts = self._counts, now, {}
        return [f"{what}: {_enumerated(codes)}" for what, codes in counts.items()]


def _enumerated(codes: "Counter[str]") -> str:
    return ", ".join(f"{code} {count:,}" for code, count in codes.most_common())


class JsonLines(logging.Formatter):
    """One JSON object a line: ``at``, ``level``, ``message``."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        said = {
            "at": to_timestamp(record.created),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
        }
        return json.dumps(said)


@contextmanager
def logging_to(verbosity: int, log_file: Path | None, block: LiveBlock | None = None) -> Iterator[ConsoleHandler]:
    """Say log lines to people, from -1 (errors alone) to 1 (each call), and keep all of them in a file.

    With a block, they are said above it, and it is taken away at the end.

    Raises:
        WrongUseError: if the file cannot be written.

    """
    # A log that cannot be written is no reason to fill the screen with tracebacks.
    logging.raiseExceptions = False
    logger, console = log, ConsoleHandler(block)
    console.setLevel(_LEVELS[max(-1, min(1, verbosity))])
    handlers: list[logging.Handler] = [console]
    if log_file is not None:
        handlers.append(_file_handler(log_file))
    logger.setLevel(logging.DEBUG if log_file else console.level)
    logger.propagate = False
    for handler in handlers:
        logger.addHandler(handler)
    try:
        yield console
    finally:
        console.flush_repeats(at_once=True)
        if block is not None:
            block.clear()
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
    level = "" if record.levelno <= logging.INFO else f"{record.levelname.lower()}: "
    return f"{clock_text(record.created)} {level}{escape_controls(record.getMessage())}"


def _print_to_stderr(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
