"""The commands that show results to be looked into: report and browse."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click
from click.exceptions import Exit

from artistjobs.cli.group import EXIT_INTERRUPTED, EXIT_TERMINATED
from artistjobs.cli.help import command
from artistjobs.cli.talk import talking
from artistjobs.options import PATH, Settings

if TYPE_CHECKING:
    from pathlib import Path


@command()
@click.argument("output", type=PATH, default="report.html")
@click.pass_obj
def report(settings: Settings, output: "Path") -> None:
    """Write one page about the work to OUTPUT (- is stdout).

    It tells how far and how fast, what it cost and what failed.
    It holds everything that it shows, a sample of the answers too, and asks nothing of any server.

    Example: artistjobs report friday.html
    """
    import time

    from artistjobs.export import refuse_unwritable
    from artistjobs.given import existing_database
    from artistjobs.log import log
    from artistjobs.report import make_report, write_report

    with talking(settings), existing_database(settings).open() as store:
        if str(output) == "-":
            sys.stdout.buffer.write(make_report(store, time.time()))
            sys.stdout.buffer.flush()
            return
        refuse_unwritable(output, store.path)
        size = write_report(store, output, time.time())
        log.info("wrote %s, %s kB; open it in a browser", output, f"{size / 1000:,.0f}")


@command()
@click.option(
    "--port", type=click.IntRange(1, 65_535), metavar="N", help="Where to listen.  [default: 8001, or a free one]"
)
@click.option("--no-open", is_flag=True, help="Only print the address; open no browser.")
@click.pass_obj
def browse(settings: Settings, port: int | None, *, no_open: bool) -> None:
    """Open the database in a browser, on this machine alone.

    Datasette shows its tables, facets, queries and a dashboard. It only reads, and workers may go on
    meanwhile. Ctrl+C ends it. It needs the extra browse.

    Example: artistjobs browse --no-open
    """
    from artistjobs.browse.metadata import metadata
    from artistjobs.browse.server import open_port, refuse_unequipped, refuse_unnameable, serve
    from artistjobs.given import existing_database
    from artistjobs.job import EVERYTHING
    from artistjobs.stdio import say
    from artistjobs.store import Kind
    from artistjobs.terminal import visible

    refuse_unequipped()
    with existing_database(settings).open() as store:
        path, jobs = store.path, store.records.counts(EVERYTHING).total
        told = metadata(path.name, jobs, is_rehearsal=store.kind is Kind.REHEARSAL)
    refuse_unnameable(path)
    with _quiet_end():
        listening = open_port(port)
        address = f"http://127.0.0.1:{listening.getsockname()[1]}/"
        say(f"browsing {visible(str(path))} at {address} (Ctrl+C ends it)")
        if not no_open:
            _open_browser(address)
        serve(path, told, listening)


def _open_browser(address: str) -> None:
    import threading
    import webbrowser

    # A browser in a terminal returns only when it is left.
    threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()


@contextmanager
def _quiet_end() -> Iterator[None]:
    """End without a word: what was begun here has no end of its own, and nothing to go on with."""
    import signal

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(EXIT_TERMINATED))
    try:
        yield
    except KeyboardInterrupt:
        raise Exit(EXIT_INTERRUPTED) from None
