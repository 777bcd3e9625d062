"""The command browse."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click
from click.exceptions import Exit

from artistjobs.cli.group import EXIT_INTERRUPTED, EXIT_TERMINATED
from artistjobs.cli.help import command
from artistjobs.cli.options import Settings


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
    from artistjobs.browse.server import ensure_browse_extra, ensure_servable_name, open_port, serve
    from artistjobs.cli.options import existing_database_option
    from artistjobs.core.job import EVERYTHING
    from artistjobs.store.models import Kind
    from artistjobs.terminal.escape import escape_controls
    from artistjobs.terminal.streams import print_message

    ensure_browse_extra()
    with existing_database_option(settings).open() as store:
        path, jobs = store.path, store.records.counts(EVERYTHING).total
        told = metadata(path.name, jobs, is_rehearsal=store.kind is Kind.REHEARSAL)
    ensure_servable_name(path)
    with _quiet_end():
        listening = open_port(port)
        address = f"http://127.0.0.1:{listening.getsockname()[1]}/"
        print_message(f"browsing {escape_controls(str(path))} at {address} (Ctrl+C ends it)")
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
