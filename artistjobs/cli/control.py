"""Commands ``pause``, ``resume`` and ``set``: control of running workers from another terminal."""

import click

from artistjobs.cli.help import command
from artistjobs.cli.options import POSITIVE, USD, WORKERS, OrWord, Settings

_LIMIT, _CAP = OrWord(POSITIVE, "none", zero_is_word=True), OrWord(USD, "none")


@command()
@click.pass_obj
def pause(settings: Settings) -> None:
    """Pause running workers: no new calls until `resume`.

    Calls in flight finish and are stored.

    The pause applies to the database: a worker that starts meanwhile reports it and waits.

    Example: artistjobs pause
    """
    from artistjobs.cli.options import existing_database_option
    from artistjobs.commands.control import pause_workers
    from artistjobs.terminal.escape import escape_controls
    from artistjobs.terminal.streams import print_message

    with existing_database_option(settings).open() as store:
        print_message(escape_controls(pause_workers(store)))


@command()
@click.pass_obj
def resume(settings: Settings) -> None:
    """End a pause: workers make calls again.

    Example: artistjobs resume
    """
    from artistjobs.cli.options import existing_database_option
    from artistjobs.commands.control import resume_workers
    from artistjobs.terminal.escape import escape_controls
    from artistjobs.terminal.streams import print_message

    with existing_database_option(settings).open() as store:
        print_message(escape_controls(resume_workers(store)))


@command(name="set")
@click.option("--max-workers", type=WORKERS, metavar="N|auto", help="Maximum calls in flight of each `work` or `run`.")
@click.option("--rpm", type=_LIMIT, metavar="N|none", help="Requests per minute; none: limit of the API.")
@click.option("--tpm", type=_LIMIT, metavar="N|none", help="Tokens per minute; none: limit of the API.")
@click.option("--max-cost", type=_CAP, metavar="USD|none", help="Stop before the total cost could exceed this amount.")
@click.pass_obj
def tune(settings: Settings, /, **options: float | str | None) -> None:
    """Change settings of running workers, within a second.

    The change applies to all workers that are running now. A worker that starts later uses its own options.

    Example: artistjobs set --max-workers 64 --max-cost none
    """
    from artistjobs.cli.options import existing_database_option
    from artistjobs.commands.control import tune_workers
    from artistjobs.core.controls import Control
    from artistjobs.terminal.escape import escape_controls
    from artistjobs.terminal.streams import print_message

    names = {"max_workers": Control.MAX_WORKERS, "rpm": Control.RPM, "tpm": Control.TPM, "max_cost": Control.MAX_COST}
    arguments = {names[name]: value for name, value in options.items() if value is not None}
    with existing_database_option(settings).open() as store:
        values = {control: None if isinstance(value, str) else value for control, value in arguments.items()}
        print_message(escape_controls(tune_workers(store, values)))
