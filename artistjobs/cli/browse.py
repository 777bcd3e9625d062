"""Command ``browse``: serves the database with Datasette and opens it in a browser."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click
from click.exceptions import Exit

from artistjobs.cli.exit_codes import EXIT_INTERRUPTED, EXIT_TERMINATED
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
    answers only who knows the token in the printed address. Workers may run meanwhile. Ctrl+C stops it.
    It requires the extra browse.

    Example: artistjobs browse --no-open
    """
    from artistjobs.browse.access import address, new_token
    from artistjobs.browse.metadata import metadata
    from artistjobs.browse.server import ensure_browse_extra, open_port, serve
    from artistjobs.cli.options import existing_database_option
    from artistjobs.core.job import EVERYTHING
    from artistjobs.store.address import sqlite_file
    from artistjobs.store.models import Kind
    from artistjobs.terminal.escape import escape_controls
    from artistjobs.terminal.streams import print_message

    database = existing_database_option(settings)
    path = sqlite_file(
        database.path,
        "browse reads SQLite files; copy the database to one first: artistjobs --db URL copy --to jobs.db",
    )
    ensure_browse_extra()
    with database.reader() as reader:
        jobs = reader.records.counts(EVERYTHING).total
        described = metadata(path.name, jobs, is_rehearsal=reader.kind is Kind.REHEARSAL)
    with _quiet_end():
        listening, token = open_port(port), new_token()
        link = address(listening.getsockname()[1], token)
        print_message(f"serving {escape_controls(str(path))} at {link} (Ctrl+C stops it)")
        with _opened_in_browser(link, is_wanted=not no_open):
            serve(path, database.uri_to_read(), described, listening, token)


@contextmanager
def _opened_in_browser(link: str, *, is_wanted: bool) -> Iterator[None]:
    import threading
    import webbrowser

    from artistjobs.browse.access import page_that_opens

    if not is_wanted:
        yield
        return
    with page_that_opens(link) as page:
        # A browser in the terminal returns only when the user leaves it.
        threading.Thread(target=webbrowser.open, args=(page,), daemon=True).start()
        yield


@contextmanager
def _quiet_end() -> Iterator[None]:
    """Exit without a message on SIGTERM and Ctrl+C, because the server has no other end and nothing to continue."""
    import signal

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(EXIT_TERMINATED))
    try:
        yield
    except KeyboardInterrupt:
        raise Exit(EXIT_INTERRUPTED) from None
