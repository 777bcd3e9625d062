"""Log file: one JSON object per line, appended; a full disk does not stop the run, and no line is half written.

A file that was renamed or removed, as by logrotate, is followed by a new one under the old name.
"""

import json
import logging
import os
import stat
from contextlib import suppress
from pathlib import Path

from artistjobs.core.timestamps import to_timestamp
from artistjobs.errors import WrongUseError

log = logging.getLogger("artistjobs")


NEW_FILE_MODE = 0o644
"""Mode of a new log file, before the umask: no other user may write to it."""


class JsonLines(logging.Formatter):
    """Formats a log line as one JSON object with ``at``, ``level`` and ``message``."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the JSON object as text."""
        return _line(record.created, record.levelname, record.getMessage())


class LogFile(logging.Handler):
    """Appends log lines to a file.

    After the first failed write, one warning is logged, and ``failure`` is a sentence about it. Later lines are tried
    again: as soon as the file accepts data, the line that was cut is completed, and a line gives the number of lines
    that are missing.

    A new file gets ``mode``, less the umask. If the file no longer has its name, a line begins a new file; if that
    cannot be opened, the lines go on in the old one.

    Raises:
        WrongUseError: if the file cannot be opened.

    """

    def __init__(self, path: Path, mode: int = NEW_FILE_MODE) -> None:
        super().__init__()
        self.setFormatter(JsonLines())
        self.failure: str | None = None
        # A relative path means the same file if the program that logs changes its working directory.
        self._path, self._place, self._mode = path, path.absolute(), mode
        self._cut = b""
        self._missing = 0
        try:
            self._descriptor = self._open()
        except OSError as error:
            raise WrongUseError(f"--log-file {path} cannot be written: {error.strerror}; use another file.") from error

    def emit(self, record: logging.LogRecord) -> None:
        """Append one log line."""
        line = f"{self.format(record)}\n".encode()
        if self._missing:
            text = f"{self._missing} log lines are missing here, because the file could not be written"
            line = f"{_line(record.created, 'WARNING', text)}\n".encode() + line
        self._follow_name()
        rest, error = _append(self._descriptor, self._cut + line)
        if error is None:
            self._cut, self._missing = b"", 0
            return
        if len(rest) < len(line):
            self._cut, self._missing = rest, 0  # this line is begun, and is completed later
        else:
            self._cut = rest[: len(rest) - len(line)]
            self._missing += 1
        self._report(error)

    def close(self) -> None:
        """Close the file; raises nothing."""
        super().close()
        with suppress(OSError):
            os.close(self._descriptor)

    def _open(self) -> int:
        return os.open(self._place, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, self._mode)

    def _follow_name(self) -> None:
        """Open a new file if the open one was renamed or removed; a line that was begun is completed before."""
        if self._cut or not _has_lost_name(self._descriptor, self._place):
            return
        with suppress(OSError):
            descriptor, self._descriptor = self._descriptor, self._open()
            os.close(descriptor)

    def _report(self, error: OSError) -> None:
        if self.failure is None:
            self.failure = (
                f"--log-file {self._path} lacks lines: {error.strerror or error}; "
                "fix the cause, or name another file; nothing else is affected"
            )
            log.warning("%s", self.failure)


def log_file_failure() -> str | None:
    """Return a sentence if lines are missing in the log file of this process; None if there are none."""
    return next((handler.failure for handler in log.handlers if isinstance(handler, LogFile)), None)


def _has_lost_name(descriptor: int, path: Path) -> bool:
    """Return True if an open file was a regular one, and another regular one or none is at its path now."""
    opened = os.fstat(descriptor)
    if not stat.S_ISREG(opened.st_mode):
        return False  # a device or a pipe, such as /dev/stderr
    try:
        named = os.stat(path)  # noqa: PTH116 - for every line; Path.stat takes twice the time
    except FileNotFoundError:
        return True
    except OSError:
        return False
    # Opening a pipe that has no reader would block the run.
    return stat.S_ISREG(named.st_mode) and not os.path.samestat(opened, named)


def _append(descriptor: int, data: bytes) -> tuple[bytes, OSError | None]:
    """Write data; return the part that could not be written, with the error."""
    rest = memoryview(data)
    try:
        while rest:
            rest = rest[os.write(descriptor, rest) :]
    except OSError as error:
        return bytes(rest), error
    return b"", None


def _line(seconds: float, level: str, message: str) -> str:
    return json.dumps({"at": to_timestamp(seconds), "level": level.lower(), "message": message})
