"""Findings: the lines of a check or of a diagnosis, each with a level."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from artistjobs.errors import ArtistjobsError, WrongUseError


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


def finding_of(subject: str, error: ArtistjobsError) -> Finding:
    """Return the finding about an error that would end the run."""
    return Finding(Level.FAIL, subject, str(error), error.exit_code)


def exit_code_of(findings: Iterable[Finding]) -> int:
    """Return 0 if nothing fails; 2 (wrong use) wins over other codes, because it has to be fixed first."""
    codes = [finding.exit_code for finding in findings if finding.level is Level.FAIL]
    return WrongUseError.exit_code if WrongUseError.exit_code in codes else max(codes, default=0)
