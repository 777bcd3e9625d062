"""Findings as lines of text and as JSON, for ``check`` and ``doctor``."""

from collections.abc import Sequence

from artistjobs.core.findings import Finding, Level
from artistjobs.core.formatting import count_text
from artistjobs.core.json_values import Json
from artistjobs.terminal.escape import escape_controls


def finding_lines(findings: Sequence[Finding]) -> list[str]:
    """Return a line for each finding: level, subject and text, in columns."""
    width = max((len(finding.subject) for finding in findings), default=0)
    return [
        f"{finding.level.value:4}  {finding.subject:{width}}  {escape_controls(finding.text)}" for finding in findings
    ]


def warnings_text(findings: Sequence[Finding]) -> str:
    """Return the end of a verdict: the number of warnings, or a full stop."""
    warnings = sum(finding.level is Level.WARN for finding in findings)
    return f"; {count_text(warnings, 'warning')} above." if warnings else "."


def findings_json(findings: Sequence[Finding]) -> list[Json]:
    """Return findings as JSON with stable keys."""
    return [{"level": finding.level.value, "subject": finding.subject, "text": finding.text} for finding in findings]
