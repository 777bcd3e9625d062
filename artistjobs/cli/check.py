"""Command ``check``: predicts whether a run will work and what it will cost."""

import click
from click.exceptions import Exit

from artistjobs.cli.console import talking
from artistjobs.cli.help import command
from artistjobs.cli.options import Settings, ask_options, check_options, json_option, rehearse_options


@command()
@check_options
@ask_options
@rehearse_options
@json_option
@click.pass_obj
def check(settings: Settings, /, **options: object) -> None:
    """Check whether a run will work and what it will cost.

    Checks the key, the model, the prompt, the limits and the price, and the rows of FILE if it is given. It
    writes nothing, and is free of charge without --spend.

    Example: artistjobs check artists.csv --prompt-file prompt.txt
    """
    from artistjobs.cli.arguments import Given
    from artistjobs.commands.check import check_up
    from artistjobs.commands.check_text import checkup_json, checkup_lines
    from artistjobs.terminal.streams import tell, tell_json

    given = Given(settings, options)
    with talking(settings, given.scenario):
        found = check_up(given.database(), given.checking())
    tell_json(checkup_json(found)) if given.as_json else tell("\n".join(checkup_lines(found)))
    raise Exit(found.exit_code)
