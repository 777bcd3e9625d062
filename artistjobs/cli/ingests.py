"""Command ``ingests``: lists the files that were read."""

import click

from artistjobs.cli.help import command
from artistjobs.cli.options import Settings


@command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON Lines, one object per ingest.")
@click.pass_obj
def ingests(settings: Settings, *, as_json: bool) -> None:
    """List the files that were ingested, with number and date.

    Example: artistjobs ingests
    """
    from artistjobs.cli.options import existing_database_option
    from artistjobs.commands.ingests import ingest_lines, ingest_record_json
    from artistjobs.terminal.screen import Screen
    from artistjobs.terminal.streams import print_json, print_message, print_result

    with existing_database_option(settings).reader() as reader:
        found = reader.job_queries.ingests()
    if as_json:
        for one in found:
            print_json(ingest_record_json(one))
    elif found:
        print_result("\n".join(ingest_lines(found, Screen().width)))
    else:
        print_message("nothing was ingested yet")
