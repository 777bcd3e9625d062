"""Command ``inspect``: shows what is understood of an input file."""

import click

from artistjobs.cli.help import command
from artistjobs.cli.options import PATH, Settings, arguments_of, input_options


@command()
@click.argument("file", required=False, type=PATH)
@input_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def inspect(settings: Settings, /, **options: object) -> None:
    """Show how FILE (- is stdin) is read, and store nothing.

    Shows its format, encoding and header, its columns with examples, the number of rows, bad lines and duplicates, the
    longest values, and the next command.

    Example: artistjobs inspect artists.csv
    """
    from artistjobs.commands.inspect import inspect as inspect_input
    from artistjobs.commands.inspect import inspection_json, inspection_lines
    from artistjobs.terminal.screen import Screen
    from artistjobs.terminal.streams import print_json, print_result

    arguments = arguments_of(settings, {**options, "input_file": None})
    found = inspect_input(arguments.input_file(arguments.source()))
    if arguments.as_json:
        print_json(inspection_json(found))
    else:
        print_result("\n".join(inspection_lines(found, Screen().width)))
