"""Command ``drop``: gives up pending jobs, or jobs that failed with a code."""

import click

from artistjobs.cli.help import command
from artistjobs.cli.options import Settings, prompt_option
from artistjobs.errors import WrongUseError


@command()
@prompt_option
@click.option("--ingest", metavar="N|latest", help="Only jobs of this ingest; `ingests` lists the numbers.")
@click.option("--code", metavar="CODE", help="Jobs that failed with this code, in place of pending ones.")
@click.pass_obj
def drop(settings: Settings, prompt: int | None, ingest: str | None, code: str | None) -> None:
    """Drop pending jobs, so that they are never asked.

    They stay in the database, and count neither as pending nor as failed. `retry --code user:dropped` makes them
    pending again.

    Example: artistjobs drop --prompt 1
    """
    from artistjobs.cli.options import existing_database_option
    from artistjobs.commands.drop import drop_jobs
    from artistjobs.library.scope import ingest_scope
    from artistjobs.terminal.escape import escape_controls
    from artistjobs.terminal.streams import print_message

    if prompt is None and ingest is None and code is None:
        raise WrongUseError("say which jobs to drop: --prompt N, --ingest N or --code CODE.")
    with existing_database_option(settings).open() as store:
        message = drop_jobs(store, ingest_scope(store, ingest), prompt=prompt, code=code)
    print_message(escape_controls(message))
