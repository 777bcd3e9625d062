"""Command ``retry``: makes failed jobs pending again."""

from typing import TYPE_CHECKING

import click

from artistjobs.cli.help import command
from artistjobs.cli.options import POSITIVE, Settings
from artistjobs.errors import WrongUseError

if TYPE_CHECKING:
    from artistjobs.store.interface import Store


@command()
@click.argument("job", type=POSITIVE, metavar="[JOB]", required=False)
@click.option("--code", metavar="CODE", help="Only jobs that failed with this code.")
@click.pass_obj
def retry(settings: Settings, job: int | None, code: str | None) -> None:
    """Make failed jobs pending again: all, by code, or one JOB.

    JOB is a job id, as listed by `artistjobs failures`.

    Example: artistjobs retry --code incomplete
    """
    from artistjobs.cli.options import existing_database_option
    from artistjobs.core.command_text import command as command_text
    from artistjobs.core.formatting import count_text
    from artistjobs.core.job import EVERYTHING
    from artistjobs.store.models import Kind
    from artistjobs.terminal.streams import print_message

    with existing_database_option(settings).open() as store:
        count = store.queue.retry(scope=EVERYTHING, code=code, job=job)
        if not count:
            _ensure_retry_helps(store, code, job)
    rehearse = " --rehearse" if store.kind is Kind.REHEARSAL else ""
    on = f"; continue with: {command_text(store.path, f'work{rehearse}')}" if count else ""
    print_message(f"{count_text(count, 'job')} pending again{on}")


def _ensure_retry_helps(store: "Store", code: str | None, job: int | None) -> None:
    """Raise WrongUseError if no job failed with the code, or the job did not fail."""
    from artistjobs.commands.failures import codes_text, ensure_known_code

    groups = {group.code: group.jobs for group in store.records.failures()}
    if code is not None:
        ensure_known_code(code, groups)
    if job is not None:
        with_code = "" if code is None else f" with {code}"
        raise WrongUseError(f"job {job} did not fail{with_code}; {codes_text(groups)}.")
