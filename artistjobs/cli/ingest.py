"""Command ``ingest``: adds a job for each new row of a file."""

import click

from artistjobs.cli.console import logging_output
from artistjobs.cli.help import command
from artistjobs.cli.options import Settings, arguments_of, ask_options, json_option, rehearse_options, source_options


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
    from artistjobs.commands.summary import ingest_json, ingest_sentence
    from artistjobs.ingest.ingest import ensure_readable, ingest_file
    from artistjobs.terminal.log import log
    from artistjobs.terminal.streams import print_json, print_message

    arguments = arguments_of(settings, options)
    with logging_output(settings, arguments.files_in_use(), arguments.scenario, arguments.warnings()):
        config = arguments.ingest_config()
        if note := arguments.schema_note(config.prompt):
            log.info(note)
        if dry_run:
            from artistjobs.commands.dry_run import show_dry_run

            show_dry_run(
                arguments.database(), config, arguments.cost(), limit=arguments.limit(), as_json=arguments.as_json
            )
            return
        ensure_readable(config)
        with arguments.database().open(create=True) as store:
            ingested = ingest_file(store.ingestor, config)
        print_json(ingest_json(ingested)) if arguments.as_json else print_message(ingest_sentence(ingested))
