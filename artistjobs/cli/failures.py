"""Command ``failures``: lists failed jobs with their errors."""

from itertools import islice
from typing import TYPE_CHECKING

import click

from artistjobs.cli.help import command
from artistjobs.cli.options import POSITIVE, Settings, prompt_option

if TYPE_CHECKING:
    from collections.abc import Iterator

    from artistjobs.store.interface import Reader
    from artistjobs.store.models import FailedJob
    from artistjobs.terminal.screen import Screen


FAILURES_SHOWN = 50
"""Number of failed jobs shown on a terminal without ``--limit``."""


@command()
@click.option("--code", metavar="CODE", help="Only jobs that failed with this code.")
@prompt_option
@click.option("--limit", type=POSITIVE, metavar="N", help="List at most N jobs.  [default: 50 on a terminal, else all]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON Lines, one object per job.")
@click.pass_obj
def failures(settings: Settings, code: str | None, prompt: int | None, limit: int | None, *, as_json: bool) -> None:
    """List failed jobs, oldest first, each with its error.

    On a terminal, prints a table. Otherwise, prints the fields job, artist, code, HTTP status, attempts, time
    and message, untruncated and separated by tabs.

    Example: artistjobs failures --code incomplete --limit 10
    """
    from artistjobs.cli.options import existing_database_option
    from artistjobs.terminal.screen import Screen

    screen = Screen()
    with existing_database_option(settings).reader() as reader:
        total = _count_failed(reader, code, prompt)
        if limit is None and screen.is_terminal and not as_json:
            limit = FAILURES_SHOWN
        _list_failures(reader.job_queries.failed(code, limit, prompt), screen, as_json=as_json)
        _say_what_next(reader, code, total, total if limit is None else min(limit, total))


def _count_failed(reader: "Reader", code: str | None, prompt: int | None) -> int:
    """Return the number of jobs that failed with a code, or of all. Raises WrongUseError if no job has the code."""
    from artistjobs.commands.failures import ensure_known_code
    from artistjobs.commands.prompts import ensure_known_prompt

    ensure_known_prompt(reader.records, prompt)
    groups = {group.code: group.jobs for group in reader.records.failures(prompt)}
    if code is None:
        return sum(groups.values())
    ensure_known_code(code, groups)
    return groups[code]


def _list_failures(jobs: "Iterator[FailedJob]", screen: "Screen", *, as_json: bool) -> None:
    from artistjobs.commands.failures import failure_json, failures_fields, failures_table
    from artistjobs.terminal.screen import Style, styled
    from artistjobs.terminal.streams import print_json, print_result

    if as_json:
        for job in jobs:
            print_json(failure_json(job))
        return
    if screen.is_terminal:
        lines = failures_table(jobs, screen.width, lambda head: styled(head, Style.HEAD, screen.is_coloured))
    else:
        lines = failures_fields(jobs)
    while page := list(islice(lines, 500)):
        print_result("\n".join(page))


def _say_what_next(reader: "Reader", code: str | None, total: int, shown: int) -> None:
    import shlex

    from artistjobs.core.command_text import command as command_text
    from artistjobs.core.formatting import count_text
    from artistjobs.terminal.streams import print_message

    if not total:
        print_message("no job failed")
        return
    if total > shown:
        print_message(f"{count_text(total - shown, 'more job')} failed; --limit {total} lists all")
    which = "" if code is None else f" --code {shlex.quote(code)}"
    print_message(f"retry {'it' if total == 1 else 'them'} with: {command_text(reader.path, f'retry{which}')}")
