"""The commands that show results to be looked into: report and browse."""

import sys
from pathlib import Path

import click

from artistjobs.cli.talk import talking
from artistjobs.options import PATH, Settings


@click.command()
@click.argument("output", type=PATH, default=Path("report.html"))
@click.pass_obj
def report(settings: Settings, output: Path) -> None:
    """Write one page about the work to OUTPUT (- is stdout): how far, how fast, what it cost, what failed.

    It holds everything that it shows, a sample of the answers too, and asks nothing of any server.

    Example: artistjobs report friday.html
    """
    import time

    from artistjobs.export import refuse_unwritable
    from artistjobs.given import existing_database
    from artistjobs.report import make_report, write_report
    from artistjobs.session import log

    with talking(settings), existing_database(settings).open() as store:
        if str(output) == "-":
            sys.stdout.buffer.write(make_report(store, time.time()))
            sys.stdout.buffer.flush()
            return
        refuse_unwritable(output, store.path)
        size = write_report(store, output, time.time())
        log.info("wrote %s, %s kB; open it in a browser", output, f"{size / 1000:,.0f}")
