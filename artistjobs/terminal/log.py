"""Logging: lines for people on stderr, and for programs in a log file."""

import logging
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import Final

from artistjobs.core.json_values import Json
from artistjobs.terminal.escape import escape_controls
from artistjobs.terminal.live_block import Block
from artistjobs.terminal.local_time import clock_text
from artistjobs.terminal.log_file import NEW_FILE_MODE, LogFile

log = logging.getLogger("artistjobs")


Print = Callable[[str], None]


_LEVELS = {-1: logging.ERROR, 0: logging.INFO, 1: logging.DEBUG}


GROUP_SECONDS: Final = 10.0
"""Interval in seconds at which a terminal shows a summary line for repeated log lines."""


MAX_KINDS: Final = 100
"""Maximum number of error codes that get their own line; a server may send any number of codes."""


FILE_ONLY: Final = {"is_for_file": True}
"""The ``extra`` of a log line that only the log file gets, because people see it in another form."""


EXTRAS: Final = ("group", "is_for_file")
"""The keys that ``extra`` of a log line may have."""


def extra_of(record: logging.LogRecord) -> dict[str, Json]:
    """Return the ``extra`` of a log line."""
    return {name: getattr(record, name) for name in EXTRAS if hasattr(record, name)}


def repeats(what: str, code: str) -> dict[str, tuple[str, str]]:
    """Return the ``extra`` of a log line that may be counted together with others of the same kind."""
    return {"group": (what, code)}


class ConsoleHandler(logging.Handler):
    """Prints log lines for people. ``print_line`` may be replaced to print them above a display.

    With a ``block``, stderr is a terminal, and repeated lines are counted and summarized.
    """

    def __init__(self, block: Block | None = None) -> None:
        super().__init__()
        self.block = block
        self.print_line: Print = block.print if block else _print_to_stderr
        self._groups = RepeatCounter() if block else None

    def emit(self, record: logging.LogRecord) -> None:
        """Print one log line; a closed terminal does not stop the run."""
        try:
            if not hasattr(record, "is_for_file") and not self._is_counted(record):
                self.print_line(_line(record))
        except Exception:  # noqa: BLE001 - logging must never end a run
            self.handleError(record)

    def show_status(self, what: str) -> None:
        """Show the current activity until it is replaced or cleared; without a block, do nothing."""
        if self.block is not None:
            self.block.update([escape_controls(what)])

    def clear_status(self) -> None:
        """Clear the current activity."""
        if self.block is not None:
            self.block.clear()

    def flush_repeats(self, *, at_once: bool = False) -> None:
        """Print the summary lines of repeated log lines if they are due, or ``at_once``."""
        for line in self._groups.due(at_once=at_once) if self._groups else []:
            self.print_line(f"{clock_text()} {escape_controls(line)}")

    def _is_counted(self, record: logging.LogRecord) -> bool:
        if self._groups is None or self.level != logging.INFO or not hasattr(record, "group"):
            return False
        return self._groups.add(*record.group)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's own name
        """Ignore an error of printing: there is no other place to report it."""


class RepeatCounter:
    """Counts repeated log lines: the first of each kind is printed, the others are summarized in one line."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._met: set[tuple[str, str]] = set()
        self._counts: dict[str, Counter[str]] = {}
        self._told_at = clock()
        self._lock = Lock()

    def add(self, what: str, code: str) -> bool:
        """Count a log line; return False if it is the first of its kind and has to be printed."""
        with self._lock:
            if (what, code) not in self._met and len(self._met) < MAX_KINDS:
                self._met.add((what, code))
                return False
            self._counts.setdefault(what, Counter())[code] += 1
            return True

    def due(self, *, at_once: bool = False) -> list[str]:
        """Return the summary lines and reset the counts, if the summary is due or ``at_once``; else no lines."""
        now = self._clock()
        with self._lock:
            if now - self._told_at < GROUP_SECONDS and not at_once:
                return []
            counts, self._told_at, self._counts = self._counts, now, {}
        return [f"{what}: {_enumerated(codes)}" for what, codes in counts.items()]


def _enumerated(codes: "Counter[str]") -> str:
    return ", ".join(f"{code} {count:,}" for code, count in codes.most_common())


@contextmanager
def logging_to(
    verbosity: int, log_file: Path | None, block: Block | None = None, mode: int = NEW_FILE_MODE
) -> Iterator[ConsoleHandler]:
    """Print log lines on stderr within the context, and write all of them to ``log_file`` if there is one.

    ``mode`` is the mode of a new log file, before the umask. ``verbosity`` is from -1 (errors only) to 1 (every API
    call). With a block, the lines are printed above it, and it is cleared at the end.

    Raises:
        WrongUseError: if the log file cannot be written.

    """
    # A log line that cannot be written must not fill the screen with tracebacks.
    logging.raiseExceptions = False
    logger, console = log, ConsoleHandler(block)
    console.setLevel(_LEVELS[max(-1, min(1, verbosity))])
    handlers: list[logging.Handler] = [console]
    if log_file is not None:
        handlers.append(LogFile(log_file, mode))
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


def _line(record: logging.LogRecord) -> str:
    level = "" if record.levelno <= logging.INFO else f"{record.levelname.lower()}: "
    return f"{clock_text(record.created)} {level}{escape_controls(record.getMessage())}"


def _print_to_stderr(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
