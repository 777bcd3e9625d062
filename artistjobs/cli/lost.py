"""Command ``lost``: shows the calls that may have been billed without an answer, and writes them off."""

import click

from artistjobs.cli.help import command
from artistjobs.cli.options import Settings


@command()
@click.option("--write-off", "is_write_off", is_flag=True, help="Let these calls count under --max-cost no longer.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def lost(settings: Settings, *, is_write_off: bool, as_json: bool) -> None:
    """Show calls that may have been billed without an answer.

    A call that timed out, or was cut off, or whose worker died, counts under --max-cost with the most that it can have
    cost. A call that was never sent counts nothing.

    Example: artistjobs lost --write-off
    """
    from artistjobs.cli.options import existing_database_option
    from artistjobs.commands.lost import lost_json, lost_lines, lost_sentence, read_lost, write_off
    from artistjobs.terminal.escape import escape_controls
    from artistjobs.terminal.screen import Screen
    from artistjobs.terminal.streams import print_json, print_message, print_result

    database, screen = existing_database_option(settings), Screen()
    with database.reader() as reader:
        found = read_lost(reader)
    message = lost_sentence(found)
    if is_write_off:
        with database.open() as store:
            message = write_off(store)
    if as_json:
        print_json(lost_json(found))
    elif lines := lost_lines(found, screen.width):
        print_result("\n".join(lines))
    print_message(escape_controls(message))
