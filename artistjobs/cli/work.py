"""Command ``work``: calls the API for all pending jobs."""

import click

from artistjobs.cli.console import _finish, begin, talking
from artistjobs.cli.help import command
from artistjobs.cli.options import Settings, json_option, rehearse_options, work_options


@command()
@work_options
@rehearse_options
@json_option
@click.pass_obj
def work(settings: Settings, /, **options: object) -> None:
    """Call the API for all pending jobs and store the answers.

    Example: artistjobs work --max-workers 32
    """
    begin(settings)
    from artistjobs.cli.arguments import Given
    from artistjobs.commands.work import work_on
    from artistjobs.core.job import EVERYTHING

    given = Given(settings, options)
    with talking(settings, given.scenario) as voice:
        report = work_on(given.database(), EVERYTHING, given.working(), voice)
        _finish(settings, given, report)
