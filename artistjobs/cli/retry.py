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
@click.option(
    "--param", "params", multiple=True, metavar="KEY=VALUE",
    help="Send these jobs with this field of the request changed; repeatable.",
)  # fmt: skip
@click.pass_obj
def retry(settings: Settings, job: int | None, code: str | None, params: tuple[str, ...]) -> None:
    """Make failed jobs pending again: all, by code, or one JOB.

    JOB is a job id, as listed by `artistjobs failures`. An answer that was cut is cut again at the same place,
    unless its limit is raised:

    Example: artistjobs retry --code incomplete --param max_output_tokens=4000
    """
    from artistjobs.cli.changes import parse_changes
    from artistjobs.cli.options import existing_database_option
    from artistjobs.core.command_text import command as command_text
    from artistjobs.core.formatting import count_text
    from artistjobs.core.job import EVERYTHING
    from artistjobs.store.models import Kind
    from artistjobs.terminal.streams import print_message

    change = parse_changes(params)
    with existing_database_option(settings).open() as store:
        count = store.queue.retry(scope=EVERYTHING, code=code, job=job, change=change)
        if not count:
            _ensure_retry_helps(store, code, job)
    rehearse = " --rehearse" if store.kind is Kind.REHEARSAL else ""
    on = f"; continue with: {command_text(store.path, f'work{rehearse}')}" if count else ""
    changed = " with " + " and ".join(one.partition("=")[0] for one in params) + " changed" if count and params else ""
    print_message(f"{count_text(count, 'job')} pending again{changed}{on}")


def _ensure_retry_helps(store: "Store", code: str | None, job: int | None) -> None:
    """Raise WrongUseError if no job failed with the code, or the job did not fail."""
    from artistjobs.commands.failures import codes_text, ensure_known_code

    groups = {group.code: group.jobs for group in store.records.failures()}
    if code is not None:
        ensure_known_code(code, groups)
    if job is not None:
        with_code = "" if code is None else f" with {code}"
        raise WrongUseError(f"job {job} did not fail{with_code}; {codes_text(groups)}.")
