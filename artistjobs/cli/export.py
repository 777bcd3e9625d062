"""Command ``export``: writes completed jobs to a file or to stdout."""

import sys
from typing import TYPE_CHECKING

import click

from artistjobs.cli.console import logging_output
from artistjobs.cli.help import command
from artistjobs.cli.options import PATH, Settings, format_option, prompt_option, text_option
from artistjobs.errors import WrongUseError

if TYPE_CHECKING:
    from pathlib import Path


@command()
@click.argument("output", type=PATH, required=False)
@format_option
@click.option("--state", type=click.Choice(["done", "failed", "all"]), default="done", help="State of the jobs.")
@click.option("--ingest", metavar="N|latest", help="Only the rows of one ingest, in file order.")
@prompt_option
@click.option("--full", is_flag=True, help="Add usage, cost and the whole response to each record.")
@click.option("--columns", metavar="NAME,NAME…", help="Only these columns, in this order; in JSON Lines these keys.")
@text_option
@click.pass_obj
def export(
    settings: Settings, /, output: "Path | None", format_name: str | None, prompt: int | None, **options: object
) -> None:
    """Write completed jobs to OUTPUT.

    OUTPUT is out.jsonl by default; - is stdout. A file that ends in .csv, .tsv or .parquet is written in
    that format, other files as JSON Lines; the ending of another format, such as .xlsx, is refused. The
    answer texts go to stdout.

    Example: artistjobs export answers.jsonl --ingest latest
    """
    from dataclasses import replace

    from artistjobs.cli.options import existing_database_option
    from artistjobs.commands.export import export_answers
    from artistjobs.commands.prompts import ensure_known_prompt
    from artistjobs.export.export import (
        STATES,
        ExportConfig,
        export_to_stream,
    )
    from artistjobs.export.formats import format_of, output_or_default
    from artistjobs.export.protection import FilesInUse, ensure_not_ingested, ensure_writable, is_stdout
    from artistjobs.library.scope import ingest_scope
    from artistjobs.terminal.streams import TextOutput

    output = output_or_default(output, format_name)
    database = existing_database_option(settings)
    files = FilesInUse(database=database, output=output, log_file=settings.log_file)
    with logging_output(settings, files) as console, database.reader() as store:
        ensure_known_prompt(store.records, prompt)
        config = ExportConfig(
            scope=replace(ingest_scope(store, options["ingest"]), prompt=prompt),
            states=STATES[str(options["state"])],
            full=bool(options["full"]),
            format=format_of(output, format_name),
            columns=_columns(options["columns"]),
        )
        if is_stdout(output):
            export_to_stream(store.records, config, sys.stdout.buffer)
        else:
            ensure_writable(files)
            ensure_not_ingested(output, store.records.known_files())
            texts = None if options["no_text"] else TextOutput()
            export_answers(store, config, output, texts, console)
            if texts is not None:
                texts.raise_failure()


def _columns(names: object) -> tuple[str, ...]:
    """Return the chosen columns; a name with a comma is quoted as in CSV. Raises WrongUseError if it is no list."""
    import csv

    if not isinstance(names, str):
        return ()
    chosen = tuple(name.strip() for name in next(csv.reader([names], skipinitialspace=True), []))
    if not chosen or "" in chosen:
        raise WrongUseError("--columns needs names with commas between them, for example: artist_name,response_text")
    if twice := next((name for name in chosen if chosen.count(name) > 1), None):
        raise WrongUseError(f"--columns names {twice!r} twice; name it once.")
    return chosen
