"""Command ``status``: shows the progress of a database, once or every second."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click
from click.exceptions import Exit

from artistjobs.cli.exit_codes import EXIT_INTERRUPTED
from artistjobs.cli.help import command
from artistjobs.cli.options import Settings, prompt_option
from artistjobs.errors import WrongUseError

if TYPE_CHECKING:
    from artistjobs.store.interface import Reader


WATCH_SECONDS = 1.0
"""Interval between two snapshots of ``--watch``."""


@command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object; with --watch, one per line.")
@prompt_option
@click.option("--watch", is_flag=True, help="Repeat every second until Ctrl+C.")
@click.option("--prometheus", is_flag=True, help="Print metrics in the text format of Prometheus.")
@click.pass_obj
def status(settings: Settings, /, prompt: int | None, *, as_json: bool, watch: bool, prometheus: bool) -> None:
    """Show job counts, throughput, tokens, cost and failures.

    Example: artistjobs status --watch
    """
    from artistjobs.cli.options import existing_database_option

    if prometheus and (prompt is not None or as_json or watch):
        raise WrongUseError("--prometheus has metrics of the whole database, once; leave out the other option.")
    with existing_database_option(settings).reader() as reader:
        if prometheus:
            _print_metrics(reader)
            return
        if not watch:
            _show(reader, prompt, as_json=as_json)
            return
        with _until_interrupted():
            _watch(reader, prompt, as_json=as_json)


def _show(reader: "Reader", prompt: int | None, *, as_json: bool) -> None:
    from artistjobs.commands.status import read_status, status_json
    from artistjobs.commands.status_text import status_lines
    from artistjobs.terminal.screen import Screen
    from artistjobs.terminal.streams import print_json, print_result

    found, screen = read_status(reader, prompt), Screen()
    if as_json:
        print_json(status_json(found))
    else:
        print_result("\n".join(status_lines(found, screen.width, is_coloured=screen.is_coloured)))


def _print_metrics(reader: "Reader") -> None:
    from artistjobs.commands.status import read_status
    from artistjobs.commands.status_prometheus import status_metrics
    from artistjobs.terminal.streams import print_result

    print_result(status_metrics(read_status(reader)))


def _watch(reader: "Reader", prompt: int | None, *, as_json: bool) -> None:
    from time import sleep

    from artistjobs.commands.status import read_status
    from artistjobs.commands.status_text import status_lines
    from artistjobs.terminal.local_time import clock_text
    from artistjobs.terminal.screen import Screen

    screen = Screen()
    if as_json:
        while True:
            _show(reader, prompt, as_json=True)
            sleep(WATCH_SECONDS)
    with screen.alternate_screen():
        while True:
            found = read_status(reader, prompt)
            head = clock_text(found.at)
            screen.draw([head, *status_lines(found, screen.width, is_coloured=screen.is_coloured)])
            sleep(WATCH_SECONDS)


@contextmanager
def _until_interrupted() -> Iterator[None]:
    """Exit without a message on Ctrl+C, because there is nothing to continue."""
    try:
        yield
    except KeyboardInterrupt:
        raise Exit(EXIT_INTERRUPTED) from None
