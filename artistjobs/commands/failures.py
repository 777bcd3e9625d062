"""Failed jobs one by one: as columns for people, as fields for programs."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice

from artistjobs.core.json_values import Json
from artistjobs.core.timestamps import local_time
from artistjobs.errors import WrongUseError
from artistjobs.store.models import FailedJob
from artistjobs.terminal.escape import escape_controls
from artistjobs.terminal.table import TableColumn, table

_COLUMNS = (
    TableColumn("job"),
    TableColumn("artist", is_number=False, may_be_cut=True),
    TableColumn("code", is_number=False),
    TableColumn("HTTP", rank=3),
    TableColumn("attempts", rank=4),
    TableColumn("when", rank=2, is_number=False),
    TableColumn("message", rank=1, is_number=False, may_be_cut=True),
)


_AT_ONCE = 500
"""Rows that share their column widths: as many as are worth waiting for."""


def failures_table(jobs: Iterator[FailedJob], width: int | None, head: Callable[[str], str]) -> Iterator[str]:
    """Yield a heading and a line for each job, in the width there is; ``head`` makes the heading stand out."""
    is_first = True
    while page := list(islice(jobs, _AT_ONCE)):
        first, *lines = table(_COLUMNS, [_cells(job) for job in page], width)
        if is_first:
            yield head(first)
        is_first = False
        yield from lines


def failures_fields(jobs: Iterator[FailedJob]) -> Iterator[str]:
    """Yield a line for each job, its fields whole and parted by tabs; tabs within them are escaped."""
    for job in jobs:
        fields = (job.job, job.artist_name, job.code, job.status, job.attempts, job.failed_at, job.message)
        yield "\t".join("" if field is None else escape_controls(str(field)) for field in fields)


def failure_json(job: FailedJob) -> dict[str, Json]:
    """Return a failed job as JSON; its keys stay as they are."""
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
    """Raise WrongUseError if no job failed with a code; ``groups`` says how many did with which."""
    if code not in groups:
        raise WrongUseError(f"no job failed with {code}; {codes_text(groups)}.")


def codes_text(groups: Mapping[str, int]) -> str:
    """Return the codes that there are, in half a sentence."""
    if not groups:
        return "none failed at all"
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
