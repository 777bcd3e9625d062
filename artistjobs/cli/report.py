"""Command ``report``: writes an HTML report."""

import sys
from typing import TYPE_CHECKING

import click

from artistjobs.cli.console import logging_output
from artistjobs.cli.help import command
from artistjobs.cli.options import PATH, Settings, prompt_option

if TYPE_CHECKING:
    from pathlib import Path


@command()
@click.argument("output", type=PATH, default="report.html")
@prompt_option
@click.pass_obj
def report(settings: Settings, output: "Path", prompt: int | None) -> None:
    """Write an HTML report to OUTPUT (- is stdout).

    The report is one page with the progress, the throughput, the cost, the failures and a sample of the
    answers. It is self-contained and loads nothing from the network.

    Example: artistjobs report friday.html
    """
    import time

    from artistjobs.cli.options import existing_database_option
    from artistjobs.commands.prompts import ensure_known_prompt
    from artistjobs.export.protection import FilesInUse, ensure_not_ingested, ensure_writable, is_stdout
    from artistjobs.report import make_report, write_report
    from artistjobs.terminal.escape import escape_controls
    from artistjobs.terminal.log import log

    database = existing_database_option(settings)
    files = FilesInUse(database=database, output=output, log_file=settings.log_file)
    with logging_output(settings, files), database.reader() as store:
        ensure_known_prompt(store.records, prompt)
        if is_stdout(output):
            page = make_report(store, time.time(), prompt)
            if sys.stdout.isatty():
                page = escape_controls(page.decode(), keep="\n\t").encode()
            sys.stdout.buffer.write(page)
            sys.stdout.buffer.flush()
            return
        ensure_writable(files)
        ensure_not_ingested(output, store.records.known_files())
        size = write_report(store, output, time.time(), prompt)
        log.info("wrote %s, %s kB; open it in a browser", output, f"{size / 1000:,.0f}")
