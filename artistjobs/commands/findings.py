"""Findings: the lines of a check, each with a level."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """Severity of a finding for the run."""

    OK = "ok"
    WARN = "warn"  # the run will work, but the user should know something
    FAIL = "fail"  # the run will not work


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of a check. A finding of level FAIL has the exit code with which the run would end."""

    level: Level
    subject: str
    text: str
    exit_code: int = 0
