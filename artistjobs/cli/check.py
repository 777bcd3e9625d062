"""Command ``check``: predicts whether a run will work and what it will cost."""

import click
from click.exceptions import Exit

from artistjobs.cli.console import logging_output
from artistjobs.cli.help import command
from artistjobs.cli.options import (
    WINDOWS,
    Settings,
    arguments_of,
    ask_options,
    check_options,
    json_option,
    rehearse_options,
)


@command()
@check_options
@ask_options
@rehearse_options
@json_option
@click.option("--batch", "uses_batches", is_flag=True, help="Check a run with --batch.")
@click.option("--window", type=click.Choice(WINDOWS), help="Check a run with --background and this window.")
@click.pass_obj
def check(settings: Settings, /, **options: object) -> None:
    """Check whether a run will work and what it will cost.

    Checks the key, the model, the prompt, the limits and the price, and the rows of FILE if it is given. It
    writes nothing, and is free of charge without --spend.

    Example: artistjobs check artists.csv --prompt-file prompt.txt
    """
    from artistjobs.commands.check import run_check
    from artistjobs.commands.check_text import check_result_json, check_result_lines
    from artistjobs.terminal.streams import print_json, print_result

    arguments = arguments_of(settings, options)
    with logging_output(settings, arguments.files_in_use(), arguments.scenario):
        found = run_check(arguments.database(), arguments.checking())
        if arguments.as_json:
            print_json(check_result_json(found))
        else:
            print_result("\n".join(check_result_lines(found)))
        raise Exit(found.exit_code)
