"""The commands about failed jobs: failures, retry."""

from itertools import islice
from typing import TYPE_CHECKING

import click

from artistjobs.cli.help import command
from artistjobs.errors import WrongUseError
from artistjobs.options import POSITIVE, Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from artistjobs.screen import Screen
    from artistjobs.store import Store
    from artistjobs.store.insight import FailedJob, Reader

FAILURES_SHOWN = 50
"""Failed jobs that a terminal shows unless told otherwise."""


@command()
@click.option("--code", metavar="CODE", help="Only jobs that failed with this code.")
@click.option("--limit", type=POSITIVE, metavar="N", help="List N jobs at most.  [default: 50 on a terminal, else all]")
@click.option("--json", "as_json", is_flag=True, help="As JSON Lines, one object for each job.")
@click.pass_obj
def failures(settings: Settings, code: str | None, limit: int | None, *, as_json: bool) -> None:
    """List failed jobs, oldest first, each with its reason.

    On a terminal as columns; elsewhere the fields job, artist, code, HTTP status, attempts, moment and message
    are whole and parted by tabs.

    Example: artistjobs failures --code incomplete --limit 10
    """
    from artistjobs.existing import existing_path
    from artistjobs.screen import Screen
    from artistjobs.store.looking import open_reader

    screen = Screen()
    with open_reader(existing_path(settings)) as reader:
        total = _count_failed(reader, code)
        if limit is None and screen.is_terminal and not as_json:
            limit = FAILURES_SHOWN
        _list_failures(reader.insight.failed(code, limit), screen, as_json=as_json)
        _say_what_next(reader, code, total, total if limit is None else min(limit, total))


@command()
@click.argument("job", type=POSITIVE, metavar="[JOB]", required=False)
@click.option("--code", metavar="CODE", help="Only jobs that failed with this code.")
@click.pass_obj
def retry(settings: Settings, job: int | None, code: str | None) -> None:
    """Make failed jobs pending again: all, by code, or one JOB.

    JOB is the id of a job, as failures tells it.

    Example: artistjobs retry --code incomplete
    """
    from artistjobs.given import existing_database
    from artistjobs.job import EVERYTHING
    from artistjobs.stdio import command as command_text
    from artistjobs.stdio import say
    from artistjobs.store import Kind
    from artistjobs.terminal import counted

    with existing_database(settings).open() as store:
        count = store.queue.retry(scope=EVERYTHING, code=code, job=job)
        if not count:
            _refuse_in_vain(store, code, job)
    rehearse = " --rehearse" if store.kind is Kind.REHEARSAL else ""
    on = f"; go on with: {command_text(store.path, f'work{rehearse}')}" if count else ""
    say(f"{counted(count, 'job')} pending again{on}")


def _refuse_in_vain(store: "Store", code: str | None, job: int | None) -> None:
    """Say why nothing was to be retried, if what was named is not there."""
    from artistjobs.failures import codes_text, refuse_unknown_code

    groups = {group.code: group.jobs for group in store.records.failures()}
    if code is not None:
        refuse_unknown_code(code, groups)
    if job is not None:
        with_code = "" if code is None else f" with {code}"
        raise WrongUseError(f"no job {job} failed{with_code}; {codes_text(groups)}.")


def _count_failed(reader: "Reader", code: str | None) -> int:
    """Return how many jobs failed with a code; one that none has is wrong use."""
    from artistjobs.failures import refuse_unknown_code

    groups = {group.code: group.jobs for group in reader.records.failures()}
    if code is None:
        return sum(groups.values())
    refuse_unknown_code(code, groups)
    return groups[code]


def _list_failures(jobs: "Iterator[FailedJob]", screen: "Screen", *, as_json: bool) -> None:
    from artistjobs.failures import failure_json, failures_fields, failures_table
    from artistjobs.paint import Style, paint
    from artistjobs.stdio import tell, tell_json

    if as_json:
        for job in jobs:
            tell_json(failure_json(job))
        return
    if screen.is_terminal:
        lines = failures_table(jobs, screen.width, lambda head: paint(head, Style.HEAD, screen.is_coloured))
    else:
        lines = failures_fields(jobs)
    while page := list(islice(lines, 500)):
        tell("\n".join(page))


def _say_what_next(reader: "Reader", code: str | None, total: int, shown: int) -> None:
    import shlex

    from artistjobs.stdio import command as command_text
    from artistjobs.stdio import say
    from artistjobs.terminal import counted

    if not total:
        say("no job failed")
        return
    if total > shown:
        say(f"{counted(total - shown, 'more job')} failed; --limit {total} lists all")
    which = "" if code is None else f" --code {shlex.quote(code)}"
    say(f"call {'it' if total == 1 else 'them'} again: {command_text(reader.path, f'retry{which}')}")
