"""Command ``work``: calls the API for all pending jobs."""

import click

from artistjobs.cli.console import _finish, logging_output, show_starting
from artistjobs.cli.help import command
from artistjobs.cli.notify import notifying
from artistjobs.cli.options import Settings, arguments_of, json_option, rehearse_options, work_options


@command()
@work_options
@rehearse_options
@json_option
@click.pass_obj
def work(settings: Settings, /, **options: object) -> None:
    """Call the API for all pending jobs and store the answers.

    Example: artistjobs work --max-workers 32
    """
    show_starting(settings)
    from artistjobs.commands.work import work_on
    from artistjobs.core.job import EVERYTHING

    arguments = arguments_of(settings, options)
    with (
        logging_output(settings, arguments.files_in_use(), arguments.scenario) as console,
        notifying(options["notify"], arguments.database().path),
    ):
        report = work_on(arguments.database(), EVERYTHING, arguments.working(), console)
        _finish(settings, arguments, report)
