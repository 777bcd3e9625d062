"""Command ``run``: ingests a file, works on its jobs and exports their answers."""

from typing import TYPE_CHECKING

import click

from artistjobs.cli.console import _finish, logging_output, show_starting
from artistjobs.cli.help import command
from artistjobs.cli.notify import notifying
from artistjobs.cli.options import (
    PATH,
    Settings,
    arguments_of,
    ask_options,
    format_option,
    json_option,
    rehearse_options,
    source_options,
    text_option,
    work_options,
)

if TYPE_CHECKING:
    from pathlib import Path


@command()
@source_options
@ask_options
@work_options
@rehearse_options
@json_option
@click.option("--output", type=PATH, help="File for the answers.  [default: out.jsonl]")
@format_option
@text_option
@click.pass_obj
def run(
    settings: Settings,
    /,
    output: "Path | None",
    format_name: str | None,
    *,
    dry_run: bool,
    no_text: bool,
    **options: object,
) -> None:
    """Ingest FILE, work on its jobs and export their answers.

    Rows that are already answered are not sent again. To continue after an interruption, repeat the command.

    Example: artistjobs run artists.csv --prompt-file prompt.txt
    """
    if not dry_run:
        show_starting(settings)
    from artistjobs.commands.run import ExportTarget, run_file
    from artistjobs.export.formats import format_of, output_or_default
    from artistjobs.terminal.log import log
    from artistjobs.terminal.streams import TextOutput

    output = output_or_default(output, format_name)
    arguments = arguments_of(settings, options)
    files = arguments.files_in_use(output)
    notice = None if dry_run else options["notify"]
    with (
        logging_output(settings, files, arguments.scenario, arguments.warnings()) as console,
        notifying(notice, arguments.database().path),
    ):
        config, texts = arguments.ingest_config(), None if arguments.as_json or no_text else TextOutput()
        if note := arguments.schema_note(config.prompt):
            log.info(note)
        if dry_run:
            from artistjobs.commands.dry_run import show_dry_run

            show_dry_run(
                arguments.database(),
                config,
                arguments.cost(),
                limit=arguments.limit(),
                sample=arguments.is_sample(),
                as_json=arguments.as_json,
            )
            return
        written_as = format_of(output, format_name)
        target = ExportTarget(output=output, texts=texts, files=files, format=written_as)
        report, ingested = run_file(arguments.database(), config, arguments.working(), console, target)
        _finish(settings, arguments, report, ingested, texts)
