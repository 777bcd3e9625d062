"""The command that gives jobs another chance: retry."""

import click

from artistjobs.options import Settings


@click.command()
@click.argument("job", type=click.IntRange(min=1), required=False)
@click.option("--code", help="Only jobs that failed with this code.")
@click.pass_obj
def retry(settings: Settings, job: int | None, code: str | None) -> None:
    """Make failed jobs pending again: all of them, those with one code, or one JOB by its id.

    Example: artistjobs retry --code incomplete
    """
    from artistjobs.given import existing_database
    from artistjobs.job import EVERYTHING
    from artistjobs.stdio import command, say
    from artistjobs.terminal import counted

    with existing_database(settings).open() as store:
        count = store.queue.retry(scope=EVERYTHING, code=code, job=job)
    say(f"{counted(count, 'job')} pending again" + (f"; go on with: {command(store.path, 'work')}" if count else ""))
