"""The command that looks into a database: status."""

import sys
from collections.abc import Iterator

import click

from artistjobs.options import Settings


@click.command()
@click.option("--json", "as_json", is_flag=True, help="As one JSON object, for scripts.")
@click.option("--watch", is_flag=True, help="Keep looking, every 2 s.")
@click.pass_obj
def status(settings: Settings, /, *, as_json: bool, watch: bool) -> None:
    """Show counts, speed, tokens, cost, and what failed and why.

    Example: artistjobs status --watch
    """
    from artistjobs.given import existing_database
    from artistjobs.status import read_status, status_json, status_lines
    from artistjobs.stdio import tell, tell_json

    with existing_database(settings).open() as store:
        for _ in _looks(watch=watch):
            found = read_status(store)
            tell_json(status_json(found)) if as_json else tell("\n".join(status_lines(found)))


def _looks(*, watch: bool) -> Iterator[None]:
    import time

    yield
    while watch:
        time.sleep(2)
        if sys.stdout.isatty():
            click.clear()
        yield
