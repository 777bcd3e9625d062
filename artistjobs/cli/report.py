"""Command ``report``: writes an HTML report."""

import sys
from typing import TYPE_CHECKING

import click

from artistjobs.cli.console import logging_output
from artistjobs.cli.help import command
from artistjobs.cli.options import PATH, Settings

if TYPE_CHECKING:
    from pathlib import Path


@command()
@click.argument("output", type=PATH, default="report.html")
@click.pass_obj
def report(settings: Settings, output: "Path") -> None:
    """Write an HTML report to OUTPUT (- is stdout).

    The report is one page with the progress, the throughput, the cost, the failures and a sample of the
    answers. It is self-contained and loads nothing from the network.

    Example: artistjobs report friday.html
    """
    import time

    from artistjobs.cli.options import existing_database_option
    from artistjobs.export.export import ensure_writable
    from artistjobs.report import make_report, write_report
    from artistjobs.terminal.log import log

    with logging_output(settings), existing_database_option(settings).reader() as store:
        if str(output) == "-":
            sys.stdout.buffer.write(make_report(store, time.time()))
            sys.stdout.buffer.flush()
            return
        ensure_writable(output, store.path)
        size = write_report(store, output, time.time())
        log.info("wrote %s, %s kB; open it in a browser", output, f"{size / 1000:,.0f}")
