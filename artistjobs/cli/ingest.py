"""Command ``ingest``: adds a job for each new row of a file."""

import click

from artistjobs.cli.console import talking
from artistjobs.cli.help import command
from artistjobs.cli.options import Settings, ask_options, json_option, rehearse_options, source_options


@command()
@source_options
@ask_options
@rehearse_options
@json_option
@click.pass_obj
def ingest(settings: Settings, /, *, dry_run: bool, **options: object) -> None:
    """Read FILE (- is stdin) and add a pending job for each new row.

    Example: artistjobs ingest artists.csv --prompt-file prompt.txt
    """
    from artistjobs.cli.arguments import Given
    from artistjobs.commands.summary import ingest_json, ingest_sentence
    from artistjobs.ingest.ingest import ingest_file, refuse_unreadable
    from artistjobs.terminal.streams import say, tell_json

    given = Given(settings, options)
    with talking(settings, given.scenario, given.warning()):
        config = given.ingest_config()
        if dry_run:
            from artistjobs.commands.dry_run import _dry_run

            _dry_run(given, config)
            return
        refuse_unreadable(config.source)
        with given.database().open(create=True) as store:
            ingested = ingest_file(store.intake, config)
        tell_json(ingest_json(ingested)) if given.as_json else say(ingest_sentence(ingested))
