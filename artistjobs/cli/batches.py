"""Commands ``batches`` and ``cancel``: the batches at the service, and their cancellation."""

import click

from artistjobs.cli.help import command
from artistjobs.cli.options import POSITIVE, Settings, arguments_of, json_option, rehearse_options


@command()
@click.option("--limit", type=POSITIVE, default=20, help="Maximum number of batches, the newest first.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
@click.pass_obj
def batches(settings: Settings, *, limit: int, as_json: bool) -> None:
    """List the batches of `work --batch` and `run --batch`.

    The state is that of the last look at the service; `work --batch` looks again.

    Example: artistjobs batches
    """
    from artistjobs.cli.options import existing_database_option
    from artistjobs.commands.batches import batch_json, batch_lines
    from artistjobs.terminal.screen import Screen
    from artistjobs.terminal.streams import print_json, print_message, print_result

    with existing_database_option(settings).reader() as reader:
        found = reader.batches.latest_batches(limit)
    if as_json:
        for record in found:
            print_json(batch_json(record))
    elif found:
        print_result("\n".join(batch_lines(found, Screen().width)))
    else:
        print_message("there are no batches; artistjobs work --batch makes some")


@command()
@click.argument("batch", required=False, type=POSITIVE)
@rehearse_options
@json_option
@click.pass_obj
def cancel(settings: Settings, /, batch: int | None, **options: object) -> None:
    """Cancel BATCH, or all batches, and collect what was answered.

    The service keeps and bills the requests that it has answered. All other jobs are pending again.

    Example: artistjobs cancel 3
    """
    from artistjobs.cli.console import _finish, logging_output
    from artistjobs.commands.batches import cancel_batches
    from artistjobs.library.options import WORK_DEFAULTS

    # A cancellation works through the Batch API, without options of its own.
    arguments = arguments_of(settings, {**WORK_DEFAULTS, "uses_batches": True, **options})
    with logging_output(settings, arguments.files_in_use(), arguments.scenario) as console:
        report = cancel_batches(arguments.database(), batch, arguments.working(), console)
        _finish(settings, arguments, report)
