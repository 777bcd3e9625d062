"""Command ``browse``: serves the database with Datasette and opens it in a browser."""

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
    "--port", type=click.IntRange(1, 65_535), metavar="N", help="Port to listen on.  [default: 8001, or a free one]"
)
@click.option("--no-open", is_flag=True, help="Print the address, but do not open a browser.")
@click.pass_obj
def browse(settings: Settings, port: int | None, *, no_open: bool) -> None:
    """Open the database in a browser, read-only.

    Datasette shows the tables, facets, queries and a dashboard. It listens on this machine only, and
    workers may run meanwhile. Ctrl+C stops it. It requires the extra browse.

    Example: artistjobs browse --no-open
    """
    from artistjobs.browse.metadata import metadata
    from artistjobs.browse.server import ensure_browse_extra, ensure_file, ensure_servable_name, open_port, serve
    from artistjobs.cli.options import existing_database_option
    from artistjobs.core.job import EVERYTHING
    from artistjobs.store.models import Kind
    from artistjobs.terminal.escape import escape_controls
    from artistjobs.terminal.streams import print_message

    ensure_browse_extra()
    database = existing_database_option(settings)
    path = ensure_file(database.path)
    with database.open() as store:
        jobs = store.records.counts(EVERYTHING).total
        described = metadata(path.name, jobs, is_rehearsal=store.kind is Kind.REHEARSAL)
    ensure_servable_name(path)
    with _quiet_end():
        listening = open_port(port)
        address = f"http://127.0.0.1:{listening.getsockname()[1]}/"
        print_message(f"serving {escape_controls(str(path))} at {address} (Ctrl+C stops it)")
        if not no_open:
            _open_browser(address)
        serve(path, described, listening)


def _open_browser(address: str) -> None:
    import threading
    import webbrowser

    # A browser in the terminal returns only when the user leaves it.
    threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()


@contextmanager
def _quiet_end() -> Iterator[None]:
    """Exit without a message on SIGTERM and Ctrl+C, because the server has no other end and nothing to continue."""
    import signal

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(EXIT_TERMINATED))
    try:
        yield
    except KeyboardInterrupt:
        raise Exit(EXIT_INTERRUPTED) from None
