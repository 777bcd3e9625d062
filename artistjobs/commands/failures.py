"""Output of the command ``failures``: failed jobs as a table, as tab-separated fields, and as JSON."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice

from artistjobs.core.json_values import Json
from artistjobs.errors import WrongUseError
from artistjobs.store.models import FailedJob
from artistjobs.terminal.escape import escape_controls
from artistjobs.terminal.local_time import local_time
from artistjobs.terminal.table import TableColumn, table

_COLUMNS = (
    TableColumn("job"),
    TableColumn("artist", is_number=False, may_be_cut=True),
    TableColumn("code", is_number=False),
    TableColumn("HTTP", rank=3),
    TableColumn("attempts", rank=4),
    TableColumn("time", rank=2, is_number=False),
    TableColumn("message", rank=1, is_number=False, may_be_cut=True),
)


_AT_ONCE = 500
"""Number of rows that share their column widths; a larger number delays the first line."""


def failures_table(jobs: Iterator[FailedJob], width: int | None, head: Callable[[str], str]) -> Iterator[str]:
    """Yield the heading and a line for each job, at most ``width`` cells wide; ``head`` styles the heading."""
    is_first = True
    while page := list(islice(jobs, _AT_ONCE)):
        first, *lines = table(_COLUMNS, [_cells(job) for job in page], width)
        if is_first:
            yield head(first)
        is_first = False
        yield from lines


def failures_fields(jobs: Iterator[FailedJob]) -> Iterator[str]:
    """Yield a line for each job, its fields untruncated and separated by tabs; tabs in fields are escaped."""
    for job in jobs:
        fields = (job.job, job.artist_name, job.code, job.status, job.attempts, job.failed_at, job.message)
        yield "\t".join("" if field is None else escape_controls(str(field)) for field in fields)


def failure_json(job: FailedJob) -> dict[str, Json]:
    """Return a failed job as JSON with stable keys."""
    return {
        "job": job.job,
        "artist_name": job.artist_name,
        "artist_data": job.artist_data,
        "code": job.code,
        "status": job.status,
        "attempts": job.attempts,
        "failed_at": job.failed_at,
        "message": job.message,
        "request_id": job.request_id,
    }


def ensure_known_code(code: str, groups: Mapping[str, int]) -> None:
    """Raise WrongUseError if no job failed with a code; ``groups`` holds the number of failed jobs by code."""
    if code not in groups:
        raise WrongUseError(f"no job failed with {code}; {codes_text(groups)}.")


def codes_text(groups: Mapping[str, int]) -> str:
    """Return the codes of failed jobs with their numbers as a clause of an error message."""
    if not groups:
        return "no jobs failed at all"
    return "the codes are " + ", ".join(f"{code} ({jobs:,})" for code, jobs in groups.items())


def _cells(job: FailedJob) -> Sequence[str]:
    return [
        str(job.job),
        escape_controls(job.artist_name),
        escape_controls(job.code),
        "" if job.status is None else str(job.status),
        str(job.attempts),
        "" if job.failed_at is None else local_time(job.failed_at),
        escape_controls(" ".join((job.message or "").split())),
    ]
