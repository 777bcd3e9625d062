"""What a check says, line by line."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """What a finding means for the run."""

    OK = "ok"
    WARN = "warn"  # it will work, and there is something to know
    FAIL = "fail"  # it will not work


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of a check. A failing one has the exit code that the run would end with."""

    level: Level
    subject: str
    text: str
    exit_code: int = 0
